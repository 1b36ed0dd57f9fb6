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
            _ = try await functions.configuration(function, reference)
            let key = reference.qualifier ?? "$LATEST"
            var policy = function.policies[key]
            try Self.add(statement, to: &policy, revision: request.string("RevisionId"))
            function.policies[key] = policy
            return lambdaResponse(201, ["Statement": .string(statement.text)])
        }
    }

    func removePermission(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        return try await functions.update(reference) { function in
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
        _ = try await functions.configuration(function, reference)
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
        let principal = try request.required("Principal")
        let isAccount = principal.count == 12 && principal.allSatisfy { $0.isNumber }
        guard
            principal == "*" || principal.hasPrefix("arn:") || isAccount
                || principal.hasSuffix(".amazonaws.com")
        else {
            throw LambdaError.invalid(
                "The provided principal was invalid. Please check the principal and try again.")
        }
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
        let who: JSONValue =
            principal == "*"
            ? "*"
            : principal.hasSuffix(".amazonaws.com")
                ? ["Service": .string(principal)]
                : [
                    "AWS": .string(
                        principal.hasPrefix("arn:")
                            ? principal : "arn:aws:iam::\(principal):root")
                ]
        return .fields([
            "Sid": .string(try request.required("StatementId")), "Effect": "Allow",
            "Principal": who, "Action": .string(try request.required("Action")),
            "Resource": .string(resource),
            "Condition": conditions.isEmpty ? nil : .object(conditions),
        ])
    }

    private static let policyChanged = LambdaError(
        "PreconditionFailedException", 412,
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to "
            + "retrieve the latest Revision Id")

    static func add(
        _ statement: JSONValue, to policy: inout LambdaFunction.Policy?, revision: String?
    ) throws {
        var changed = policy ?? LambdaFunction.Policy(statements: [], revision: "")
        // Where there is no policy, no revision is its.
        if let revision, revision != changed.revision { throw policyChanged }
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
        _ id: String, from policy: inout LambdaFunction.Policy?, revision: String?
    ) throws {
        guard policy != nil else {
            throw LambdaError.notFound("No policy is associated with the given resource.")
        }
        guard var changed = policy,
            let index = changed.statements.firstIndex(where: { $0["Sid"]?.string == id })
        else {
            throw LambdaError.notFound("Statement \(id) is not found in resource policy.")
        }
        if let revision, revision != changed.revision { throw policyChanged }
        changed.statements.remove(at: index)
        changed.revision = newRevision()
        policy = changed.statements.isEmpty ? nil : changed
    }
}
