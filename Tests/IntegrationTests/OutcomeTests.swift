import Foundation
import Testing

import TestSupport

/// What a call comes to, and what its caller is told.
struct Outcome: Sendable, CustomTestStringConvertible {
    var title: String
    var runtime: String
    var code: String
    var settings: [String: Int] = [:]
    var status = 502
    var cause: String?
    /// In the message that the caller reads.
    var message = ""
    var blocked: String?
    var testDescription: String { "\(runtime): \(title)" }
}

private func python(
    _ title: String, _ body: String, _ cause: String?, _ message: String = "",
    blocked: String? = nil, status: Int = 502, settings: [String: Int] = [:]
) -> Outcome {
    Outcome(
        title: title, runtime: "python",
        code: body.contains("def handler") ? body : "def handler(event, context):\n    \(body)\n",
        settings: settings, status: status, cause: cause, message: message, blocked: blocked)
}

private func javascript(
    _ title: String, _ body: String, _ cause: String?, _ message: String = "",
    blocked: String? = nil, status: Int = 502, settings: [String: Int] = [:]
) -> Outcome {
    Outcome(
        title: title, runtime: "javascript",
        code: "exports.handler = async (event, context) => { \(body) };", settings: settings,
        status: status, cause: cause, message: message, blocked: blocked)
}

private let outcomes: [Outcome] = [
    python(
        "an exception", "raise ValueError('no such colour')", "handler_error",
        "ValueError: no such colour"),
    python("a syntax error", "def handler(event, context) return 1", "init_error", "line 1"),
    python(
        "an import that fails", "import nothing_here\ndef handler(event, context): pass",
        "init_error", "nothing_here"),
    python("no such function", "x = 1  # def handler", "init_error", "handler"),
    python(
        "an endless loop", "\n    while True: pass", "wall_timeout", "\(Int(1000 * timeFactor)) ms",
        status: 504,
        settings: ["timeoutMs": 1000]),
    python(
        "a sleep", "__import__('time').sleep(60)", "wall_timeout", "\(Int(500 * timeFactor)) ms",
        status: 504,
        settings: ["timeoutMs": 500]),
    python(
        "an endless loop at import", "while True: pass\ndef handler(event, context): pass",
        "wall_timeout", "loading", status: 504, settings: ["timeoutMs": 500]),
    python("1 GB asked for", "return len(bytearray(1 << 30))", "out_of_memory", "128 MB"),
    python(
        "1 GB used",
        "\n    x = []\n    while True: x.append(b'x' * 1000000 + bytes([len(x) % 256]))",
        "out_of_memory", "128 MB"),
    python("os._exit", "__import__('os')._exit(7)", "exited", "code 7"),
    python("sys.exit", "__import__('sys').exit(3)", "exited", "code 3"),
    python("SIGSEGV", "__import__('ctypes').string_at(0)", "crashed", "SIGSEGV"),
    python("abort", "__import__('os').abort()", "crashed", "SIGABRT"),
    python(
        "a 50 MB print", "\n    print('x' * 50_000_000)\n    return 'printed'", nil, status: 200),
    python(
        "a 100 MB result", "return 'x' * 100_000_000", "response_too_large", "6291556",
        settings: ["memoryMB": 1024]),
    python(
        "a socket", "__import__('socket').socket()", "handler_error",
        "blocked: socket(AF_INET, SOCK_STREAM)", blocked: "socket(AF_INET, SOCK_STREAM)"),
    python(
        "a fork", "__import__('os').fork()", "handler_error", "blocked: fork()", blocked: "fork()"),
    python(
        "a program", "__import__('os').execv('/bin/sh', ['sh'])", "handler_error", "execve",
        blocked: "execve(\"/bin/sh\")"),
    python(
        "a subprocess", "__import__('subprocess').run(['ls'])", "handler_error", "blocked: vfork()",
        blocked: "vfork()"),
    python("/etc/passwd", "return open('/etc/passwd').read()", "handler_error", "No such file"),
    python("/proc", "return __import__('os').listdir('/proc')", "handler_error", "No such file"),
    python("writing outside /tmp", "open('/function/x', 'w')", "handler_error", "Read-only"),
    python("writing to the root", "open('/x', 'w')", "handler_error", "Read-only"),
    python(
        "filling /tmp", "\n    for i in range(64): open(f'/tmp/{i}', 'wb').write(b'x' * 1_000_000)",
        "handler_error", "No space left"),
    python("NaN", "return {'a': [1, {'b': float('nan')}]}", "response_invalid", "$.a[1].b"),
    python("a cycle", "\n    a = []\n    a.append(a)\n    return a", "response_invalid", "$[0]"),
    python("a set", "return {'s': {1}}", "response_invalid", "$.s is a value of type set"),
    javascript("an exception", "null.x", "handler_error", "TypeError"),
    Outcome(
        title: "a syntax error", runtime: "javascript",
        code: "exports.handler = async () => { const = 1 }", cause: "init_error",
        message: "did not load"),
    Outcome(
        title: "a syntax error in a module", runtime: "javascript",
        code: "export const handler = async () => { const = 1 }", cause: "init_error",
        message: "did not load"),
    Outcome(
        title: "an import that fails", runtime: "javascript",
        code: "import x from './nope.mjs';\nexport const handler = async () => 1",
        cause: "init_error", message: "nope.mjs"),
    Outcome(
        title: "no such function", runtime: "javascript", code: "exports.other = 1",
        cause: "init_error", message: "handler"),
    javascript(
        "an endless loop", "for (;;);", "wall_timeout", "\(Int(1000 * timeFactor)) ms", status: 504,
        settings: ["timeoutMs": 1000]),
    javascript(
        "a sleep", "await new Promise(r => setTimeout(r, 60000))", "wall_timeout",
        "\(Int(500 * timeFactor)) ms",
        status: 504, settings: ["timeoutMs": 500]),
    javascript("1 GB asked for", "return Buffer.alloc(2 ** 30).length", "out_of_memory", "128 MB"),
    javascript(
        "1 GB used", "const a = []; for (;;) a.push(new Array(1e5).fill(a.length))",
        "out_of_memory", "128 MB"),
    javascript("process.exit", "process.exit(7)", "exited", "code 7"),
    javascript(
        "a promise that never settles", "await new Promise(() => {})", "exited",
        "before the handler gave a result"),
    javascript(
        "an unhandled rejection",
        "Promise.reject(new Error('lost')); await new Promise(r => setTimeout(r, 50)); return 1",
        "handler_error", "lost"),
    javascript(
        "an exception in a timer",
        "setTimeout(() => { throw new Error('late') }, 1); await new Promise(r => setTimeout(r, 500))",
        "handler_error", "late"),
    javascript("abort", "process.abort()", "crashed", "SIGABRT"),
    javascript(
        "a 50 MB print", "console.log('x'.repeat(50e6)); return 'printed'", nil, status: 200,
        settings: ["memoryMB": 512]),
    javascript(
        "an Error as the result", "return new Error('x')", "response_invalid", "$ is an Error"),
    javascript(
        "a search as the result", "return {a: new URLSearchParams('b=1')}", "response_invalid",
        "$.a is an object of the class URLSearchParams"),
    javascript(
        "bytes in the result", "return [new Uint8Array(2)]", "response_invalid",
        "$[0] is a Uint8Array"),
    javascript(
        "a Map by its own JSON", "return {toJSON: () => new Map()}", "response_invalid",
        "$ is a Map"),
    javascript(
        "a 100 MB result", "return 'x'.repeat(100e6)", "response_too_large", "6291556",
        settings: ["memoryMB": 2048, "timeoutMs": 10000]),
    javascript(
        "a socket",
        "const s = require('net').connect(80, '192.0.2.1'); await new Promise((_, no) => s.on('error', no))",
        "handler_error", "blocked: socket(AF_INET, SOCK_STREAM)",
        blocked: "socket(AF_INET, SOCK_STREAM)"),
    javascript(
        "a fork", "require('child_process').execSync('ls')", "handler_error", "blocked: fork()",
        blocked: "fork()"),
    javascript(
        "/etc/passwd", "return require('fs').readFileSync('/etc/passwd', 'utf8')", "handler_error",
        "ENOENT"),
    javascript("/proc", "return require('fs').readdirSync('/proc')", "handler_error", "ENOENT"),
    javascript(
        "writing outside /tmp", "require('fs').writeFileSync('/function/x', '')", "handler_error",
        "EROFS"),
    javascript("NaN", "return {a: [1, {b: NaN}]}", "response_invalid", "$.a[1].b"),
    javascript("a BigInt", "return {n: 1n}", "response_invalid", "$.n is a BigInt"),
    javascript("a cycle", "const a = {}; a.self = a; return a", "response_invalid", "$.self"),
    javascript("a function", "return {f() {}}", "response_invalid", "$.f is a function"),
]

@Suite struct OutcomeTests {
    @Test(arguments: outcomes)
    func `a call ends in the state and cause that tell what happened`(_ outcome: Outcome)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(
            nil, outcome.runtime, outcome.code, settings: outcome.settings)
        try await expect(outcome, of: evaluator.invoke(name), evaluator)
        // The next call of the same runtime is fine.
        let next = try await evaluator.run(
            outcome.runtime,
            outcome.runtime == "python"
                ? "def handler(event, context): return event"
                : "exports.handler = async (event) => event",
            event: "{\"a\": 1}")
        #expect(next.status == 200)
    }

    /// Twice: the second time in the same cell, where the first call has left one.
    @Test(arguments: outcomes)
    func `it ends in the same where cells serve call after call`(_ outcome: Outcome) async throws {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(
            nil, outcome.runtime, outcome.code, settings: outcome.settings, isolation: "reuse")
        for _ in 0..<2 { try await expect(outcome, of: evaluator.invoke(name), evaluator) }
    }

    private func expect(
        _ outcome: Outcome, of answer: TestEvaluator.Answer, _ evaluator: TestEvaluator
    ) async throws {
        #expect(answer.status == outcome.status, "\(answer.text.prefix(500))")
        let record = try await evaluator.record(answer)
        #expect(record["cause"]?.string == outcome.cause, "\(answer.text.prefix(500))")
        if let cause = outcome.cause {
            let problem = try answer.json
            #expect(problem["cause"]?.string == cause)
            #expect(problem["state"] == record["state"])
            #expect(problem["callId"]?.string == answer.callID)
            #expect(
                problem["detail"]?.string?.contains(outcome.message) == true,
                "\(problem["detail"]?.string ?? "")")
        }
        #expect(record["blocked"]?.string == outcome.blocked)
    }

    @Test(arguments: ["python", "javascript"])
    func `an endless loop is answered soon after its limit and leaves nothing running`(
        _ runtime: String
    ) async throws {
        try await TestEvaluator.with { evaluator in
            let code =
                runtime == "python"
                ? "def handler(event, context):\n    while True: pass"
                : "exports.handler = async () => { for (;;); }"
            let name = try await evaluator.register(
                nil, runtime, code, settings: ["timeoutMs": 1000])
            var pauses: [Duration] = []
            for _ in 0..<3 {
                let start = ContinuousClock.now
                #expect(try await evaluator.invoke(name).status == 504)
                pauses.append(ContinuousClock.now - start)
            }
            // The middle one, as the machine may do something else in the midst of any one.
            #expect(pauses.sorted()[1] < .milliseconds(1300) * timeFactor, "\(pauses)")
            let busy = HostState.executors(of: evaluator.pid).filter { cpuTicks($0) > 50 }
            #expect(busy.isEmpty)
        }
    }

    @Test(arguments: [
        (
            "python",
            "import sys\ndef handler(event, context):\n    for i in range(3):\n        print('out', i)\n        print('err', i, file=sys.stderr)\n    print('no end', end='')"
        ),
        (
            "javascript",
            "exports.handler = async () => { for (let i = 0; i < 3; i++) { console.log('out', i); console.error('err', i) } process.stdout.write('no end') }"
        ),
    ])
    func `output is kept in the order in which it was written`(_ runtime: String, _ code: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.run(runtime, code)
        #expect(answer.text == "null")
        let expected =
            (0..<3).flatMap { ["stdout: out \($0)", "stderr: err \($0)"] } + ["stdout: no end"]
        #expect(try await evaluator.log(answer) == expected)
    }

    @Test(arguments: [
        (
            "python",
            "def inner(x):\n    raise KeyError(x)\n\ndef handler(event, context):\n    inner('k')\n",
            ["/function/index.py\", line 5, in handler", "/function/index.py\", line 2, in inner"]
        ),
        (
            "javascript",
            "function inner() {\n  throw new RangeError('k');\n}\nexports.handler = async () => {\n  inner();\n};\n",
            ["inner (/function/index.js:2", "/function/index.js:5"]
        ),
    ])
    func `a stack has the user's files and lines, and none of ours`(
        _ runtime: String, _ code: String, _ frames: [String]
    ) async throws {
        let evaluator = try await SharedEvaluator.get()
        let stack = try #require(try await evaluator.run(runtime, code).json["stack"]?.array)
            .compactMap(\.string)
        #expect(stack.count == frames.count, "\(stack)")
        for frame in frames { #expect(stack.contains { $0.contains(frame) }, "\(stack)") }
        #expect(!stack.contains { $0.contains("/cloister/") })
    }

    @Test(arguments: [
        (
            "python",
            "def handler(event, context):\n    return [context.call_id, context.function_name, context.function_version, context.memory_limit_in_mb, context.get_remaining_time_in_millis(), dict(__import__('os').environ)]"
        ),
        (
            "javascript",
            "exports.handler = async (event, context) => [context.callId, context.functionName, context.functionVersion, context.memoryLimitInMB, context.getRemainingTimeInMillis(), process.env]"
        ),
    ])
    func `the context tells of the call, and the environment is the function's alone`(
        _ runtime: String, _ code: String
    ) async throws {
        let evaluator = try await SharedEvaluator.get()
        let name = evaluator.newName("context")
        try await evaluator.register(
            name, runtime, code, settings: ["timeoutMs": 5000, "memoryMB": 256],
            environment: ["COLOUR": "gr\u{fc}n \"quoted\"\n"])
        let answer = try await evaluator.invoke(name)
        let context = try answer.json
        #expect(context[0]?.string == answer.callID)
        #expect(context[1]?.string == name)
        #expect(context[2]?.string == "1")
        #expect(context[3]?.int == 256 || context[3]?.string == "256")
        #expect((3000...5000).contains(context[4]?.int ?? 0))
        #expect(context[5] == .object(["COLOUR": .string("gr\u{fc}n \"quoted\"\n")]))
    }

    @Test(arguments: [
        "exports.handler = (event, context, callback) => setTimeout(() => callback(null, 'called'), 5)",
        "exports.handler = (event) => 'called'",
        "exports.handler = (event, context) => { setTimeout(() => context.succeed('called'), 5) }",
        "export const handler = (event, context, callback) => callback(null, 'called')",
        "const word = await Promise.resolve('called');\nexport const handler = async () => word",
    ])
    func `a JavaScript handler may return a promise or a value, or take a callback`(_ code: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.run("javascript", code)
        #expect(answer.text == "\"called\"", "\(answer.text)")
    }

    @Test func `figures of a call are complete and plausible`() async throws {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.run(
            "python",
            "import time\ndef handler(event, context):\n    print('hello')\n    x = b'x' * 30_000_000\n    t = time.process_time()\n    while time.process_time() - t < 0.1: pass\n    return len(x)"
        )
        let record = try await evaluator.record(answer)
        #expect(record["state"]?.string == "completed")
        for key in ["queueMs", "startMs", "initMs", "runMs", "cpuMs"] {
            #expect((record[key]?.number ?? -1) >= 0, "\(key)")
        }
        #expect((100...2000).contains(record["runMs"]?.number ?? 0))
        #expect((100...2000).contains(record["cpuMs"]?.number ?? 0))
        #expect((30_000_000...100_000_000).contains(record["peakMemoryBytes"]?.number ?? 0))
        #expect(record["bytesIn"]?.int == 2)
        #expect(record["bytesOut"]?.int == 8)
        #expect(record["logBytes"]?.int == 6)
        #expect(record["logTruncated"]?.bool == false)
        #expect(record["template"]?.string?.hasPrefix("python-") == true)
    }
}

private func cpuTicks(_ pid: pid_t) -> Int {
    let fields = ((try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? "").split(
        separator: " ")
    return fields.count > 14 ? (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0) : 0
}
