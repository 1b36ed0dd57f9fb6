import NIOCore

/// What the supervisor is told at its start.
public struct SupervisorConfiguration: Sendable {
    /// Folder with one folder a language, each with an `executor.json`.
    public var executors: String
    /// The launcher's program, and the shared object that executors load.
    public var launcher: String
    public var cellLibrary: String
    /// The bundle store: folders named by the SHA-256 of what they hold.
    public var bundles: String
    /// A folder that cells see at `WorldPath.runtime`; `nil` for an empty one.
    public var lambdaRuntime: String?
    /// Programs to use instead of the ones found on the PATH.
    public var interpreters: [Runtime: String]
    /// Most calls that run at once.
    public var slots: Int
    /// Cells kept ready for each language.
    public var parked: Int
    /// Most calls that wait; one function alone gets four fifths of that (`AdmissionLimits`).
    public var queueLimit: Int
    /// Whether templates have user namespaces of their own; only root can do without.
    public var hasUserNamespaces: Bool
    /// A call's log is kept up to here; what comes after is counted and dropped.
    public var logBytes = 256 * 1024
    /// As AWS Lambda's: 6 MiB and a hundred bytes.
    public static let maximumResultBytes = 6_291_556
    public var resultBytes = Self.maximumResultBytes
    /// A result that is sent as it comes can be longer.
    public var streamedBytes = 20 * 1024 * 1024
    /// Says what is wrong with a result that is not JSON; `nil` when nothing is.
    public var checkResult: ResultCheck
    public typealias ResultCheck =
        @Sendable (_ result: ByteBuffer, _ allowsNonFinite: Bool) -> String?

    /// Places of cells: of those that run, of as many that wait for their function's next call, of those that
    /// are parked, and of those that are being taken down, without which parked cells are not replaced in time
    /// when many calls end; and of snapshots.
    public static func places(slots: Int, parked: Int, hasSnapshots: Bool) -> Int {
        2 * slots + parked * Runtime.allCases.count + min(slots, mostEndingPlaces)
            + (hasSnapshots ? SnapshotLimits(slots: slots, parked: parked).places : 0)
    }

    var places: Int {
        Self.places(slots: slots, parked: parked, hasSnapshots: hasUserNamespaces)
    }

    private static let mostEndingPlaces = 16

    public init(
        executors: String, launcher: String, cellLibrary: String, bundles: String,
        lambdaRuntime: String? = nil, interpreters: [Runtime: String] = [:], slots: Int,
        parked: Int, queueLimit: Int,
        hasUserNamespaces: Bool = true, checkResult: @escaping ResultCheck
    ) {
        self.executors = executors
        self.launcher = launcher
        self.cellLibrary = cellLibrary
        self.bundles = bundles
        self.lambdaRuntime = lambdaRuntime
        self.interpreters = interpreters
        self.slots = slots
        self.parked = parked
        self.queueLimit = queueLimit
        self.hasUserNamespaces = hasUserNamespaces
        self.checkResult = checkResult
    }
}

/// An executor or the supervisor itself that could not be set up; says what to do.
public struct SupervisorError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) {
        self.description = description
    }
}
