import NIOCore
import SandboxKit

@testable import ExecutorSupervisor

extension Part {
    /// What a cell sends in a usual call: that it is parked, two lines of output and a result.
    static let frames = Part("FrameDecoder") {
        let line = Array("a line of output, of a usual length\n".utf8)
        let stream =
            frame("P") + frame("L", line, stream: 1) + frame("L", line, stream: 2)
            + frame("R", Array("{\"got\":{\"a\":1}}".utf8))
        return { times in
            for _ in 0..<times {
                var decoder = FrameDecoder(resultLimit: 1 << 20)
                _ = decoder.receive { $0.writeBytes(stream) }
                while let event = decoder.next() { keep(event) }
            }
        }
    }

    /// A result of 64 KB that arrives in pieces of 8 KB.
    static let longResult = Part("FrameDecoderLong") {
        let stream = frame("R", [UInt8](repeating: 0x20, count: 65_536))
        return { times in
            for _ in 0..<times {
                var decoder = FrameDecoder(resultLimit: 1 << 20)
                for start in stride(from: 0, to: stream.count, by: 8192) {
                    let end = min(start + 8192, stream.count)
                    _ = decoder.receive { $0.writeBytes(stream[start..<end]) }
                    while let event = decoder.next() { keep(event) }
                }
            }
        }
    }

    static let header = Part("CellOrderHeader") {
        let order = CellOrder(
            bundle: String(repeating: "5f", count: 32), tmpBytes: 16 << 20,
            limits: [
                .init(.cpuSeconds, 4, hard: 5), .init(.fileBytes, 16 << 20),
                .init(.addressSpaceBytes, 1 << 30), .init(.descriptors, 1000),
                .init(.coreBytes, 0), .init(.tasks, 128),
            ])
        return { times in
            for _ in 0..<times { keep(try? order.header(metaBytes: 300, eventBytes: 7)) }
        }
    }

    private static func frame(_ type: Unicode.Scalar, _ body: [UInt8] = [], stream: UInt8 = 0)
        -> [UInt8]
    {
        let count = UInt32(body.count)
        return [UInt8(ascii: type), stream, 0, 0]
            + (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } + body
    }
}
