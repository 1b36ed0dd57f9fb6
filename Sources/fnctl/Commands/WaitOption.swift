import ArgumentParser

/// How long to wait for a call's end.
struct WaitOption: ParsableArguments {
    @Option(
        name: .customLong("wait"),
        help: ArgumentHelp(
            "Wait for the call's end, so long at most: 30s, 5m, 2h.", valueName: "time"),
        transform: { text in
            guard let milliseconds = DurationText.withUnit(text) else {
                throw ValidationError("'\(text)' is not a time; write 500ms, 30s, 5m or 2h")
            }
            return milliseconds
        })
    var milliseconds: Int?
}
