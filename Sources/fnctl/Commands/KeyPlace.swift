import ArgumentParser
import Foundation

/// Where access keys are made: the socket in an evaluator's data directory.
struct KeyPlace: ParsableArguments {
    static let variable = "CLOISTER_DATA_DIR"

    @Option(
        help: ArgumentHelp(
            "The evaluator's data directory. (default: $CLOISTER_DATA_DIR, else the endpoint is asked)",
            valueName: "path"))
    var dataDir: String?

    /// Runs `body` with a client of the socket.
    func withClient<Result: Sendable>(
        _ options: GlobalOptions, _ body: (EvaluatorClient) async throws -> Result
    ) async throws -> Result {
        let path = try await socket(options)
        let (folder, name) = (
            (path as NSString).deletingLastPathComponent, (path as NSString).lastPathComponent
        )
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreachable(path) }
        defer { close(descriptor) }
        // By way of its folder the socket has a short path, however deep the data directory is.
        let address = "/proc/self/fd/\(descriptor)/\(name)"
        var status = stat()
        guard stat(address, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw unreachable(path)
        }
        // Who else could have put one there would be handed what is asked.
        guard status.st_uid == geteuid() || status.st_uid == 0 || geteuid() == 0 else {
            throw Failure("the socket \(path) is another user's", status: .unreachable)
        }
        return try await EvaluatorClient.with(Endpoint(socket: path, address: address), body)
    }

    private func socket(_ options: GlobalOptions) async throws -> String {
        let environment = Surroundings.current.environment
        if let directory = dataDir ?? environment[Self.variable], !directory.isEmpty {
            return "\(directory)/control/keys.sock"
        }
        return try await options.withClient { try await $0.keySocket() }
    }

    private func unreachable(_ path: String) -> Failure {
        let reason = String(cString: strerror(errno)).lowercased()
        return Failure(
            "cannot open \(path): \(reason); access keys are made by the evaluator's own user or root, while "
                + "it runs", status: .unreachable)
    }
}
