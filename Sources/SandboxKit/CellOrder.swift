import CWire

/// What a parked cell is told besides the event: which bundle, and how it is bounded.
public struct CellOrder: Sendable {
    /// Resources by their kernel numbers (asm-generic/resource.h); setrlimit(2) says what each counts.
    public enum Resource: UInt32, Sendable {
        case cpuSeconds = 0
        case fileBytes = 1
        case dataBytes = 2
        case stackBytes = 3
        case coreBytes = 4
        case tasks = 6
        case descriptors = 7
        case lockedBytes = 8
        case addressSpaceBytes = 9
        case pendingSignals = 11
        case messageQueueBytes = 12
    }

    /// One resource limit, soft and hard.
    public struct Limit: Sendable, Equatable {
        public var resource: Resource
        public var soft: UInt64
        public var hard: UInt64

        public init(_ resource: Resource, _ soft: UInt64, hard: UInt64? = nil) {
            self.resource = resource
            self.soft = soft
            self.hard = hard ?? soft
        }
    }

    /// Name of the bundle's folder in the store: 64 hex digits.
    public var bundle: String
    public var tmpBytes: Int
    public var limits: [Limit]
    /// Another bundle, which is seen at /opt.
    public var layers: String?
    /// The bundle is seen at `WorldPath.task` instead of `WorldPath.function`.
    public var isTask = false
    /// The cell serves on after its answer; of its further calls it takes only their lengths.
    public var keeps: Bool
    /// Which of its calls this is, from 0, in a cell that serves on. Its answer has the same.
    public var number: UInt16 = 0

    public init(bundle: String, tmpBytes: Int, limits: [Limit], keeps: Bool = false) {
        self.bundle = bundle
        self.tmpBytes = tmpBytes
        self.limits = limits
        self.keeps = keeps
    }

    /// The header that goes before the call's description and its event.
    public func header(metaBytes: Int, eventBytes: Int) throws(SandboxError) -> [UInt8] {
        try header(magic: UInt32(CW_CALL_MAGIC), metaBytes: metaBytes, eventBytes: eventBytes)
    }

    /// The header for a cell that is to become a keeper; only a description follows it.
    public func keeperHeader(metaBytes: Int) throws(SandboxError) -> [UInt8] {
        try header(magic: UInt32(CW_KEEP_MAGIC), metaBytes: metaBytes, eventBytes: 0)
    }

    private func header(magic: UInt32, metaBytes: Int, eventBytes: Int) throws(SandboxError)
        -> [UInt8]
    {
        let name = try Self.folder(bundle)
        guard limits.count <= Int(CW_MAX_RLIMITS) else {
            throw SandboxError("set more than \(CW_MAX_RLIMITS) limits")
        }
        var call = cw_call()
        call.magic = magic
        call.rlimit_count = UInt32(limits.count)
        call.tmp_bytes = UInt64(tmpBytes)
        call.meta_bytes = UInt64(metaBytes)
        call.event_bytes = UInt64(eventBytes)
        call.keeps = keeps ? 1 : 0
        call.number = UInt32(number)
        call.is_task = isTask ? 1 : 0
        withUnsafeMutableBytes(of: &call.bundle) { $0.copyBytes(from: name) }
        if let layers {
            let name = try Self.folder(layers)
            withUnsafeMutableBytes(of: &call.layers) { $0.copyBytes(from: name) }
        }
        withUnsafeMutableBytes(of: &call.rlimits) { space in
            let table = space.bindMemory(to: cw_rlimit.self)
            for (index, limit) in limits.enumerated() {
                table[index] = cw_rlimit(
                    resource: limit.resource.rawValue, reserved: 0, soft: limit.soft,
                    hard: limit.hard)
            }
        }
        return withUnsafeBytes(of: call) { Array($0) }
    }

    /// A bundle's folder; nothing else may be named, because the cell has privileges when it binds it.
    private static func folder(_ bundle: String) throws(SandboxError) -> [UInt8] {
        let name = Array(bundle.utf8)
        guard name.count == Int(CW_BUNDLE_NAME),
            name.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else {
            throw SandboxError("name the bundle", detail: "\(bundle) is not a SHA-256 in hex")
        }
        return name
    }
}
