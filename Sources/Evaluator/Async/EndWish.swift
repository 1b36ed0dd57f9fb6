import ExecutorSupervisor
import FunctionRegistry

/// Why a call that was handed to the supervisor is to end before it has.
enum EndWish {
    /// Its user wants it.
    case cancelled
    /// It waited longer than it may.
    case tooOld
}

extension CallRecord {
    mutating func fillCancelled(_ message: String) {
        state = .cancelled
        cause = CallCause.cancelled.rawValue
        self.message = message
    }

    mutating func fillExpired(maxAgeMs: Int) {
        state = .failed
        cause = CallCause.expired.rawValue
        message = "the call waited longer than the \(maxAgeMs) ms of its function's maxAgeMs"
    }

    mutating func fillLost() {
        state = .failed
        cause = CallCause.evaluatorLost.rawValue
        message = "the evaluator stopped while the call ran"
    }
}
