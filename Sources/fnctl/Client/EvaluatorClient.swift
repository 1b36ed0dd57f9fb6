import Foundation
import NIOHTTP1

/// A document of the API: as received, and as the model this version of fnctl knows.
struct Document<Model: Sendable>: Sendable {
    let json: JSONValue
    let model: Model
}

/// The evaluator's HTTP API, one method a request (docs/api.md), in an extension for each kind.
///
/// Every method throws a `Failure` that is ready to be shown.
struct EvaluatorClient: Sendable {
    private static let maxAttempts = 5

    let transport: Transport

    var endpoint: Endpoint { transport.endpoint }

    static func with<Result: Sendable>(
        _ endpoint: Endpoint, _ body: (EvaluatorClient) async throws -> Result
    ) async throws -> Result {
        try await Transport.with(endpoint) { try await body(EvaluatorClient(transport: $0)) }
    }

    // MARK: the service

    /// What the evaluator says of itself, also when it is not ready.
    func readiness() async throws -> Document<Readiness> {
        let answer = try await send(.GET, ["readyz"], timeoutSeconds: 30)
        guard answer.status == 200 || answer.status == 503,
            let json = try? JSONParser.parse(answer.body), json["ready"] != nil
        else { throw failure(for: answer) }
        return try decode(answer)
    }

    // MARK: requests

    func send(
        _ method: HTTPMethod, _ path: [String], _ query: [(String, String?)] = [],
        headers: [(String, String)] = [], body: [UInt8]? = nil, timeoutSeconds: Int64 = 30
    ) async throws -> HTTPAnswer {
        try await transport.send(
            method, endpoint.url(path, query: query), headers: headers, body: body,
            timeoutSeconds: timeoutSeconds)
    }

    func exchange(
        _ method: HTTPMethod, _ path: [String], _ query: [(String, String?)] = [],
        headers: [(String, String)] = [], body: [UInt8]? = nil, timeoutSeconds: Int64 = 30
    ) async throws -> HTTPAnswer {
        let answer = try await send(
            method, path, query, headers: headers, body: body, timeoutSeconds: timeoutSeconds)
        guard (200..<300).contains(answer.status) else { throw failure(for: answer) }
        return answer
    }

    func get<Model: Decodable & Sendable>(
        _ path: [String], _ query: [(String, String?)] = [], timeoutSeconds: Int64 = 30
    ) async throws -> Document<Model> {
        try decode(try await exchange(.GET, path, query, timeoutSeconds: timeoutSeconds))
    }

    /// Follows the cursors of a list until its end or until there are `limit` elements.
    func pages<Element: Decodable & Sendable>(
        _ path: [String], _ query: [(String, String?)] = [], list: String, limit: Int = .max
    ) async throws -> Document<[Element]> {
        var json: [JSONValue] = []
        var model: [Element] = []
        var cursor: String?
        repeat {
            let size = min(1000, limit - model.count)
            let answer = try await exchange(
                .GET, path, query + [("limit", String(size)), ("cursor", cursor)])
            let page: Document<[String: Lenient<[Element]>]> = try decode(answer)
            guard let elements = page.model[list]?.value, let values = page.json[list]?.arrayValue
            else {
                throw notAnEvaluator(answer, "there is no \"\(list)\" in it")
            }
            model += elements
            json += values
            // An empty page with a cursor would otherwise be asked for again and again.
            cursor = elements.isEmpty ? nil : page.json["nextCursor"]?.stringValue
        } while cursor != nil && model.count < limit
        let members = [JSONValue.Member(key: list, value: .array(Array(json.prefix(limit))))]
        return Document(json: .object(members), model: Array(model.prefix(limit)))
    }

    func decode<Model: Decodable & Sendable>(_ answer: HTTPAnswer) throws -> Document<Model> {
        do {
            return Document(
                json: try JSONParser.parse(answer.body),
                model: try JSONDecoder().decode(Model.self, from: Data(answer.body)))
        } catch let error as JSONSyntaxError {
            throw notAnEvaluator(answer, "\(error)")
        } catch let DecodingError.keyNotFound(key, _) {
            throw notAnEvaluator(answer, "there is no \"\(key.stringValue)\" in it")
        } catch let DecodingError.typeMismatch(_, context) {
            throw notAnEvaluator(answer, mismatch(context))
        } catch let DecodingError.valueNotFound(_, context) {
            throw notAnEvaluator(answer, mismatch(context))
        }
    }

    private func mismatch(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
        return "\"\(path.joined(separator: "."))\" is not what the API documents"
    }

    // MARK: failures

    /// The failure to show for an answer of 400 and above.
    func failure(for answer: HTTPAnswer) -> Failure {
        guard let json = try? JSONParser.parse(answer.body), let problem = Problem(json) else {
            return notAnEvaluator(answer, "it is not a problem document")
        }
        let seconds = answer.header("retry-after").flatMap(Int.init)
        let advice = seconds.map { "; try again in \($0) s" } ?? ""
        return Failure(problem.summary + advice, retryAfterSeconds: seconds)
    }

    /// Runs `body` again when the evaluator is busy or still starting, as it asks.
    static func patiently<Result>(_ body: () async throws -> Result) async throws -> Result {
        for _ in 1..<maxAttempts {
            do {
                return try await body()
            } catch let failure as Failure {
                guard let seconds = failure.retryAfterSeconds else { throw failure }
                try await Task.sleep(for: .seconds(min(max(seconds, 1), 5)))
            }
        }
        return try await body()
    }

    func notAnEvaluator(_ answer: HTTPAnswer, _ reason: String) -> Failure {
        let type = answer.header("content-type") ?? "no content type"
        return Failure(
            "the answer from \(endpoint) (status \(answer.status), \(type)) is not one of an "
                + "evaluator of this version: \(reason); check --endpoint",
            status: .unreachable)
    }
}

/// A member of an object that may also be something else, such as a list beside its cursor.
private struct Lenient<Value: Decodable & Sendable>: Decodable, Sendable {
    let value: Value?

    init(from decoder: any Decoder) throws {
        guard (try? decoder.unkeyedContainer()) != nil else {
            value = nil
            return
        }
        value = try Value(from: decoder)
    }
}
