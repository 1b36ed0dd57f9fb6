import Foundation

/// How much slower than usual the machine is, as `CLOISTER_TIME_FACTOR` says: waiting may take that
/// many times longer. 1 where it is not set.
public let timeFactor =
    ProcessInfo.processInfo.environment["CLOISTER_TIME_FACTOR"]
    .flatMap { Double($0) }.map { max(1, $0) } ?? 1
