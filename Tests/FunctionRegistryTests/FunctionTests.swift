import Foundation
import FunctionRegistry
import Testing

struct FunctionTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(directory: folder.path)
    }

    @Test func `a first put makes version 1 and stores the code as the handler's file`()
        async throws
    {
        let spec = FunctionSpec(
            runtime: .python, handler: "lib/app.main", timeoutMs: 5000, memoryMB: 64, tmpMB: 2,
            environment: ["A": "1"], description: "says hello")
        let (version, created) = try await registry.put(
            "hello", spec: spec, code: .source("x = 1\n"))
        #expect(created)
        #expect(version.version == 1)
        #expect(version.codeBytes == 6)
        #expect(version.environment == ["A": "1"])
        let file = "\(registry.bundleRoot)/\(version.codeSha256)/lib/app.py"
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x = 1\n")
        #expect(try await registry.function("hello") == version)
        #expect(try await registry.function("hello", version: 1) == version)
        #expect(try await registry.function("hello", version: 2) == nil)
        #expect(try await registry.function("nobody") == nil)
    }

    @Test func `the same content and settings make no new version`() async throws {
        let first = try await registry.put("f", spec: .python, code: .source(handlerSource))
        let again = try await registry.put("f", spec: .python, code: .source(handlerSource))
        #expect(!again.created)
        #expect(again.version == first.version)
        var spec = FunctionSpec.python
        spec.description = ""
        #expect(
            try await registry.put("f", spec: spec, code: .source(handlerSource)).created == false)
        spec.memoryMB = 256
        let changed = try await registry.put("f", spec: spec, code: .source(handlerSource))
        #expect(changed.created)
        #expect(changed.version.version == 2)
        #expect(changed.version.codeSha256 == first.version.codeSha256)
        // Back to the first settings is a change again: only the newest counts.
        #expect(
            try await registry.put("f", spec: .python, code: .source(handlerSource)).version.version
                == 3)
    }

    @Test func `version numbers go on after a delete`() async throws {
        _ = try await registry.put("f", spec: .python, code: .source("a = 1"))
        _ = try await registry.put("f", spec: .python, code: .source("a = 2"))
        #expect(try await registry.delete("f"))
        #expect(try await registry.delete("f") == false)
        #expect(try await registry.function("f") == nil)
        #expect(try await registry.function("f", version: 1) == nil)
        #expect(try await registry.versions(of: "f", limit: 10) == nil)
        let (version, created) = try await registry.put("f", spec: .python, code: .source("a = 2"))
        #expect(created)
        #expect(version.version == 3)
        #expect(try await registry.versions(of: "f", limit: 10)?.items.map(\.version) == [3])
    }

    @Test func `concurrent puts get different numbers, or the same when they are the same`()
        async throws
    {
        let versions = try await withThrowingTaskGroup(of: FunctionVersion.self) { group in
            for number in 0..<20 {
                group.addTask { [registry] in
                    try await registry.put("f", spec: .python, code: .source("a = \(number)"))
                        .version
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(versions.map(\.version)) == Set(1...20))
        let created = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { [registry] in
                    try await registry.put("g", spec: .python, code: .source("a = 1")).created
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(created.filter { $0 }.count == 1)
    }

    @Test func `functions and versions come in pages that neither repeat nor skip`() async throws {
        let names = ["b", "a", "d-2", "c", "d", "e_1"]
        for name in names {
            _ = try await registry.put(name, spec: .python, code: .source("x = 1"))
        }
        #expect(try await registry.delete("c"))
        var seen: [String] = []
        var cursor: String?
        repeat {
            let page = try await registry.functions(limit: 2, cursor: cursor)
            #expect(page.items.count <= 2)
            seen += page.items.map(\.name)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen == ["a", "b", "d", "d-2", "e_1"])
        for number in 2...5 {
            _ = try await registry.put("a", spec: .python, code: .source("x = \(number)"))
        }
        let first = try #require(try await registry.versions(of: "a", limit: 3))
        #expect(first.items.map(\.version) == [5, 4, 3])
        let second = try #require(
            try await registry.versions(of: "a", limit: 3, cursor: first.nextCursor))
        #expect(second.items.map(\.version) == [2, 1])
        #expect(second.nextCursor == nil)
        #expect(try await registry.functions(limit: 100).items.first?.version == 5)
    }

    @Test(arguments: ["", "x", "Zg", "####", "dmY", "Zg==", "é"])
    func `a cursor that no page ended with is refused`(cursor: String) async throws {
        // "Zg" is the list's letter with an empty key, which is harmless but refused for versions.
        if cursor != "Zg" {
            #expect(
                await registryError { _ = try await registry.functions(limit: 1, cursor: cursor) }
                    == .invalidCursor)
        }
        _ = try await registry.put("f", spec: .python, code: .source("x = 1"))
        #expect(
            await registryError {
                _ = try await registry.versions(of: "f", limit: 1, cursor: cursor)
            }
                == .invalidCursor)
    }

    @Test func `everything is there again after a restart`() async throws {
        let folder = try TemporaryFolder()
        var version: FunctionVersion?
        do {
            let registry = try FunctionRegistry(directory: folder.path)
            version = try await registry.put("f", spec: .python, code: .source("x = 1")).version
        }
        let reopened = try FunctionRegistry(directory: folder.path)
        #expect(try await reopened.function("f") == version)
    }

    @Test func `a directory has one registry at a time, and the error names the process`()
        async throws
    {
        let error = await registryError { _ = try FunctionRegistry(directory: folder.path) }
        guard case .directoryInUse(let message) = error else {
            Issue.record("expected directoryInUse, got \(String(describing: error))")
            return
        }
        #expect(message.contains(folder.path))
        #expect(message.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
    }

    @Test func `a listing of ten thousand functions reads no row that it does not answer`()
        async throws
    {
        // The plan, not the time: a scan or a sort would show as SCAN or TEMP B-TREE.
        for number in 0..<3 {
            _ = try await registry.put("f\(number)", spec: .python, code: .source("x = 1"))
        }
        let plans = try queryPlans(folder.path)
        #expect(plans.count == 5)
        for plan in plans {
            #expect(plan.contains("SEARCH"), "\(plan)")
            #expect(!plan.contains("TEMP B-TREE"), "\(plan)")
            #expect(!plan.contains("SCAN"), "\(plan)")
        }
    }
}

/// What SQLite intends to do for the registry's list queries, asked through the sqlite3 of Python.
private func queryPlans(_ directory: String) throws -> [String] {
    let program = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1] + "/registry.sqlite")
        for sql in [
            "SELECT v.* FROM function f JOIN functionVersion v ON v.name = f.name AND v.version = f.lastVersion WHERE f.name > 'a' AND isDeleted = 0 ORDER BY f.name LIMIT 3",
            "SELECT * FROM functionVersion WHERE name = 'f' AND version < 9 ORDER BY version DESC LIMIT 3",
            "SELECT * FROM call WHERE id < 'x' ORDER BY id DESC LIMIT 3",
            "SELECT * FROM call WHERE function = 'f' AND id < 'x' ORDER BY id DESC LIMIT 3",
            "SELECT * FROM call WHERE function = 'f' AND state = 'failed' AND id < 'x' ORDER BY id DESC LIMIT 3",
        ]:
            print("; ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql)))
        """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program, directory]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text.split(separator: "\n").map(String.init)
}
