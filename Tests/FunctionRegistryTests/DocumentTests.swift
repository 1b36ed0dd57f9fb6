import Foundation
import FunctionRegistry
import Testing

struct DocumentTests {
    private let folder: TemporaryFolder
    private let registry: FunctionRegistry

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(directory: folder.path + "/data")
    }

    private func document(
        _ key: String, _ body: String = "{}", function: String? = nil, archive: String? = nil
    ) -> Document {
        Document(collection: "c", key: key, function: function, archive: archive, body: body)
    }

    private var bundles: Int {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: registry.bundleRoot).count
        }
    }

    @Test func `documents are written together or not at all`() async throws {
        try await registry.write([.put(document("a", "1")), .put(document("b", "2"))])
        try await registry.write([.put(document("a", "3")), .remove(collection: "c", key: "b")])
        #expect(try await registry.document("c", "a")?.body == "3")
        #expect(try await registry.document("c", "b") == nil)
        let error = await registryError {
            try await registry.write([.put(document("d")), .put(document("e", "no JSON"))])
        }
        #expect(error != nil)
        #expect(try await registry.document("c", "d") == nil)
    }

    @Test func `documents are listed by prefix and page`() async throws {
        try await registry.write(["a:1", "a:2", "a:3", "b:1"].map { .put(document($0)) })
        let keys = try await registry.documents("c", prefix: "a:", after: "a:1", limit: 5).map(
            \.key)
        #expect(keys == ["a:2", "a:3"])
        #expect(try await registry.documents("c", limit: 1).map(\.key) == ["a:1"])
    }

    @Test func `a document goes with its function`() async throws {
        var options = PutOptions()
        options.documents = { [.put(document("of \($0.version)", function: $0.name))] }
        _ = try await registry.put(
            "f", spec: FunctionSpec(runtime: .python), code: .source("1"), options: options)
        #expect(try await registry.document("c", "of 1") != nil)
        #expect(try await registry.delete("f"))
        #expect(try await registry.document("c", "of 1") == nil)
    }

    @Test func `a document that cannot be made leaves no version behind`() async throws {
        var options = PutOptions()
        options.documents = { _ in throw TestFailure(message: "no") }
        await #expect(throws: TestFailure.self) {
            try await registry.put(
                "f", spec: FunctionSpec(runtime: .python), code: .source("1"), options: options)
        }
        #expect(try await registry.function("f") == nil)
        #expect(try bundles == 0)
    }

    @Test func `layers are one bundle, whose later files win, and go with what needs them`()
        async throws
    {
        var layers: [String] = []
        for text in ["one", "two"] {
            let zip = try pythonZip("add('same', b'\(text)'); add('only-\(text)', b'x', 0o100755)")
            try await registry.putLayer(zip) { sha256, _ in
                Document(collection: "layer", key: text, bundle: sha256, body: "{}")
            }
            layers.append(try #require(try await registry.document("layer", text)?.bundle))
        }
        var spec = FunctionSpec(runtime: .python)
        spec.layers = layers
        let merged = try #require(
            try await registry.put("f", spec: spec, code: .source("1")).version.layers)
        let root = "\(registry.bundleRoot)/\(merged)"
        #expect(try String(contentsOfFile: "\(root)/same", encoding: .utf8) == "two")
        #expect(FileManager.default.isExecutableFile(atPath: "\(root)/only-one"))
        #expect(try bundles == 4)
        try await registry.write([.remove(collection: "layer", key: "one")])
        #expect(try bundles == 3)
        #expect(FileManager.default.fileExists(atPath: root))
        _ = try await registry.delete("f")
        try await registry.write([.remove(collection: "layer", key: "two")])
        #expect(try bundles == 0)
    }

    @Test func `bundles and archives that documents need outlive a start`() async throws {
        let folder = try TemporaryFolder()
        var first: FunctionRegistry? = try FunctionRegistry(directory: folder.path)
        let kept = try #require(
            try await first?.withArchive([1, 2, 3]) { name in
                try await first?.write([.put(document("a", archive: name))])
                return name
            })
        // One that nothing refers to in the end goes at once, and one that an evaluator that was killed
        // has left behind at the next start.
        let archives = folder.path + "/archives"
        try await first?.withArchive([4]) { name in
            #expect(FileManager.default.fileExists(atPath: "\(archives)/\(name)"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: archives) == [kept])
        try Data([5]).write(to: URL(fileURLWithPath: "\(archives)/orphan"))
        try await first?.putLayer(try pythonZip("add('x')")) { sha256, _ in
            Document(collection: "layer", key: "l", bundle: sha256, body: "{}")
        }
        first = nil
        let second = try FunctionRegistry(directory: folder.path)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: archives) == [kept]
        )
        #expect(FileManager.default.contents(atPath: second.archivePath(kept)) == Data([1, 2, 3]))
        let bundle = try #require(try await second.document("layer", "l")?.bundle)
        #expect(FileManager.default.fileExists(atPath: "\(second.bundleRoot)/\(bundle)/x"))
    }

    @Test func `access keys are sealed, listed and removed`() async throws {
        let (key, secret) = try await registry.makeAccessKey(description: "d")
        #expect(key.id.utf8.count == 20 && secret.utf8.count == 40)
        #expect(try await registry.accessKeys() == [key])
        #expect(try await registry.accessKeySecrets() == [key.id: secret])
        #expect(try await registry.removeAccessKey(key.id))
        #expect(try await !registry.removeAccessKey(key.id))
        #expect(try await registry.accessKeys().isEmpty)
    }
}
