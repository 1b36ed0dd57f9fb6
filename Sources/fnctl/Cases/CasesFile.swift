import Foundation

/// One case of a `cases.yaml`: an event, and what must come of it.
struct TestCase: Sendable, Equatable {
    enum Expectation: Sendable, Equatable {
        case result(JSONValue)
        /// The call must not complete, for this cause, with `message` in its message.
        case failure(cause: String, message: String?)
    }

    let name: String
    let event: JSONValue
    let expectation: Expectation
    var timeoutMs: Int?
    var memoryMB: Int?
}

/// Reads `cases.yaml`, the cases beside a function.
enum CasesFile {
    static let fileName = "cases.yaml"

    static func read(in folder: URL) throws -> [TestCase] {
        let url = folder.appending(path: fileName)
        do {
            return try parse(try readText(url), file: url.path(percentEncoded: false))
        } catch let error as YAMLFileError {
            throw error.failure
        }
    }

    static func parse(_ text: String, file: String) throws(YAMLFileError) -> [TestCase] {
        guard let root = try YAMLNode.parse(text, file: file) else {
            throw YAMLFileError(
                file: file, line: 1, reason: "the file is empty; it must have a list \"cases\"")
        }
        guard let list = try YAMLFields(root, what: "a cases.yaml", known: ["cases"])["cases"]
        else {
            throw root.error("the list \"cases\" is missing")
        }
        var cases: [TestCase] = []
        for node in try list.elements("cases") {
            let found = try testCase(node)
            guard !cases.contains(where: { $0.name == found.name }) else {
                throw node.error("a second case named \"\(found.name)\"; give each its own name")
            }
            cases.append(found)
        }
        guard !cases.isEmpty else { throw list.error("there are no cases in the list") }
        return cases
    }

    private static func testCase(_ node: YAMLNode) throws(YAMLFileError) -> TestCase {
        let fields = try YAMLFields(
            node, what: "a case",
            known: ["name", "event", "expect", "cause", "message", "timeoutMs", "memoryMB"])
        guard let name = try fields.string("name"), !name.isEmpty else {
            throw node.error("the case has no name")
        }
        return TestCase(
            name: name,
            event: fields["event"]?.json ?? .null,
            expectation: try expectation(fields, node, name),
            timeoutMs: try fields.int("timeoutMs"),
            memoryMB: try fields.int("memoryMB"))
    }

    private static func expectation(
        _ fields: YAMLFields, _ node: YAMLNode, _ name: String
    ) throws(YAMLFileError) -> TestCase.Expectation {
        let message = try fields.string("message")
        switch (fields["expect"], try fields.string("cause")) {
        case (let expect?, nil):
            guard message == nil else {
                throw node.error("the case \"\(name)\" has a message, which only goes with a cause")
            }
            return .result(expect.json)
        case (nil, let cause?):
            return .failure(cause: cause, message: message)
        case (nil, nil):
            throw node.error("the case \"\(name)\" expects nothing; give it expect or cause")
        case (_?, _?):
            throw node.error("the case \"\(name)\" has both expect and cause; keep one")
        }
    }
}
