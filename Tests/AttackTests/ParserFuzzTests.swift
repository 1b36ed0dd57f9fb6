import Foundation
import NIOCore
import Testing

@testable import ExecutorSupervisor
@testable import FunctionRegistry

/// How long the fuzz tests run: a moment, or as long as `make fuzz` says.
enum FuzzTime {
    static let seconds = ProcessInfo.processInfo.environment["CLOISTER_FUZZ_SECONDS"].flatMap(
        Double.init)

    static func rounds(_ body: () throws -> Void) rethrows -> Int {
        let end = ContinuousClock.now + .seconds(seconds ?? 2)
        var count = 0
        while ContinuousClock.now < end {
            try body()
            count += 1
        }
        return count
    }
}

/// splitmix64 (Steele, Lea and Flood): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}

extension AttackTests {
    @Suite struct ParserFuzz {
        private let seed = UInt64.random(in: 0...UInt64.max)
        private let limit = 2000

        @Test func `whatever a cell sends, the decoder keeps its rules`() throws {
            var random = SeededGenerator(state: seed)
            let rounds = FuzzTime.rounds {
                let state = random.state
                let bytes = makeFrames(&random)
                let (whole, answer) = decode(bytes, pieces: [bytes.count])
                let sizes = (0..<64).map { _ in Int.random(in: 1...40, using: &random) }
                let (split, sameAnswer) = decode(bytes, pieces: sizes)
                // What is in the stream does not depend on how it arrives.
                #expect(whole == split && answer == sameAnswer, "generator state \(state)")
            }
            print("\(rounds) rounds of frames with seed \(seed)")
            #expect(rounds > 10)
        }

        /// Frames as executors send them, some of them changed, and garbage.
        private func makeFrames(_ random: inout SeededGenerator) -> [UInt8] {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                let length = [0, 1, 7, 100, limit, limit + 1].randomElement(using: &random)!
                let type = Array("PLLLREX".utf8).randomElement(using: &random)!
                let stream = type == UInt8(ascii: "L") ? UInt8.random(in: 1...2, using: &random) : 0
                let count = type == UInt8(ascii: "P") ? 0 : length
                bytes +=
                    [type, stream, 0, 0]
                    + withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
                bytes += random.bytes(count)
            }
            // Very many frames of no length: work without an event.
            if Int.random(in: 0..<50, using: &random) == 0 {
                bytes += (0..<20_000).flatMap { _ in [0x4c, 1, 0, 0, 0, 0, 0, 0] as [UInt8] }
            }
            if Bool.random(using: &random), !bytes.isEmpty {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                        in: 0...255, using: &random)
                }
            }
            if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(min(bytes.count, 5)) }
            if Int.random(in: 0..<4, using: &random) == 0 { bytes += random.bytes(20) }
            return bytes
        }

        /// - Returns: what was printed, a stream, and every other event; checks what always holds.
        private func decode(_ bytes: [UInt8], pieces: [Int]) -> (
            [UInt8: [UInt8]], [FrameDecoder.Event]
        ) {
            var decoder = FrameDecoder(resultLimit: limit)
            var logs: [UInt8: [UInt8]] = [:]
            var events: [FrameDecoder.Event] = []
            var rest = bytes[...]
            var index = 0
            while !rest.isEmpty {
                let piece = rest.prefix(pieces[index % pieces.count])
                rest = rest.dropFirst(piece.count)
                index += 1
                _ = decoder.receive { $0.writeBytes(piece) }
                while let event = decoder.next() {
                    switch event {
                    case .log(let stream, let text):
                        #expect(stream == 1 || stream == 2)
                        logs[stream, default: []] += Array(text.readableBytesView)
                    case .result(let body):
                        #expect(body.readableBytes <= limit)
                        events.append(event)
                    default:
                        events.append(event)
                    }
                }
                // Nothing follows the end, whatever that was.
                if let last = events.last, [.violation, .tooLarge].contains(Kind(last)) { break }
            }
            let ends = events.filter { [.violation, .tooLarge].contains(Kind($0)) }
            let answers = events.filter { Kind($0) == .answer }
            #expect(ends.count <= 1 && answers.count <= 1)
            // In one piece or in many, only a violation may come earlier or later than an answer.
            return (logs, events)
        }

        private enum Kind {
            case parked, answer, violation, tooLarge
            init(_ event: FrameDecoder.Event) {
                switch event {
                case .parked, .log: self = .parked
                case .result, .error: self = .answer
                case .violation: self = .violation
                case .tooLarge: self = .tooLarge
                }
            }
        }

        @Test func `whatever an archive holds, nothing is written outside of its folder`() throws {
            var random = SeededGenerator(state: seed)
            let parent = FileManager.default.temporaryDirectory.appendingPathComponent(
                "attack-\(UUID().uuidString)"
            ).path
            try FileManager.default.createDirectory(
                atPath: parent, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: parent) }
            var refused = 0
            let rounds = try FuzzTime.rounds {
                let inside = parent + "/in"
                try FileManager.default.createDirectory(
                    atPath: inside, withIntermediateDirectories: false)
                let state = random.state
                do {
                    _ = try ZipUnpacker.unpack(
                        makeZip(&random), into: inside,
                        limits: BundleLimits(entries: 50, unpackedBytes: 100_000))
                } catch is RegistryError {
                    refused += 1
                }
                let left = try FileManager.default.contentsOfDirectory(atPath: parent)
                #expect(left == ["in"], "generator state \(state)")
                var written = 0
                let tree = FileManager.default.enumerator(atPath: inside)
                while tree?.nextObject() is String {
                    let kind = tree?.fileAttributes?[.type] as? FileAttributeType
                    #expect(
                        kind == .typeRegular || kind == .typeDirectory, "generator state \(state)")
                    if kind == .typeRegular { written += tree?.fileAttributes?[.size] as? Int ?? 0 }
                }
                // A piece of libarchive's may go over the limit, but no more.
                #expect(written <= 100_000 + 1 << 17, "generator state \(state)")
                try FileManager.default.removeItem(atPath: inside)
            }
            print("\(rounds) archives with seed \(seed), \(refused) refused")
            #expect(refused > 0 && refused < rounds)
        }

        /// A zip archive of stored entries, with names that lead outside among them, and some bytes
        /// changed.
        private func makeZip(_ random: inout SeededGenerator) -> [UInt8] {
            func u16(_ value: Int) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8 & 0xff)] }
            func u32(_ value: Int) -> [UInt8] { u16(value & 0xffff) + u16(value >> 16) }
            let names = [
                "index.py", "a/b", "a/", "../x", "/etc/x", "a/../../x", "b\\..\\x", "l", "a", "d/",
            ]
            var files: [UInt8] = []
            var directory: [UInt8] = []
            let count = Int.random(in: 1...3, using: &random)
            for _ in 0..<count {
                let isPlain = Int.random(in: 0..<3, using: &random) > 0
                let name =
                    isPlain
                    ? "f\(Int.random(in: 0..<100, using: &random)).py"
                    : names.randomElement(using: &random)!
                let data =
                    name.hasSuffix("/") ? [] : random.bytes(Int.random(in: 0...60, using: &random))
                let mode =
                    isPlain
                    ? 0o100644
                    : [0o100644, 0o100755, 0o120777, 0o040755, 0o010644].randomElement(
                        using: &random)!
                let sizes =
                    u32(Int(checksum(data))) + u32(data.count) + u32(data.count)
                    + u16(name.utf8.count) + u16(0)
                let offset = files.count
                files +=
                    u32(0x0403_4b50) + u16(20) + u16(0) + u16(0) + u32(0) + sizes + Array(name.utf8)
                    + data
                directory +=
                    u32(0x0201_4b50) + u16(0x0314) + u16(20) + u16(0) + u16(0) + u32(0) + sizes
                directory +=
                    u16(0) + u16(0) + u16(0) + u32(mode << 16) + u32(offset) + Array(name.utf8)
            }
            var zip = files + directory + u32(0x0605_4b50) + u32(0) + u16(count) + u16(count)
            zip += u32(directory.count) + u32(files.count) + u16(0)
            for _ in 0..<[0, 0, 1, 3].randomElement(using: &random)! {
                zip[Int.random(in: 0..<zip.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if Int.random(in: 0..<20, using: &random) == 0 { return random.bytes(200) }
            return zip
        }

        /// CRC-32, as in zip archives.
        private func checksum(_ bytes: [UInt8]) -> UInt32 {
            ~bytes.reduce(~0) { sum, byte in
                (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
                    value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0)
                }
            }
        }
    }
}
