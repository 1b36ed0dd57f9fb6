import Foundation

/// A file of system call rules as it is written (`executors/*.seccomp.json`).
///
/// Every rule says why it is there: `docs/system-calls.md` is made of these files.
struct SeccompDocument: Decodable {
    struct Refusal: Decodable {
        var errno: String
        var calls: [String]
        var why: String?
    }

    struct Answer: Decodable {
        var calls: [String]
        var why: String
    }

    /// One entry of conditions, which may stand for several values of an argument.
    struct Rule: Decodable {
        var conditions: [SeccompPolicy.Condition]
        var why: String?
    }

    var include: String?
    /// By group, then by names of calls with blanks between them: why they are allowed.
    var allow: [String: [String: String]]
    var allowWhen: [Rule]
    /// These take the place of all that an included policy allows of their calls.
    var narrowWhen: [Rule]?
    var refuseWhen: [Rule]?
    var refuse: [Refusal]?
    /// Denied by the filter, and then answered in the cell (`answers.c`).
    var answered: [Answer]?

    init(contentsOf file: URL) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
        } catch {
            throw SandboxError("read the seccomp rules \(file.path)", detail: "\(error)")
        }
    }

    /// The calls that are allowed with any arguments.
    var allowed: Set<String> {
        Set(allow.values.flatMap { $0.keys.flatMap(Self.names) })
    }

    static func names(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }
}

extension SeccompDocument.Rule {
    private enum Keys: String, CodingKey {
        case call, argument, mask, equals, differs, above, and, errno, why
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        let call = try values.decode(String.self, forKey: .call)
        let errno = try values.decodeIfPresent(String.self, forKey: .errno)
        var further: [SeccompPolicy.Comparison] = []
        if values.contains(.and) {
            let nested = try values.nestedContainer(keyedBy: Keys.self, forKey: .and)
            further = try Self.comparisons(nested, of: call)
            guard further.count == 1 else {
                throw SandboxError("read the seccomp rule for \(call): \"and\" takes one value")
            }
        }
        why = try values.decodeIfPresent(String.self, forKey: .why)
        conditions = try Self.comparisons(values, of: call).map {
            SeccompPolicy.Condition(call: call, comparisons: [$0] + further, errno: errno)
        }
    }

    /// The comparisons of one argument, of which one has to hold.
    private static func comparisons(_ values: KeyedDecodingContainer<Keys>, of call: String) throws
        -> [SeccompPolicy.Comparison]
    {
        func number(_ text: String?) throws -> UInt64? {
            guard let text else { return nil }
            guard
                let parsed = text.hasPrefix("0x")
                    ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
            else {
                throw SandboxError("read the seccomp rule for \(call): \(text) is not a number")
            }
            return parsed
        }
        func number(_ key: Keys) throws -> UInt64? {
            try number(values.decodeIfPresent(String.self, forKey: key))
        }
        let argument = try values.decode(Int.self, forKey: .argument)
        let equals =
            if let one = try? values.decodeIfPresent(String.self, forKey: .equals) { [one] } else {
                try values.decodeIfPresent([String].self, forKey: .equals) ?? []
            }
        switch (equals, try number(.differs), try number(.above), try number(.mask)) {
        case (let texts, nil, nil, let mask) where !texts.isEmpty:
            return try texts.compactMap { try number($0) }.map {
                .init(argument: argument, relation: .equals(masked: mask ?? .max), value: $0)
            }
        case ([], let other?, nil, nil):
            return [.init(argument: argument, relation: .differs, value: other)]
        case ([], nil, let bound?, nil):
            return [.init(argument: argument, relation: .above, value: bound)]
        default:
            throw SandboxError(
                "read the seccomp rule for \(call): it needs \"equals\", with or without a \"mask\", \"differs\" or \"above\""
            )
        }
    }
}
