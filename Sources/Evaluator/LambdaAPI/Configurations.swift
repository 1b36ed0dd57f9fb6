import FunctionRegistry
import Hummingbird

/// Settings that clients insist on reading: recursion, runtimes' updates, code signing, the account's; and
/// what is refused.
extension LambdaService {
    func recursion(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard let wanted = request.string("RecursiveLoop") else {
            let function = try await functions.get(reference)
            return lambdaResponse(200, ["RecursiveLoop": .string(function.recursiveLoop)])
        }
        return try await functions.update(reference) { function in
            function.recursiveLoop = wanted
            return lambdaResponse(200, ["RecursiveLoop": .string(wanted)])
        }
    }

    func runtimeManagement(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let key = reference.qualifier ?? "$LATEST"
        @Sendable func view(_ function: LambdaFunction) -> Response {
            var fields = function.runtimeManagement[key]?.object ?? ["UpdateRuntimeOn": "Auto"]
            fields["FunctionArn"] = .string(names.function(function.name, key))
            return lambdaResponse(200, .object(fields))
        }
        guard let wanted = request.string("UpdateRuntimeOn") else {
            let function = try await functions.get(reference)
            _ = try await functions.configuration(function, reference)
            return view(function)
        }
        let arn = request.string("RuntimeVersionArn")
        guard (wanted == "Manual") == (arn != nil) else {
            throw LambdaError.invalid(
                wanted == "Manual"
                    ? "RuntimeVersionArn has to be given with the update mode Manual"
                    : "RuntimeVersionArn can be given with the update mode Manual only")
        }
        return try await functions.update(reference) { function in
            _ = try await functions.configuration(function, reference)
            function.runtimeManagement[key] = .fields([
                "UpdateRuntimeOn": .string(wanted), "RuntimeVersionArn": arn.map { .string($0) },
            ])
            return view(function)
        }
    }

    func accountSettings(_ request: LambdaRequest) async throws -> Response {
        let (count, unseen) = try await registry.sizes(besides: LambdaFunction.collection)
        var bytes = unseen
        for (collection, field) in [
            (LambdaFunction.collection, "latest.codeBytes"),
            (LambdaFunction.versionCollection, "codeBytes"), (LambdaLayer.collection, "codeBytes"),
        ] {
            bytes += try await registry.sum(collection, of: field)
        }
        return lambdaResponse(
            200,
            [
                "AccountLimit": [
                    "TotalCodeSize": 80_530_636_800, "CodeSizeUnzipped": 268_435_456,
                    "CodeSizeZipped": 52_428_800,
                    "ConcurrentExecutions": .int(Self.accountConcurrency),
                    "UnreservedConcurrentExecutions": .int(try await unreservedConcurrency()),
                ],
                "AccountUsage": ["TotalCodeSize": .int(bytes), "FunctionCount": .int(count)],
            ])
    }

    // MARK: Code signing: nothing is signed

    func getFunctionCodeSigning(_ request: LambdaRequest) async throws -> Response {
        let function = try await functions.get(
            request.function())
        return lambdaResponse(
            200, ["FunctionName": .string(FunctionName(reading: function.name).local)])
    }

    func deleteFunctionCodeSigning(_ request: LambdaRequest) async throws -> Response {
        _ = try await functions.get(request.function())
        return Response(status: .noContent)
    }

    /// The error, or the empty answer, of an operation that there is and that is not done here.
    func refusal(_ request: LambdaRequest) async throws -> LambdaError {
        let operation = request.operation
        if let name = request.string("FunctionName") {
            _ = try await functions.get(request.reference(name))
        }
        switch operation {
        case "GetCodeSigningConfig", "UpdateCodeSigningConfig", "DeleteCodeSigningConfig",
            "ListFunctionsByCodeSigningConfig":
            return .notFound(
                "The Lambda code signing configuration "
                    + "\(request.string("CodeSigningConfigArn") ?? "") can not be found.")
        case "PutFunctionCodeSigningConfig":
            return .noCodeSigning(request.string("CodeSigningConfigArn") ?? "")
        case "GetCapacityProvider", "UpdateCapacityProvider", "DeleteCapacityProvider",
            "ListFunctionVersionsByCapacityProvider":
            return .notFound("The capacity provider does not exist; there is none here")
        case "GetDurableExecution", "GetDurableExecutionHistory", "StopDurableExecution":
            return .notFound("The durable execution does not exist; there is none here")
        case "GetFunctionScalingConfig":
            return .notFound("The function has no scaling configuration")
        default:
            return .invalid("\(operation) is not supported by this evaluator")
        }
    }
}
