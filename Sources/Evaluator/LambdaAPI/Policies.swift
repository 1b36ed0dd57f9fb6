import FunctionRegistry
import Hummingbird

/// Resource policies: kept and shown, and decisive for nothing but function URLs of the type `AWS_IAM`, as
/// whoever has an access key may do everything.
extension LambdaService {
    static let maximumPolicyBytes = 20_480

    func addPermission(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard reference.qualifier != "$LATEST" else {
            throw LambdaError.invalid(
                "We currently do not support adding policies for $LATEST.")
        }
        let statement = try Self.statement(
            request, resource: names.function(reference.name, reference.qualifier))
        return try await functions.update(reference) { function in
            try await functions.require(function, reference)
            let key = reference.qualifier ?? "$LATEST"
            var policy = function.policies[key]
            try Self.add(statement, to: &policy, revision: request.string("RevisionId"))
            function.policies[key] = policy
            return lambdaResponse(201, ["Statement": .string(statement.text)])
        }
    }

    func removePermission(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard try await functions.find(reference.name) != nil else {
            throw LambdaError.notFound("No policy found for: \(names.function(reference.name))")
        }
        return try await functions.update(reference) { function in
            try await functions.require(function, reference)
            let key = reference.qualifier ?? "$LATEST"
            var policy = function.policies[key]
            try Self.remove(
                try request.required("StatementId"), from: &policy,
                revision: request.string("RevisionId"))
            function.policies[key] = policy
            return Response(status: .noContent)
        }
    }

    func getPolicy(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard let function = try await functions.find(reference.name) else {
            throw LambdaError.notFound("The resource you requested does not exist.")
        }
        try await functions.require(function, reference)
        return lambdaResponse(
            200, try Self.view(function.policies[reference.qualifier ?? "$LATEST"]))
    }

    static func view(_ policy: LambdaFunction.Policy?) throws -> JSONValue {
        guard let policy else {
            throw LambdaError.notFound("The resource you requested does not exist.")
        }
        let document: JSONValue = [
            "Version": "2012-10-17", "Id": "default", "Statement": .array(policy.statements),
        ]
        return ["Policy": .string(document.text), "RevisionId": .string(policy.revision)]
    }

    /// A statement as policies have it, out of the parameters that stand for it.
    static func statement(_ request: LambdaRequest, resource: String) throws -> JSONValue {
        let who = try Self.principal(request.required("Principal"))
        var conditions: [String: JSONValue] = [:]
        var equals: [String: JSONValue] = [:]
        if let arn = request.string("SourceArn") {
            conditions["ArnLike"] = ["AWS:SourceArn": .string(arn)]
        }
        equals["AWS:SourceAccount"] = request.string("SourceAccount").map { .string($0) }
        equals["aws:PrincipalOrgID"] =
            (request.string("PrincipalOrgID")
            ?? request.string("OrganizationId")).map { .string($0) }
        equals["lambda:FunctionUrlAuthType"] = request.string("FunctionUrlAuthType").map {
            .string($0)
        }
        equals["lambda:EventSourceToken"] = request.string("EventSourceToken").map { .string($0) }
        if request.input["InvokedViaFunctionUrl"] == true {
            conditions["Bool"] = ["lambda:InvokedViaFunctionUrl": "true"]
        }
        if !equals.isEmpty { conditions["StringEquals"] = .object(equals) }
        return .fields([
            "Sid": .string(try request.required("StatementId")), "Effect": "Allow",
            "Principal": who, "Action": .string(try request.required("Action")),
            "Resource": .string(resource),
            "Condition": conditions.isEmpty ? nil : .object(conditions),
        ])
    }

    /// Who is allowed something: everybody, an account, a user or role, or a service.
    private static func principal(_ text: String) throws -> JSONValue {
        if text == "*" { return "*" }
        if LambdaNames.isAccount(text) { return ["AWS": .string("arn:aws:iam::\(text):root")] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count >= 6, parts[0] == "arn", ["iam", "sts"].contains(parts[2]),
            parts.last?.isEmpty == false
        {
            return ["AWS": .string(text)]
        }
        if parts.count == 1, services.contains(where: { text.hasSuffix($0) && text != $0 }) {
            return ["Service": .string(text)]
        }
        throw LambdaError.invalid(
            "The provided principal was invalid. Please check the principal and try again.")
    }

    private static let services = [".amazonaws.com", ".amazonaws.com.cn"]

    /// - Parameter reader: the operation that tells the policy's revision.
    static func add(
        _ statement: JSONValue, to policy: inout LambdaFunction.Policy?, revision: String?,
        reader: String = "GetPolicy"
    ) throws {
        var changed = policy ?? LambdaFunction.Policy(statements: [], revision: "")
        // Where there is no policy, no revision is its.
        if let revision, revision != changed.revision {
            throw LambdaError.preconditionFailed(reader)
        }
        let id = statement["Sid"]?.string ?? ""
        guard !changed.statements.contains(where: { $0["Sid"]?.string == id }) else {
            throw LambdaError.conflict(
                "The statement id (\(id)) provided already exists. Please provide a new statement "
                    + "id, or remove the existing statement.")
        }
        changed.statements.append(statement)
        changed.revision = newRevision()
        guard JSONValue.array(changed.statements).data.count <= maximumPolicyBytes else {
            throw LambdaError(
                "PolicyLengthExceededException", 400,
                "The final policy size is bigger than the limit (\(maximumPolicyBytes)).")
        }
        policy = changed
    }

    static func remove(
        _ id: String, from policy: inout LambdaFunction.Policy?, revision: String?,
        reader: String = "GetPolicy"
    ) throws {
        guard var changed = policy else {
            throw LambdaError.notFound("No policy is associated with the given resource.")
        }
        guard let index = changed.statements.firstIndex(where: { $0["Sid"]?.string == id }) else {
            throw LambdaError.notFound("Statement \(id) is not found in resource policy.")
        }
        if let revision, revision != changed.revision {
            throw LambdaError.preconditionFailed(reader)
        }
        changed.statements.remove(at: index)
        changed.revision = newRevision()
        policy = changed.statements.isEmpty ? nil : changed
    }
}
