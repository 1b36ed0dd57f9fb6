import Crypto
import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// Checks signatures of requests, version 4 (AWS General Reference, "Signature Version 4 signing process"),
/// in the header `Authorization` or in the query.
struct SignatureVerifier: Sendable {
    /// Where a signature says what it is.
    struct Claim: Sendable {
        var keyID: String
        /// `20260131/us-east-1/lambda/aws4_request`.
        var scope: String
        var region: String
        var signedHeaders: [String]
        var signature: String
        /// `20260131T091502Z`.
        var date: String
        /// Seconds that a signature in a query is good for; `nil` for one in a header.
        var expires: Int?
    }

    private static let algorithm = "AWS4-HMAC-SHA256"
    /// How far the clocks of a client and the evaluator may be apart.
    private static let skewMs: Int64 = 300_000

    // MARK: What the request claims

    /// - Returns: `nil` for a request that is not signed.
    /// - Throws: `IncompleteSignatureException`.
    static func claim(_ request: Request) throws -> Claim? {
        if let header = request.headers[.authorization], header.hasPrefix(algorithm) {
            return try claim(header: header, request)
        }
        let query = LambdaAddress(request).values
        guard let given = query["X-Amz-Algorithm"] else { return nil }
        guard given == algorithm, let credential = query["X-Amz-Credential"],
            let headers = query["X-Amz-SignedHeaders"], let signature = query["X-Amz-Signature"],
            let date = query["X-Amz-Date"],
            let expires = query["X-Amz-Expires"].flatMap({ Int($0) })
        else {
            throw incomplete("the query has no complete signature")
        }
        guard (1...604_800).contains(expires) else {
            throw incomplete("X-Amz-Expires has to be 1 to 604800 seconds")
        }
        return try make(credential, headers, signature, date, expires: expires)
    }

    private static func claim(header: String, _ request: Request) throws -> Claim {
        var fields: [String: String] = [:]
        for part in header.dropFirst(algorithm.count).split(separator: ",") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            fields[String(pair[0])] = pair[1].trimmingCharacters(in: .whitespaces)
        }
        guard let credential = fields["Credential"], let headers = fields["SignedHeaders"],
            let signature = fields["Signature"], let date = request.headers[.amzDate]
        else {
            throw incomplete(
                "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders', and "
                    + "the request 'X-Amz-Date'")
        }
        return try make(credential, headers, signature, date, expires: nil)
    }

    private static func make(
        _ credential: String, _ headers: String, _ signature: String, _ date: String, expires: Int?
    ) throws -> Claim {
        let parts = credential.split(separator: "/")
        guard parts.count == 5, parts[4] == "aws4_request", date.hasPrefix(parts[1]) else {
            throw incomplete("the credential has to be KEY/DATE/REGION/SERVICE/aws4_request")
        }
        return Claim(
            keyID: String(parts[0]), scope: parts[1...].joined(separator: "/"),
            region: String(parts[2]),
            signedHeaders: headers.split(separator: ";").map(String.init), signature: signature,
            date: date, expires: expires)
    }

    private static func incomplete(_ message: String) -> LambdaError {
        LambdaError("IncompleteSignatureException", 400, message)
    }

    // MARK: Checking

    /// - Parameter body: the whole of it.
    /// - Throws: `InvalidSignatureException`.
    static func verify(
        _ claim: Claim, secret: String, service: String, _ request: Request, body: ByteBuffer,
        nowMs: Int64 = currentTimeMs()
    ) throws {
        let scope = claim.scope.split(separator: "/")
        guard scope[2] == service else {
            throw invalid("Credential should be scoped to correct service: '\(service)'.")
        }
        try checkTime(claim, nowMs)
        guard claim.signedHeaders.contains("host") else {
            throw invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
        }
        try requireSignedHeaders(claim, request)
        let canonical = try canonicalRequest(claim, request, body)
        let text = [
            algorithm, claim.date, claim.scope, hex(SHA256.hash(data: Data(canonical.utf8))),
        ]
        .joined(separator: "\n")
        var key = SymmetricKey(data: Data("AWS4\(secret)".utf8))
        for part in scope { key = SymmetricKey(data: mac(String(part), key)) }
        // Whole, so that the time it takes tells nothing.
        let given = Data(hex: claim.signature)
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                given, authenticating: Data(text.utf8), using: key)
        else {
            throw invalid(
                "The request signature we calculated does not match the signature you provided. "
                    + "Check your AWS Secret Access Key and signing method.")
        }
    }

    /// What the request asks for besides its path and body is in these headers: nobody may add one. The hash
    /// of the body is compared with the body itself.
    private static func requireSignedHeaders(_ claim: Claim, _ request: Request) throws {
        for field in request.headers where field.name != .amzContentHash {
            let name = field.name.canonicalName
            if name.hasPrefix("x-amz-"), !claim.signedHeaders.contains(name) {
                throw invalid(
                    "'\(name.prefix(100))' must be a 'SignedHeader' in the AWS Authorization.")
            }
        }
    }

    private static func checkTime(_ claim: Claim, _ nowMs: Int64) throws {
        guard let signedMs = milliseconds(claim.date) else {
            throw incomplete("Date must be in ISO-8601 'basic format'. Got '\(claim.date)'.")
        }
        let lastMs = signedMs + (claim.expires.map { Int64($0) * 1000 } ?? skewMs)
        guard signedMs - skewMs <= nowMs else {
            throw invalid("Signature not yet current: \(claim.date) is in the future")
        }
        guard nowMs <= lastMs else { throw invalid("Signature expired: \(claim.date)") }
    }

    /// - Parameter date: `20260131T091502Z`.
    private static func milliseconds(_ date: String) -> Int64? {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted,
            timeZoneSeparator: .omitted)
        guard let parsed = try? style.parse(date) else { return nil }
        return Int64(parsed.timeIntervalSince1970 * 1000)
    }

    private static func invalid(_ message: String) -> LambdaError {
        LambdaError("InvalidSignatureException", 403, message)
    }

    // MARK: The canonical request

    private static func canonicalRequest(
        _ claim: Claim, _ request: Request, _ body: ByteBuffer
    ) throws -> String {
        let hash = hex(SHA256.hash(data: Data(body.readableBytesView)))
        // Nor is UNSIGNED-PAYLOAD: such a signature would be good for any body.
        if let given = request.headers[.amzContentHash], given != hash {
            throw invalid("The header X-Amz-Content-Sha256 is not that of the body")
        }
        let address = LambdaAddress(request)
        let query = LambdaAddress.pairs(request.uri.query ?? "")
            .filter { $0.name != "X-Amz-Signature" }
            .map { pair -> (String, String) in (escape(pair.name), escape(pair.value)) }
            .sorted { one, other in one < other }
            .map { pair -> String in pair.0 + "=" + pair.1 }
            .joined(separator: "&")
        var headers = ""
        for name in claim.signedHeaders {
            headers += "\(name):\(try value(of: name, request))\n"
        }
        return [
            // The path as it came, escaped once more, as every service but S3 has it.
            request.method.rawValue, encode(address.path, keeping: "/"), query, headers,
            claim.signedHeaders.joined(separator: ";"), hash,
        ].joined(separator: "\n")
    }

    private static func value(of name: String, _ request: Request) throws -> String {
        if name == "host" { return request.head.authority ?? "" }
        guard let field = HTTPField.Name(name) else {
            throw incomplete("'\(name.prefix(100))' is no header")
        }
        return request.headers[values: field].map { value in
            value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
        }.joined(separator: ",")
    }

    /// A name or value of the query with exactly the escapes that it should have.
    private static func escape(_ text: String) -> String {
        encode(LambdaAddress.decoded(text), keeping: "")
    }

    private static func encode(_ text: String, keeping kept: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                String(UnicodeScalar(byte))
            case _ where kept.utf8.contains(byte): String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    private static func mac(_ text: String, _ key: SymmetricKey) -> Data {
        Data(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key))
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
