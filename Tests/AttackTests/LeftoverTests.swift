import Foundation
import TestSupport
import Testing

/// Calls that take as much as they can and end in every way there is.
private let nasty: [(String, String, [String: Int])] = [
    ("python", "os.fork()", [:]),
    (
        "python",
        "import threading\nwhile True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        [:]
    ),
    ("python", "x = []\nwhile True: x.append(bytearray(1 << 20))", [:]),
    ("python", "while True: pass", ["timeoutMs": 200]),
    ("python", "while True: os.write(1, b'x' * 65536)", ["timeoutMs": 200]),
    ("python", "while True: os.write(3, frame('L', 1, b'x' * 60000))", ["timeoutMs": 200]),
    ("python", "os.write(3, frame('R', 0, b'1') * 2)\ntime.sleep(9)", [:]),
    ("python", "os.write(3, bytes(range(255, 0, -1)))\ntime.sleep(9)", [:]),
    ("python", "os.closerange(0, 4096)", [:]),
    ("python", "ctypes.string_at(0)", [:]),
    ("python", "os.abort()", [:]),
    ("python", "os._exit(120)", [:]),
    ("python", "for i in range(14000): open(f'/tmp/{i}', 'w').close()", [:]),
    (
        "python", "f = open('/tmp/x', 'wb', 0)\nwhile True: f.write(b'x' * (1 << 20))",
        ["memoryMB": 64, "tmpMB": 512]
    ),
    ("python", "while True: os.open('/dev/null', 0)", [:]),
    (
        "python",
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, 1)\n    except Exception: pass\ntime.sleep(60)",
        ["timeoutMs": 200]
    ),
    (
        "python",
        "import socket, array\ns = socket.socket(fileno=3)\nwhile True: s.sendmsg([frame('L', 1, b'x')], [(1, 1, array.array('i', [3]))])",
        ["timeoutMs": 200]
    ),
    (
        "python", "import socket\nsocket.socket(fileno=3).shutdown(2)\ntime.sleep(60)",
        ["timeoutMs": 200]
    ),
    (
        "python",
        "keep = []\nwhile True:\n    r, w = os.pipe()\n    os.set_blocking(w, False)\n    keep.append(os.write(w, b'x' * 65536))",
        [:]
    ),
    (
        "python",
        "import mmap\nkeep = []\nwhile True:\n    keep.append(mmap.mmap(-1, 1 << 22))\n    keep[-1].write(b'x' * (1 << 22))",
        [:]
    ),
    ("javascript", "for (;;);", ["timeoutMs": 200]),
    ("javascript", "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));", [:]),
    (
        "javascript",
        "for (let i = 0; i < 20; i++) new (require('worker_threads').Worker)('for (;;);', { eval: true }); await new Promise(r => setTimeout(r, 9000));",
        ["timeoutMs": 400]
    ),
    (
        "javascript", "for (let i = 0; i < 64; i++) try { require('fs').closeSync(i) } catch {}",
        ["timeoutMs": 400]
    ),
    ("javascript", "process.abort()", [:]),
    ("javascript", "for (;;) require('child_process').spawnSync('/bin/sh');", ["timeoutMs": 200]),
    ("javascript", "for (;;) require('fs').writeSync(2, Buffer.alloc(65536));", ["timeoutMs": 200]),
    ("javascript", "process.exit(1)", [:]),
]

extension AttackTests {
    @Suite struct Leftovers {
        @Test(.enabled(if: !SnapshotOutcomes.isAsked, "snapshots stay when their calls have ended"))
        func `the nastiest calls leave nothing behind`() async throws {
            let before = Files()
            var groups: (inside: Int, after: Int) = (0, 0)
            try await TestEvaluator.with(["--slots", "4", "--parked", "2"]) { evaluator in
                try await idle(evaluator)
                let start = HostState.of(evaluator)
                let startGroups = controlGroups(of: evaluator.pid)
                for (runtime, body, settings) in nasty {
                    let code =
                        runtime == "python"
                        ? pythonCode(body) : "exports.handler = async () => {\n\(body)\n};\n"
                    let answer = try await evaluator.run(runtime, code, settings: settings)
                    #expect(
                        answer.status != 0 && answer.status != 500 && answer.status != 503,
                        "\(answer.text)")
                }
                try await idle(evaluator)
                let end = HostState.of(evaluator)
                #expect(end.cells == start.cells, "\(start), then \(end)")
                #expect(end.groups == start.groups, "\(start), then \(end)")
                #expect(end.mounts == start.mounts, "\(start), then \(end)")
                // Connections may come or go; one descriptor left by every call would be 28.
                #expect(abs(end.descriptors - start.descriptors) <= 12, "\(start), then \(end)")
                groups.inside = controlGroups(of: evaluator.pid)
                #expect(groups.inside == startGroups)
                let pid = evaluator.pid
                try await evaluator.stop()
                #expect(HostState.executors(of: pid).isEmpty)
                groups.after = controlGroups(of: pid)
            }
            #expect(groups.after == 0, "\(groups.inside) while it ran")
            #expect(Files() == before)
        }

        /// Files and mounts of the machine, but not those of test runs.
        private struct Files: Equatable {
            var temporary = ((try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [])
                .filter { $0.contains("cloister") && !$0.hasPrefix("cloister-test-") }
            var mounts =
                ((try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? "")
                .split(separator: "\n").count
        }

        /// Waits until as many cells are parked as there are to be, and none runs.
        private func idle(_ evaluator: TestEvaluator) async throws {
            for _ in 0..<500 {
                let templates = try await evaluator.get("/readyz").json["templates"]?.array ?? []
                let cells = HostState.executors(of: evaluator.pid).count
                if templates.allSatisfy({ $0["parked"]?.int == 2 }), cells == 2 * (1 + 2) { return }
                try await Task.sleep(for: .milliseconds(20))
            }
            Issue.record("it did not become idle: \(try await evaluator.get("/readyz").text)")
        }

        /// Pages and names of shared files that a cell was the first to touch stay on its group's
        /// account when it is gone.
        @Test func `a slot is used again after a call that filled the kernel's caches`()
            async throws
        {
            try await TestEvaluator.with(["--slots", "2", "--parked", "1"]) { evaluator in
                let name = try await evaluator.register(
                    nil, "python",
                    pythonCode(
                        """
                        for i in range(\(Int(60_000 / timeFactor))):
                            try: os.stat('/usr/share/zoneinfo/%s-%d' % (context.call_id, i))
                            except OSError: pass
                        return 1
                        """), settings: ["timeoutMs": 20_000, "memoryMB": 256])
                // More calls than there are places for cells, parked and ending ones included.
                for _ in 0..<9 {
                    let answer = try await evaluator.send(
                        "POST", "/v1/functions/\(name)/invoke", body: Data("{}".utf8), seconds: 60)
                    #expect(answer.status == 200, "\(answer.text)")
                }
            }
        }

        @Test func `log frames of no length do not end the evaluator`() async throws {
            try await TestEvaluator.with { evaluator in
                let answer = try await evaluator.run(
                    "python", pythonCode("os.write(3, frame('L', 1) * 100000)\nreturn 1"))
                #expect(answer.text == "1", "\(answer.text)")
            }
        }
    }
}

/// An evaluator's control groups, in every hierarchy.
func controlGroups(of evaluator: pid_t) -> Int {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/find")
    process.arguments = ["/sys/fs/cgroup", "-type", "d", "-path", "*/cloister-\(evaluator)*"]
    process.standardOutput = pipe
    guard (try? process.run()) != nil else { return -1 }
    let output = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    return output.split(separator: UInt8(ascii: "\n")).count
}
