import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// A web request as the event of a function: the payload format 2.0 of API Gateway's HTTP APIs.
struct WebEvent: Sendable {
    let json: JSONValue

    /// - Parameter signer: whose key the request is signed with, and its account; `nil` for an open URL.
    init(
        _ request: Request, id: String, path: String, body: ByteBuffer, sourceAddress: String,
        signer: (key: String, account: String)?, trace: String?
    ) {
        let host = request.head.authority ?? ""
        var headers: [String: String] = ["host": host]
        var cookies: [String] = []
        for field in request.headers {
            let name = field.name.canonicalName
            if name == "cookie" {
                cookies += field.value.split(separator: ";").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
            } else {
                headers[name] = headers[name].map { "\($0),\(field.value)" } ?? field.value
            }
        }
        // What proxies say of a client; what the client itself says there is nobody's word.
        let port = host.hasSuffix("]") ? nil : host.split(separator: ":").last.flatMap { Int($0) }
        headers["x-forwarded-for"] = sourceAddress
        headers["x-forwarded-proto"] = "http"
        headers["x-forwarded-port"] = "\(port ?? 80)"
        headers["x-amzn-trace-id"] = trace
        let path = Self.merged(path.removingPercentEncoding ?? path)
        let address = LambdaAddress(request)
        var query: [String: String] = [:]
        for (name, value) in address.query {
            query[name] = query[name].map { "\($0),\(value)" } ?? value
        }
        let now = currentTimeMs()
        let plain =
            Self.isText(headers) ? String(validating: body.readableBytesView, as: UTF8.self) : nil
        let text = plain ?? Data(body.readableBytesView).base64EncodedString()
        json = .fields([
            "version": "2.0", "routeKey": "$default",
            "rawPath": .string(path),
            "rawQueryString": .string(request.uri.query ?? ""),
            "cookies": cookies.isEmpty ? nil : .list(cookies),
            "headers": .map(headers),
            "queryStringParameters": query.isEmpty ? nil : .map(query),
            "requestContext": .fields([
                "accountId": .string(signer?.account ?? "anonymous"), "apiId": .string(id),
                "authorizer": signer.map { ["iam": Self.identity($0.key, $0.account)] },
                "domainName": .string(host), "domainPrefix": .string(id),
                "http": [
                    "method": .string(request.method.rawValue), "path": .string(path),
                    "protocol": "HTTP/1.1", "sourceIp": .string(sourceAddress),
                    "userAgent": .string(headers["user-agent"] ?? ""),
                ],
                "requestId": .string(newRevision()), "routeKey": "$default", "stage": "$default",
                "time": .string(Self.time(now)), "timeEpoch": .int(Int(now)),
            ]),
            "body": body.readableBytes == 0 ? nil : .string(text),
            "isBase64Encoded": .bool(body.readableBytes > 0 && plain == nil),
        ])
    }

    /// Keys here are nobody's but their own.
    private static func identity(_ key: String, _ account: String) -> JSONValue {
        [
            "accessKey": .string(key), "accountId": .string(account), "callerId": .string(key),
            "cognitoIdentity": .null, "principalOrgId": .null,
            "userArn": .string("arn:aws:iam::\(account):user/\(key)"), "userId": .string(key),
        ]
    }

    /// A path with each run of slashes as one.
    private static func merged(_ path: String) -> String {
        var merged = ""
        for character in path where character != "/" || merged.last != "/" {
            merged.append(character)
        }
        return merged
    }

    /// Whether a body with these headers goes into the event as it is, where it is UTF-8.
    private static func isText(_ headers: [String: String]) -> Bool {
        guard let type = headers["content-type"],
            ["", "identity"].contains(headers["content-encoding"]?.lowercased() ?? "")
        else { return false }
        let essence = type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        return essence.hasPrefix("text/") || essence.hasSuffix("+json") || essence.hasSuffix("+xml")
            || ["application/json", "application/javascript", "application/xml"].contains(essence)
    }

    /// `31/Jan/2026:09:15:02 +0000`.
    private static func time(_ milliseconds: Int64) -> String {
        let text = Timestamp.text(milliseconds)
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let parts = text.prefix(10).split(separator: "-")
        let month = months[(Int(parts[1]) ?? 1) - 1]
        return "\(parts[2])/\(month)/\(parts[0]):\(text.dropFirst(11).prefix(8)) +0000"
    }
}

/// A function's result as the answer to a web request.
enum WebAnswer {
    /// An object with a `statusCode` says all of it; anything else is the body of a 200: a text without its
    /// quotes, and other values as JSON without blanks.
    /// - Parameter result: JSON text.
    static func response(_ result: ByteBuffer) throws -> Response {
        let value = try? JSONValue(result)
        guard let value, let code = value["statusCode"], code != .null else {
            let body =
                value?.string.map { ByteBuffer(string: $0) }
                ?? ByteBuffer(bytes: JSONBlanks.removed(from: result.readableBytesView))
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: body))
        }
        guard let status = status(code) else { return failure }
        var headers: HTTPFields = [.contentType: "application/json"]
        add(value, to: &headers)
        var body = ByteBuffer()
        if let text = value["body"]?.string {
            if value["isBase64Encoded"]?.bool == true {
                // Some encoders break lines.
                let lines = text.filter { !$0.isNewline }
                guard let bytes = Data(base64Encoded: lines) else { return failure }
                body = ByteBuffer(bytes: bytes)
            } else {
                body = ByteBuffer(string: text)
            }
        } else if let other = value["body"], other != .null {
            body = ByteBuffer(bytes: other.data)
        }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    /// What a client is told of a function that failed, or that answers with what is no answer.
    static var failure: Response {
        Response(
            status: .badGateway, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: "Internal Server Error")))
    }

    /// A status that a function names, as a number or as digits. An interim status is no answer: the client
    /// would wait for one.
    static func status(_ value: JSONValue) -> HTTPResponse.Status? {
        guard let code = value.int ?? value.string.flatMap({ Int($0) }), (200...599).contains(code)
        else { return nil }
        return .init(code: code)
    }

    /// The headers and cookies of a result.
    static func add(_ value: JSONValue, to headers: inout HTTPFields) {
        for (name, item) in value["headers"]?.object ?? [:] {
            guard let field = HTTPField.Name(name), !connection.contains(field) else { continue }
            guard item != .null else { continue }
            let text = item.string ?? item.text
            if HTTPField.isValidValue(text) { headers[field] = text }
        }
        for cookie in value["cookies"]?.strings ?? [] where HTTPField.isValidValue(cookie) {
            headers.append(HTTPField(name: .setCookie, value: cookie))
        }
    }

    /// Headers that are the connection's business.
    private static let connection: Set<HTTPField.Name> = [
        .contentLength, .transferEncoding, .connection, .upgrade, .trailer, .te,
        .keepAlive, .proxyConnection,
    ]
}
