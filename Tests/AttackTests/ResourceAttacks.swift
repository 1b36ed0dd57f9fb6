import Foundation
import TestSupport
import Testing

private let oom = Attack.Safe.fails("out_of_memory", "128 MB")
private let late = Attack.Safe.fails("wall_timeout", "time limit")

private let processesAndThreads: [Attack] = [
    .python(
        "a fork bomb", idea: "the oldest one", "while True: os.fork()",
        .fails("handler_error", "blocked: fork()"), blocked: .first("fork()")),
    .python(
        "a double fork into a session of its own", idea: "daemon(7)",
        "pid = os.fork()\nif pid == 0:\n    os.setsid()\n    os.fork()",
        .fails("handler_error", "fork()"), blocked: .first("fork()")),
    .python(
        "a session of its own and nothing else", idea: "setsid(2)",
        "try: os.setsid()\nexcept OSError as e: return e.errno", .answers("1"),
        blocked: .first("setsid")),
    .python(
        "vfork by number", idea: "vfork(2): the parent is suspended", "return call(58)",
        .answers("\"EPERM\"")),
    .python(
        "a clone that shares memory and is no thread", idea: "clone(2): CLONE_VM alone",
        "return call(56, 0x100 | 17, 0, 0, 0, 0)", .answers("\"EPERM\""), blocked: .first("fork()")),
    .python(
        "a thread bomb that counts", idea: "pids.max",
        """
        import threading
        n = 0
        try:
            while n < 5000:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                n += 1
        except RuntimeError as e:
            return [50 < n <= 128, str(e)]
        """, .answers(#"[true, "can't start new thread"]"#),
        weaker: ("threads", .answers(#"[false, "can't start new thread"]"#))),
    .python(
        "a thread bomb that is not caught", idea: "pids.max",
        """
        import threading
        while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        """, .fails("handler_error", "can't start new thread")),
    .javascript(
        "a bomb of workers", idea: "worker_threads",
        """
        const { Worker } = require('worker_threads');
        const all = [];
        for (let i = 0; i < 300; i++) {
            const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
            all.push(new Promise((_, fail) => worker.on('error', fail)));
        }
        await Promise.race(all);
        """,
        .either(.either(oom, .fails("handler_error", "")), .either(.fails("crashed", ""), late)),
        blocked: .anything, settings: ["timeoutMs": 2000]),
    .javascript(
        "programs started in a loop", idea: "child_process",
        "for (;;) require('child_process').spawnSync('/bin/sh');",
        .fails("wall_timeout", ""), blocked: .first("fork()"), settings: ["timeoutMs": 500]),
]

private let memory: [Attack] = [
    .python(
        "a heap that grows", idea: "bytearrays", "x = []\nwhile True: x.append(bytearray(1 << 20))",
        oom
    ),
    .python(
        "a heap of small objects", idea: "pymalloc arenas", "x = []\nwhile True: x = [x, x]", oom),
    .python(
        "a map of 64 GB", idea: "MAP_NORESERVE",
        "import mmap\nmmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)",
        .fails("handler_error", "Cannot allocate memory")),
    .python(
        "private memory by mmap", idea: "mmap(2)",
        """
        import mmap
        x = []
        while True:
            x.append(mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
            x[-1].write(b'x' * (1 << 22))
        """, .either(oom, .fails("handler_error", "Cannot allocate memory"))),
    .python(
        "shared memory by mmap", idea: "shmem is no data segment: RLIMIT_DATA does not count it",
        """
        import mmap
        x = []
        while True:
            x.append(mmap.mmap(-1, 1 << 22))
            x[-1].write(b'x' * (1 << 22))
        """, .either(oom, .fails("handler_error", "Cannot allocate memory"))),
    .python(
        "a memory file", idea: "memfd_create(2): outside of every tmpfs limit",
        "os.memfd_create('x')", .fails("handler_error", "memfd_create"),
        blocked: .first("memfd_create")),
    .python(
        "/tmp larger than the memory", idea: "tmpfs is memory",
        """
        with open('/tmp/x', 'wb') as f:
            while True: f.write(b'x' * (1 << 20))
        """, .fails("out_of_memory", "64 MB"), settings: ["memoryMB": 64, "tmpMB": 1024],
        weaker: ("memory", .fails("handler_error", "File too large"))),
    .python(
        "pipes full to the brim", idea: "pipe buffers are kernel memory",
        """
        n = 0
        try:
            while True:
                r, w = os.pipe()
                os.set_blocking(w, False)
                n += os.write(w, b'x' * (1 << 20))
        except OSError as e:
            return n <= 1 << 27
        """, .either(oom, .answers("true"))),
    .python(
        "socket pairs full to the brim", idea: "socket buffers are kernel memory",
        """
        import socket
        n, keep = 0, []
        try:
            while True:
                a, b = socket.socketpair()
                keep += [a, b]
                a.setblocking(False)
                try:
                    while True: n += a.send(b'x' * (1 << 16))
                except BlockingIOError: pass
        except OSError: return n <= 1 << 27
        """, .either(oom, .answers("true"))),
    .python(
        "descriptors in flight", idea: "unix(7): ETOOMANYREFS",
        """
        import socket, array
        n = 0
        try:
            while n < 100000:
                a, b = socket.socketpair()
                for i in range(50):
                    a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [b.fileno()] * 200))])
                    n += 200
        except OSError as e: return [n < 5000, e.errno]
        """, .answers("[true, 109]")),
    .python(
        "a zip bomb", idea: "42.zip",
        """
        import zlib
        c = zlib.compressobj(9)
        bomb = b''.join(c.compress(bytes(1 << 20)) for _ in range(400)) + c.flush()
        return len(zlib.decompress(bomb))
        """, oom),
    .python(
        "a string of a billion characters", idea: "memory in one request",
        "return len('x' * (1 << 40))", oom),
    .javascript(
        "buffers outside of the heap", idea: "V8's heap limit does not count them",
        "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1));", oom),
    .javascript(
        "a heap of closures", idea: "V8 ends the process by itself",
        "let f = () => 0; for (;;) { const g = f; f = () => g; f.x = new Array(1000).fill(1); }",
        oom),
    .javascript(
        "a promise bomb", idea: "microtasks are no bounded queue",
        "const all = []; for (;;) all.push(Promise.resolve(new Array(1000).fill(all.length)));", oom
    ),
    .javascript(
        "WebAssembly memory", idea: "4 GB in one object",
        "const m = new WebAssembly.Memory({ initial: 65536 }); new Uint8Array(m.buffer).fill(1);",
        .either(oom, .fails("handler_error", ""))),
    .javascript(
        "shared array buffers", idea: "not in the heap and not collected in time",
        "const all = []; for (;;) all.push(new Uint8Array(new SharedArrayBuffer(1 << 22)).fill(1));",
        oom),
    .javascript(
        "a string that doubles", idea: "ropes", "let s = 'x'; for (;;) s += s;",
        .fails("handler_error", "Invalid string length")),
]

private let disk: [Attack] = [
    .python(
        "a full /tmp", idea: "tmpfs size=",
        """
        try:
            with open('/tmp/x', 'wb', 0) as f:
                while True: f.write(b'x' * 65536)
        except OSError as e: return e.errno in (27, 28)
        """, .answers("true")),
    .python(
        "a million empty files", idea: "tmpfs nr_inodes=",
        """
        n = 0
        try:
            while n < 1000000:
                open(f'/tmp/{n}', 'w').close()
                n += 1
        except OSError as e: return [n < 16384, e.errno]
        """, .answers("[true, 28]"), settings: ["timeoutMs": 10000]),
    .python(
        "a tree as deep as it goes", idea: "rm -r needs a stack, the kernel does not",
        """
        os.chdir('/tmp')
        end = time.monotonic() + 0.5
        n = 0
        while time.monotonic() < end:
            os.mkdir('d')
            os.chdir('d')
            n += 1
        return n > 100
        """, .answers("true")),
    .python(
        "a sparse file of a terabyte", idea: "truncate(2), RLIMIT_FSIZE",
        """
        try: os.truncate(os.open('/tmp/x', os.O_CREAT | os.O_RDWR), 1 << 40)
        except OSError as e: return e.errno
        """, .answers("27")),
    .python(
        "space taken without writing", idea: "fallocate(2)",
        """
        fd = os.open('/tmp/x', os.O_CREAT | os.O_RDWR)
        try: os.posix_fallocate(fd, 0, 1 << 30)
        except OSError as e: return e.errno in (27, 28)
        """, .answers("true")),
    .python(
        "files that are open and deleted", idea: "space that no name holds",
        """
        n, keep = 0, []
        try:
            while n < 1 << 30:
                keep.append(open('/tmp/x', 'wb', 0))
                os.unlink('/tmp/x')
                n += keep[-1].write(b'x' * (1 << 20))
        except OSError as e: return [n <= 16 << 20, e.errno]
        """, .answers("[true, 28]")),
    .python(
        "every descriptor there is", idea: "RLIMIT_NOFILE",
        """
        n = 0
        try:
            while n < 100000:
                os.open('/dev/null', os.O_RDONLY)
                n += 1
        except OSError as e: return [n < 1000, e.errno]
        """, .answers("[true, 24]")),
    .javascript(
        "a full /tmp", idea: "tmpfs size=",
        """
        const fs = require('fs'), fd = fs.openSync('/tmp/x', 'w');
        try { for (;;) fs.writeSync(fd, Buffer.alloc(65536, 1)) } catch (e) { return e.code }
        """, .either(.answers(#""ENOSPC""#), .answers(#""EFBIG""#))),
]

private let floods: [Attack] = [
    .python("a flood of prints", idea: "log limits", "while True: print('x' * 1000)", late),
    .python(
        "a flood on descriptor 1", idea: "a raw pipe", "while True: os.write(1, b'x' * 65536)", late
    ),
    .python(
        "a flood on descriptor 2", idea: "a raw pipe", "while True: os.write(2, b'x\\n' * 32768)",
        late),
    .python(
        "a flood of log frames", idea: "a reader that drains a busy socket never gets away",
        "data = frame('L', 1, b'x' * 65528) * 16\nwhile True: os.write(3, data)", late),
    .python(
        "a flood of tiny log frames", idea: "work a byte",
        "data = frame('L', 1, b'x') * 8192\nwhile True: os.write(3, data)", late),
    .python(
        "one log frame of 4 GB", idea: "a length that nobody means to read",
        "os.write(3, frame('L', 1, b'', 0xffffffff))\nwhile True: os.write(3, b'x' * 65536)", late),
    .javascript(
        "a flood of lines", idea: "log limits", "for (;;) console.log('x'.repeat(1000));", late),
    .javascript(
        "a flood on descriptor 1", idea: "a raw pipe",
        "const b = Buffer.alloc(65536, 10); for (;;) require('fs').writeSync(1, b);", late),
].map { (attack: Attack) in
    var attack = attack
    attack.settings = ["timeoutMs": 400, "memoryMB": 256]
    return attack
}

private let time: [Attack] = [
    .python(
        "a busy loop", idea: "RLIMIT_CPU", "while True: pass", late, settings: ["timeoutMs": 300]),
    .python(
        "a sleep", idea: "nanosleep(2)", "time.sleep(10 ** 9)", late, settings: ["timeoutMs": 300]),
    .python(
        "a loop that ignores every signal", idea: "SIGTERM is a request",
        """
        import signal
        for s in range(1, 65):
            try: signal.signal(s, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True:
            try: time.sleep(100)
            except BaseException: pass
        """, late, settings: ["timeoutMs": 300]),
    .python(
        "it stops itself", idea: "SIGSTOP: the first process of a PID namespace is immune",
        "os.kill(os.getpid(), 19)\nos.killpg(0, 19)\nreturn 'still here'",
        .answers("\"still here\"")),
    .python(
        "it kills itself", idea: "SIGKILL, as above",
        "os.kill(os.getpid(), 9)\nreturn 'still here'", .answers("\"still here\"")),
    .python(
        "a timer every microsecond", idea: "setitimer(2)",
        """
        import signal
        signal.signal(signal.SIGALRM, lambda *a: None)
        signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
        while True: pass
        """, late, settings: ["timeoutMs": 300]),
    .python(
        "a catastrophic regular expression", idea: "CWE-1333",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", late, settings: ["timeoutMs": 300]),
    .javascript(
        "a catastrophic regular expression", idea: "CWE-1333",
        "/^(a+)+$/.test('a'.repeat(60) + 'b');", late, settings: ["timeoutMs": 300]),
    .javascript(
        "microtasks that never let go", idea: "timers starve",
        "for (;;) await null;", late, settings: ["timeoutMs": 300]),
    .javascript(
        "Atomics.wait on nothing", idea: "a wait that no event ends",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);", late,
        settings: ["timeoutMs": 300]),
    .python(
        "recursion", idea: "the C stack", "def f(): return f()\nf()",
        .fails("handler_error", "RecursionError")),
    .python(
        "recursion without the interpreter's limit", idea: "the C stack's guard page",
        """
        sys.setrecursionlimit(1 << 30)
        class A:
            def __getattr__(self, name): return getattr(self, name + 'x')
        A().x
        """,
        .either(.fails("crashed", "SIGSEGV"), .either(oom, .fails("handler_error", "Recursion")))),
    .javascript(
        "recursion", idea: "the C stack", "const f = () => f() + 1; f();",
        .fails("handler_error", "Maximum call stack")),
    .python(
        "a result nested 100,000 deep", idea: "recursive encoders",
        "x = []\nfor i in range(100000): x = [x]\nreturn x", .fails("response_invalid", "deep")),
    .javascript(
        "a result nested 100,000 deep", idea: "recursive encoders",
        "let x = []; for (let i = 0; i < 100000; i++) x = [x]; return x;",
        .fails("response_invalid", "deep")),
    .python(
        "deep JSON decoded by the function", idea: "CVE-2022-25857, and many alike",
        "import json\njson.loads('[' * 1000000)", .fails("handler_error", "RecursionError")),
    .python(
        "a number of 5,000 digits", idea: "CVE-2020-10735: quadratic int to str",
        "return 10 ** 5000", .fails("response_invalid", "4300 digits")),
    .python(
        "a result of 7 MB", idea: "response limits", "return 'x' * 7000000",
        .fails("response_too_large", "6291556")),
    .python(
        "processors in several threads", idea: "hashlib lets go of the interpreter's lock",
        """
        import hashlib, threading
        def burn():
            data = bytes(1 << 20)
            while True: hashlib.sha256(data)
        for i in range(8): threading.Thread(target=burn, daemon=True).start()
        time.sleep(60)
        """,
        ProcessInfo.processInfo.activeProcessorCount > 1
            ? .either(.fails("cpu_limit", "\(Int(6 * timeFactor) + 1) s of CPU time"), late) : late,
        settings: ["timeoutMs": 6000]),
]

extension AttackTests {
    @Suite struct Resources {
        @Test(arguments: processesAndThreads + memory + disk + floods + time)
        func `what a call takes is bounded, and the bound is named`(_ attack: Attack) async throws {
            try await SharedEvaluator.get().check(attack)
        }

        @Test func `an event nested deeper than is allowed is refused before any cell sees it`()
            async throws
        {
            let evaluator = try await SharedEvaluator.get()
            let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
            let answer = try await evaluator.run("python", pythonCode("return 1"), event: deep)
            #expect(answer.status == 400, "\(answer.text)")
        }

        @Test func `calls that flood every channel do not hold up other calls`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let flood = try await evaluator.register(
                nil, "python", floods[3].code, settings: ["timeoutMs": 1500, "memoryMB": 256])
            let quick = try await evaluator.register(nil, "python", pythonCode("return 1"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let answer = try await evaluator.invoke(flood)
                        #expect(answer.status == 504, "\(answer.text)")
                    }
                }
                try await Task.sleep(for: .milliseconds(200))
                var pauses: [Duration] = []
                for _ in 0..<10 {
                    let start = ContinuousClock.now
                    #expect(try await evaluator.invoke(quick).status == 200)
                    pauses.append(ContinuousClock.now - start)
                }
                #expect(pauses.sorted()[5] < .milliseconds(600) * timeFactor, "\(pauses)")
                try await group.waitForAll()
            }
        }
    }
}
