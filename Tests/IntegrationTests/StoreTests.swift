import Foundation
import Synchronization
import TestSupport
import Testing

/// What an evaluator does when its disk is full or cannot be written. The disk is a small tmpfs in a
/// mount namespace that only the evaluator and its helpers see, which only root can make.
@Suite(.enabled(if: !TestUser.isOrdinary, "only root can make the small disk"))
struct StoreTests {
    private enum Kind: String {
        case tmpfs = #"mount -t tmpfs -o size=12m,mode=755 none "$0""#
        /// Turns read-only by itself when the kernel finds that it is damaged.
        case ext4 = #"""
            dd if=/dev/zero of="$0.image" bs=1M count=24 2>/dev/null
            mkfs.ext4 -q -O ^has_journal "$0.image"
            mount -o loop,errors=remount-ro "$0.image" "$0"
            """#
    }

    /// Runs what follows it in a mount namespace of its own, with a small disk at the data folder. What
    /// is written to the pipe `control` beside that folder is run in there.
    private static func wrapper(_ folder: String, _ kind: Kind) throws -> [String] {
        let script = """
            set -e
            \(kind.rawValue)
            (while read -r command; do sh -c "$command" || true; echo >> "\(folder).done"; done \
            < "\(folder).control") >/dev/null 2>&1 3>&- &
            exec "$@"
            """
        guard mkfifo("\(folder).control", 0o600) == 0 else {
            throw TestEvaluator.Failure(description: "mkfifo failed")
        }
        return [
            "/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script,
            folder,
        ]
    }

    private final class Disk: Sendable {
        let folder: String
        private let control: FileHandle
        private let commands = Mutex(0)

        init(_ folder: String) throws {
            self.folder = folder
            // Open for reading as well, so that neither side waits for the other.
            control = FileHandle(
                fileDescriptor: open("\(folder).control", O_RDWR), closeOnDealloc: true)
        }

        /// Runs a command where the disk is, and waits for it.
        func run(_ command: String) async throws {
            try control.write(contentsOf: Data((command + "\n").utf8))
            let number = commands.withLock { commands in
                commands += 1
                return commands
            }
            try await until {
                // A line end for each command that is done.
                let done = FileManager.default.contents(atPath: "\(folder).done")
                return done?.count ?? 0 >= number
            }
        }
    }

    private func withSmallDisk(
        _ kind: Kind, _ body: (TestEvaluator, Disk) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer {
            for name in ["", ".control", ".done", ".image", ".check"] {
                try? FileManager.default.removeItem(atPath: folder + name)
            }
        }
        let wrapper = try Self.wrapper(folder, kind)
        let disk = try Disk(folder)
        let evaluator = try await TestEvaluator(dataFolder: folder, wrapper: wrapper)
        do {
            try await evaluator.waitUntilReady()
            try await body(evaluator, disk)
            try await evaluator.stop()
            try await disk.run(
                "cd /; cp -r \(folder) \(folder).copy; python3 -c 'import sqlite3; print(sqlite3.connect("
                    + "\"\(folder).copy/registry.sqlite\").execute(\"PRAGMA integrity_check\")"
                    + ".fetchone()[0])' > \(folder).check 2>&1; rm -r \(folder).copy")
            let check = try String(contentsOfFile: "\(folder).check", encoding: .utf8)
            #expect(check == "ok\n")
        } catch {
            try? await evaluator.stop()
            throw error
        }
    }

    private static let source = "def handler(event, context):\n    return event\n"

    private func large(_ bytes: Int) -> Data {
        Data("\"\(String(repeating: "x", count: bytes))\"".utf8)
    }

    @Test func `a full disk is told as such, nothing is lost, and service resumes`() async throws {
        try await withSmallDisk(.tmpfs) { evaluator, disk in
            let name = try await evaluator.register(nil, "python", Self.source)
            let before = try await evaluator.submit(name, "1").callID
            #expect(try await evaluator.ended(before)["state"]?.string == "completed")
            try await disk.run("dd if=/dev/zero of=\(disk.folder)/filler bs=64k 2>/dev/null")
            // What has to be kept is refused…
            let submitted = try await evaluator.send(
                "POST", "/v1/functions/\(name)/invoke", body: large(200_000),
                headers: [("Prefer", "respond-async")])
            #expect(submitted.status == 507, "\(submitted.text)")
            #expect(try submitted.json["type"]?.string?.hasSuffix("/storage-full") == true)
            #expect(submitted.headers["retry-after"] != nil)
            let keyed = try await evaluator.send(
                "POST", "/v1/functions/\(name)/invoke", body: large(200_000),
                headers: [("Idempotency-Key", "k")])
            #expect(keyed.status == 507 || keyed.status == 200, "\(keyed.text)")
            let put = try await evaluator.send(
                "PUT", "/v1/functions/other",
                body: JSONSerialization.data(
                    withJSONObject: [
                        "runtime": "python",
                        "code": Self.source + String(repeating: "#", count: 300_000),
                    ]))
            #expect(put.status == 507, "\(put.text)")
            // …and what has not goes on: calls that somebody waits for, and everything that is read.
            var ids: [String] = []
            for number in 0..<30 {
                let answer = try await evaluator.invoke(name, "\(number)")
                #expect(answer.status == 200 && answer.text == "\(number)", "\(answer.text)")
                ids.append(answer.callID)
            }
            #expect(try await evaluator.get("/v1/calls/\(ids[0])").status == 200)
            #expect(try await evaluator.get("/v1/functions").status == 200)
            #expect(try await evaluator.get("/v1/functions/other").status == 404)

            try await disk.run("rm \(disk.folder)/filler")
            try await until {
                try await evaluator.send(
                    "POST", "/v1/functions/\(name)/invoke", body: large(200_000),
                    headers: [("Prefer", "respond-async")]
                ).status == 202
            }
            try await evaluator.register("other", "python", Self.source)
            // The records of what ran meanwhile are written now.
            try await until {
                try await evaluator.get("/v1/calls?function=\(name)&state=completed&limit=1000")
                    .json["calls"]?.array?.count ?? 0 >= 32
            }
            for id in ids {
                #expect(
                    try await evaluator.get("/v1/calls/\(id)").json["state"]?.string == "completed")
            }
        }
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: "/dev/loop-control"),
            "this kernel has no loop devices, which a disk that turns read-only is made of"))
    func `a disk that turns read-only is told as such, and calls go on`() async throws {
        try await withSmallDisk(.ext4) { evaluator, disk in
            let name = try await evaluator.register(nil, "python", Self.source)
            #expect(try await evaluator.invoke(name, "1").status == 200)
            try await disk.run(
                "device=$(findmnt -no SOURCE \(disk.folder)); "
                    + "echo 1 > /sys/fs/ext4/${device#/dev/}/trigger_fs_error")
            let put = try await evaluator.send(
                "PUT", "/v1/functions/other",
                body: JSONSerialization.data(
                    withJSONObject: ["runtime": "python", "code": Self.source]))
            let submitted = try await evaluator.submit(name, "1")
            for answer in [put, submitted] {
                #expect(answer.status == 503, "\(answer.text)")
                #expect(try answer.json["type"]?.string?.hasSuffix("/storage-unavailable") == true)
                #expect(answer.headers["retry-after"] != nil)
            }
            for number in 0..<10 {
                let answer = try await evaluator.invoke(name, "\(number)")
                #expect(answer.status == 200 && answer.text == "\(number)", "\(answer.text)")
                #expect(try await evaluator.get("/v1/calls/\(answer.callID)").status == 200)
            }
        }
    }

    @Test func `an evaluator does not start on a store that it cannot write, and says why`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await TestEvaluator.with(dataFolder: folder) { _ in }
        let script = #"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#
        let wrapper = [
            "/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script,
            folder,
        ]
        do {
            let evaluator = try await TestEvaluator(dataFolder: folder, wrapper: wrapper)
            try await evaluator.stop()
            Issue.record("it started")
        } catch let failure as TestEvaluator.Failure {
            #expect(failure.description.contains("Read-only file system"), "\(failure)")
            #expect(failure.description.contains(folder), "\(failure)")
        }
    }
}
