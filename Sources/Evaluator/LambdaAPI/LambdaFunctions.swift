import Foundation
import FunctionRegistry
import Synchronization

/// The functions as Lambda's API sees them: the registry's, with what its documents say besides. A function
/// that was registered by another way is shown with what can be said of it.
struct LambdaFunctions: Sendable {
    let registry: FunctionRegistry
    let cache: FunctionCache
    let names: LambdaNames
    private let lock = KeyedLock()

    init(registry: FunctionRegistry, cache: FunctionCache, names: LambdaNames) {
        self.registry = registry
        self.cache = cache
        self.names = names
    }

    // MARK: Reading

    /// A function; `nil` when there is none of this name.
    func find(_ name: String) async throws -> LambdaFunction? {
        guard let newest = try await registry.function(name) else { return nil }
        let document = try await registry.document(LambdaFunction.collection, name)
        return try make(newest, document)
    }

    /// - Throws: `ResourceNotFoundException`.
    func get(_ reference: FunctionReference) async throws -> LambdaFunction {
        guard let function = try await find(reference.name) else {
            throw notFound(reference)
        }
        return function
    }

    func notFound(_ reference: FunctionReference) -> LambdaError {
        .notFound("Function not found: \(names.function(reference.name, reference.qualifier))")
    }

    /// - Parameter newest: the registry's newest version.
    func make(
        _ newest: FunctionVersion, _ document: Document?
    ) throws -> LambdaFunction {
        guard let document else {
            return LambdaFunction(name: newest.name, latest: LambdaConfiguration(newest, names))
        }
        var function: LambdaFunction = try decoded(document.body)
        // Published versions are registered after the `$LATEST` that they are copies of.
        if newest.version
            > max(function.latest.registryVersion, function.lastPublishedRegistryVersion ?? 0)
        {
            // Somebody registered a version by another way: it is what runs now.
            var latest = LambdaConfiguration(newest, names)
            latest.role = function.latest.role
            function.latest = latest
        }
        return function
    }

    /// The configuration of `$LATEST`, of a published version, or of an alias's own version.
    /// - Throws: `ResourceNotFoundException`.
    func configuration(
        _ function: LambdaFunction, _ reference: FunctionReference
    ) async throws -> LambdaConfiguration {
        guard !reference.isLatest, let qualifier = reference.qualifier else {
            return function.latest
        }
        if let alias = function.aliases[qualifier] {
            if alias.version == "$LATEST" { return function.latest }
            return try await version(function, alias.version, reference)
        }
        return try await version(function, qualifier, reference)
    }

    /// Throws where a qualifier leads nowhere, in the words that are used of aliases as well.
    func require(_ function: LambdaFunction, _ reference: FunctionReference) async throws {
        if let qualifier = reference.qualifier, !reference.isLatest, reference.version == nil,
            function.aliases[qualifier] == nil
        {
            throw aliasNotFound(reference)
        }
        _ = try await configuration(function, reference)
    }

    func aliasNotFound(_ reference: FunctionReference) -> LambdaError {
        .notFound("Cannot find alias arn: \(names.function(reference.name, reference.qualifier))")
    }

    private func version(
        _ function: LambdaFunction, _ number: String, _ reference: FunctionReference
    ) async throws -> LambdaConfiguration {
        guard let number = Int(number), number > 0,
            let document = try await registry.document(
                LambdaFunction.versionCollection, LambdaFunction.versionKey(function.name, number))
        else { throw notFound(reference) }
        return try decoded(document.body)
    }

    /// The published versions from behind a number on, in order.
    func versions(
        _ function: LambdaFunction, after number: Int = 0, limit: Int = .max
    ) async throws -> [LambdaConfiguration] {
        try await registry.documents(
            LambdaFunction.versionCollection, prefix: "\(function.name):",
            after: LambdaFunction.versionKey(function.name, number), limit: limit
        ).map { try decoded($0.body) }
    }

    // MARK: Changing

    /// Changes a function's document; other changes of the function wait meanwhile.
    /// - Throws: what `body` throws, `ResourceNotFoundException`.
    func update<Result: Sendable>(
        _ reference: FunctionReference,
        _ body: @Sendable (inout LambdaFunction) async throws -> Result
    ) async throws -> Result {
        try await alone(reference.name) {
            var function = try await get(reference)
            let old = function
            let result = try await body(&function)
            if function != old { try await registry.write([function.change()]) }
            cache.invalidate(reference.name)
            return result
        }
    }

    /// Runs `body` while no other change of the function is made.
    func alone<Result: Sendable>(
        _ name: String, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        await lock.lock(name)
        do {
            let result = try await body()
            await lock.unlock(name)
            return result
        } catch {
            await lock.unlock(name)
            throw error
        }
    }
}

/// Lets one after the other have a name.
actor KeyedLock {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    func lock(_ name: String) async {
        guard waiting[name] != nil else {
            waiting[name] = []
            return
        }
        await withCheckedContinuation { waiting[name]?.append($0) }
    }

    func unlock(_ name: String) {
        guard var queue = waiting[name], !queue.isEmpty else {
            waiting[name] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[name] = queue
        next.resume()
    }
}
