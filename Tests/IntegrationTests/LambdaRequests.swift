import Foundation
import TestSupport

@testable import fnctl

/// Lambda's API and that of CloudWatch Logs, as a client without a key sends requests to them.
extension TestEvaluator {
    static let lambdaFunctions = "/2015-03-31/functions"

    static func arn(_ function: String) -> String {
        "arn:aws:lambda:us-east-1:000000000000:function:\(function)"
    }

    func lambda(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        try await send(
            method, path, body: fields.map { try JSONSerialization.data(withJSONObject: $0) },
            headers: headers)
    }

    /// Like `lambda`, for what has to succeed.
    @discardableResult
    func made(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        let answer = try await lambda(method, path, fields, headers: headers)
        guard (200..<300).contains(answer.status) else {
            throw Failure(description: "\(method) \(path): \(answer.status) \(answer.text)")
        }
        return answer
    }

    static func archive(_ files: [String: String]) throws -> String {
        var zip = ZipWriter()
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            try zip.add(path: path, content: Array(text.utf8))
        }
        return Data(zip.finish()).base64EncodedString()
    }

    func createLambda(
        _ name: String, _ code: String, _ more: [String: Any] = [:]
    ) async throws {
        let fields: [String: Any] = [
            "FunctionName": name, "Runtime": "python3.11", "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/r", "Timeout": 30,
            "Code": ["ZipFile": try Self.archive(["index.py": code])],
        ]
        try await made("POST", Self.lambdaFunctions, fields.merging(more) { $1 })
    }

    /// An asynchronous call.
    func event(_ name: String, _ event: String = "1") async throws -> Answer {
        try await send(
            "POST", "\(Self.lambdaFunctions)/\(name)/invocations", body: Data(event.utf8),
            headers: [("X-Amz-Invocation-Type", "Event")])
    }

    func calls(_ function: String, _ query: String = "") async throws -> [JSON] {
        try await get("/v1/calls?function=\(function)&limit=1000\(query)").json["calls"]?.array
            ?? []
    }

    func logs(_ operation: String, _ fields: [String: Any]) async throws -> Answer {
        try await lambda(
            "POST", "/", fields,
            headers: [
                ("X-Amz-Target", "Logs_20140328.\(operation)"),
                ("Content-Type", "application/x-amz-json-1.1"),
            ])
    }
}
