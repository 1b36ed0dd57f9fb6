import Crypto
import Foundation

/// The code of a request: a zip archive.
struct LambdaCode: Sendable {
    var zip: [UInt8]
    /// Base64 of the SHA-256 of the archive.
    var sha256: String

    /// - Parameter fields: those of `Code`, or the request's own.
    /// - Throws: `InvalidParameterValueException` for every other way of giving code.
    static func read(_ fields: JSONValue) async throws -> LambdaCode {
        try await Aside.shared.run { try LambdaCode(fields) }
    }

    /// Of an archive.
    private static let maximumBytes = 50 << 20

    private init(_ fields: JSONValue) throws {
        if fields["ImageUri"] != nil {
            throw LambdaError.invalid(
                "Container images cannot run here; give the code as a zip archive in ZipFile")
        }
        if fields["S3Bucket"] != nil || fields["S3Key"] != nil || fields["S3ObjectVersion"] != nil {
            throw LambdaError.invalid(
                "There is no S3 here to get code from; give the zip archive itself in ZipFile")
        }
        guard let text = fields["ZipFile"]?.string, !text.isEmpty else {
            throw LambdaError.invalid("Please provide a source for function code.")
        }
        guard let bytes = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
            throw LambdaError(
                "SerializationException", 400, "The value of ZipFile is not base64")
        }
        guard bytes.count <= Self.maximumBytes else {
            throw LambdaError(
                "RequestEntityTooLargeException", 413,
                "Zipped size must be smaller than \(Self.maximumBytes) bytes")
        }
        zip = Array(bytes)
        sha256 = Data(SHA256.hash(data: zip)).base64EncodedString()
    }
}

extension LambdaConfiguration {
    /// Where a version's code is.
    struct Code: Sendable {
        var sha256: String
        var bytes: Int
        var archive: String?

        init(_ code: LambdaCode, archive: String) {
            sha256 = code.sha256
            bytes = code.zip.count
            self.archive = archive
        }

        init(_ configuration: LambdaConfiguration) {
            sha256 = configuration.codeSha256
            bytes = configuration.codeBytes
            archive = configuration.archive
        }
    }
}
