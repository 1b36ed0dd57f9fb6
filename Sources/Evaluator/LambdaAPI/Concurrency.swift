import FunctionRegistry
import Hummingbird

/// How many calls of a function run at once, and how many cells are kept for it.
extension LambdaService {
    func putConcurrency(_ request: LambdaRequest) async throws -> Response {
        let reference = try unqualified(request)
        let limit = request.int("ReservedConcurrentExecutions") ?? 0
        return try await withConcurrency { unreserved in
            guard let before = try await functions.find(reference.name) else {
                throw functions.notFound(FunctionReference(reference.name, qualifier: "$LATEST"))
            }
            guard unreserved + (before.claimedConcurrency ?? 0) - limit >= Self.leastUnreserved
            else { throw Self.tooLittleLeft("ReservedConcurrentExecutions") }
            return try await functions.update(reference) { function in
                let provisioned = function.provisionedConcurrency
                guard limit == 0 || limit >= provisioned else {
                    throw LambdaError.invalid(
                        " ReservedConcurrentExecutions  \(limit) should not be lower than function's "
                            + "total provisioned concurrency [\(provisioned)].")
                }
                function.reservedConcurrency = limit
                return lambdaResponse(200, ["ReservedConcurrentExecutions": .int(limit)])
            }
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
    /// What has to be left for functions without a share of their own.
    private static let leastUnreserved = 100

    /// What no function has claimed.
    func unreservedConcurrency() async throws -> Int {
        Self.accountConcurrency
            - (try await registry.sum(LambdaFunction.collection, of: "claimedConcurrency"))
    }

    /// Runs `body` while no other function claims anything.
    private func withConcurrency<Result: Sendable>(
        _ body: @Sendable (_ unreserved: Int) async throws -> Result
    ) async throws -> Result {
        try await functions.alone(":concurrency") { try await body(unreservedConcurrency()) }
    }

    private static func tooLittleLeft(_ what: String) -> LambdaError {
        .invalid(
            "Specified \(what) for function decreases account's UnreservedConcurrentExecution below "
                + "its minimum value of [\(leastUnreserved)].")
    }

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
        let reference = try request.function()
        guard !reference.isLatest, let qualifier = reference.qualifier else {
            throw LambdaError.invalid(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
            )
        }
        let count = request.int("ProvisionedConcurrentExecutions") ?? 0
        return try await withConcurrency { unreserved in
            guard let before = try await functions.find(reference.name) else {
                throw reference.version == nil
                    ? functions.aliasNotFound(reference) : functions.notFound(reference)
            }
            try await functions.require(before, reference)
            try Self.checkOverlap(qualifier, before)
            if before.reservedConcurrency == nil {
                let free = unreserved + (before.provisioned[qualifier]?.requested ?? 0)
                guard count <= free else {
                    throw LambdaError.invalid(
                        "Specified ConcurrentExecutions for function is greater than account's "
                            + "unreserved concurrency [\(free)].")
                }
                guard free - count >= Self.leastUnreserved else {
                    throw Self.tooLittleLeft("ConcurrentExecutions")
                }
            }
            return try await functions.update(reference) { function in
                let provisioned = LambdaFunction.Provisioned(
                    requested: count, modifiedAtMs: currentTimeMs())
                function.provisioned[qualifier] = provisioned
                if let reserved = function.reservedConcurrency,
                    reserved < function.provisionedConcurrency
                {
                    throw LambdaError.invalid(
                        "Requested Provisioned Concurrency should not be greater than the "
                            + "reservedConcurrentExecution for function")
                }
                return lambdaResponse(202, view(provisioned))
            }
        }
    }

    /// A version and an alias of it cannot both have some.
    private static func checkOverlap(
        _ qualifier: String, _ function: LambdaFunction
    ) throws {
        if let alias = function.aliases[qualifier] {
            guard function.provisioned[alias.version] == nil else {
                throw LambdaError.conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already "
                        + "Provisioned version")
            }
        } else {
            let names = function.aliases.filter { $0.value.version == qualifier }.keys
            guard names.allSatisfy({ function.provisioned[$0] == nil }) else {
                throw LambdaError.conflict(
                    "Version is pointed by a Provisioned Concurrency alias")
            }
        }
    }

    func getProvisioned(_ request: LambdaRequest) async throws -> Response {
        let (reference, qualifier) = try provisionedReference(request)
        let function = try await functions.get(reference)
        guard let provisioned = function.provisioned[qualifier] else {
            throw LambdaError(
                "ProvisionedConcurrencyConfigNotFoundException", 404,
                "No Provisioned Concurrency Config found for this function")
        }
        return lambdaResponse(200, view(provisioned))
    }

    func deleteProvisioned(_ request: LambdaRequest) async throws -> Response {
        let (reference, qualifier) = try provisionedReference(request)
        return try await functions.update(reference) { function in
            function.provisioned[qualifier] = nil
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

    private func provisionedReference(
        _ request: LambdaRequest
    ) throws -> (reference: FunctionReference, qualifier: String) {
        let reference = try request.function()
        guard !reference.isLatest, let qualifier = reference.qualifier else {
            throw LambdaError.invalid(
                "The function resource provided must be an alias or a published version.")
        }
        return (reference, qualifier)
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
