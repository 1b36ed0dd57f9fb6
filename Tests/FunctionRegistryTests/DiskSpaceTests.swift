import Foundation
import Testing

@testable import FunctionRegistry

/// What registrations may take of the disk.
struct DiskSpaceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ bundleBytes: Int?, free: Int = 0) throws -> FunctionRegistry {
        try FunctionRegistry(
            directory: folder.path,
            space: SpaceLimits(bundleBytes: bundleBytes, freeBytes: free))
    }

    private func put(
        _ registry: FunctionRegistry, _ name: String, _ zip: [UInt8]
    ) async -> RegistryError? {
        await registryError {
            _ = try await registry.put(name, spec: .python, code: .zip(zip))
        }
    }

    private func isNoRoom(_ error: RegistryError?) -> Bool {
        if case .noRoom = error { true } else { false }
    }

    private func bundle(_ megabytes: Int, _ mark: Int) throws -> [UInt8] {
        try pythonZip(
            "add('index.py', 'x = \(mark)'); add('big', bytes(\(megabytes) << 20))")
    }

    @Test func `bundles in sum have a bound, and a deleted one makes room`() async throws {
        var registry: FunctionRegistry? = try open(5 << 20)
        #expect(await put(try #require(registry), "a", try bundle(2, 1)) == nil)
        #expect(await put(try #require(registry), "b", try bundle(2, 2)) == nil)
        // A small archive, as zeros are.
        let refused = await put(try #require(registry), "c", try bundle(2, 3))
        #expect(isNoRoom(refused), "\(String(describing: refused))")
        #expect(refused?.message.contains("bundleBytes") == true)
        #expect(try await registry?.function("c") == nil)
        // Counted anew after a start.
        registry = nil
        let again = try open(5 << 20)
        #expect(isNoRoom(await put(again, "c", try bundle(2, 3))))
        let drafts = folder.tree("bundles").count { $0.hasPrefix(".") }
        #expect(drafts == 0)
        _ = try await again.delete("a")
        #expect(await put(again, "c", try bundle(2, 3)) == nil)
        // The same content a second time takes no more.
        #expect(await put(again, "d", try pythonZip("add('index.py', 'y')")) == nil)
        #expect(await put(again, "e", try pythonZip("add('index.py', 'y')")) == nil)
    }

    @Test func `many small files and empty folders are not free`() async throws {
        let registry = try open(4 << 20)
        let files = try pythonZip(
            "add('index.py', 'x')\nfor i in range(1500): add('f%d' % i)")
        #expect(isNoRoom(await put(registry, "files", files)))
        let folders = try pythonZip(
            "add('index.py', 'x')\nfor i in range(1500): add('d%d/' % i, '', 0o40755)")
        #expect(isNoRoom(await put(registry, "folders", folders)))
        let left = folder.tree("bundles").count
        #expect(left == 0)
    }

    @Test func `archives and layers count too, and what is refused leaves nothing`() async throws {
        let registry = try open(3 << 20)
        let large = await registryError {
            try await registry.withArchive([UInt8](repeating: 7, count: 4 << 20)) { _ in }
        }
        #expect(isNoRoom(large))
        let layer = try pythonZip("add('big', bytes(4 << 20))")
        let refused = await registryError {
            try await registry.withArchive(layer) { archive in
                try await registry.putLayer(layer) { sha256, _ in
                    Document(
                        collection: "layer", key: "l", bundle: sha256, archive: archive, body: "{}")
                }
            }
        }
        #expect(isNoRoom(refused))
        #expect(folder.tree("archives").isEmpty && folder.tree("bundles").isEmpty)
        #expect(try await registry.document("layer", "l") == nil)
    }

    @Test func `below the free bytes that are kept nothing is registered, and calls are recorded`()
        async throws
    {
        // More than any disk has.
        let registry = try open(nil, free: 1 << 60)
        let refused = await registryError {
            _ = try await registry.put("f", spec: .python, code: .source(handlerSource))
        }
        #expect(isNoRoom(refused) && refused?.message.contains("freeBytes") == true)
        let id = CallIDGenerator().next()
        let record = queuedRecord(id, at: currentTimeMs())
        let key = IdempotencyKey(key: "k", version: nil, event: [0x31])
        #expect(try await registry.calls.accept(record, event: nil, key: key) == id)
    }
}
