import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// A web request as the event of a function: the payload format 2.0 of API Gateway's HTTP APIs.
struct WebEvent: Sendable {
    let json: JSONValue

    init(
        _ request: Request, id: String, path: String, body: ByteBuffer, sourceAddress: String,
        account: String
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
        let address = LambdaAddress(request)
        var query: [String: String] = [:]
        for (name, value) in address.query {
            query[name] = query[name].map { "\($0),\(value)" } ?? value
        }
        let now = currentTimeMs()
        let isText = Self.isText(headers["content-type"])
        let text =
            isText
            ? String(buffer: body)
            : Data(body.readableBytesView).base64EncodedString()
        json = .fields([
            "version": "2.0", "routeKey": "$default",
            "rawPath": .string(path.removingPercentEncoding ?? path),
            "rawQueryString": .string(request.uri.query ?? ""),
            "cookies": cookies.isEmpty ? nil : .list(cookies),
            "headers": .map(headers),
            "queryStringParameters": query.isEmpty ? nil : .map(query),
            "requestContext": [
                "accountId": .string(account), "apiId": .string(id),
                "domainName": .string(host), "domainPrefix": .string(id),
                "http": [
                    "method": .string(request.method.rawValue), "path": .string(path),
                    "protocol": "HTTP/1.1", "sourceIp": .string(sourceAddress),
                    "userAgent": .string(headers["user-agent"] ?? ""),
                ],
                "requestId": .string(newRevision()), "routeKey": "$default", "stage": "$default",
                "time": .string(Self.time(now)), "timeEpoch": .int(Int(now)),
            ],
            "body": body.readableBytes == 0 ? nil : .string(text),
            "isBase64Encoded": .bool(body.readableBytes > 0 && !isText),
        ])
    }

    /// Whether a body of this type goes into the event as it is.
    private static func isText(_ type: String?) -> Bool {
        guard let type else { return false }
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
    /// An object with a `statusCode` says all of it; anything else is the body of a 200.
    /// - Parameter result: JSON text.
    static func response(_ result: ByteBuffer) throws -> Response {
        guard let value = try? JSONValue(result), let status = value["statusCode"]?.int else {
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: result))
        }
        // An interim status is no answer, and the client would wait for one.
        guard (200...599).contains(status) else {
            return lambdaResponse(502, ["Message": "Internal Server Error"])
        }
        var headers: HTTPFields = [.contentType: "application/json"]
        add(value, to: &headers)
        var body = ByteBuffer()
        if let text = value["body"]?.string {
            if value["isBase64Encoded"]?.bool == true {
                guard let bytes = Data(base64Encoded: text) else {
                    return lambdaResponse(502, ["Message": "Internal Server Error"])
                }
                body = ByteBuffer(bytes: bytes)
            } else {
                body = ByteBuffer(string: text)
            }
        } else if let other = value["body"] {
            body = ByteBuffer(bytes: other.data)
        }
        return Response(
            status: .init(code: status), headers: headers, body: ResponseBody(byteBuffer: body))
    }

    /// The headers and cookies of a result.
    static func add(_ value: JSONValue, to headers: inout HTTPFields) {
        for (name, item) in value["headers"]?.object ?? [:] {
            guard let field = HTTPField.Name(name), !connection.contains(field) else { continue }
            let text =
                switch item {
                case .string(let text): text
                default: item.text
                }
            if HTTPField.isValidValue(text) { headers[field] = text }
        }
        for cookie in value["cookies"]?.strings ?? [] where HTTPField.isValidValue(cookie) {
            headers.append(HTTPField(name: .setCookie, value: cookie))
        }
    }

    /// Headers that are the connection's business.
    private static let connection: Set<HTTPField.Name> = [
        .contentLength, .transferEncoding, .connection,
    ]
}
