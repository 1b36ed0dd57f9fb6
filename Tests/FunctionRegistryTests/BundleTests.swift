import Foundation
import FunctionRegistry
import Testing

struct BundleTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(directory: folder.path)
    }

    private func put(_ zip: [UInt8], handler: String = "index.handler") async throws
        -> FunctionVersion
    {
        let spec = FunctionSpec(runtime: .python, handler: handler)
        return try await registry.put("f", spec: spec, code: .zip(zip)).version
    }

    @Test func `a zip is unpacked with its folders and executable bits, and nothing else of modes`()
        async throws
    {
        let zip = try pythonZip(
            """
            add("index.py", b"x = 1")
            add("bin/tool", b"#!/bin/sh", 0o104755)
            add("deep/er/", b"", 0o040777)
            add("deep/er/é.txt", b"", 0o100600)
            """)
        let version = try await put(zip)
        #expect(version.codeBytes == 14)
        let root = "bundles/\(version.codeSha256)"
        #expect(
            folder.tree(root) == [
                "bin", "bin/tool", "deep", "deep/er", "deep/er/é.txt", "index.py",
            ])
        for (path, mode) in [
            ("index.py", 0o644), ("bin/tool", 0o755), ("bin", 0o755), ("deep/er", 0o755),
            ("deep/er/é.txt", 0o644), ("", 0o755),
        ] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(folder.path)/\(root)/\(path)")
            #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
        }
    }

    @Test func `modes do not depend on the umask`() async throws {
        let old = umask(0o077)
        defer { umask(old) }
        let version = try await put(try pythonZip("add('index.py'); add('a/b')"))
        for (path, mode) in [("index.py", 0o644), ("a", 0o755), ("a/b", 0o644), ("", 0o755)] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(folder.path)/bundles/\(version.codeSha256)/\(path)")
            #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
        }
    }

    @Test func `the hash depends on paths, executable bits and contents alone`() async throws {
        let first = try await put(try pythonZip("add('index.py', b'1'); add('a', b'2')"))
        let same = try await put(
            try pythonZip(
                "z.compression = zipfile.ZIP_STORED; z.writestr('empty/', ''); z.writestr('a', '2'); "
                    + "z.writestr('index.py', '1')"))
        #expect(same.codeSha256 == first.codeSha256)
        #expect(same.version == first.version)
        for other in [
            "add('index.py', b'1'); add('a', b'2', 0o100755)",
            "add('index.py', b'1'); add('b', b'2')",
            "add('index.py', b'12'); add('a', b'')",
            "add('index.py', b'1'); add('a', b'3')",
        ] {
            #expect(try await put(try pythonZip(other)).codeSha256 != first.codeSha256)
        }
        // Worked out by hand from the documented listing, so that the format cannot change unseen.
        let single = try await registry.put("g", spec: .python, code: .source("x = 1\n")).version
        #expect(
            single.codeSha256 == "404b3aff696d863f6e09c1ead27bcf70c7888926f316d21e551963ae625245cd")
    }

    @Test func `a zip without the handler's file is refused with what it has`() async throws {
        let error = await registryError {
            _ = try await put(
                try pythonZip("add('main.py'); add('lib/x.py')"), handler: "lib/app.main")
        }
        #expect(
            error
                == .invalidBundle(
                    message: "the zip archive has no file for the handler: looked for lib/app.py, "
                        + "lib/app/__init__.py; it has lib/x.py, main.py"))
        _ = try await put(try pythonZip("add('lib/app/__init__.py')"), handler: "lib/app.main")
    }

    @Test func `deleting a function removes its bundles, but not those that others have`()
        async throws
    {
        _ = try await registry.put("f", spec: .python, code: .source("a = 1"))
        let shared = try await registry.put("f", spec: .python, code: .source("a = 2")).version
        _ = try await registry.put("g", spec: .python, code: .source("a = 2"))
        #expect(try await registry.delete("f"))
        #expect(folder.tree("bundles") == [shared.codeSha256, "\(shared.codeSha256)/index.py"])
        #expect(try await registry.delete("g"))
        #expect(folder.tree("bundles") == [])
    }

    @Test func `a bundle in use outlives its function until it is given back`() async throws {
        let version = try await registry.put("f", spec: .python, code: .source("a = 1")).version
        try registry.acquireBundle(version.codeSha256)
        try registry.acquireBundle(version.codeSha256)
        #expect(try await registry.delete("f"))
        #expect(throws: RegistryError.bundleGone(sha256: version.codeSha256)) {
            try registry.acquireBundle(version.codeSha256)
        }
        registry.releaseBundle(version.codeSha256)
        #expect(folder.tree("bundles").count == 2)
        registry.releaseBundle(version.codeSha256)
        try await eventually { folder.tree("bundles").isEmpty }
    }

    @Test func `a bundle that is registered again before it could go stays`() async throws {
        let version = try await registry.put("f", spec: .python, code: .source("a = 1")).version
        try registry.acquireBundle(version.codeSha256)
        #expect(try await registry.delete("f"))
        _ = try await registry.put("g", spec: .python, code: .source("a = 1"))
        registry.releaseBundle(version.codeSha256)
        try registry.acquireBundle(version.codeSha256)
        registry.releaseBundle(version.codeSha256)
        _ = try await registry.put("h", spec: .python, code: .source("another"))
        #expect(folder.tree("bundles").contains("\(version.codeSha256)/index.py"))
    }

    @Test func `puts and deletes of one content at once never leave a version without its bundle`()
        async throws
    {
        await withTaskGroup { group in
            for number in 0..<6 {
                group.addTask { [registry] in
                    for _ in 0..<15 {
                        _ = try? await registry.put(
                            "f\(number)", spec: .python, code: .source("a = 1"))
                        _ = try? await registry.delete("f\(number)")
                    }
                    _ = try? await registry.put("f\(number)", spec: .python, code: .source("a = 1"))
                    if number.isMultiple(of: 2) { _ = try? await registry.delete("f\(number)") }
                }
            }
        }
        let left = try await registry.functions(limit: 10).items
        #expect(left.map(\.name) == ["f1", "f3", "f5"])
        let sha256 = try #require(left.first?.codeSha256)
        #expect(folder.tree("bundles") == [sha256, "\(sha256)/index.py"])
        try registry.acquireBundle(sha256)
    }

    @Test func `what an interrupted write or delete left behind goes at the next start`()
        async throws
    {
        let folder = try TemporaryFolder()
        var kept = ""
        do {
            let registry = try FunctionRegistry(directory: folder.path)
            kept = try await registry.put("f", spec: .python, code: .source("a = 1")).version
                .codeSha256
        }
        let manager = FileManager.default
        for name in [".tmp-1/a/b", String(repeating: "a", count: 64)] {
            let path = "\(folder.path)/bundles/\(name)"
            try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/file"))
        }
        let registry = try FunctionRegistry(directory: folder.path)
        #expect(folder.tree("bundles") == [kept, "\(kept)/index.py"])
        _ = registry
    }
}

/// Waits until `condition` holds, for at most five seconds.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<500 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw TestFailure(message: "it did not come about in five seconds")
}
