/// What a template and its cells see: the launcher's order, handed to it as JSON.
///
/// Everything is given by absolute path. What is not listed does not exist in the world.
public struct World: Sendable, Equatable, Codable {
    /// A file or folder of the host, seen read-only.
    public struct Bind: Sendable, Equatable, Codable {
        public var source: String
        public var target: String
        /// A device node: kept usable, where every other bind has devices disabled.
        public var isDevice: Bool

        public init(_ source: String, at target: String? = nil, isDevice: Bool = false) {
            self.source = source
            self.target = target ?? source
            self.isDevice = isDevice
        }
    }

    /// A range of the host's user and group ids that the world's own ids are mapped to.
    public struct IDRange: Sendable, Equatable, Codable {
        /// A range that nothing else on the machine is expected to have.
        public static let cells = IDRange(first: 0x7000_0000, count: 65_536)

        public var first: UInt32
        public var count: UInt32

        public init(first: UInt32, count: UInt32) {
            self.first = first
            self.count = count
        }
    }

    public var binds: [Bind]
    /// Empty folders: mount points of a cell, and covers over parts of binds.
    public var folders: [String]
    public var hidden: [String]
    /// `nil` maps the one id of the user who runs the launcher.
    public var ids: IDRange?
    /// Whether the world has a user namespace of its own. Without one its root is the host's, and
    /// only root can build it.
    public var hasOwnUsers: Bool
    public var program: String
    public var arguments: [String]
    public var environment: [String: String]

    public init(
        binds: [Bind], folders: [String], hidden: [String] = [], ids: IDRange?,
        hasOwnUsers: Bool = true, program: String, arguments: [String],
        environment: [String: String]
    ) {
        self.binds = binds
        self.folders = folders
        self.hidden = hidden
        self.ids = ids
        self.hasOwnUsers = hasOwnUsers
        self.program = program
        self.arguments = arguments
        self.environment = environment
    }
}
