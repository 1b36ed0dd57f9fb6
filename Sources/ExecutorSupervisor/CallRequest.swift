import NIOCore

/// The languages that calls can be written in. The raw value is the API's `runtime` and the name
/// of the executor's folder below `executors/`.
public enum Runtime: String, Sendable, CaseIterable, Codable {
    case python
    case javascript
}

/// What the calls of one version of a function share.
public enum Isolation: Sendable, Equatable {
    /// Nothing: each call loads the code in a fresh cell.
    case call
    /// The loaded code, as it was before the first call.
    case snapshot
    /// A cell, one call after the other.
    case reuse
}

/// What one call may use.
public struct CallLimits: Sendable, Hashable {
    /// Wall time from the moment that a cell is given the call, in milliseconds.
    public var timeoutMs: Int
    /// Memory of the whole cell, its /tmp included, in MB of 1,048,576 bytes.
    public var memoryMB: Int
    /// Size of the cell's private /tmp, in MB.
    public var tmpMB: Int

    public init(timeoutMs: Int, memoryMB: Int, tmpMB: Int) {
        self.timeoutMs = timeoutMs
        self.memoryMB = memoryMB
        self.tmpMB = tmpMB
    }
}

/// One invocation, as the evaluator hands it to the supervisor.
public struct CallRequest: Sendable {
    public var id: String
    public var function: String
    public var version: Int
    public var runtime: Runtime
    /// `file.function`, for example `index.handler`.
    public var handler: String
    /// Lower-case hex SHA-256 of the bundle: the name of its folder in the bundle store.
    public var bundle: String
    public var environment: [String: String]
    public var limits: CallLimits
    /// The event, as JSON text. The supervisor neither parses nor checks it.
    public var event: ByteBuffer
    public var isolation: Isolation
    /// Most calls of the function, over all its versions, that run at once; `nil` for no limit but
    /// the node's slots.
    public var concurrency: Int?
    /// Values that must not appear in logs, messages, error types or stacks. Those shorter than
    /// `Redactor.minimumBytes` could not be told from other text and are left alone.
    public var secrets: [String]
    /// More for the handler's context object: a JSON object, whose fields executors know.
    public var context: String?
    /// Takes the pieces of a result that the handler streams, in order; called with the supervisor's lock
    /// held. `nil` when the result is wanted as a whole.
    public var receivePiece: (@Sendable (ByteBuffer) -> Void)?
    /// Whether the result may have numbers that JSON has no form of.
    public var allowsNonFinite = false
    /// The bundle that the cell sees at /opt.
    public var layers: String?

    /// Whether the cell is to look like one of AWS Lambda's.
    var isTask: Bool { context != nil }

    public init(
        id: String, function: String, version: Int, runtime: Runtime, handler: String,
        bundle: String, environment: [String: String], limits: CallLimits, event: ByteBuffer,
        isolation: Isolation = .call, concurrency: Int? = nil, secrets: [String] = []
    ) {
        self.id = id
        self.function = function
        self.version = version
        self.runtime = runtime
        self.handler = handler
        self.bundle = bundle
        self.environment = environment
        self.limits = limits
        self.event = event
        self.isolation = isolation
        self.concurrency = concurrency
        self.secrets = secrets
    }
}
