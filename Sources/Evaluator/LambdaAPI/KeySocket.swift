import Foundation
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves `/v1/keys` on a UNIX socket in the data directory, which the evaluator's own user and root can open
/// and nobody else. Over TCP a program of this machine cannot be told from a proxy on it.
struct KeySocket: Service {
    /// It has a folder to itself, so that nobody can connect before its own mode is set.
    private static let folder = "control"
    private static let name = "keys.sock"
    private static let maximumConnections = 16

    let keys: KeysController
    let edge: Edge
    /// The data directory.
    let directory: String
    let logger: Logger
    private let up: AsyncStream<Void>
    private let becameUp: AsyncStream<Void>.Continuation

    init(keys: KeysController, edge: Edge, directory: String, logger: Logger) {
        self.keys = keys
        self.edge = edge
        self.directory = directory
        self.logger = logger
        (up, becameUp) = AsyncStream.makeStream()
    }

    /// Returns when keys can be made, or never will be.
    func waitUntilUp() async {
        for await _ in up { return }
    }

    static func path(in directory: String) -> String { "\(directory)/\(folder)/\(name)" }

    /// - Throws: `StartError`.
    func run() async throws {
        defer { becameUp.finish() }
        let folder = "\(directory)/\(Self.folder)"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST, chmod(folder, 0o700) == 0 else {
            throw StartError(
                message: "cannot make the folder \(folder): \(String(cString: strerror(errno)))")
        }
        // A socket's address has 108 bytes at most (unix(7)), and a data directory may be deeper.
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StartError(
                message: "cannot open the folder \(folder): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let path = Self.path(in: directory)
        defer { unlink(path) }
        let router = Router(
            context: EvaluatorRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: FrontDoor())
        router.add(middleware: ProblemMiddleware(keySocket: path))
        keys.addRoutes(to: router)
        var quiet = logger
        // Hummingbird would tell of an address that nobody else can use.
        quiet.logLevel = max(.warning, logger.logLevel)
        try await Application(
            router: router, server: .edge(edge),
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: "/proc/self/fd/\(descriptor)/\(Self.name)"),
                serverName: nil,
                availableConnectionsDelegate: .maximum(Self.maximumConnections, logger: quiet)),
            onServerRunning: { [becameUp] _ in
                chmod(path, 0o600)
                becameUp.yield()
            },
            logger: quiet
        ).run()
    }
}
