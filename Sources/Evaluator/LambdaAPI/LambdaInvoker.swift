import ExecutorSupervisor
import FunctionRegistry
import NIOCore
import Synchronization

/// Runs calls that Lambda's API asked for, with the journal, the supervisor and the queue that all calls
/// have.
struct LambdaInvoker: Sendable {
    let registry: FunctionRegistry
    let functions: LambdaFunctions
    let journal: CallJournal
    let supervisor: any CallSupervising
    let acceptor: AsyncAcceptor
    let drain: DrainService
    let ids: CallIDGenerator
    /// Calls that run at once at most, of all functions.
    let slots: Int
    private let known = KnownFunctions()
    private let running = RunningCalls()

    init(
        registry: FunctionRegistry, functions: LambdaFunctions, journal: CallJournal,
        supervisor: any CallSupervising, acceptor: AsyncAcceptor, drain: DrainService,
        ids: CallIDGenerator, slots: Int
    ) {
        self.registry = registry
        self.functions = functions
        self.journal = journal
        self.supervisor = supervisor
        self.acceptor = acceptor
        self.drain = drain
        self.ids = ids
        self.slots = slots
    }

    /// A function that is about to be called, and its version that the qualifier leads to.
    struct Target: Sendable {
        var function: LambdaFunction
        /// `$LATEST` or a number.
        var version: String
        var callable: CallableFunction
        /// As the caller named it.
        var arn: String
        /// Whether cells are provisioned for it.
        var isProvisioned: Bool
    }

    /// What became of a synchronous call.
    struct Outcome: Sendable {
        var id: String
        var reply: CallReply
    }

    // MARK: Finding the version

    /// - Throws: `ResourceNotFoundException`.
    func target(_ reference: FunctionReference) async throws -> Target {
        var version = reference.qualifier ?? "$LATEST"
        let function = try await find(FunctionReference(reference.name, qualifier: version))
        if let alias = function.aliases[version] { version = alias.choose() }
        let number: Int
        if version == "$LATEST" {
            number = function.latest.registryVersion
        } else {
            number = try await registryVersion(function, version, reference)
        }
        guard
            let callable = try await functions.cache.find(function.name, version: number)
        else { throw functions.notFound(reference) }
        return Target(
            function: function, version: version, callable: callable,
            arn: functions.names.function(reference.name, reference.qualifier),
            isProvisioned: function.isProvisioned(version, as: reference.qualifier))
    }

    private func find(_ reference: FunctionReference) async throws -> LambdaFunction {
        let generation = functions.cache.generation
        if let function = known.function(reference.name, generation) { return function }
        let function = try await functions.get(reference)
        known.note(function, generation)
        return function
    }

    private func registryVersion(
        _ function: LambdaFunction, _ version: String, _ reference: FunctionReference
    ) async throws -> Int {
        let generation = functions.cache.generation
        let key = "\(function.name):\(version)"
        if let number = known.version(key, generation) { return number }
        let found = try await functions.configuration(
            function, FunctionReference(function.name, qualifier: version))
        known.note(found.registryVersion, key, generation)
        return found.registryVersion
    }

    // MARK: Running

    /// - Parameters:
    ///   - event: JSON text.
    ///   - client: what the handler is told of the client, JSON text.
    ///   - trace: the one that the call belongs to; `nil` for a new one.
    ///   - allowsNonFinite: whether the result may have `NaN` and `Infinity` for numbers, as Python writes them.
    ///   - receivePiece: takes the pieces of a result that the handler streams; must return at once.
    /// - Throws: `LambdaError`, `CallRejection`, `RegistryError`; the call did not run then.
    func run(
        _ target: Target, event: ByteBuffer, client: String? = nil, trace: String? = nil,
        allowsNonFinite: Bool = false,
        receivePiece: (@Sendable (ByteBuffer) -> Void)? = nil
    ) async throws -> Outcome {
        guard !drain.isStopping else { throw LambdaError.stopping }
        let name = target.function.name
        guard running.begin(target) else {
            throw LambdaError.throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        }
        defer { running.end(target) }
        let version = target.callable.version
        let record = CallRecord(
            id: ids.next(), function: version, bytesIn: event.readableBytes,
            queuedAtMs: currentTimeMs())
        try journal.accept(record, version)
        let context = LambdaContext(
            call: record.id, function: name, version: target.version, arn: target.arn,
            registryVersion: version.version, group: target.function.logGroup, client: client,
            streams: receivePiece != nil, trace: trace)
        var request = CallRequest(record.id, target.callable, event, context: context.text)
        request.receivePiece = receivePiece
        request.allowsNonFinite = allowsNonFinite
        do {
            let reply = try await supervisor.invoke(request)
            registry.calls.recordReplied(id: record.id)
            return Outcome(id: record.id, reply: reply)
        } catch let rejection as CallRejection {
            journal.refuse(record.id)
            throw rejection
        }
    }

    /// Accepts a call that nobody waits for.
    /// - Parameters:
    ///   - key: makes it the call that had the same key before, if there was one.
    ///   - hops: how many calls led to it.
    ///   - trace: the one that each of its attempts belongs to.
    /// - Returns: its id.
    func submit(
        _ target: Target, event: ByteBuffer, key: String? = nil, hops: Int? = nil,
        trace: String? = nil
    ) async throws -> String {
        guard !drain.isStopping else { throw LambdaError.stopping }
        let version = target.callable.version
        let key = key.map {
            IdempotencyKey(key: $0, version: version.version, event: event.readableBytesView)
        }
        return try await acceptor.call(
            version, event: event, key: key, hops: hops, trace: trace
        ).record.id
    }

    /// What a call printed, as Lambda shows it.
    func log(of id: String) async throws -> [LambdaLogs.Line] {
        await registry.calls.waitForReport(id, atMost: CallsController.reportDelay)
        guard let record = try await registry.calls.call(id) else { return [] }
        let lines = try await registry.calls.log(id)?.lines.map(\.line) ?? []
        let function = try await functions.cache.find(record.function, version: record.version)
        return LambdaLogs(function).lines(record, lines)
    }
}

extension LambdaFunction.Alias {
    /// The alias's own version, or the other one as often as its share says.
    func choose() -> String {
        var point = Double.random(in: 0..<1)
        for (version, share) in weights.sorted(by: { $0.key < $1.key }) {
            if point < share { return version }
            point -= share
        }
        return version
    }
}

/// Functions that were called, so that each call does not read the database; forgotten whenever the cache
/// of functions forgets something.
private final class KnownFunctions: Sendable {
    private struct State {
        var generation = 0
        var functions: [String: LambdaFunction] = [:]
        var versions: [String: Int] = [:]

        mutating func renew(_ new: Int) {
            if new != generation || functions.count + versions.count > 10_000 {
                self = State(generation: new)
            }
        }
    }

    private let state = Mutex(State())

    func function(_ name: String, _ generation: Int) -> LambdaFunction? {
        state.withLock { $0.generation == generation ? $0.functions[name] : nil }
    }

    func version(_ key: String, _ generation: Int) -> Int? {
        state.withLock { $0.generation == generation ? $0.versions[key] : nil }
    }

    func note(_ function: LambdaFunction, _ generation: Int) {
        state.withLock {
            $0.renew(generation)
            $0.functions[function.name] = function
        }
    }

    func note(_ version: Int, _ key: String, _ generation: Int) {
        state.withLock {
            $0.renew(generation)
            $0.versions[key] = version
        }
    }
}

/// Counts the synchronous calls of functions, for their reserved concurrency.
private final class RunningCalls: Sendable {
    private struct Count {
        var all = 0
        /// Of versions that have nothing provisioned.
        var others = 0
    }

    private let counts = Mutex<[String: Count]>([:])

    /// - Returns: false when as many run as may: what is provisioned is not there for other versions.
    func begin(_ target: LambdaInvoker.Target) -> Bool {
        let function = target.function
        return counts.withLock { counts in
            var count = counts[function.name] ?? Count()
            if let reserved = function.reservedConcurrency {
                guard count.all < reserved,
                    target.isProvisioned
                        || count.others < reserved - function.provisionedConcurrency
                else { return false }
            }
            count.all += 1
            if !target.isProvisioned { count.others += 1 }
            counts[function.name] = count
            return true
        }
    }

    func end(_ target: LambdaInvoker.Target) {
        counts.withLock { counts in
            guard var count = counts[target.function.name] else { return }
            count.all -= 1
            if !target.isProvisioned { count.others -= 1 }
            counts[target.function.name] = count.all > 0 ? count : nil
        }
    }
}
