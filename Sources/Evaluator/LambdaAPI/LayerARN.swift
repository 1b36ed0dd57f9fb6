/// What the ARN of a layer, or of a version of one, says.
struct LayerARN: Sendable, Equatable {
    var region: String
    var account: String
    var name: String
    var version: Int?

    /// `nil` for a text that is none.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (7...8).contains(parts.count), parts[0] == "arn", parts[2] == "lambda",
            parts[5] == "layer"
        else { return nil }
        (region, account, name) = (parts[3], parts[4], parts[6])
        guard parts.count == 8 else { return }
        guard let number = Int(parts[7]) else { return nil }
        version = number
    }
}

extension LambdaRequest {
    /// The name in the registry of the layer that `LayerName` says, which may be an ARN.
    func layerName() throws -> String {
        let text = try required("LayerName")
        return try LayerARN(text).map(layerName) ?? names.key(text, in: region)
    }

    /// - Throws: `ResourceNotFoundException` in another region, `AccessDeniedException` of another account.
    func layerName(_ layer: LayerARN) throws -> String {
        guard layer.region == region else {
            throw LambdaError.notFound("The resource you requested does not exist.")
        }
        guard layer.account == names.account else {
            let arn = "arn:aws:lambda:\(region):\(layer.account):layer:\(layer.name)"
            throw LambdaError(
                "AccessDeniedException", 403,
                "User: arn:aws:iam::\(names.account):root is not authorized to perform: "
                    + "lambda:GetLayerVersion on resource: \(arn)"
                    + (layer.version.map { ":\($0)" } ?? "")
                    + " because no resource-based policy allows the lambda:GetLayerVersion action")
        }
        return names.key(layer.name, in: region)
    }
}
