import Foundation
import Hummingbird
import Logging

/// What a call over HTTP is compared with: bare routes that answer with the request's body, on a server
/// that is set up as the evaluator's, with as many event loops. Not a product.
///
/// `POST /echo` answers itself; `POST /echo-processes` has one of 16 other processes answer, so that it
/// has the shape of calls of reused cells.
@main
struct EchoServer {
    static let processCount = 16

    static func main() async throws {
        if CommandLine.arguments.dropFirst().first == EchoProcesses.echoFlag {
            return EchoProcesses.serve()
        }
        let processes = try await EchoProcesses(processCount)
        let router = Router()
        router.post("echo") { request, _ in
            Self.response(try await request.body.collect(upTo: 6 << 20))
        }
        router.post("echo-processes") { request, _ in
            Self.response(try await processes.echo(request.body.collect(upTo: 6 << 20)))
        }
        var logger = Logger(label: "echo")
        logger.logLevel = .warning
        let application = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: .seconds(120))),
            configuration: ApplicationConfiguration(
                address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { channel in
                // As the evaluator: the one line of standard output.
                let url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
                FileHandle.standardOutput.write(Data("listening on \(url)\n".utf8))
            },
            logger: logger)
        try await application.runService()
    }

    private static func response(_ body: ByteBuffer) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: body))
    }
}
