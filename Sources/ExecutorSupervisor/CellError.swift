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

    private static let messageLimit = 8192
    private static let typeLimit = 256
    private static let lineLimit = 2048
    private static let pathLimit = 1024

    /// - Parameter redactor: what it takes out goes before texts are cut, here or by the executor,
    ///   because half a secret would not be found.
    /// - Returns: `nil` when the bytes are not an error frame's.
    init?(_ frame: ByteBuffer, redactor: Redactor) {
        guard
            let error = try? JSONDecoder().decode(
                CellError.self, from: Data(frame.readableBytesView))
        else { return nil }
        self = error
        func shortened(_ text: String, _ limit: Int) -> String {
            // JavaScript counts UTF-16 units, of which there are at least as many.
            let clean = redactor.redact(text, cutFrom: text.utf16.count >= limit ? 1 : nil)
            return String(clean.prefix(limit))
        }
        message = shortened(message, Self.messageLimit)
        type = shortened(type, Self.typeLimit)
        stack = stack.prefix(100).map { shortened($0, Self.lineLimit) }
        path = path.map { shortened($0, Self.pathLimit) }
    }

    func failure(limits: CallLimits, peakBytes: Int?, denial: String?) -> CallFailure {
        let blocked = denial.map { " (blocked: \($0))" } ?? ""
        let name = type.isEmpty ? nil : type
        switch kind {
        case .initialisation:
            return CallFailure(
                cause: .initError, message: CallCause.initError.explaining(message) + blocked,
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
                message: CallCause.responseInvalid.explaining(
                    path.map { "\($0) is \(message)" } ?? message))
        }
    }
}
