import FunctionRegistry
import Hummingbird

/// Where functions answer web requests: the document `lambda.url` leads from an address to its function.
struct LambdaURLTarget: Codable, Sendable, Equatable {
    var function: String
    var qualifier: String?

    static let collection = "lambda.url"
}

extension LambdaService {
    func createURL(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        return try await functions.alone(reference.name) {
            var function = try await urlFunction(reference)
            try requireURLQualifier(reference, function)
            let key = reference.qualifier ?? "$LATEST"
            guard function.urls[key] == nil else {
                throw LambdaError.conflict(
                    "Failed to create function url config for [functionArn = "
                        + "\(names.function(reference.name, reference.qualifier))]. Error message:  "
                        + "FunctionUrlConfig exists for this Lambda function")
            }
            let now = currentTimeMs()
            let url = LambdaFunction.URLConfiguration(
                id: Self.newURLID(), authType: try request.required("AuthType"),
                cors: try Self.cors(request),
                invokeMode: request.string("InvokeMode") ?? "BUFFERED",
                createdAtMs: now, modifiedAtMs: now)
            function.urls[key] = url
            let target = LambdaURLTarget(
                function: function.name, qualifier: reference.qualifier)
            try await registry.write([
                function.change(),
                .put(
                    Document(
                        collection: LambdaURLTarget.collection, key: url.id,
                        function: function.name, body: encoded(target))),
            ])
            var shown = view(url, function.name, key, request)
            shown["LastModifiedTime"] = nil
            // Who sets one is told of the mode that was given.
            shown["InvokeMode"] = request.input["InvokeMode"]
            return lambdaResponse(201, .object(shown))
        }
    }

    func updateURL(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        try requireURLQualifier(reference, try await urlFunction(reference))
        return try await functions.update(reference) { function in
            let key = reference.qualifier ?? "$LATEST"
            var url = try url(function, reference)
            url.authType = request.string("AuthType") ?? url.authType
            url.invokeMode = request.string("InvokeMode") ?? url.invokeMode
            if request.input["Cors"] != nil { url.cors = try Self.cors(request) }
            url.modifiedAtMs = currentTimeMs()
            function.urls[key] = url
            var shown = view(url, function.name, key, request)
            shown["InvokeMode"] = request.input["InvokeMode"]
            return lambdaResponse(200, .object(shown))
        }
    }

    func getURL(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard let function = try await functions.find(reference.name) else { throw Self.noURL }
        let shown = view(
            try url(function, reference), function.name, reference.qualifier ?? "$LATEST", request)
        return lambdaResponse(200, .object(shown))
    }

    func deleteURL(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        return try await functions.alone(reference.name) {
            guard var function = try await functions.find(reference.name) else {
                throw Self.noURL
            }
            let url = try url(function, reference)
            function.urls[reference.qualifier ?? "$LATEST"] = nil
            try await registry.write([
                function.change(),
                .remove(collection: LambdaURLTarget.collection, key: url.id),
            ])
            return Response(status: .noContent)
        }
    }

    func listURLs(_ request: LambdaRequest) async throws -> Response {
        let function = try await urlFunction(
            request.function())
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize()
        let found = function.urls.sorted { $0.key < $1.key }.filter { $0.key > marker }
        let items = found.prefix(size).map {
            JSONValue.object(view($0.value, function.name, $0.key, request))
        }
        let next = found.count > size ? found[size - 1].key : nil
        return lambdaResponse(200, try await Self.page(items, next, "FunctionUrlConfigs"))
    }

    /// An address: 32 small letters and digits.
    private static func newURLID() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz234567")
        return String((0..<32).map { _ in letters[Int.random(in: 0..<letters.count)] })
    }

    private static func cors(_ request: LambdaRequest) throws -> JSONValue? {
        guard let cors = request.object("Cors"), cors.object?.isEmpty == false else { return nil }
        // The protocol has no such pair (fetch.spec.whatwg.org, "CORS protocol and credentials").
        if cors["AllowCredentials"]?.bool == true,
            cors["AllowOrigins"]?.strings?.contains("*") == true
        {
            throw LambdaError.invalid(
                "AllowCredentials cannot be true where AllowOrigins has *; name the origins")
        }
        return cors
    }

    private func requireURLQualifier(
        _ reference: FunctionReference, _ function: LambdaFunction
    ) throws {
        guard let qualifier = reference.qualifier else { return }
        guard function.aliases[qualifier] != nil else { throw Self.noFunction }
    }

    private func urlFunction(_ reference: FunctionReference) async throws -> LambdaFunction {
        guard let function = try await functions.find(reference.name) else { throw Self.noFunction }
        return function
    }

    private static let noFunction = LambdaError.notFound("Function does not exist")
    private static let noURL = LambdaError.notFound("The resource you requested does not exist.")

    private func url(
        _ function: LambdaFunction, _ reference: FunctionReference
    ) throws -> LambdaFunction.URLConfiguration {
        guard let url = function.urls[reference.qualifier ?? "$LATEST"] else {
            throw Self.noURL
        }
        return url
    }

    private func view(
        _ url: LambdaFunction.URLConfiguration, _ name: String, _ key: String,
        _ request: LambdaRequest
    ) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "FunctionUrl": .string(
                FunctionURLGateway.url(url.id, host: request.host, region: request.region)),
            "FunctionArn": .string(names.function(name, key == "$LATEST" ? nil : key)),
            "AuthType": .string(url.authType),
            "CreationTime": .string(Timestamp.text(url.createdAtMs)),
            "LastModifiedTime": .string(Timestamp.text(url.modifiedAtMs)),
            "InvokeMode": .string(url.invokeMode),
        ]
        fields["Cors"] = url.cors
        return fields
    }
}
