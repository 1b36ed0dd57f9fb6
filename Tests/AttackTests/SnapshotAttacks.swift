import Foundation
import TestSupport
import Testing

/// What code tries while a snapshot loads it, and what must come of the call.
private let loading: [Attack] = [
    .python(
        "a fork", idea: "fork() in a module", "os.fork()\ndef handler(event, context): return 1",
        .fails("init_error", "blocked: fork()"), blocked: .first("fork()")),
    .python(
        "the fork that only its keeper asks for", idea: "children that nobody counts",
        """
        pid = call(56, 0x38028011, 0, 0, 0, 0)
        if pid == 0: time.sleep(60)
        def handler(event, context): return 1
        """, .fails("init_error", "forked by itself")),
    .python(
        "many of them", idea: "a fork bomb of forks of a snapshot",
        """
        for _ in range(5000):
            if call(56, 0x38028011, 0, 0, 0, 0) == 0: time.sleep(60)
        def handler(event, context): return 1
        """,
        .either(
            .fails("init_error", ""),
            .either(.fails("out_of_memory", ""), .fails("wall_timeout", "")))),
    .python(
        "one that ends before anybody looks", idea: "a child to be named later",
        """
        if call(56, 0x38028011, 0, 0, 0, 0) == 0: os._exit(0)
        time.sleep(0.2)
        def handler(event, context): return 1
        """, .fails("init_error", "forked by itself")),
    .python(
        "forks with other flags", idea: "clone(2): each flag left out, and each other one added",
        """
        flags, found = 0x38028011, []
        for bit in range(8, 32):
            answer = call(56, flags ^ (1 << bit), 0, 0, 0, 0)
            if answer == 0: os._exit(9)
            if answer not in ('EPERM', 'EINVAL'): found.append([bit, answer])
        found += [call(56, 0x8011, 0, 0, 0, 0), call(435, 0, 0), call(272, 0x10000000), call(308, 0, 0)]
        def handler(event, context): return found
        """, .answers("[\"EPERM\", \"ENOSYS\", \"EPERM\", \"EPERM\"]"), blocked: .nothing),
    .python(
        "signals to its keeper", idea: "kill(2): process 1 of its namespace",
        """
        for target in (1, -1, 0x7fffffff):
            for signal in (1, 2, 9, 15, 19, 34): call(62, target, signal)
        call(200, 1, 9), call(234, 1, 1, 9), call(129, 1, 9, 0)
        def handler(event, context): return 1
        """, .answers("1")),
    .python(
        "its keeper's memory", idea: "ptrace(2), process_vm_writev(2)",
        """
        found = [call(101, 16, 1, 0, 0), call(101, 0x4206, 1, 0, 0), call(311, 1, 0, 0, 0, 0, 0), call(434, 1, 0)]
        def handler(event, context): return found
        """, .answers("[\"EPERM\", \"EPERM\", \"EPERM\", \"EPERM\"]"), blocked: .nothing),
    .python(
        "mounts and files", idea: "what it can write, its calls would share",
        """
        found = [call(165, 0, 0, 0, 0, 0), call(9, 0, 4096, 3, 0x21, -1, 0), call(9, 0, 4096, 3, 0x23, -1, 0), call(319, b'x', 0), call(29, 1, 4096, 0o1600)]
        for path in ('/tmp/x', '/function/x', '/x', '/dev/x'):
            try: open(path, 'w')
            except OSError as e: found.append(e.errno)
        def handler(event, context): return found
        """,
        .answers(
            "[\"EPERM\", \"EPERM\", \"EPERM\", \"EPERM\", \"EPERM\", 30, 30, 30, 30]"),
        blocked: .nothing),
    .python(
        "words to its keeper", idea: "a process id before it was asked for one",
        "os.write(999, struct.pack('Ii', 3, 1))\ntime.sleep(9)\ndef handler(event, context): return 1",
        .fails("init_error", "broke off its protocol")),
    .python(
        "more words than its keeper knows", idea: "a parser's limits",
        "os.write(999, b'x' * 100000)\ntime.sleep(9)\ndef handler(event, context): return 1",
        .fails("init_error", "broke off its protocol")),
    forging("1"), forging("os.getpid()"), forging("4194303"), forging("-7"), forging("2147483647"),
    .python(
        "silence", idea: "ready, and then no answer to its keeper",
        "os.write(999, struct.pack('Ii', 1, 0))\ntime.sleep(60)\ndef handler(event, context): return 1",
        .fails("crashed", "")),
    .python(
        "forks that are never parked", idea: "code that runs in a fork before its call",
        "os.register_at_fork(after_in_child=lambda: time.sleep(60))\ndef handler(event, context): return 1",
        .fails("crashed", "forks end before they are ready")),
    .python(
        "no descriptors", idea: "closing what is not its own",
        "os.closerange(0, 1001)\ndef handler(event, context): return 1",
        .either(.fails("exited", ""), .fails("crashed", ""))),
    .python(
        "an answer to no call", idea: "a result while it loads",
        "os.write(3, frame('R', 0, b'1'))\ndef handler(event, context): return 2",
        .either(.answers("2"), .fails("response_invalid", ""))),
    .python(
        "parked twice", idea: "frames out of turn",
        "os.write(3, frame('P'))\ntime.sleep(9)\ndef handler(event, context): return 2",
        .fails("response_invalid", "parked")),
]

private func forging(_ pid: String) -> Attack {
    .python(
        "the process \(pid) as its own fork", idea: "making its keeper adopt a process",
        """
        import socket
        keeper = socket.socket(fileno=os.dup(999))
        keeper.send(struct.pack('Ii', 1, 0))
        keeper.recv(8)
        keeper.send(struct.pack('Ii', 3, \(pid)))
        time.sleep(9)
        def handler(event, context): return 1
        """, .fails("crashed", "the snapshot of the loaded code was lost"))
}

/// What a call of a snapshot tries.
private let calls: [Attack] = [
    .python(
        "its snapshot's fork", idea: "what its filter lets through for the snapshot",
        "return [call(56, 0x38028011, 0, 0, 0, 0), call(56, 0x38020011, 0, 0, 0, 0), call(57)]",
        .answers("[\"EINVAL\", \"EPERM\", \"EPERM\"]"), blocked: .anything),
    .python(
        "its snapshot's socket", idea: "speaking for the snapshot",
        """
        import socket
        found = []
        for fd in range(4, 4096):
            try: kind = socket.socket(fileno=os.dup(fd)).type
            except OSError: continue
            found.append(fd)
        return found
        """, .answers("[]")),
    .python(
        "capabilities of its user namespace", idea: "clone(CLONE_NEWUSER) gives all of them",
        """
        header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        call(125, header, sets)
        full = (ctypes.c_uint32 * 6)(*[0xffffffff] * 6)
        return [list(sets), call(126, header, full), call(165, b'x', b'/tmp', b'tmpfs', 0, 0), call(161, b'/tmp'), call(308, 3, 0), call(170, b'x', 1)]
        """,
        .answers("[[0, 0, 0, 0, 0, 0], \"EPERM\", \"EPERM\", \"EPERM\", \"EPERM\", \"EPERM\"]"),
        blocked: .anything),
    .python(
        "a rule of its own", idea: "landlock(7) only ever takes away",
        "return [call(446, 3, 0), call(444, 0, 0, 1), call(445, 3, 1, 0, 0)]",
        .answers("[\"EBADFD\", \"EPERM\", \"EPERM\"]"), blocked: .anything),
    .python(
        "signals to every number", idea: "its snapshot and its keeper are other processes",
        "return [n for n in range(2, 3000) if call(62, n, 9) != 'ESRCH'] + [call(62, -1, 9)]",
        .answers("[\"ESRCH\"]")),
    .python(
        "the whole of a small /tmp", idea: "its size is the call's",
        """
        try:
            with open('/tmp/x', 'wb', 0) as file:
                for _ in range(40): file.write(b'x' * (1 << 20))
        except OSError as e: return [e.errno in (27, 28), os.path.getsize('/tmp/x') <= 4 << 20]
        """, .answers("[true, true]"), settings: ["tmpMB": 4]),
]

extension AttackTests {
    @Suite struct Snapshots {
        private func check(_ attack: Attack, _ evaluator: TestEvaluator) async throws {
            let name = try await evaluator.register(
                nil, attack.runtime, attack.code, settings: attack.settings, isolation: "snapshot")
            try await evaluator.check(attack, as: name)
        }

        @Test(arguments: loading)
        func `a snapshot that loads hostile code harms nobody`(_ attack: Attack) async throws {
            try await check(attack, SharedEvaluator.get())
        }

        @Test(arguments: calls)
        func `a fork of a snapshot gains nothing by it`(_ attack: Attack) async throws {
            try await check(attack, SharedEvaluator.get())
        }

        @Test(arguments: [
            // By its default action, when the snapshot waits.
            "signal.setitimer(signal.ITIMER_REAL, 0.3)",
            // By code that runs when it should wait.
            """
            @ctypes.CFUNCTYPE(None, ctypes.c_int)
            def busy(number):
                while True: pass
            libc.signal(14, busy)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            """,
        ])
        func `a snapshot that breaks after it was ready is replaced`(_ body: String) async throws {
            let evaluator = try await SharedEvaluator.get()
            let name = try await evaluator.register(
                nil, "python",
                pythonCode(
                    "import signal\nloaded = time.time_ns()\n\(body)\ndef handler(event, context): return str(loaded)"
                ), settings: ["timeoutMs": 15_000], isolation: "snapshot")
            var loaded: Set<String> = []
            for _ in 0..<6 {
                let answer = try await evaluator.invoke(name)
                #expect(answer.status == 200, "\(answer.text)")
                loaded.insert(answer.text)
                try await Task.sleep(for: .milliseconds(400))
            }
            #expect(loaded.count > 1)
        }

        @Test func `snapshots leave nothing behind`() async throws {
            try await TestEvaluator.with(["--slots", "2", "--parked", "1"]) { evaluator in
                for attack in loading.prefix(6) + calls {
                    try await check(attack, evaluator)
                }
                let pid = evaluator.pid
                let processes = HostState.executors(of: pid)
                #expect(processes.count > 2)
                try await evaluator.stop()
                #expect(HostState.executors(of: pid).isEmpty)
                #expect(processes.allSatisfy { !HostState.isRunning($0) })
                #expect(controlGroups(of: pid) == 0)
            }
        }
    }
}
