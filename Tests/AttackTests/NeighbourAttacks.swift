import Foundation
import TestSupport
import Testing

private let alone: [Attack] = [
    .python(
        "signals to every number", idea: "kill(2)",
        """
        found = []
        for pid in [*range(2, 3000), 4194303, -2]:
            for signal in (0, 9):
                if call(62, pid, signal) != 'ESRCH': found.append(pid)
        return found
        """, .answers("[]")),
    .python("a signal to all", idea: "kill(-1)", "return call(62, -1, 9)", .answers("\"ESRCH\"")),
    .python(
        "signals to threads of others", idea: "tkill(2), rt_tgsigqueueinfo(2)",
        "return [n for n in range(2, 3000) if call(200, n, 9) != 'ESRCH' or call(234, n, n, 9) != 'ESRCH']",
        .answers("[]")),
    .python(
        "a datagram to a name",
        idea: "abstract sockets live in a network namespace that cells share",
        """
        import socket
        a, b = socket.socketpair(type=socket.SOCK_DGRAM)
        found = []
        for name in (b'\\0x', b'\\0' + b'00000', b'/tmp/socket', b'/run/docker.sock'):
            try: a.sendto(b'x', name); found.append(name.hex())
            except OSError as e: found.append(e.errno in (1, 2, 106, 111))
        return found
        """, .answers("[true, true, true, true]")),
    .python(
        "an abstract socket", idea: "they live in a network namespace that cells share",
        "import socket\nsocket.socket(socket.AF_UNIX).bind('\\0meet')",
        .fails("handler_error", "socket(AF_UNIX"), blocked: .first("socket(AF_UNIX, SOCK_STREAM)")),
    .python(
        "the loopback interface", idea: "127.0.0.1:6379",
        "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
        .fails("handler_error", "socket(AF_INET"), blocked: .first("socket(AF_INET, SOCK_STREAM)")),
    .python(
        "netlink", idea: "CVE-2023-32233: nf_tables", "import socket\nsocket.socket(16, 3, 12)",
        .fails("handler_error", "socket(AF_NETLINK"),
        blocked: .first("socket(AF_NETLINK, SOCK_RAW)")),
    .python(
        "the name of the peer", idea: "SO_PEERCRED",
        "import socket\nsocket.socket(fileno=os.dup(3)).getsockopt(1, 17, 12)",
        .fails("handler_error", "getsockopt"), blocked: .first("getsockopt")),
    .javascript(
        "a name to look up", idea: "DNS as a way out",
        "await require('dns').promises.lookup('example.com');",
        .fails("handler_error", "EAI_AGAIN"), blocked: .first("socket(AF_INET, SOCK_DGRAM)")),
    .javascript(
        "a datagram", idea: "DNS as a way out",
        "const s = require('dgram').createSocket('udp4'); await new Promise((_, no) => { s.on('error', no); s.send('x', 53, '192.0.2.1') });",
        .fails("handler_error", "EPERM"), blocked: .first("socket(AF_INET, SOCK_DGRAM)")),
    .javascript(
        "a server", idea: "listening for a neighbour",
        "await new Promise((_, no) => require('net').createServer().on('error', no).listen('/tmp/s'));",
        .fails("handler_error", "EACCES")),
    .javascript(
        "a web request", idea: "fetch", "await fetch('http://192.0.2.1/');",
        .fails("handler_error", "fetch failed"), blocked: .first("socket(AF_INET, SOCK_STREAM)")),
    .javascript(
        "cluster", idea: "child processes by another name",
        "const c = require('cluster'); c.setupPrimary({ exec: '/function/index.js' }); c.fork();",
        .either(.fails("handler_error", ""), .either(.fails("crashed", ""), .fails("exited", ""))),
        blocked: .first("fork()")),
]

/// Leaves a mark wherever it can, waits, and tells what marks of others it sees.
private let meeting = pythonCode(
    """
    import fcntl, hashlib
    def mark(own):
        made = []
        def attempt(name, do):
            try: do(); made.append(name)
            except OSError: pass
        attempt('file', lambda: open('/tmp/mark', 'w').write(own))
        call(240, ctypes.create_string_buffer(b'mark'), 0o102, 0o666, 0)
        for path in ('/dev/null', '/dev/zero', '/dev/full', '/dev/urandom'):
            fd = os.open(path, os.O_RDWR)
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
        for fd in range(3):
            attempt('flags', lambda: fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK | os.O_APPEND))
        return made
    def look():
        seen = []
        try: seen += os.listdir('/tmp') + os.listdir('/store')
        except OSError: pass
        for path in ('/dev/null', '/dev/zero', '/dev/full', '/dev/urandom', '/cloister/cell.so'):
            fd = os.open(path, os.O_RDONLY if path.startswith('/c') else os.O_RDWR)
            kind = fcntl.LOCK_SH if path.startswith('/c') else fcntl.LOCK_EX
            try: fcntl.lockf(fd, kind | fcntl.LOCK_NB, 1, 0)
            except OSError: seen.append('lock ' + path)
        for fd in range(3):
            if fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND): seen.append('flags %d' % fd)
        if [n for n in range(2, 3000) if call(62, n, 0) != 'ESRCH']: seen.append('process')
        return seen
    def handler(event, context):
        seen = look()
        if event['mark']: mark('x')
        time.sleep(event['seconds'])
        return seen
    """)

private let pipes = """
    const fs = require('fs');
    exports.handler = async (event) => {
        const seen = [];
        for (let fd = 4; fd < 64; fd++) {
            if (event.mark) for (const size of [3, 8]) try { fs.writeSync(fd, Buffer.alloc(size, 1)) } catch {}
            // A signal that this process sent to itself is one star.
            else try {
                const b = Buffer.alloc(64), n = fs.readSync(fd, b, 0, 64);
                if (n > 0 && b.toString('latin1', 0, n) !== '*') seen.push([fd, b.toString('hex', 0, n)]);
            } catch {}
        }
        await new Promise((done) => setTimeout(done, event.seconds * 1000));
        return seen;
    };
    """

extension AttackTests {
    @Suite struct Neighbours {
        @Test(arguments: alone)
        func `a cell reaches no process and no network`(_ attack: Attack) async throws {
            try await SharedEvaluator.get().check(attack)
        }

        @Test(arguments: [("python", meeting), ("javascript", pipes)])
        func `a call leaves no mark that another sees, at the same time or after it`(
            _ runtime: String, _ code: String
        ) async throws {
            let evaluator = try await SharedEvaluator.get()
            let one = try await evaluator.register(nil, runtime, code)
            let other = try await evaluator.register(nil, runtime, code + "\n")
            async let marking = evaluator.invoke(one, #"{"mark":true,"seconds":0.6}"#)
            try await Task.sleep(for: .milliseconds(200))
            for name in [one, other] {
                let answer = try await evaluator.invoke(name, #"{"mark":false,"seconds":0}"#)
                #expect(answer.text == "[]", "at the same time: \(answer.text)")
            }
            let marked = try await marking
            #expect(marked.status == 200, "\(marked.text)")
            // As many as there are cells parked, and more.
            for _ in 0..<12 {
                let answer = try await evaluator.invoke(other, #"{"mark":false,"seconds":0}"#)
                #expect(answer.text == "[]", "afterwards: \(answer.text)")
            }
        }

        @Test(
            .enabled(if: !SnapshotOutcomes.isAsked, "its snapshot looks like it from outside"),
            .enabled(
                if: geteuid() == 0, "another user's processes can be looked into by root alone"))
        func `seen from outside, a cell is confined in every respect`() async throws {
            let evaluator = try await SharedEvaluator.get()
            for (runtime, code) in [
                ("python", pythonCode("time.sleep(2)")),
                (
                    "javascript",
                    "exports.handler = async () => { await new Promise(r => setTimeout(r, 2000)) }"
                ),
            ] {
                let name = try await evaluator.register(nil, runtime, code)
                let before = Set(HostState.executors(of: evaluator.pid))
                async let answer = evaluator.invoke(name)
                try await Task.sleep(for: .milliseconds(300))
                // Its template's, and the one that closes it.
                let confined = HostState.executors(of: evaluator.pid).filter {
                    status($0)["Seccomp_filters"] == "2"
                }
                let cell = try #require(confined.first, "\(before.count) templates and cells")
                let fields = status(cell)
                #expect(fields["Seccomp"] == "2")
                #expect(confined.count == 1)
                for kind in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    #expect(Int(fields[kind] ?? "", radix: 16) == 0, "\(kind)")
                }
                #expect(fields["NoNewPrivs"] == "1")
                #expect(fields["Groups"] == "")
                let ids = Set(
                    ((fields["Uid"] ?? "") + "\t" + (fields["Gid"] ?? "")).split(separator: "\t"))
                #expect(ids.count == 1)
                var info = stat()
                #expect(stat("/proc/\(cell)/maps", &info) == 0)
                if TestUser.isOrdinary {
                    // One id for all: the listed weakness of an ordinary user.
                    #expect(ids.first == "\(TestUser.uid ?? geteuid())")
                } else {
                    #expect(Int(ids.first ?? "0") ?? 0 > 0x7000_0000)
                    // Not dumpable: its files in /proc are the namespace's root's, not its own.
                    #expect(info.st_uid == 0x7000_0000)
                }
                // Nothing is shared with the template but the status page, with the supervisor.
                let file = try #require(FileHandle(forReadingAtPath: "/proc/\(cell)/maps"))
                let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
                let shared = maps.split(separator: "\n").filter {
                    $0.split(separator: " ")[1].hasSuffix("s")
                }
                #expect(
                    shared.count == 1 && shared.first?.contains("memfd:status") == true, "\(shared)"
                )
                for kind in ["pid", "mnt", "ipc", "uts", "net", "user"] {
                    #expect(try namespace(kind, of: cell) != namespace(kind, of: getpid()))
                }
                for kind in ["pid", "mnt", "ipc"] {
                    for template in HostState.children(of: evaluator.pid) {
                        #expect(
                            try namespace(kind, of: cell) != namespace(kind, of: template),
                            "\(kind)")
                    }
                }
                // A process of the same user in the same user namespace reads another like it, and
                // not the cell. User namespaces can be made there, which only snapshots do: see the
                // policies.
                let seen = try lookFromBeside(cell, user: ids.first.map { String($0) } ?? "")
                #expect(seen == "its own\nstill there\n1024\n", "\(seen)")
                let ended = try await answer
                #expect(ended.status == 200, "\(ended.text)")
            }
        }

        @Test func `descriptors that cells pass to the supervisor are closed`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let name = try await evaluator.register(
                nil, "python",
                pythonCode(
                    """
                    import socket, array
                    s = socket.socket(fileno=os.dup(3))
                    for i in range(4):
                        s.sendmsg([frame('L', 1, b'x')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2, 3] * 50))])
                    return 1
                    """))
            _ = try await evaluator.invoke(name)
            try await Task.sleep(for: .milliseconds(300))
            let before = HostState.of(evaluator).descriptors
            for _ in 0..<20 {
                let answer = try await evaluator.invoke(name)
                #expect(answer.text == "1", "\(answer.text)")
            }
            try await Task.sleep(for: .milliseconds(500))
            // 16,000 were passed; connections of other tests come and go.
            #expect(HostState.of(evaluator).descriptors < before + 50)
        }
    }
}

private func namespace(_ kind: String, of pid: pid_t) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/\(kind)")
}

/// Reads the memory maps of a process of its own, and then the cell's, as the cell's user without
/// capabilities.
private func lookFromBeside(_ cell: pid_t, user: String) throws -> String {
    let first = 0x7000_0000
    let id = Int(user).map { $0 > first ? $0 - first : 0 } ?? 0
    var command = TestUser.prefix + ["nsenter", "--user", "--target", "\(cell)"]
    command +=
        TestUser.isOrdinary ? ["--preserve-credentials"] : ["--setuid", "0", "--setgid", "0"]
    command += [
        "setpriv", "--reuid", "\(id)", "--regid", "\(id)", "--keep-groups",
        "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot", "sh", "-c",
        """
        sleep 1 >/dev/null & grep -q . /proc/$!/maps && echo its own
        grep -q . /proc/\(cell)/maps && echo another
        [ -e /proc/\(cell) ] && echo still there
        cat /proc/sys/user/max_user_namespaces
        """,
    ]
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
}

/// The fields of /proc/<pid>/status.
func status(_ pid: pid_t) -> [String: String] {
    var fields: [String: String] = [:]
    let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") {
        guard let colon = line.firstIndex(of: ":") else { continue }
        fields[String(line[..<colon])] = line[line.index(after: colon)...].trimmingCharacters(
            in: .whitespaces)
    }
    return fields
}
