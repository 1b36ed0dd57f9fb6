import Crypto
import Foundation
import FunctionRegistry

extension LambdaConfiguration {
    /// Of a version that did not come through Lambda's API.
    init(_ version: FunctionVersion, _ names: LambdaNames) {
        self.init(
            registryVersion: version.version,
            runtime: version.runtime == .python ? "python3.11" : "nodejs20.x",
            role: "arn:aws:iam::\(names.account):role/cloister", handler: version.handler,
            description: version.description ?? "",
            timeoutSeconds: (version.timeoutMs + 999) / 1000, memoryMB: version.memoryMB,
            tmpMB: version.tmpMB,
            environment: version.environment.isEmpty ? nil : version.environment,
            codeSha256: Data(hex: version.codeSha256).base64EncodedString(),
            codeBytes: version.codeBytes, archive: nil, bundle: version.codeSha256,
            bundleBytes: version.codeBytes, mergedLayers: version.layers,
            modifiedAtMs: version.createdAtMs,
            // Stable: the version never changes.
            revision: "00000000-0000-4000-8000-"
                + String(format: "%012x", version.createdAtMs & 0xFFFF_FFFF_FFFF))
    }

    /// `FunctionConfiguration`, as clients read it.
    /// - Parameters:
    ///   - name: the function's, in the registry.
    ///   - qualifier: the one that the ARN ends with.
    ///   - life: what it is shown to be in; what it is in now by default.
    func view(
        _ name: String, _ names: LambdaNames, qualifier: String?, life: LambdaLife? = nil
    ) -> JSONValue {
        let life = life ?? .of(self, atMs: currentTimeMs())
        var fields = lasting(name, names, qualifier: qualifier, life)
        fields.merge(life.fields) { _, new in new }
        fields["RuntimeVersionConfig"] = [
            "RuntimeVersionArn": .string(
                "arn:aws:lambda:\(names.region(of: name))::runtime:\(Self.runtimeHash(runtime))")
        ]
        return .object(fields)
    }

    /// `FunctionConfiguration` as lists have it: without what passes.
    func listed(_ name: String, _ names: LambdaNames, qualifier: String?) -> JSONValue {
        .object(
            lasting(name, names, qualifier: qualifier, .of(self, atMs: currentTimeMs())))
    }

    private func lasting(
        _ name: String, _ names: LambdaNames, qualifier: String?, _ life: LambdaLife
    ) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "FunctionName": .string(FunctionName(reading: name).local),
            "FunctionArn": .string(names.function(name, qualifier)),
            "Runtime": .string(runtime),
            "Role": .string(role),
            "Handler": .string(handler),
            "CodeSize": .int(codeBytes),
            "Description": .string(description),
            "Timeout": .int(timeoutSeconds),
            "MemorySize": .int(memoryMB),
            "LastModified": .string(LambdaTime.text(modifiedAtMs)),
            "CodeSha256": .string(codeSha256),
            "Version": .string(version),
            "RevisionId": .string(shownRevision(life)),
            "PackageType": "Zip",
            "Architectures": .list(architectures),
            "EphemeralStorage": ["Size": .int(tmpMB)],
            "TracingConfig": ["Mode": "PassThrough"],
            "SnapStart": ["ApplyOn": "None", "OptimizationStatus": "Off"],
            "LoggingConfig": (logging ?? LambdaLogging()).view(name),
        ]
        if let environment { fields["Environment"] = ["Variables": .map(environment)] }
        if !layers.isEmpty {
            fields["Layers"] = .array(
                layers.map { ["Arn": .string($0.arn), "CodeSize": .int($0.codeBytes)] })
        }
        return fields.merging(inert) { _, kept in kept }
    }

    /// Names a version of a runtime as Lambda does: 64 digits that say nothing.
    private static func runtimeHash(_ runtime: String) -> String {
        SHA256.hash(data: Data(runtime.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}

extension Data {
    /// Out of digits in pairs; what is none is left out.
    init(hex: String) {
        let digits = Array(hex.utf8)
        self.init(
            stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
            })
    }
}

/// Times as Lambda writes them.
enum LambdaTime {
    /// `2026-01-31T09:15:02.123+0000`.
    static func text(_ milliseconds: Int64) -> String {
        String(Timestamp.text(milliseconds).dropLast()) + "+0000"
    }
}
