import Glibc
import NIOCore
import SandboxKit

/// A version of a function, loaded once: what its calls are forked from.
///
/// Its keeper is a cell of the language's template, and is a template itself for the calls' cells.
final class Snapshot {
    /// Everything that the loaded code depends on.
    struct Key: Hashable {
        var function: String
        var version: Int
        var runtime: Runtime
        var handler: String
        var bundle: String
        var environment: [String: String]
        var limits: CallLimits

        init(_ request: CallRequest) {
            function = request.function
            version = request.version
            runtime = request.runtime
            handler = request.handler
            bundle = request.bundle
            environment = request.environment
            limits = request.limits
        }
    }

    enum Phase {
        /// For a parked cell to become its keeper.
        case waiting
        /// The function's code runs.
        case loading
        /// Calls are forked.
        case ready
        /// Its last calls run, or its keeper is on its way out.
        case ending
    }

    let key: Key
    /// A call of the function, without its event: what it is loaded with.
    let request: CallRequest
    /// Names it in `Source.control`.
    let number: Int
    /// The place of its cells.
    let lane: Lane
    var phase = Phase.waiting
    var keeper: CellRun?
    var loadedByNs = UInt64.max
    /// Cells that were asked for and are not gone.
    var cells = 0
    /// Cells that were parked.
    var parkings = 0
    /// Cells that ended before they were parked, one after the other.
    var failures = 0
    var idleSinceNs: UInt64 = 0
    /// How the loaded process ended, by its keeper's word: the kernel's.
    var exit: ExitRecord?
    /// What the keeper found wrong with it.
    var refusal: String?
    /// Why the supervisor itself ended it.
    var endedBecause: CallFailure?
    /// Its function was deleted: it ends with the last call that waits for it.
    var isLast = false
    /// Tasks that its keeper's group had when it was ready; there are more only while it forks.
    var tasks: Int?
    /// Whether there was one more when they were counted last.
    var hadTaskMore = false
    /// When to count them again.
    var lookNs = UInt64.max

    init(_ request: CallRequest, number: Int, executor: PreparedExecutor) {
        key = Key(request)
        var request = request
        request.event = ByteBuffer()
        request.receivePiece = nil
        self.request = request
        self.number = number
        lane = Lane(executor)
    }

    var isLoading: Bool {
        switch phase {
        case .waiting, .loading: true
        case .ready, .ending: false
        }
    }

    /// Cells that run a call.
    var running: Int { cells - lane.parked.count - lane.warming }
}

/// All snapshots of a supervisor.
struct Snapshots {
    /// Those that calls can be given to, now or later.
    private(set) var current: [Snapshot.Key: Snapshot] = [:]
    /// Those that have a keeper, by number.
    private(set) var kept: [Int: Snapshot] = [:]
    /// In the order in which they were asked for.
    private(set) var waiting: [Snapshot] = []
    private var lastNumber = Source.firstSnapshot

    subscript(_ request: CallRequest) -> Snapshot? {
        request.isolation == .snapshot ? current[Snapshot.Key(request)] : nil
    }

    /// One for a call that has none, to be started.
    mutating func add(_ request: CallRequest, executor: PreparedExecutor) -> Snapshot {
        lastNumber += 1
        let snapshot = Snapshot(request, number: lastNumber, executor: executor)
        current[snapshot.key] = snapshot
        waiting.append(snapshot)
        return snapshot
    }

    /// How many of a function have a keeper, over all its versions.
    func kept(of function: String) -> Int { kept.values.count { $0.key.function == function } }

    /// Cells of a function that are forked and not parked yet, over all its versions.
    func warming(_ function: String) -> Int {
        kept.values.reduce(0) { $0 + ($1.key.function == function ? $1.lane.warming : 0) }
    }

    /// Whether one has nothing left to do and only its end is awaited.
    var isOneGoing: Bool {
        kept.values.contains {
            if case .ending = $0.phase { $0.running == 0 } else { false }
        }
    }

    mutating func started(_ snapshot: Snapshot) {
        waiting.removeAll { $0 === snapshot }
        kept[snapshot.number] = snapshot
    }

    /// New calls are not for it.
    mutating func close(_ snapshot: Snapshot) {
        if current[snapshot.key] === snapshot { current[snapshot.key] = nil }
        waiting.removeAll { $0 === snapshot }
    }

    /// Its keeper is gone.
    mutating func remove(_ snapshot: Snapshot) {
        close(snapshot)
        kept[snapshot.number] = nil
    }

    /// The one that has had nothing to do for longest.
    func oldestIdle(where isUnwanted: (Snapshot) -> Bool) -> Snapshot? {
        kept.values.filter {
            if case .ready = $0.phase { $0.running == 0 && isUnwanted($0) } else { false }
        }.min { $0.idleSinceNs < $1.idleSinceNs }
    }
}
