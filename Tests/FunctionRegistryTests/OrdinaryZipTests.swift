import Foundation
import Testing

@testable import FunctionRegistry

/// Archives as the tools that people have write them.
@Suite struct OrdinaryZipTests {
    @Test(arguments: [
        // tar's of a folder: `tar -acf fn.zip .`
        "add('./', b'', 0o040755); add('./index.py'); add('./lib/', b'', 0o040755); add('./lib/a.py')",
        // Windows' Compress-Archive of old
        "add('index.py'); add('lib\\\\a.py')",
        "add('index.py'); add('lib/./a.py')",
        // a stream's, with lengths behind the data
        """
        class Pipe(io.RawIOBase):
            def writable(self): return True
            def write(self, data): return out.write(data)
        z.close(); out.seek(0); out.truncate()
        z = zipfile.ZipFile(Pipe(), 'w', zipfile.ZIP_DEFLATED)
        z.writestr('index.py', b'x'); z.writestr('lib/a.py', b'x')
        """,
        // zip64 without need
        """
        for name in 'index.py', 'lib/a.py':
            with z.open(name, 'w', force_zip64=True) as file: file.write(b'x')
        """,
        // zip64 with a directory of its own kind
        """
        zipfile.ZIP64_LIMIT = 0
        add('index.py'); add('lib/a.py')
        """,
        "z.comment = b'a comment'; add('index.py'); z.writestr(zipfile.ZipInfo('lib/a.py'), b'x')",
    ])
    func `archives of common tools are taken`(_ body: String) async throws {
        let bundles = try TemporaryBundles()
        defer { bundles.remove() }
        let lines = body.split(separator: "\n").joined(separator: "\n")
        let paths = try bundles.paths(try pythonZip(lines))
        #expect(paths == ["index.py", "lib/a.py"])
    }
}

/// A folder to unpack archives into.
private struct TemporaryBundles {
    let folder: String

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("registry-tests-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    func paths(_ archive: [UInt8]) throws -> [String] {
        try ZipUnpacker.listing(archive, into: folder, limits: BundleLimits()).files.map(\.path)
            .sorted()
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
