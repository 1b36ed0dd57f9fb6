/// Where a version is in its life. Nothing takes long here; the states pass all the same, as clients wait for one
/// after the other.
enum LambdaLife: Sendable, Equatable {
    /// Made: not looked at yet by anybody but its maker, or published with its code a moment ago.
    case pending
    /// Changed a moment ago: no other change is taken.
    case changing
    case settled

    /// How long a change is seen; it holds up the next one.
    static let changeMs: Int64 = 400

    static func of(_ configuration: LambdaConfiguration, atMs now: Int64) -> LambdaLife {
        guard let begun = configuration.begunAtMs, isPassing(since: begun, atMs: now) else {
            return .settled
        }
        if configuration.isUpdate == true { return .changing }
        return configuration.isPending == true ? .pending : .settled
    }

    /// Whether what was begun then is not over yet.
    static func isPassing(since begun: Int64, atMs now: Int64) -> Bool {
        (0..<changeMs).contains(now - begun)
    }

    /// What the view of a version says of it.
    var fields: [String: JSONValue] {
        switch self {
        case .pending:
            [
                "State": "Pending", "StateReason": "The function is being created.",
                "StateReasonCode": "Creating",
            ]
        case .changing:
            [
                "State": "Active", "LastUpdateStatus": "InProgress",
                "LastUpdateStatusReason": "The function is being created.",
                "LastUpdateStatusReasonCode": "Creating",
            ]
        case .settled: ["State": "Active", "LastUpdateStatus": "Successful"]
        }
    }
}

extension LambdaConfiguration {
    /// Another one once it has settled: clients that hold the one from before have to look again.
    func shownRevision(_ life: LambdaLife) -> String {
        guard life == .settled, begunAtMs != nil else { return revision }
        // The same digits, turned round: as good as any other.
        return String(
            revision.split(separator: "-").map { String($0.reversed()) }.joined(separator: "-"))
    }
}
