import Foundation
import NIOCore

/// An error frame's contents, as an executor writes them. The cell's word.
struct CellError: Decodable {
    enum Kind: String, Decodable {
        /// Loading the code failed, or the handler did.
        case initialisation = "init"
        case handler
        /// The result is not JSON; `path` leads to what is not.
        case invalid
        /// The language ran out of memory and said so.
        case memory
    }
    var kind: Kind
    var type: String
    var message: String
    var stack: [String]
    var path: String?

    /// - Returns: `nil` when the bytes are not an error frame's.
    init?(_ frame: ByteBuffer) {
        guard
            let error = try? JSONDecoder().decode(
                CellError.self, from: Data(frame.readableBytesView))
        else { return nil }
        self = error
        message = String(message.prefix(8192))
        type = String(type.prefix(256))
        stack = stack.prefix(100).map { String($0.prefix(2048)) }
    }

    func failure(limits: CallLimits, peakBytes: Int?, denial: String?) -> CallFailure {
        let blocked = denial.map { " (blocked: \($0))" } ?? ""
        let name = type.isEmpty ? nil : type
        switch kind {
        case .initialisation:
            return CallFailure(
                cause: .initError, message: "the code did not load: \(message)\(blocked)",
                errorType: name, stack: stack)
        case .handler:
            return CallFailure(
                cause: .handlerError, message: message + blocked, errorType: name, stack: stack)
        case .memory:
            return CallFailure(
                cause: .outOfMemory, message: Verdict.memoryMessage(limits, peakBytes),
                errorType: name, stack: stack)
        case .invalid:
            return CallFailure(
                cause: .responseInvalid,
                message: "the result is not JSON: \(path ?? "$") is \(message)", errorType: nil)
        }
    }
}
