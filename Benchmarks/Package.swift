// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that a build of Cloister does not build what measures it.
let package = Package(
    name: "cloister-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "cloister", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        // Without traits: its interposers for allocations are packages of their own, and not needed.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
    ],
    targets: [
        // Counts calls of malloc and its kin in whatever it is linked into.
        .target(name: "CAllocations"),
        // What is measured, each as work that can be repeated.
        .target(
            name: "Parts",
            dependencies: [
                .product(name: "ExecutorSupervisor", package: "cloister"),
                .product(name: "FunctionRegistry", package: "cloister"),
                .product(name: "SandboxKit", package: "cloister"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        // Runs one part so many times, for a program that counts instructions.
        .executableTarget(name: "CountedParts", dependencies: ["Parts"]),
        .executableTarget(
            name: "PartsBenchmark",
            dependencies: [
                "CAllocations", "Parts", .product(name: "Benchmark", package: "benchmark"),
            ], path: "Benchmarks/PartsBenchmark",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ],
    swiftLanguageModes: [.v6]
)
