import Foundation

/// The value of a secret variable that a registration sends.
enum SecretValue: Sendable, Equatable {
    case given(String)
    /// The one that the newest version has, which the evaluator keeps.
    case stored

    var json: JSONValue {
        switch self {
        case .given(let text): .string(text)
        case .stored: .null
        }
    }
}

/// Where a secret's value is read from: never the command line, which other users can see.
enum SecretSource: Sendable, Equatable {
    case variable(String)
    case file(String)
    case standardInput

    /// Reads `@FILE`, or `-` for standard input; nil for anything else.
    init?(file text: Substring) {
        switch text {
        case "-", "@-": self = .standardInput
        case _ where text.hasPrefix("@") && text.count > 1: self = .file(String(text.dropFirst()))
        default: return nil
        }
    }

    /// The secret; of a file's, one line end at its end does not count.
    /// - Throws: `Failure` that never quotes the secret.
    func read(_ surroundings: Surroundings = .current) throws(Failure) -> String {
        switch self {
        case .variable(let name):
            guard let value = surroundings.environment[name] else {
                throw .usage(
                    "--secret \(name): the environment has no variable \(name); set it, or write "
                        + "--secret \(name)=@FILE")
            }
            return value
        case .file(let path):
            return Self.line(try readText(URL(filePath: path)))
        case .standardInput:
            guard let text = String(validating: surroundings.readStandardInput(), as: UTF8.self)
            else { throw .usage("the secret in standard input is not UTF-8 text") }
            return Self.line(text)
        }
    }

    private static func line(_ text: String) -> String {
        text.last?.isNewline == true ? String(text.dropLast()) : text
    }
}

/// The secrets that a command line asks for.
struct SecretOptions: Sendable, Equatable {
    var variables: [String: SecretSource] = [:]
    var webhook: SecretSource?

    /// - Parameters:
    ///   - secrets: `NAME`, `NAME=@FILE` or `NAME=-`, each as given with `--secret`.
    ///   - webhook: `@FILE` or `-`, as given with `--webhook-secret`.
    /// - Throws: `Failure` that never quotes what may be a secret.
    init(secrets: [String], webhook: String?) throws(Failure) {
        for text in secrets {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard !name.isEmpty, name.first != "@", name != "-" else {
                throw .usage("--secret needs a variable's name: --secret NAME or NAME=@FILE")
            }
            guard variables[name] == nil else {
                throw .usage("--secret \(name) is given twice; leave one out")
            }
            if parts.count == 1 {
                variables[name] = .variable(name)
            } else if let source = SecretSource(file: parts[1]) {
                variables[name] = source
            } else {
                throw .usage(Self.visible("--secret \(name)", "\(name)=@FILE or \(name)=-", name))
            }
        }
        if let webhook {
            guard let source = SecretSource(file: Substring(webhook)) else {
                throw .usage(Self.visible("--webhook-secret", "@FILE or -", nil))
            }
            self.webhook = source
        }
        let sources = variables.values + [self.webhook].compactMap { $0 }
        guard sources.count(where: { $0 == .standardInput }) < 2 else {
            throw .usage("standard input can be only one secret; put the others in files")
        }
    }

    private static func visible(_ option: String, _ forms: String, _ variable: String?) -> String {
        let export = variable.map { ", or set the variable \($0) and write --secret \($0)" } ?? ""
        return "\(option) takes no value here, because other users of this machine can see the "
            + "command line; write \(forms) (a file, standard input)\(export)"
    }
}
