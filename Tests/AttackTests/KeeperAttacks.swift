import Foundation
import Glibc
import TestSupport
import Testing

/// Native code that speaks the snapshot's half of the keeper's protocol by itself.
private func speaking(_ serving: String) -> String {
    pythonCode(
        #"""
        import array, socket
        FORK = 0x38028011
        keeper = socket.socket(fileno=os.dup(999))
        def burn():
            while True: pass
        def dropped(s):
            head, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            call(126, head, none)
            s.send(struct.pack('Ii', 4, 0))
        def capabilities():
            head, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            call(125, head, sets)
            return hex(sets[0] | sets[3] << 32)
        def take(fd, says):
            s = socket.socket(fileno=fd)
            says(s)
            _, with_it, _, _ = s.recvmsg(64, socket.CMSG_SPACE(4 * 8))
            fds = array.array('i')
            fds.frombytes(with_it[0][2][:len(with_it[0][2]) // 4 * 4])
            c = socket.socket(fileno=fds[0])
            c.send(frame('P'))
            got = b''
            while len(got) < 456: got += c.recv(65536)
            meta, event = struct.unpack_from('<QQ', got, 16)
            while len(got) < 456 + meta + event: got += c.recv(65536)
            c.send(frame('R', 0, ('"' + capabilities() + '"').encode()))
            c.shutdown(socket.SHUT_WR)
            os._exit(0)
        def serve(asked):
            keeper.send(struct.pack('Ii', 1, 0))
            count = 0
            while True:
                message, with_it, _, _ = keeper.recvmsg(8, socket.CMSG_SPACE(4))
                if not message: os._exit(1)
                fd = array.array('i', with_it[0][2][:4])[0]
                count += 1
                asked(count, fd)
        def fork(fd, says):
            pid = call(56, FORK, 0, 0, 0, 0)
            if pid == 0: take(fd, says)
            keeper.send(struct.pack('Ii', 3, pid))
            os.close(fd)
        \#(serving)
        def handler(event, context): return 1
        """#)
}

extension AttackTests {
    @Suite struct Keepers {
        /// CPU seconds that the evaluator's processes, at any depth, have used.
        private func cpuSeconds(below pid: pid_t) -> [pid_t: Double] {
            var found: [pid_t: Double] = [:]
            var left = HostState.children(of: pid)
            while let next = left.popLast() {
                left += HostState.children(of: next)
                guard let text = try? String(contentsOfFile: "/proc/\(next)/stat", encoding: .utf8)
                else { continue }
                let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(
                    separator: " ")
                guard fields.count > 13, let user = Double(fields[12]), let own = Double(fields[13])
                else { continue }
                found[next] = (user + own) / Double(sysconf(Int32(_SC_CLK_TCK)))
            }
            return found
        }

        private static let burners = [
            (
                "one fork more than it is asked for, once it is at rest",
                """
                def asked(count, fd):
                    fork(fd, dropped)
                    if count == 3:
                        time.sleep(0.5)
                        if call(56, FORK, 0, 0, 0, 0) == 0: burn()
                serve(asked)
                """
            ),
            (
                "a second fork beside the one that it names",
                """
                def asked(count, fd):
                    if count == 3 and call(56, FORK, 0, 0, 0, 0) == 0: burn()
                    fork(fd, dropped)
                serve(asked)
                """
            ),
            (
                "forks that take the place of one another",
                """
                import signal
                signal.signal(signal.SIGXCPU, signal.SIG_IGN)
                def asked(count, fd):
                    fork(fd, dropped)
                    if count == 3:
                        while True:
                            if call(56, FORK, 0, 0, 0, 0) == 0:
                                end = time.process_time() + 0.2
                                while time.process_time() < end: pass
                                os._exit(0)
                            time.sleep(0.2)
                serve(asked)
                """
            ),
            (
                "the snapshot itself, when it should wait",
                """
                import signal
                signal.signal(signal.SIGXCPU, signal.SIG_IGN)
                def asked(count, fd):
                    fork(fd, dropped)
                    if count == 3: burn()
                serve(asked)
                """
            ),
            (
                "a thread of it",
                """
                import signal, threading
                signal.signal(signal.SIGXCPU, signal.SIG_IGN)
                def asked(count, fd):
                    fork(fd, dropped)
                    if count == 3: threading.Thread(target=burn).start()
                serve(asked)
                """
            ),
            (
                "an answer that it owes its keeper",
                """
                def asked(count, fd):
                    if count < 3: return fork(fd, dropped)
                    if call(56, FORK, 0, 0, 0, 0) == 0: burn()
                    burn()
                serve(asked)
                """
            ),
        ]

        /// All at once: what each of them is given to do takes some seconds to be found.
        @Test func `nothing computes outside of calls for longer than a few seconds`() async throws
        {
            try await TestEvaluator.with(["--slots", "16", "--parked", "2"]) { evaluator in
                for (what, serving) in Self.burners {
                    let name = try await evaluator.register(
                        nil, "python", speaking(serving), settings: ["timeoutMs": 10_000],
                        isolation: "snapshot")
                    let answer = try await evaluator.invoke(name)
                    #expect(answer.status == 200, "\(what): \(answer.text)")
                }
                // A look a second, and the time that a waiting snapshot is allowed.
                try await Task.sleep(for: .seconds(6 * timeFactor))
                let before = cpuSeconds(below: evaluator.pid)
                try await Task.sleep(for: .seconds(2))
                for (pid, seconds) in cpuSeconds(below: evaluator.pid) {
                    #expect(
                        seconds - (before[pid] ?? 0) < 0.5,
                        "\(pid) computes: \(HostState.commandLine(pid))")
                }
                try await evaluator.expectNormal("python")
            }
        }

        @Test(arguments: [
            ("that says so all the same", "s.send(struct.pack('Ii', 4, 0))"),
            ("that says nothing", "pass"),
            (
                "in another thread",
                """
                import threading
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                dropped(s)
                """
            ),
        ])
        func `a fork with capabilities gets no call`(_ what: String, _ says: String) async throws {
            let evaluator = try await SharedEvaluator.get()
            let body = says.split(separator: "\n").map { "    \($0)\n" }.joined()
            let name = try await evaluator.register(
                nil, "python",
                speaking(
                    "def says(s):\n\(body)def asked(count, fd): fork(fd, says)\nserve(asked)"),
                settings: ["timeoutMs": 4000], isolation: "snapshot")
            let answer = try await evaluator.invoke(name)
            #expect(answer.status == 502 && answer.cause == "crashed", "\(what): \(answer.text)")
            #expect(
                answer.detail.contains("kept its capabilities")
                    || answer.detail.contains("threads before it was a cell")
                    || answer.detail.contains("become a cell in time")
                    || answer.detail.contains("ready"), "\(what): \(answer.text)")
            try await evaluator.expectNormal("python")
        }

        @Test func `a fork that speaks for itself has no capabilities`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let name = try await evaluator.register(
                nil, "python",
                speaking("def asked(count, fd): fork(fd, dropped)\nserve(asked)"),
                settings: ["timeoutMs": 4000], isolation: "snapshot")
            for _ in 0..<3 {
                let answer = try await evaluator.invoke(name)
                #expect(answer.text == "\"0x0\"", "\(answer.text)")
            }
        }
    }
}
