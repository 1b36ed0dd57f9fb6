import FunctionRegistry
import NIOCore

@testable import ExecutorSupervisor

extension Part {
    /// 10 KB of objects, numbers and strings.
    static let validator = Part("JSONValidator") {
        let item = #"{"id":1024,"name":"Größe 42, \"rot\"","price":19.95,"tags":["a","b"],"ok":true}"#
        let text = Array(
            ("[" + Array(repeating: item, count: 115).joined(separator: ",") + "]").utf8)
        return { times in
            for _ in 0..<times {
                text.withUnsafeBytes { bytes in keep(try? JSONValidator.check(bytes)) }
            }
        }
    }

    /// A text of 100 characters with two that are escaped.
    static let jsonText = Part("JSONText") {
        let string = String(repeating: "abcdefgh ", count: 11) + "\"\n"
        return { times in
            for _ in 0..<times {
                var text = ""
                JSONText.append(string, to: &text)
                keep(text)
            }
        }
    }

    /// A line of 200 bytes without a secret in it, and one with.
    static let redactor = Part("Redactor") {
        let redactor = Redactor(secrets)
        let plain = Array(String(repeating: "a usual line of output ", count: 9).utf8.prefix(200))
        let telling = Array(plain.prefix(150)) + Array(secrets[0].utf8)
        return { times in
            for _ in 0..<times {
                keep(redactor.redact(plain))
                keep(redactor.redact(telling))
            }
        }
    }

    /// What a call's first line costs when the function has two secrets.
    static let redactorSetup = Part("RedactorSetup") {
        return { times in
            for _ in 0..<times { keep(Redactor(secrets)) }
        }
    }

    private static let secrets = ["sk-live-0123456789abcdef", "correct horse battery staple"]

    /// Twenty lines of 40 bytes in one piece.
    static let log = Part("CallLog") {
        let bytes = ByteBuffer(
            string: String(repeating: String(repeating: "x", count: 39) + "\n", count: 20))
        return { times in
            for _ in 0..<times {
                var log = CallLog(limit: 1 << 18)
                log.append(bytes.readableBytesView, to: .stdout, isRaw: false, nowMs: 1)
                keep(log.takeNew())
                log.finish()
                keep(log.lines)
            }
        }
    }

    static let callID = Part("CallID") {
        let ids = CallIDGenerator()
        return { times in
            for _ in 0..<times { keep(ids.next()) }
        }
    }
}
