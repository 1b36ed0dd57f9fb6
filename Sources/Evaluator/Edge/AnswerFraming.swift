import NIOHTTP1

/// How an answer's end is told, and whether it may have a body at all (RFC 9112, section 6.3). Whatever made
/// the answer: what goes out is framed such that the next answer begins where the client looks for it.
struct AnswerFraming {
    /// What was asked for.
    struct Question {
        var isHead: Bool
        /// The client speaks HTTP/1.0 and knows no chunks.
        var isOld: Bool
        /// The connection ends with the answer.
        var isLast = false
    }

    private enum Body {
        case none
        /// So many bytes are to come.
        case counted(Int)
        case untilEnd
    }

    private var body: Body
    /// Whether the connection cannot be used any more after it.
    private(set) var isLast: Bool

    /// Makes a head fit for what was asked.
    /// - Parameter head: of a final answer; one that HTTP has no room for becomes a 502.
    init(_ head: inout HTTPResponseHead, to question: Question) {
        let code = Int(head.status.code)
        if !(200...599).contains(code) {
            head = HTTPResponseHead(version: .http1_1, status: .badGateway)
            head.headers.add(name: "Content-Length", value: "0")
            body = .none
            isLast = question.isLast
            return
        }
        head.headers.remove(name: "Transfer-Encoding")
        isLast =
            question.isLast
            || head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "close" }
        switch code {
        case 204, 304:
            head.headers.remove(name: "Content-Length")
            body = .none
        case 205:
            // "A server MUST NOT generate content" (RFC 9110, section 15.3.6), but it has to say so.
            head.headers.replaceOrAdd(name: "Content-Length", value: "0")
            body = .none
        default:
            if question.isHead {
                // The length stays: it is that of the answer to GET.
                body = .none
            } else if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }) {
                body = .counted(length)
            } else {
                body = .untilEnd
                if question.isOld {
                    isLast = true
                } else {
                    head.headers.add(name: "Transfer-Encoding", value: "chunked")
                }
            }
        }
        if isLast { head.headers.replaceOrAdd(name: "Connection", value: "close") }
    }

    /// - Returns: whether a piece of the body may go out.
    mutating func admits(_ count: Int) -> Bool {
        switch body {
        case .none: return false
        case .untilEnd: return true
        case .counted(let rest):
            guard count <= rest else {
                isLast = true
                return false
            }
            body = .counted(rest - count)
            return true
        }
    }

    /// Whether trailers may follow.
    var hasBody: Bool { if case .untilEnd = body { true } else { false } }

    /// Call it at the answer's end: one that is shorter than it said ends the connection.
    mutating func end() {
        if case .counted(let rest) = body, rest > 0 { isLast = true }
    }
}
