import Glibc
import SandboxKit

/// What a cell serves call after call, and what its current call may use.
struct CellService {
    /// The versions of functions, each with cells of its own.
    struct Key: Hashable {
        var function: String
        var version: Int
    }

    let key: Key
    private let bundle: String
    private let handler: String
    private let environment: [String: String]
    private let limits: CallLimits
    private let cpuClock: clockid_t?
    private(set) var calls = 0
    /// CPU time of the cell when its current call began: for all but the first, when the one before had
    /// ended, so that what runs between two calls is somebody's.
    private var cpuStartNs: UInt64 = 0
    private var cpuEndNs: UInt64 = 0
    /// Its function was deleted: it ends with its call.
    var isLast = false
    /// When to look at the current call's CPU time; `.max` while there is none.
    private(set) var cpuCheckNs = UInt64.max
    var idleSinceNs: UInt64 = 0
    var isFrozen = false

    init(_ request: CallRequest, cpuClock: clockid_t?) {
        key = Key(function: request.function, version: request.version)
        bundle = request.bundle
        handler = request.handler
        environment = request.environment
        limits = request.limits
        self.cpuClock = cpuClock
    }

    /// Whether the cell was set up as this call wants it.
    func fits(_ request: CallRequest) -> Bool {
        bundle == request.bundle && handler == request.handler && limits == request.limits
            && environment == request.environment
    }

    mutating func begin(nowNs: UInt64, cpuLimitNs: UInt64) {
        cpuStartNs = calls == 0 ? cpuNs : cpuEndNs
        calls += 1
        cpuCheckNs = nowNs + cpuLimitNs / Self.processors
    }

    /// Which of its calls the current one is, from 0.
    var number: UInt16 { UInt16(truncatingIfNeeded: calls - 1) }

    /// - Returns: CPU milliseconds of the call.
    @discardableResult
    mutating func finish(nowNs: UInt64) -> Double {
        cpuEndNs = max(cpuNs, cpuStartNs)
        cpuCheckNs = .max
        idleSinceNs = nowNs
        return Double(cpuEndNs - cpuStartNs) / 1_000_000
    }

    /// CPU time of the current call, or of the last one.
    var callCPUNs: UInt64 {
        let used = cpuNs
        return used > cpuStartNs ? used - cpuStartNs : 0
    }

    /// CPU time of the calls before the current one: not its own.
    var cpuBeforeMs: Double { Double(cpuStartNs) / 1_000_000 }

    /// Whether the current call has used up its CPU time. If not, sets when it could have at the
    /// earliest: a process gains no more than one second a second on each processor.
    mutating func isOverCPU(nowNs: UInt64, limitNs: UInt64) -> Bool {
        let used = callCPUNs
        guard used < limitNs else { return true }
        cpuCheckNs = nowNs + max(2_000_000, (limitNs - used) / Self.processors)
        return false
    }

    private var cpuNs: UInt64 {
        var time = timespec()
        guard let cpuClock, clock_gettime(cpuClock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static let processors = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}

/// Cells of `reuse` functions that wait for their next call.
struct IdleCells {
    private var cells: [CellService.Key: [CellRun]] = [:]
    private(set) var count = 0

    mutating func add(_ run: CellRun) {
        guard let service = run.service else { return }
        cells[service.key, default: []].append(run)
        count += 1
    }

    /// The cell that served a call of this version last.
    func cell(for request: CallRequest) -> CellRun? {
        guard request.isolation == .reuse, count > 0,
            let run = cells[CellService.Key(function: request.function, version: request.version)]?
                .last, run.service?.fits(request) == true
        else { return nil }
        return run
    }

    /// The one that has been idle for longest.
    var oldest: CellRun? {
        cells.values.compactMap(\.first).min {
            $0.service?.idleSinceNs ?? 0 < $1.service?.idleSinceNs ?? 0
        }
    }

    mutating func remove(_ run: CellRun) {
        guard let key = run.service?.key,
            let index = cells[key]?.lastIndex(where: { $0 === run })
        else { return }
        cells[key]?.remove(at: index)
        if cells[key]?.isEmpty == true { cells[key] = nil }
        count -= 1
    }
}
