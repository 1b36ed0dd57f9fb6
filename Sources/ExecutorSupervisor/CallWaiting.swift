/// Why a call has not started yet.
public struct CallWaiting: Sendable, Equatable {
    public enum Reason: String, Sendable, Codable {
        /// No slot is free for its function.
        case slots
        /// Its function runs as many calls as it may.
        case concurrency
        /// A cell is being made for it.
        case cell
        /// The runtime's template is not ready.
        case template
        /// Calls that came before it, or of functions that run less, go first.
        case turn
    }
    public var reason: Reason
    /// Among the waiting calls of its function, 1 for the next.
    public var place: Int
    /// One plain sentence, in lower case and without a full stop.
    public var message: String

    public init(reason: Reason, place: Int, message: String) {
        self.reason = reason
        self.place = place
        self.message = message
    }
}

extension CallWaiting {
    /// What keeps a waiting call from a cell.
    struct Situation {
        /// 1 for the function's next call.
        var place: Int
        /// Calls of the function that run, and its own limit of them.
        var running: Int
        var concurrency: Int?
        /// Slots of the node, and those that are busy.
        var slots: Int
        var busySlots: Int
        /// Whether the last free slot is kept for functions that run nothing.
        var keepsLastSlot: Bool
        var runtime: Runtime
        var isTemplateReady: Bool
        /// Whether the code of its function is loaded first, for all calls.
        var isLoading = false
        /// Cells that are ready, besides one that is kept.
        var freeCells: Int
        /// The slots that calls with its time limit may have, where they have as many; else 0.
        var longSlots = 0
    }

    /// The obstacle that would have to go first.
    init(_ now: Situation) {
        place = now.place
        if !now.isTemplateReady {
            reason = .template
            message = "the \(now.runtime.rawValue) template is starting"
        } else if let limit = now.concurrency, now.running >= limit {
            reason = .concurrency
            message =
                limit == 1
                ? "the function runs its one call at a time"
                : "the function runs its \(limit) calls at once"
        } else if now.longSlots > 0 {
            reason = .slots
            message =
                "calls that may take more than \(SupervisorCore.longMs / 1000) s have \(now.longSlots) of "
                + "\(now.slots) slots, and those are busy"
        } else if now.busySlots >= now.slots {
            reason = .slots
            message = now.slots == 1 ? "the one slot is busy" : "all \(now.slots) slots are busy"
        } else if now.keepsLastSlot, now.running > 0, now.busySlots >= now.slots - 1 {
            reason = .slots
            message =
                "\(now.busySlots) of \(now.slots) slots are busy, "
                + "and the last is kept for functions that run nothing"
        } else if now.place > 1 {
            reason = .turn
            message =
                now.place == 2
                ? "1 call of the function comes first"
                : "\(now.place - 1) calls of the function come first"
        } else if now.isLoading {
            reason = .cell
            message = "the function's code is being loaded for all its calls"
        } else if now.freeCells > 0 {
            reason = .turn
            message = "calls of functions that run less come first"
        } else {
            reason = .cell
            message = "a cell is being made"
        }
    }
}

extension SupervisorCore {
    /// `nil` for a call that is not queued.
    func waiting(_ id: String) -> CallWaiting? {
        guard let call = calls[id], let ticket = call.ticket, let place = queue.place(of: ticket),
            let lane = lanes[call.request.runtime]
        else { return nil }
        let running = queue.running(call.request.function)
        var isReady = false
        if case .ready = lane.template?.phase { isReady = true }
        let snapshot = snapshots[call.request]
        let free = call.request.isolation == .snapshot ? snapshot?.lane : lane
        let kept = running > 0 ? keptParked : 0
        return CallWaiting(
            CallWaiting.Situation(
                place: place, running: running, concurrency: call.request.concurrency,
                slots: configuration.slots, busySlots: runningCells,
                keepsLastSlot: openSlots < configuration.slots,
                runtime: call.request.runtime, isTemplateReady: isReady,
                isLoading: snapshot?.isLoading ?? false,
                freeCells: max(0, (free?.parked.count ?? 0) - kept),
                longSlots: hasNoSlot(for: call.request.limits) ? longSlots : 0))
    }
}
