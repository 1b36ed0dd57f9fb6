/// One part of the evaluator, as work that can be repeated.
public struct Part: Sendable {
    /// Without spaces: it names the file of its thresholds.
    public var name: String
    /// Prepares what the work needs, and returns the work: it does as many repetitions as it is told.
    public var prepare: @Sendable () -> (Int) -> Void

    init(_ name: String, prepare: @escaping @Sendable () -> (Int) -> Void) {
        self.name = name
        self.prepare = prepare
    }

    /// All of them.
    public static let all: [Part] = [
        frames, longResult, header, fairQueue, crowdedQueue, validator, meta, jsonText, redactor,
        redactorSetup, log, callID,
    ]

    public static func named(_ name: String) -> Part? { all.first { $0.name == name } }
}

/// Keeps the optimizer from leaving out what makes a value.
@inline(never)
func keep<T>(_ value: T) {
    withExtendedLifetime(value) {}
}
