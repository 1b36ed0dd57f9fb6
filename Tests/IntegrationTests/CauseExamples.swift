import ExecutorSupervisor
import Foundation

/// A function that comes to a cause, and how it is brought there.
struct CauseExample: Sendable {
    enum Provocation: Sendable {
        /// It is called.
        case call
        /// It is called, and given more of the machine than other processes.
        case compute
        /// It is called, and cancelled while it runs.
        case cancel
        /// It is called asynchronously while an earlier call keeps it from running.
        case waitTooLong
        /// Its template is killed while it runs.
        case killTemplate
        /// The evaluator is killed while it runs, and started again.
        case killEvaluator
    }

    var cause: CallCause
    var function: String
    /// What is said before the source.
    var lead: String
    var runtime = "python"
    var source: String
    var settings: [String: Int] = [:]
    var event = "{}"
    var provocation = Provocation.call
}

/// What a page says of a cause before its examples.
struct CauseText: Sendable {
    /// For the table at the top.
    var short: String
    /// What it means, and what usually to do.
    var long: String
}

extension CallCause {
    var text: CauseText {
        switch self {
        case .handlerError:
            CauseText(
                short: "the handler raised an exception",
                long: """
                    An exception left the handler. The stack names the function's own lines; fix the
                    last one in Python, the first one in JavaScript, or catch the exception.
                    """)
        case .initError:
            CauseText(
                short: "the code did not load",
                long: """
                    The handler was never called: its file, an import or the handler's name is missing,
                    or an exception left the module's own code. Packages of the host are not visible in
                    a cell, so put what you import into the bundle.
                    """)
        case .outOfMemory:
            CauseText(
                short: "it needed more memory than `memoryMB`",
                long: """
                    The cell, its files in `/tmp` included, needed more than the function's `memoryMB`, by
                    the kernel's account or because the runtime was refused a piece. Work on less at a
                    time, or raise the setting.
                    """)
        case .cpuLimit:
            CauseText(
                short: "several threads used up its CPU time",
                long: """
                    All threads together used more CPU time than the function's `timeoutMs`, rounded up
                    to seconds, and one second more. One thread alone meets `wall_timeout` first; use
                    fewer threads, or raise `timeoutMs`.
                    """)
        case .wallTimeout:
            CauseText(
                short: "it took longer than `timeoutMs`",
                long: """
                    Loading the code and running the handler took longer than the function's
                    `timeoutMs`. The CPU time tells the two usual reasons apart: a call that waited used
                    next to none, one that computed used about as much as it had.
                    """)
        case .crashed:
            CauseText(
                short: "a signal ended its process",
                long: """
                    The process was ended by a signal, which comes from native code or from the runtime
                    itself: code written in Python or JavaScript alone seldom does it. Print before the
                    suspect line to see how far a call comes.
                    """)
        case .exited:
            CauseText(
                short: "its process ended without a result",
                long: """
                    The process ended by itself before there was a result: something called `exit`, or a
                    JavaScript handler waits for what can no longer happen, which is exit code 0. Return
                    a value or raise an error instead.
                    """)
        case .responseTooLarge:
            CauseText(
                short: "the result has more than 6 MiB",
                long: """
                    The handler's result has more than 6 MiB as JSON. Return less, or in parts over
                    several calls.
                    """)
        case .responseInvalid:
            CauseText(
                short: "the result is not JSON",
                long: """
                    The handler returned what JSON cannot express; the message has the path to it. Turn
                    it into text, numbers, lists and objects first.
                    """)
        case .cancelled:
            CauseText(
                short: "somebody cancelled it",
                long: """
                    Somebody cancelled the call (`fnctl cancel`, `DELETE /v1/calls/ID`), its client
                    closed the connection before the answer, or the evaluator was stopped and the call
                    did not finish in time. There is nothing to mend in the function.
                    """)
        case .expired:
            CauseText(
                short: "it waited longer than `maxAgeMs`",
                long: """
                    An asynchronous call was still waiting for its turn, or for another attempt, when it
                    reached its function's `async.maxAgeMs`. Let more calls of the function run at once,
                    or let them wait longer; the event is kept and can be replayed.
                    """)
        case .templateLost:
            CauseText(
                short: "the process that its cell was forked from ended",
                long: """
                    A template ended and took its cells with it; the evaluator has started another. The
                    function is not to blame: call it again. When it happens often, the evaluator's log
                    says why.
                    """)
        case .evaluatorLost:
            CauseText(
                short: "the evaluator stopped while the call was under way",
                long: """
                    The evaluator was killed, or its machine went down, before the call had ended. It
                    was settled at the next start; nobody knows how far it came. Call it again if it may
                    run twice. An asynchronous call is tried again by itself, as long as it has attempts
                    left.
                    """)
        }
    }
}
