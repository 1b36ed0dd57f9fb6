import FunctionRegistry
import Hummingbird

/// How many calls of a function run at once, and how many cells are kept for it.
extension LambdaService {
    func putConcurrency(_ request: LambdaRequest) async throws -> Response {
        let reference = try unqualified(request)
        let limit = request.int("ReservedConcurrentExecutions") ?? 0
        guard limit <= Self.accountConcurrency - Self.unreservedConcurrency else {
            throw LambdaError.invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                    + "UnreservedConcurrentExecution below its minimum value of "
                    + "[\(Self.unreservedConcurrency)].")
        }
        guard try await functions.find(reference.name) != nil else {
            throw functions.notFound(FunctionReference(reference.name, qualifier: "$LATEST"))
        }
        return try await functions.update(reference) { function in
            function.reservedConcurrency = limit
            return lambdaResponse(200, ["ReservedConcurrentExecutions": .int(limit)])
        }
    }

    func getConcurrency(_ request: LambdaRequest) async throws -> Response {
        let function = try await functions.get(unqualified(request))
        return lambdaResponse(
            200,
            .fields([
                "ReservedConcurrentExecutions": function.reservedConcurrency.map { .int($0) }
            ]))
    }

    func deleteConcurrency(_ request: LambdaRequest) async throws -> Response {
        try await functions.update(unqualified(request)) { function in
            function.reservedConcurrency = nil
            return Response(status: .noContent)
        }
    }

    /// What accounts of Lambda have. How many calls run at once here is the number of slots.
    static let accountConcurrency = 1000
    private static let unreservedConcurrency = 100

    private func unqualified(_ request: LambdaRequest) throws -> FunctionReference {
        let reference = try request.function()
        guard reference.qualifier == nil else {
            throw LambdaError.invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not "
                    + "support this operation. Please specify either a function name or an unqualified "
                    + "function ARN.")
        }
        return reference
    }

    // MARK: Provisioned concurrency

    func putProvisioned(_ request: LambdaRequest) async throws -> Response {
        let reference = try provisionedReference(request)
        let count = request.int("ProvisionedConcurrentExecutions") ?? 0
        guard count <= Self.accountConcurrency else {
            throw LambdaError.invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                    + "concurrency [\(Self.accountConcurrency)].")
        }
        return try await functions.update(reference) { function in
            _ = try await functions.configuration(function, reference)
            if let reserved = function.reservedConcurrency, reserved < count {
                throw LambdaError.invalid(
                    "Requested Provisioned Concurrency should not be greater than the "
                        + "reservedConcurrentExecution for function")
            }
            let provisioned = LambdaFunction.Provisioned(
                requested: count, modifiedAtMs: currentTimeMs())
            function.provisioned[reference.qualifier ?? ""] = provisioned
            return lambdaResponse(202, view(provisioned))
        }
    }

    func getProvisioned(_ request: LambdaRequest) async throws -> Response {
        let reference = try provisionedReference(request)
        let function = try await functions.get(reference)
        guard let provisioned = function.provisioned[reference.qualifier ?? ""] else {
            throw LambdaError(
                "ProvisionedConcurrencyConfigNotFoundException", 404,
                "No Provisioned Concurrency Config found for this function")
        }
        return lambdaResponse(200, view(provisioned))
    }

    func deleteProvisioned(_ request: LambdaRequest) async throws -> Response {
        let reference = try provisionedReference(request)
        return try await functions.update(reference) { function in
            function.provisioned[reference.qualifier ?? ""] = nil
            return Response(status: .noContent)
        }
    }

    func listProvisioned(_ request: LambdaRequest) async throws -> Response {
        let function = try await functions.get(unqualified(request))
        let items = function.provisioned.sorted { $0.key < $1.key }.map { qualifier, provisioned in
            var fields = view(provisioned).object ?? [:]
            fields["FunctionArn"] = .string(names.function(function.name, qualifier))
            return JSONValue.object(fields)
        }
        return lambdaResponse(
            200, try await Self.page(items, nil, "ProvisionedConcurrencyConfigs"))
    }

    private func provisionedReference(_ request: LambdaRequest) throws -> FunctionReference {
        let reference = try request.function()
        guard !reference.isLatest else {
            throw LambdaError.invalid(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
            )
        }
        return reference
    }

    private func view(_ provisioned: LambdaFunction.Provisioned) -> JSONValue {
        let isReady = currentTimeMs() - provisioned.modifiedAtMs >= LambdaLife.changeMs
        let there = isReady ? provisioned.requested : 0
        return [
            "RequestedProvisionedConcurrentExecutions": .int(provisioned.requested),
            "AvailableProvisionedConcurrentExecutions": .int(there),
            "AllocatedProvisionedConcurrentExecutions": .int(there),
            "Status": isReady ? "READY" : "IN_PROGRESS",
            "LastModified": .string(LambdaTime.text(provisioned.modifiedAtMs)),
        ]
    }
}
