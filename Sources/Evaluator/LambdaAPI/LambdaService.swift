import FunctionRegistry
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Lambda's operations over the registry and the supervisor.
struct LambdaService: Sendable {
    let registry: FunctionRegistry
    let functions: LambdaFunctions
    let invoker: LambdaInvoker
    let codeLinks: CodeLinks
    let reads: SlowReads
    let unread: UnreadAnswers

    var names: LambdaNames { functions.names }

    /// - Throws: `LambdaError` and what the registry and the supervisor throw.
    func perform(_ request: LambdaRequest) async throws -> Response {
        guard request.operation.hasPrefix("List") || Self.slow.contains(request.operation) else {
            return try await performNow(request)
        }
        return try await reads.run { try await performNow(request) }
    }

    /// What takes the longer, the more there is, besides lists.
    private static let slow: Set = [
        "GetAccountSettings", "CreateEventSourceMapping", "PutFunctionConcurrency",
        "PutProvisionedConcurrencyConfig",
    ]

    private func performNow(_ request: LambdaRequest) async throws -> Response {
        switch request.operation {
        case "CreateFunction": try await createFunction(request)
        case "GetFunction": try await getFunction(request)
        case "GetFunctionConfiguration": try await getFunctionConfiguration(request)
        case "UpdateFunctionConfiguration": try await updateFunctionConfiguration(request)
        case "UpdateFunctionCode": try await updateFunctionCode(request)
        case "DeleteFunction": try await deleteFunction(request)
        case "ListFunctions": try await listFunctions(request)
        case "PublishVersion": try await publishVersion(request)
        case "ListVersionsByFunction": try await listVersions(request)
        case "Invoke", "InvokeAsync", "InvokeWithResponseStream": try await invoke(request)
        case "CreateAlias": try await createAlias(request)
        case "GetAlias": try await getAlias(request)
        case "UpdateAlias": try await updateAlias(request)
        case "DeleteAlias": try await deleteAlias(request)
        case "ListAliases": try await listAliases(request)
        case "TagResource": try await tagResource(request)
        case "UntagResource": try await untagResource(request)
        case "ListTags": try await listTags(request)
        default: try await performMore(request)
        }
    }

    private func performMore(_ request: LambdaRequest) async throws -> Response {
        switch request.operation {
        case "AddPermission": try await addPermission(request)
        case "RemovePermission": try await removePermission(request)
        case "GetPolicy": try await getPolicy(request)
        case "PutFunctionConcurrency": try await putConcurrency(request)
        case "GetFunctionConcurrency": try await getConcurrency(request)
        case "DeleteFunctionConcurrency": try await deleteConcurrency(request)
        case "PutProvisionedConcurrencyConfig": try await putProvisioned(request)
        case "GetProvisionedConcurrencyConfig": try await getProvisioned(request)
        case "DeleteProvisionedConcurrencyConfig": try await deleteProvisioned(request)
        case "ListProvisionedConcurrencyConfigs": try await listProvisioned(request)
        case "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig":
            try await putEventInvoke(request)
        case "GetFunctionEventInvokeConfig": try await getEventInvoke(request)
        case "DeleteFunctionEventInvokeConfig": try await deleteEventInvoke(request)
        case "ListFunctionEventInvokeConfigs": try await listEventInvokes(request)
        case "PutFunctionRecursionConfig", "GetFunctionRecursionConfig":
            try await recursion(request)
        case "PutRuntimeManagementConfig", "GetRuntimeManagementConfig":
            try await runtimeManagement(request)
        case "GetAccountSettings": try await accountSettings(request)
        default: try await performRest(request)
        }
    }

    private func performRest(_ request: LambdaRequest) async throws -> Response {
        switch request.operation {
        case "PublishLayerVersion": try await publishLayer(request)
        case "GetLayerVersion", "GetLayerVersionByArn": try await getLayer(request)
        case "ListLayers": try await listLayers(request)
        case "ListLayerVersions": try await listLayerVersions(request)
        case "DeleteLayerVersion": try await deleteLayer(request)
        case "AddLayerVersionPermission": try await addLayerPermission(request)
        case "RemoveLayerVersionPermission": try await removeLayerPermission(request)
        case "GetLayerVersionPolicy": try await getLayerPolicy(request)
        case "CreateFunctionUrlConfig": try await createURL(request)
        case "UpdateFunctionUrlConfig": try await updateURL(request)
        case "GetFunctionUrlConfig": try await getURL(request)
        case "DeleteFunctionUrlConfig": try await deleteURL(request)
        case "ListFunctionUrlConfigs": try await listURLs(request)
        case "CreateEventSourceMapping": try await createEventSource(request)
        case "GetEventSourceMapping": try await getEventSource(request)
        case "ListEventSourceMappings": try await listEventSources(request)
        case "UpdateEventSourceMapping": try await updateEventSource(request)
        case "DeleteEventSourceMapping": try await deleteEventSource(request)
        case "GetFunctionCodeSigningConfig": try await getFunctionCodeSigning(request)
        case "DeleteFunctionCodeSigningConfig": try await deleteFunctionCodeSigning(request)
        default: throw try await refusal(request)
        }
    }
}
