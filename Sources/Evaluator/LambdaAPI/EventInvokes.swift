import FunctionRegistry
import Hummingbird

/// What becomes of asynchronous calls that fail, and who is told of their end.
extension LambdaService {
    /// Put and update: what update leaves out stays.
    func putEventInvoke(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let isUpdate = request.operation.hasPrefix("Update")
        let given = ["MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"]
        guard given.contains(where: { request.input[$0] != nil }) else {
            throw LambdaError.invalid(
                "You must specify at least one of error handling or destination setting.")
        }
        guard try await functions.find(reference.name) != nil else { throw Self.noSuchFunction }
        return try await functions.update(reference) { function in
            _ = try await functions.configuration(function, reference)
            let key = reference.qualifier ?? "$LATEST"
            let old = function.eventInvokes[key]
            if isUpdate, old == nil { throw missing(reference) }
            var settings =
                isUpdate ? old ?? .init(modifiedAtMs: 0) : .init(modifiedAtMs: 0)
            settings.retries = request.int("MaximumRetryAttempts") ?? settings.retries
            settings.maxAgeSeconds =
                request.int("MaximumEventAgeInSeconds") ?? settings.maxAgeSeconds
            if let destinations = request.object("DestinationConfig") {
                settings.onSuccess = try await destination(
                    destinations["OnSuccess"], reference, request)
                settings.onFailure = try await destination(
                    destinations["OnFailure"], reference, request)
            }
            settings.modifiedAtMs = currentTimeMs()
            function.eventInvokes[key] = settings
            return lambdaResponse(200, view(settings, function.name, key))
        }
    }

    func getEventInvoke(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard let function = try await functions.find(reference.name) else {
            throw missing(reference)
        }
        let key = reference.qualifier ?? "$LATEST"
        guard let settings = function.eventInvokes[key] else { throw missing(reference) }
        return lambdaResponse(200, view(settings, function.name, key))
    }

    func deleteEventInvoke(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard try await functions.find(reference.name) != nil else { throw missing(reference) }
        return try await functions.update(reference) { function in
            let key = reference.qualifier ?? "$LATEST"
            guard function.eventInvokes[key] != nil else { throw missing(reference) }
            function.eventInvokes[key] = nil
            return Response(status: .noContent)
        }
    }

    func listEventInvokes(_ request: LambdaRequest) async throws -> Response {
        let name = try request.function().name
        guard let function = try await functions.find(name) else { throw Self.noSuchFunction }
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize()
        let found = function.eventInvokes.sorted { $0.key < $1.key }.filter { $0.key > marker }
        let items = found.prefix(size).map { view($0.value, function.name, $0.key) }
        let next = found.count > size ? found[size - 1].key : nil
        return lambdaResponse(
            200, try await Self.page(items, next, "FunctionEventInvokeConfigs"))
    }

    private static let noSuchFunction = LambdaError.notFound("The function doesn't exist.")

    private func missing(_ reference: FunctionReference) -> LambdaError {
        .notFound(
            "The function \(names.function(reference.name, reference.qualifier ?? "$LATEST")) "
                + "doesn't have an EventInvokeConfig")
    }

    /// A function that is called with the record of an end.
    /// - Throws: `InvalidParameterValueException` for every other kind of destination.
    private func destination(
        _ fields: JSONValue?, _ reference: FunctionReference, _ request: LambdaRequest
    ) async throws -> String? {
        guard let text = fields?["Destination"]?.string, !text.isEmpty else { return nil }
        guard LambdaNames.kind(ofARN: text) == "function" else {
            func shown(_ name: String) -> String {
                let given = request.object("DestinationConfig")?[name]?["Destination"]?.string
                return given.map { "\(name)(destination=\($0))" } ?? "null"
            }
            throw LambdaError.invalid(
                "The provided destination config DestinationConfig(onSuccess=\(shown("OnSuccess")), "
                    + "onFailure=\(shown("OnFailure"))) is invalid. Reason: here a destination is the "
                    + "ARN of a function of this evaluator")
        }
        guard let target = try? request.reference(text),
            let function = try await functions.find(target.name)
        else { throw LambdaError.invalid("The destination ARN \(text) is invalid.") }
        guard target.name != reference.name else {
            throw LambdaError.invalid(
                "You can't specify the function as a destination for itself.")
        }
        _ = try await functions.configuration(function, target)
        return text
    }

    private func view(
        _ settings: LambdaFunction.EventInvoke, _ name: String, _ qualifier: String
    ) -> JSONValue {
        func target(_ text: String?) -> JSONValue {
            text.map { ["Destination": .string($0)] } ?? [:]
        }
        return .fields([
            "FunctionArn": .string(names.function(name, qualifier)),
            "LastModified": .double(Double(settings.modifiedAtMs) / 1000),
            "MaximumRetryAttempts": settings.retries.map { .int($0) },
            "MaximumEventAgeInSeconds": settings.maxAgeSeconds.map { .int($0) },
            "DestinationConfig": [
                "OnSuccess": target(settings.onSuccess), "OnFailure": target(settings.onFailure),
            ],
        ])
    }
}
