import Foundation
import TestSupport
import Testing

/// Makes system calls with random numbers and arguments, as long as the process lives.
private let randomCalls = pythonCode(
    """
    import random
    # These only end or hold up the process; 335 and 336, uretprobe and uprobe, go past filters.
    ENDING = {15, 34, 60, 130, 219, 231, 335, 336}
    HOLDING = {7, 23, 35, 61, 128, 202, 230, 232, 247, 270, 271, 281, 441, 449, 455}
    def handler(event, context):
        draw = random.Random(event['seed'])
        page = ctypes.create_string_buffer(4096)
        page.raw = draw.randbytes(4096)
        values = [0, 1, 2, 3, 4, 5, 8, -1, -100, 42, 4096, 1 << 16, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 47, 1 << 63, (1 << 64) - 1]
        def argument():
            kind = draw.randrange(4)
            if kind == 0: return draw.choice(values)
            if kind == 1: return ctypes.addressof(page) + draw.randrange(4096)
            if kind == 2: return draw.getrandbits(64)
            return draw.getrandbits(draw.randrange(1, 20))
        made = 0
        for i in range(event['count']):
            number = draw.randrange(-5, 600) if draw.randrange(20) else draw.getrandbits(30)
            if number in ENDING or number in HOLDING: continue
            if number < 0 or number in event['skipped']: continue
            libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(argument() & (1 << 64) - 1) for _ in range(6)])
            made += 1
        return made
    """)

/// What a system call may have changed on the machine itself.
private struct Machine: Equatable {
    var name = ProcessInfo.processInfo.hostName
    var mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    var modules = (try? String(contentsOfFile: "/proc/modules", encoding: .utf8))?.split(
        separator: "\n"
    ).count
    var queues = (try? String(contentsOfFile: "/proc/sysvipc/shm", encoding: .utf8)) ?? ""
    var root = (try? FileManager.default.contentsOfDirectory(atPath: "/").sorted()) ?? []
    var limit =
        (try? String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)) ?? ""
}

extension AttackTests {
    @Suite struct RandomCalls {
        @Test func `random system calls change nothing outside of their cell`() async throws {
            let seed = UInt64.random(in: 0..<1 << 32)
            print("random system calls with seed \(seed)")
            let rounds = FuzzTime.seconds.map { 12 + Int($0) } ?? 12
            let machine = Machine()
            let offset = Date().timeIntervalSince1970 - ProcessInfo.processInfo.systemUptime
            try await TestEvaluator.with(["--slots", "4"]) { evaluator in
                // Time enough on a busy machine for calls that come to their end; the others may
                // wait for ever.
                let patient = try await evaluator.register(
                    nil, "python", randomCalls, settings: ["timeoutMs": 30_000])
                let hasty = try await evaluator.register(
                    nil, "python", randomCalls, settings: ["timeoutMs": 3000])
                let groups = controlGroups(of: evaluator.pid)
                var made = 0
                for round in 0..<rounds {
                    // Half of the rounds make denied calls only and come to their end; the others
                    // may do to their process whatever they like.
                    let skipped = round % 2 == 0 ? try Policies.listedNumbers() : []
                    let answer = try await evaluator.invoke(
                        round % 2 == 0 ? patient : hasty,
                        "{\"seed\":\(seed &+ UInt64(round)),\"count\":9000,\"skipped\":\(skipped)}"
                    )
                    let record = try await evaluator.record(answer)
                    #expect(record["state"]?.string != "running", "seed \(seed), round \(round)")
                    made += Int(answer.text) ?? 0
                }
                print("\(made) random system calls in the calls that came to their end")
                #expect(made >= rounds / 2 * 4000, "seed \(seed)")
                #expect(kill(evaluator.pid, 0) == 0)
                try await evaluator.waitUntilReady()
                try await evaluator.expectNormal("python")
                try await evaluator.expectNormal("javascript")
                #expect(controlGroups(of: evaluator.pid) == groups)
                let templates = try await evaluator.get("/readyz").json["templates"]?.array ?? []
                #expect(templates.allSatisfy { $0["restarts"]?.int == 0 }, "\(templates)")
            }
            #expect(Machine() == machine, "seed \(seed)")
            let now = Date().timeIntervalSince1970 - ProcessInfo.processInfo.systemUptime
            #expect(abs(now - offset) < 2)
        }
    }
}
