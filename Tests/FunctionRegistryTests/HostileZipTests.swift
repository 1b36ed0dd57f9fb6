import Foundation
import FunctionRegistry
import Testing

struct HostileZipTests {
    /// Unpacks through the registry, and answers the reason for the refusal.
    /// Records an issue when anything of a refused bundle stays on the disk.
    private func refusal(_ zip: [UInt8], limits: BundleLimits = BundleLimits()) async throws
        -> String?
    {
        let folder = try TemporaryFolder()
        let registry = try FunctionRegistry(directory: folder.path, bundleLimits: limits)
        let error = await registryError {
            _ = try await registry.put("f", spec: .python, code: .zip(zip))
        }
        guard let error else { return nil }
        #expect(folder.tree("bundles") == [])
        #expect(try await registry.function("f") == nil)
        guard case .invalidBundle(let message) = error else { return "another error: \(error)" }
        return message
    }

    @Test(arguments: [
        ("add('/etc/x')", "absolute"),
        ("add('../x')", "\"..\""),
        ("add('a/../../x')", "\"..\""),
        ("add('./../x')", "\"..\""),
        ("add('a\\\\..\\\\..\\\\x')", "\"..\""),
        ("add('\\\\x')", "absolute"),
        ("add('./x'); add('x')", "twice"),
        ("add('./')\nadd('.')", "a folder by its name"),
        ("add('a//x')", "empty part"),
        ("add('a\\nx')", "control character"),
        ("add('a\\x7fx')", "control character"),
        ("add('x'); add('x')", "twice"),
        ("add('d/', b'', 0o040755); add('d/', b'', 0o040755)", "twice"),
        ("add('a'); add('a/b')", "which is a file"),
        ("add('a/b'); add('a')", "as a file and as a folder"),
        ("add('a'); add('a/', b'', 0o040755)", "as a file and as a folder"),
        ("add('l', b'/etc/passwd', 0o120777)", "symbolic link"),
        ("add('p', b'', 0o010644)", "neither a file nor a folder"),
        ("add('c', b'', 0o020644)", "neither a file nor a folder"),
        ("add('b', b'', 0o060644)", "neither a file nor a folder"),
        ("add('s', b'', 0o140644)", "neither a file nor a folder"),
        ("add('d/', b'', 0o100644)", "a folder by its name"),
        ("add('d', b'', 0o040755)", "a folder by its name"),
        ("add('x' * 256)", "more than 255 bytes"),
        ("add('/'.join(['a' * 200] * 3))", "602 bytes"),
        ("add('/'.join(['a'] * 33))", "33 folders deep"),
        ("z.writestr(zipfile.ZipInfo('b'), b'x' * 99, zipfile.ZIP_BZIP2)", "method 12"),
        ("z.writestr(zipfile.ZipInfo('b'), b'x' * 99, zipfile.ZIP_LZMA)", "method 14"),
    ])
    func `archives with such entries are refused as a whole`(body: String, reason: String)
        async throws
    {
        // The good entry comes first, so that something has been unpacked when the bad one is met.
        let message = try await refusal(try pythonZip("add('index.py')\n\(body)"))
        #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
        #expect(message?.contains("the entry") == true)
    }

    @Test func `limits on entries and unpacked bytes count what is there, not what is said`()
        async throws
    {
        let limits = BundleLimits(entries: 3, unpackedBytes: 100)
        #expect(
            try await refusal(try pythonZip("for i in range(4): add(f'{i}')"), limits: limits)?
                .contains("4 entries") == true)
        let bomb = try pythonZip("add('index.py', b'x' * 50); add('bomb', b'0' * 51)")
        #expect(try await refusal(bomb, limits: limits)?.contains("\"bomb\"") == true)
        let exact = try pythonZip("add('index.py', b'x' * 50); add('data', b'0' * 50)")
        #expect(try await refusal(exact, limits: limits) == nil)
        // Both headers lie about the size: 1 byte instead of 1,000,000.
        var lie = try pythonZip("add('index.py', b'0' * 1000000)")
        let real: [UInt8] = [0x40, 0x42, 0x0F, 0x00]
        lie = replacing(real, with: [1, 0, 0, 0], in: lie)
        #expect(try await refusal(lie) != nil)
    }

    @Test func `an archive of ten thousand entries is accepted`() async throws {
        let zip = try pythonZip(
            "add('index.py')\nfor i in range(9999): add(f'd{i % 100}/{i}', b'')")
        let folder = try TemporaryFolder()
        #expect(try ZipUnpacker.unpack(zip, into: folder.path).count == 10_000)
    }

    @Test func `names that are not UTF-8 are refused`() async throws {
        let zip = replacing(
            Array("qqq".utf8), with: [0xFF, 0xFE, 0x41], in: try pythonZip("add('qqq')"))
        #expect(try await refusal(zip)?.contains("not UTF-8") == true)
        let nul = replacing(
            Array("qqq".utf8), with: [0x61, 0, 0x62], in: try pythonZip("add('qqq')"))
        #expect(try await refusal(nul)?.contains("control character") == true)
    }

    @Test func `encrypted archives are refused`() async throws {
        // Bit 0 of the flags, in the local header and in the directory.
        var zip = try pythonZip("add('index.py')")
        let directory = try #require(offset(of: [0x50, 0x4B, 1, 2], in: zip))
        zip[6] |= 1
        zip[directory + 8] |= 1
        #expect(try await refusal(zip)?.contains("encrypted") == true)
    }

    @Test func `a local header that differs from the directory is refused`() async throws {
        let zip = try pythonZip("add('index.py', b'print(1)')")
        let directory = try #require(offset(of: [0x50, 0x4B, 1, 2], in: zip))
        #expect(try await refusal(zip) == nil)
        var renamed = zip
        renamed.replaceSubrange(30..<38, with: Array("../../ab".utf8))
        #expect(try await refusal(renamed)?.contains("another name") == true)
        // Method, size and encryption bit of the local header alone.
        for (offset, value, reason) in [
            (8, 0, "otherwise"), (22, 9, "another size"), (6, 1, "otherwise"),
        ] {
            var changed = zip
            changed[offset] = UInt8(value)
            #expect(try await refusal(changed)?.contains(reason) == true)
        }
        // The directory says symbolic link, whatever the name says.
        var link = zip
        link[directory + 41] = 0xA1
        #expect(try await refusal(link)?.contains("symbolic link") == true)
    }

    @Test func `archives that hide things between or behind their parts are refused`() async throws
    {
        let zip = try pythonZip("add('index.py', b'1'); add('a', b'2')")
        #expect(try await refusal(Array("MZ".utf8) + zip)?.contains("not where") == true)
        #expect(try await refusal(zip + [0])?.contains("its end is missing") == true)
        #expect(try await refusal(Array(zip.dropLast()))?.contains("its end is missing") == true)
        // Two directory entries for one local header: the same bytes twice.
        let directory = try #require(offset(of: [0x50, 0x4B, 1, 2], in: zip))
        let second = try #require(offset(of: [0x50, 0x4B, 1, 2], in: zip, from: directory + 1))
        var overlapping = zip
        overlapping.replaceSubrange(second + 42..<second + 46, with: [0, 0, 0, 0])
        #expect(try await refusal(overlapping) != nil)
        // The end record leaves out the second entry.
        var short = zip
        short[zip.count - 22 + 8] = 1
        short[zip.count - 22 + 10] = 1
        #expect(try await refusal(short)?.contains("more entries") == true)
        // A comment is fine; one that holds another end record is not.
        let end = Array(zip.suffix(22))
        var commented = zip
        commented[zip.count - 2] = 5
        #expect(try await refusal(commented + Array("hello".utf8)) == nil)
        commented[zip.count - 2] = 22
        #expect(try await refusal(commented + end) != nil)
    }

    @Test func `damaged content is refused`() async throws {
        var zip = try pythonZip(
            "z.compression = zipfile.ZIP_STORED; z.writestr('index.py', b'print(1)')")
        zip[38] ^= 1
        #expect(try await refusal(zip)?.contains("damaged") == true)
    }

    @Test(
        arguments: [[], [0], Array("PK\u{5}\u{6}".utf8), [UInt8](repeating: 0, count: 22)]
            as [[UInt8]])
    func `bytes that are no archive are refused`(bytes: [UInt8]) async throws {
        #expect(try await refusal(bytes)?.contains("not a zip archive") == true)
    }

    @Test func `an empty archive has no handler`() async throws {
        #expect(try await refusal(try pythonZip("pass"))?.contains("it has no files") == true)
    }

    @Test func `whatever is changed in an archive, nothing is written outside of its folder`()
        throws
    {
        let zip = try pythonZip(
            "add('index.py', b'print(1)'); add('a/b', b'2' * 50); add('é', b''); add('l/', b'', 0o040755)"
        )
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let parent = try TemporaryFolder()
            let inside = parent.path + "/in"
            try FileManager.default.createDirectory(
                atPath: inside, withIntermediateDirectories: false)
            var changed = zip
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255)
            }
            _ = try? ZipUnpacker.unpack(changed, into: inside)
            #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path) == ["in"])
        }
    }
}

private func offset(of pattern: [UInt8], in bytes: [UInt8], from start: Int = 0) -> Int? {
    (start..<bytes.count - pattern.count).first { Array(bytes[$0..<$0 + pattern.count]) == pattern }
}

private func replacing(_ old: [UInt8], with new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    var start = 0
    while let found = offset(of: old, in: result, from: start) {
        result.replaceSubrange(found..<found + old.count, with: new)
        start = found + new.count
    }
    return result
}
