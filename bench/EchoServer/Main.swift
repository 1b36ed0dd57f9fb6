import Foundation
import Hummingbird
import Logging

/// What a call over HTTP is compared with: a bare route that answers with the request's body, on a
/// server that is set up as the evaluator's, with as many event loops. Not a product.
@main
struct EchoServer {
    static func main() async throws {
        let router = Router()
        router.post("echo") { request, _ in
            let body = try await request.body.collect(upTo: 6 << 20)
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: body))
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
}
