import Foundation
import Testing

@testable import fnctl

@Suite struct BundleTests {
    @Test func cachesHistoryAndFnctlsOwnFilesAreLeftOut() async throws {
        try await withTemporaryFolder { folder in
            for path in [
                "index.py", "lib/a.py", "lib/cases.yaml", "__pycache__/index.pyc",
                "lib/__pycache__/a.pyc",
                ".git/HEAD", "node_modules/.cache/x", "node_modules/m/index.js", ".cache/kept",
                "cases.yaml", "function.yaml",
            ] { try folder.write(path) }
            #expect(
                try BundleFolder(folder).files.map(\.path) == [
                    ".cache/kept", "index.py", "lib/a.py", "lib/cases.yaml",
                    "node_modules/m/index.js",
                ])
        }
    }

    @Test func theExecutePermissionIsKept() async throws {
        try await withTemporaryFolder { folder in
            let tool = try folder.write("tool")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: tool.filePath)
            #expect(try BundleFolder(folder).files == [.init(path: "tool", executable: true)])
        }
    }

    @Test func aLinkIsRefusedByName() async throws {
        try await withTemporaryFolder { folder in
            try folder.write("index.py")
            try FileManager.default.createDirectory(
                at: folder.appending(path: "lib"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: folder.appending(path: "lib/link").filePath,
                withDestinationPath: "/etc/passwd")
            let message = messageThrown { _ = try BundleFolder(folder) }
            #expect(message?.contains("\"lib/link\" is a link") == true)
        }
    }

    @Test func anEmptyFolderIsRefused() async throws {
        try await withTemporaryFolder { folder in
            #expect(throws: Failure.self) { try BundleFolder(folder) }
        }
    }

    @Test func theRuntimeIsToldFromTheHandlersFile() throws {
        #expect(
            try FunctionSource.runtime(ofHandlerFile: "index", in: ["index.mjs", "x.py"])
                == "javascript")
        #expect(
            try FunctionSource.runtime(ofHandlerFile: "lib/app", in: ["lib/app.py"]) == "python")
        #expect(throws: Failure.self) {
            try FunctionSource.runtime(ofHandlerFile: "index", in: ["index.js", "index.py"])
        }
        #expect(throws: Failure.self) {
            try FunctionSource.runtime(ofHandlerFile: "index", in: ["main.py"])
        }
    }

    @Test func aSourceFileIsSentAsCode() async throws {
        try await withTemporaryFolder { folder in
            let file = try folder.write("hello.mjs", "export const handler = () => 1\n")
            let body = try FunctionSource(path: file.filePath).body
            #expect(
                body
                    == (try json(
                        #"{"runtime": "javascript", "code": "export const handler = () => 1\n"}"#)))
        }
    }

    @Test func optionsGoBeforeFunctionYAML() async throws {
        try await withTemporaryFolder { folder in
            try folder.write("app.py")
            try folder.write(
                "function.yaml",
                """
                handler: app.main
                timeoutMs: 5000
                env: {A: a, PORT: 8080}
                """)
            let overrides = FunctionSettings(timeoutMs: 100, memoryMB: 64, env: ["A": "b"])
            let settings = try FunctionSource(path: folder.filePath, overrides: overrides).settings
            #expect(
                settings
                    == FunctionSettings(
                        runtime: "python", handler: "app.main", timeoutMs: 100, memoryMB: 64,
                        env: ["A": "b", "PORT": "8080"]))
        }
    }

    @Test func anUnknownKeyInFunctionYAMLIsNamedWithItsLine() {
        let message = messageThrown {
            _ = try FunctionManifest.parse("runtime: python\n\ntimeout: 3\n", file: "function.yaml")
        }
        #expect(
            message?.hasPrefix(
                "function.yaml, line 3: unknown key \"timeout\"; a function.yaml may have runtime")
                == true)
    }

    @Test func aVariableThatIsNotTextIsRefused() {
        let message = messageThrown {
            _ = try FunctionManifest.parse("env:\n  DEBUG: true\n", file: "f")
        }
        #expect(message == "f, line 2: env.DEBUG must be text; put it in quotes")
    }
}
