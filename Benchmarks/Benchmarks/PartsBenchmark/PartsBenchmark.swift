import Benchmark
import CAllocations
import Parts

/// Allocations of a thousand repetitions; the package's own count of them needs an interposer of its
/// own. Times are not taken: a threshold of time would break with the machine.
let allocations = BenchmarkMetric.custom(
    "allocations", polarity: .prefersSmaller, useScalingFactor: true)

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [allocations], warmupIterations: 1, scalingFactor: .kilo,
        maxDuration: .milliseconds(500), maxIterations: 20,
        // A thousandth and ten allocations of a thousand repetitions are not worth a failure.
        thresholds: [allocations: .init(relative: [.p90: 0.1], absolute: [.p90: 10])])
    for part in Part.all {
        Benchmark(part.name) { benchmark in
            let work = part.prepare()
            work(10)
            let before = cloister_allocations()
            benchmark.startMeasurement()
            work(1000)
            benchmark.stopMeasurement()
            benchmark.measurement(allocations, Int(cloister_allocations() - before))
        }
    }
}
