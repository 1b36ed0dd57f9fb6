import Foundation
import FunctionRegistry
import Hummingbird

/// The calls' logs as CloudWatch Logs has them, to be read.
struct CloudWatchLogs: Sendable {
    let registry: FunctionRegistry
    let functions: LambdaFunctions
    let reads: SlowReads

    /// - Parameters:
    ///   - operation: one of those that the model knows.
    ///   - region: of the request.
    /// - Throws: `LambdaError`, `SlowReads.Busy` and what the registry throws.
    func perform(
        _ operation: String, _ input: JSONValue, in region: String
    ) async throws -> Response {
        try await reads.run {
            let log = LogEvents(registry: registry, functions: functions, region: region)
            let answer =
                switch operation {
                case "DescribeLogGroups": try await groups(input, region)
                case "DescribeLogStreams": try await streams(input, region)
                case "FilterLogEvents": try await log.filter(input)
                case "GetLogEvents": try await LogStreamPages(log).get(input)
                default: throw LambdaError.unknownOperation(operation)
                }
            return lambdaResponse(200, answer)
        }
    }

    /// Pages of functions that one answer looks at for log groups with a name.
    private static let maximumPages = 20

    private func groups(_ input: JSONValue, _ region: String) async throws -> JSONValue {
        let prefix = input["logGroupNamePrefix"]?.string ?? ""
        let pattern = input["logGroupNamePattern"]?.string?.lowercased()
        guard prefix.isEmpty || pattern == nil else {
            throw Self.invalid("LogGroupNamePattern and logGroupNamePrefix are mutually exclusive.")
        }
        let limit = input["limit"]?.int ?? 50
        var cursor = input["nextToken"]?.string
        var groups: [JSONValue] = []
        var pages = 0
        repeat {
            pages += 1
            let page = try await registry.functions(
                limit: limit, cursor: cursor, of: functions.names.scope(region))
            for function in page.items {
                let name = try await group(of: function)
                guard let name, name.hasPrefix(prefix),
                    pattern.map({ name.lowercased().contains($0) }) ?? true
                else { continue }
                let arn = arn(name, region)
                groups.append([
                    "logGroupName": .string(name), "creationTime": .int(Int(function.createdAtMs)),
                    "metricFilterCount": 0, "arn": .string(arn + ":*"),
                    "logGroupArn": .string(arn), "storedBytes": 0, "logGroupClass": "STANDARD",
                ])
            }
            cursor = page.nextCursor
        } while cursor != nil && groups.isEmpty && pages < Self.maximumPages
        return .fields(["logGroups": .array(groups), "nextToken": cursor.map { .string($0) }])
    }

    /// The group of a function; `nil` where it is told with another function that has it too.
    private func group(of newest: FunctionVersion) async throws -> String? {
        let document = try await registry.document(LambdaFunction.collection, newest.name)
        let group = try functions.make(newest, document).logGroup
        guard document?.label != nil else { return group }
        let region = functions.names.region(of: newest.name)
        let first = try await LogGroup.named(group, functions, in: region, limit: 1).first?.key
        return first == newest.name ? group : nil
    }

    private func streams(_ input: JSONValue, _ region: String) async throws -> JSONValue {
        let group = try await LogGroup(input, functions, in: region)
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        let byTime = input["orderBy"]?.string == "LastEventTime"
        guard !byTime || prefix.isEmpty else {
            throw Self.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        }
        var streams: [String: (first: Int64, last: Int64)] = [:]
        for function in group.functions {
            for day in try await registry.calls.days(of: function) {
                let name = try await Self.stream(
                    function, version: day.version, group: group.name, atMs: day.firstMs, functions)
                guard name.hasPrefix(prefix) else { continue }
                let known = streams[name]
                streams[name] = (
                    min(known?.first ?? .max, day.firstMs), max(known?.last ?? 0, day.lastMs)
                )
            }
        }
        var sorted = streams.sorted {
            byTime ? ($0.value.last, $0.key) < ($1.value.last, $1.key) : $0.key < $1.key
        }
        if input["descending"]?.bool == true { sorted.reverse() }
        let limit = input["limit"]?.int ?? 50
        let skipped = try Self.offset(input["nextToken"]?.string)
        let items: [JSONValue] = sorted.dropFirst(skipped).prefix(limit).map { name, times in
            [
                "logStreamName": .string(name), "creationTime": .int(Int(times.first)),
                "firstEventTimestamp": .int(Int(times.first)),
                "lastEventTimestamp": .int(Int(times.last)),
                "lastIngestionTime": .int(Int(times.last)), "storedBytes": 0,
                "uploadSequenceToken": "0",
                "arn": .string(arn(group.name, region) + ":log-stream:\(name)"),
            ]
        }
        let next = skipped + items.count < sorted.count ? String(skipped + items.count) : nil
        return .fields(["logStreams": .array(items), "nextToken": next.map { .string($0) }])
    }

    private static func offset(_ token: String?) throws -> Int {
        guard let token else { return 0 }
        guard let number = Int(token), number >= 0 else {
            throw invalid("The specified nextToken is invalid.")
        }
        return number
    }

    static func invalid(_ message: String) -> LambdaError {
        LambdaError("InvalidParameterException", 400, message)
    }

    private func arn(_ group: String, _ region: String) -> String {
        "arn:aws:logs:\(region):\(functions.names.account):log-group:\(group)"
    }

    /// The name of a call's stream.
    static func stream(
        _ function: String, version: Int, group: String, atMs milliseconds: Int64,
        _ functions: LambdaFunctions
    ) async throws -> String {
        let found = try await functions.cache.find(function, version: version)
        return LambdaLogs.stream(
            of: function, version: LambdaLogs(found).version, registryVersion: version,
            group: group, atMs: milliseconds)
    }
}
