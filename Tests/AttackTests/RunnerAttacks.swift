import Foundation
import TestSupport
import Testing

private func invalid(_ message: String) -> Attack.Safe { .fails("response_invalid", message) }

private let frames: [Attack] = [
    .python(
        "a forged result", idea: "its own result, early",
        "os.write(3, frame('R', 0, b'1'))\nreturn 2", invalid("more after its answer")),
    .python(
        "two results at once", idea: "response splitting",
        "os.write(3, frame('R', 0, b'1') + frame('R', 0, b'2'))\nos._exit(0)",
        invalid("more after its answer")),
    .python(
        "a result and an error", idea: "response splitting",
        "os.write(3, frame('R', 0, b'1') + frame('E', 0, b'{}'))\nos._exit(0)",
        invalid("more after its answer")),
    .python(
        "a result of its own and a quiet end", idea: "a handler may as well",
        "os.write(3, frame('R', 0, b'[1]'))\nos._exit(0)", .answers("[1]")),
    .python(
        "a result that is no JSON", idea: "the answer goes to a client as it is",
        "os.write(3, frame('R', 0, b'{\"a\": <script>}'))\nos._exit(0)", invalid("not JSON")),
    .python(
        "a result with a NUL", idea: "C strings",
        "os.write(3, frame('R', 0, b'\"a\\0b\"'))\nos._exit(0)", invalid("not JSON")),
    .python(
        "a result that is no UTF-8", idea: "overlong forms, surrogates",
        "os.write(3, frame('R', 0, b'\"\\xc0\\x80\\xed\\xa0\\x80\"'))\nos._exit(0)",
        invalid("not JSON")),
    .python(
        "a result of 100,000 brackets", idea: "recursive parsers",
        "os.write(3, frame('R', 0, b'[' * 100000 + b']' * 100000))\nos._exit(0)",
        invalid("not JSON")),
    .python(
        "a result with two values", idea: "what follows is somebody else's answer",
        "os.write(3, frame('R', 0, b'1 HTTP/1.1 200 OK'))\nos._exit(0)", invalid("not JSON")),
    .python(
        "an empty result", idea: "length 0", "os.write(3, frame('R'))\nos._exit(0)",
        invalid("not JSON")),
    .python(
        "a result that is longer than allowed", idea: "the length is believed first",
        "os.write(3, frame('R', 0, b'', 0xffffffff))\ntime.sleep(5)",
        .fails("response_too_large", "4294967295")),
    .python(
        "a result cut short", idea: "a length that is never met",
        "os.write(3, frame('R', 0, b'12', 100))\nos._exit(0)", .fails("exited", "code 0")),
    .python(
        "half a head", idea: "four bytes of eight", "os.write(3, frame('R')[:4])\nos._exit(0)",
        .fails("exited", "code 0")),
    .python(
        "a type that does not exist", idea: "garbage",
        "os.write(3, frame('X', 0, b'1'))\ntime.sleep(5)", invalid("no executor sends")),
    .python(
        "a reserved field", idea: "tomorrow's meaning",
        "os.write(3, frame('R', 0, b'1', reserved=7))\ntime.sleep(5)", invalid("another call")),
    .python(
        "a result on a stream", idea: "fields that belong to another type",
        "os.write(3, frame('R', 1, b'1'))\ntime.sleep(5)", invalid("no executor sends")),
    .python(
        "a log on stream 9", idea: "an index past the end",
        "os.write(3, frame('L', 9, b'x'))\ntime.sleep(5)", invalid("no executor sends")),
    .python(
        "parked once more", idea: "a cell that offers itself for another call",
        "os.write(3, frame('P'))\ntime.sleep(5)", invalid("twice")),
    .python(
        "random bytes", idea: "garbage",
        "os.write(3, bytes(range(255, 0, -1)) * 1000)\ntime.sleep(5)", invalid("")),
    .python(
        "an error that is no JSON", idea: "the supervisor reads errors",
        "os.write(3, frame('E', 0, b'{{{'))\nos._exit(0)", invalid("cannot be read")),
    .python(
        "an error of 100,000 brackets", idea: "recursive parsers",
        "os.write(3, frame('E', 0, b'[' * 100000))\nos._exit(0)", invalid("cannot be read")),
    .python(
        "an error of 1 MB", idea: "limits of errors",
        "os.write(3, frame('E', 0, b'x' * 1000000))\nos._exit(0)", invalid("longer than")),
    .python(
        "an error of a kind of its own", idea: "a verdict that a cell must not make",
        "os.write(3, frame('E', 0, b'{\"kind\":\"evaluator_lost\",\"type\":\"\",\"message\":\"\",\"stack\":[]}'))\nos._exit(0)",
        invalid("cannot be read")),
    .python(
        "an error that says out of memory", idea: "it may say so: it explains only itself",
        "os.write(3, frame('E', 0, b'{\"kind\":\"memory\",\"type\":\"\",\"message\":\"\",\"stack\":[]}'))\nos._exit(0)",
        .fails("out_of_memory", "128 MB")),
    .python(
        "a frame torn by another thread", idea: "two writers on one stream",
        """
        import threading
        def tear():
            while True: os.write(3, b'R')
        threading.Thread(target=tear, daemon=True).start()
        time.sleep(0.05)
        return 'x' * 1000000
        """, invalid("")),
    .python(
        "a result before the answer, from a handler that never returns",
        idea: "an answer without an end",
        "os.write(3, frame('R', 0, b'1'))\nwhile True: time.sleep(1)", .fails("wall_timeout", ""),
        settings: ["timeoutMs": 300]),
    .python(
        "an answer, the end of the stream, and on it goes", idea: "work that nobody waits for",
        """
        import socket
        os.write(3, frame('R', 0, b'1'))
        socket.socket(fileno=os.dup(3)).shutdown(1)
        while True: pass
        """, .answers("1")),
    .python(
        "the socket shut", idea: "shutdown(2)",
        "import socket\nsocket.socket(fileno=3).shutdown(2)\nreturn 1", .fails("exited", "")),
    .python(
        "descriptors 0 to 3 closed", idea: "the next open takes their numbers",
        "os.closerange(0, 4)\nreturn 1", .fails("exited", "")),
    .python(
        "a file in the socket's place", idea: "dup2", "os.dup2(os.open('/tmp/x', 66), 3)\nreturn 1",
        .fails("exited", "")),
    .python(
        "one end of a pair in the socket's place", idea: "dup2",
        "import socket\na, b = socket.socketpair()\nos.dup2(a.fileno(), 3)\nreturn 1",
        .fails("exited", "")),
    .python(
        "descriptors passed to the supervisor", idea: "SCM_RIGHTS fills a table",
        """
        import socket, array
        s = socket.socket(fileno=os.dup(3))
        for i in range(50):
            s.sendmsg([frame('L', 1, b'x')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2, 3]))])
        return 1
        """, .answers("1")),
    .python(
        "its own socket passed to the supervisor", idea: "a cycle that keeps the stream open",
        """
        import socket, array
        socket.socket(fileno=os.dup(3)).sendmsg([b'R'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [3]))])
        os._exit(0)
        """, .fails("exited", "")),
    .python(
        "reading the supervisor's side", idea: "somebody else's call may be next",
        "import socket\ns = socket.socket(fileno=3)\ns.setblocking(False)\ntry: return s.recv(100).hex()\nexcept BlockingIOError: os._exit(4)",
        .fails("exited", "code 4")),
    .python(
        "the status page overwritten", idea: "shared memory that the supervisor reads",
        """
        cell = ctypes.CDLL('/cloister/cell.so')
        code = ctypes.string_at(cell.cloister_loaded, 64)
        start = ctypes.cast(cell.cloister_loaded, ctypes.c_void_p).value
        for at in range(57):
            # mov or lea, relative to the next instruction: the pointer's place.
            if code[at] not in (0x48, 0x4c) or code[at + 1] not in (0x8b, 0x8d) or code[at + 2] & 0xc7 != 5: continue
            place = start + at + 7 + struct.unpack('<i', code[at + 3:at + 7])[0]
            ctypes.memset(ctypes.c_void_p.from_address(place).value, 0xff, 4096)
            return 'overwritten'
        """, .answers("\"overwritten\""), blocked: .anything),
]

private let python: [Attack] = [
    .python(
        "a result by atexit", idea: "before the answer",
        "import atexit\natexit.register(lambda: os.write(3, frame('R', 0, b'2')))\nreturn 1",
        invalid("more after its answer")),
    .python(
        "a result by a thread after the return", idea: "after the answer",
        "import threading\nthreading.Timer(0.05, lambda: os.write(3, frame('R', 0, b'2'))).start()\nreturn 1",
        .answers("1")),
    .python(
        "a thread that never ends", idea: "join at exit",
        "import threading\nthreading.Thread(target=time.sleep, args=(100,)).start()\nreturn 1",
        .answers("1")),
    .python(
        "json replaced", idea: "monkeypatching",
        "import json\njson.dumps = json.JSONEncoder.encode = lambda *a: 'no'\nreturn [1]",
        .answers("[1]")),
    .python(
        "builtins replaced", idea: "monkeypatching",
        "import builtins\nbuiltins.len = builtins.isinstance = builtins.str = lambda *a: 1 / 0\nreturn [1]",
        .fails("exited", "code 1")),
    .python(
        "sys.stdout replaced by nothing", idea: "monkeypatching",
        "sys.stdout = sys.stderr = None\nreturn 1", .fails("exited", "code 1")),
    .python(
        "sys.stdout that raises", idea: "monkeypatching",
        "class S:\n    def flush(self): raise SystemExit(9)\nsys.stdout = S()\nreturn 1",
        .fails("exited", "")),
    .python(
        "the runner's module replaced", idea: "sys.modules['__main__']",
        "m = sys.modules['__main__']\nm.finish = m.answer_to = lambda *a: None\nreturn 1",
        .fails("exited", "code 0")),
    .python(
        "the runner asked for another call", idea: "cloister_park again",
        "sys.modules['__main__'].cell.cloister_park(None)", invalid("twice")),
    .python(
        "a streamed result that nobody asked for", idea: "output of a third stream",
        "sys.modules['__main__'].cell.cloister_log(3, b'x', 1)\nreturn 1", invalid("nobody asked")),
    .python(
        "the fork server started in a cell", idea: "cloister_serve again",
        "sys.modules['__main__'].cell.cloister_serve(b'x')", .fails("exited", "")),
    .python(
        "sys.exit in __del__", idea: "odd places",
        "class D:\n    def __del__(self): sys.exit(5)\nD()\nreturn 1", .answers("1")),
    .python(
        "sys.exit in a thread", idea: "odd places",
        "import threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()\nreturn 1",
        .answers("1")),
    .python(
        "sys.exit at import", idea: "odd places",
        "import sys\nsys.exit(6)\ndef handler(event, context): pass", .fails("exited", "code 6")),
    .python(
        "sys.exit in a generator", idea: "odd places",
        "def g():\n    yield sys.exit(7)\nreturn list(g())", .fails("exited", "code 7")),
    .python(
        "sys.exit with an object", idea: "odd places", "sys.exit({'a': 1})",
        .fails("exited", "code 1")),
    .python(
        "os._exit with 120", idea: "the code of a set-up that failed", "os._exit(120)",
        .fails("exited", "code 120")),
    .python(
        "os._exit with 134", idea: "the code of abort()", "os._exit(134)",
        .fails("exited", "code 134")),
    .python(
        "a generator as a result", idea: "not JSON", "return (x for x in 'ab')",
        invalid("$ is a value of type generator")),
    .python(
        "a dict that objects to being read", idea: "user code inside the encoder",
        "class D(dict):\n    def items(self): raise SystemExit(3)\nreturn D(a=1)",
        invalid("cannot be turned into text")),
    .python(
        "an error that objects to being read", idea: "__str__",
        "class E(Exception):\n    def __str__(self): raise SystemExit(3)\nraise E()",
        .fails("handler_error", "could not be made")),
    .python(
        "an error with a name that is no name", idea: "metaclasses",
        "class M(type):\n    __name__ = property(lambda c: 1 / 0)\nclass E(Exception, metaclass=M): pass\nraise E()",
        .fails("handler_error", "could not be described")),
    .python(
        "an error of a megabyte", idea: "limits of errors", "raise ValueError('\\x01' * 1000000)",
        .fails("handler_error", "ValueError")),
    .python(
        "an error on a line of a megabyte", idea: "minified code",
        "exec(compile('\\n', '/function/index.py', 'exec'))\ndef f(): x = '\(String(repeating: "é", count: 200_000))'; raise ValueError(5)\nf()",
        .fails("handler_error", "ValueError: 5")),
    .python(
        "causes without end", idea: "cyclic exceptions",
        "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a",
        .fails("handler_error", "a")),
    .python("a lone surrogate", idea: "not UTF-8", "return '\\ud800'", .answers(#""\ud800""#)),
    .python(
        "a lone surrogate printed, and bytes", idea: "not UTF-8",
        "print('\\ud800\\0')\nsys.stdout.buffer.write(b'\\xff\\xfe\\n')\nreturn 1", .answers("1")),
    .python(
        "a lone surrogate in an error", idea: "not UTF-8", "raise ValueError('\\ud800')",
        .fails("handler_error", "ValueError")),
    .python(
        "-0.0 and large numbers", idea: "numbers", "return [-0.0, 1e308, 5e-324, 2 ** 70]",
        .answers("[-0.0, 1e+308, 5e-324, 1180591620717411303424]")),
    .python(
        "infinity from an event", idea: "numbers", "import json\nreturn json.loads('1e999')",
        invalid("inf")),
    .python(
        "a refusal while signals are blocked", idea: "SIGSYS cannot be handled then",
        "import signal\nsignal.pthread_sigmask(0, range(1, 65))\nimport socket\nsocket.socket()",
        .fails("crashed", "SIGSYS")),
    .python(
        "SIGSYS handled by the function", idea: "the report's own signal",
        "import signal\nsignal.signal(31, lambda *a: None)\nreturn call(41, 2, 1, 0) != 3",
        .answers("true"), blocked: .anything),
]

private let javascript: [Attack] = [
    .javascript(
        "Object.prototype.toJSON on an error", idea: "prototype pollution",
        "Object.prototype.toJSON = () => 1; throw new TypeError('real')",
        .fails("handler_error", "TypeError: real")),
    .javascript(
        "Array.prototype.toJSON on an error", idea: "Prototype.js did this",
        "Array.prototype.toJSON = () => 1; throw new TypeError('real')",
        .fails("handler_error", "TypeError: real")),
    .javascript(
        "Object.prototype.then", idea: "every object is a promise",
        "Object.prototype.then = function (done) { done(7) }; return {};", .answers("7")),
    .javascript(
        "toJSON that lies", idea: "a result of its own", "return { toJSON() { return [1] } };",
        .answers("[1]")),
    .javascript(
        "toJSON that throws", idea: "user code inside the encoder",
        "return { toJSON() { throw null } };", invalid("cannot be turned into text")),
    .javascript(
        "a getter that changes", idea: "checked once, used once more",
        "let n = 0; return { get a() { return n++ ? NaN : 1 } };", .answers("{\"a\":null}")),
    .javascript(
        "a getter that throws", idea: "user code inside the encoder",
        "return { get a() { throw new Error('no') } };", invalid("no")),
    .javascript(
        "a proxy of everything", idea: "traps",
        "return new Proxy({}, { get() { throw new Error('trap') }, ownKeys() { throw new Error('trap') } });",
        .either(invalid("trap"), .fails("handler_error", "trap"))),
    .javascript(
        "a revoked proxy", idea: "traps",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return [proxy];",
        invalid("revoked")),
    .javascript(
        "JSON replaced", idea: "monkeypatching",
        "JSON.stringify = JSON.parse = () => 'no'; globalThis.JSON = null; return [1];",
        .answers("[1]")),
    .javascript(
        "Buffer replaced", idea: "monkeypatching",
        "Buffer.from = () => { throw 1 }; globalThis.Buffer = null; return [1];", .answers("[1]")),
    .javascript(
        "Promise replaced", idea: "monkeypatching",
        "globalThis.Promise = null; exports.handler = () => [1];", .answers("[1]")),
    .javascript(
        "process replaced", idea: "monkeypatching", "globalThis.process = null; return [1];",
        .answers("[1]")),
    .javascript(
        "String.prototype replaced", idea: "monkeypatching",
        "for (const k of ['slice', 'split', 'charCodeAt', 'includes']) String.prototype[k] = () => { throw 1 }; return [1];",
        .answers("[1]")),
    .javascript(
        "String.prototype replaced, and an error", idea: "monkeypatching",
        "for (const k of ['split', 'replaceAll', 'includes']) String.prototype[k] = () => { throw 1 }; throw new Error('real');",
        .fails("handler_error", "")),
    .javascript(
        "an error of a megabyte in a cause", idea: "limits of errors",
        "throw new Error('real', { cause: new Error('y'.repeat(1e6)) });",
        .fails("handler_error", "Error: real")),
    .javascript(
        "an error with a stack of a megabyte", idea: "limits of errors",
        "const e = new Error('real'); e.stack = 'at /function/'.padEnd(1e6, '\\u0001') + '\\n'; e.name = 'n'.repeat(1e6); throw e;",
        .fails("handler_error", "real")),
    .javascript(
        "null thrown", idea: "not an error", "throw null;", .fails("handler_error", "null")),
    .javascript(
        "an error whose message objects", idea: "getters",
        "const e = new Error(); Object.defineProperty(e, 'message', { get() { throw 1 } }); throw e;",
        .fails("handler_error", "could not be made")),
    .javascript(
        "every listener removed, then an exception", idea: "the runner's own handlers",
        "process.removeAllListeners(); setTimeout(() => { throw new Error('late') }, 1); await new Promise(r => setTimeout(r, 2000));",
        .either(.fails("exited", "code 1"), .fails("wall_timeout", "")),
        settings: ["timeoutMs": 500]),
    .javascript(
        "an unhandled rejection after the answer", idea: "after the answer",
        "setImmediate(() => Promise.reject(new Error('late'))); return 1;", .answers("1")),
    .javascript(
        "two callbacks", idea: "answered twice",
        "exports.handler = (e, c, done) => { done(null, 1); done(null, 2); return 3 }",
        .answers("1")),
    .javascript(
        "a promise that resolves to itself", idea: "cycles of promises",
        "const p = new Promise(r => setTimeout(() => r(p))); return p;",
        .fails("handler_error", "cycle")),
    .javascript(
        "an array that claims a length", idea: "sparse arrays",
        "const a = []; a.length = 2 ** 32 - 1; return a;",
        .either(.fails("wall_timeout", ""), .either(.fails("out_of_memory", ""), invalid(""))),
        settings: ["timeoutMs": 500]),
    .javascript(
        "a symbol, undefined and functions", idea: "silently dropped",
        "return { a: undefined, b: Symbol('s') };", invalid("$.b is a symbol")),
    .javascript("a lone surrogate", idea: "not UTF-8", "return '\\ud800';", .answers(#""\ud800""#)),
    .javascript(
        "-0, large numbers and dates", idea: "numbers",
        "return [-0, 1e308, 5e-324, 2 ** 70, new Date(0), new Date(NaN)];",
        .answers(#"[0,1e+308,5e-324,1.1805916207174113e+21,"1970-01-01T00:00:00.000Z",null]"#)),
    .javascript(
        "NUL, invalid UTF-8 and surrogates printed", idea: "logs",
        "console.log('\\0\\ud800'); process.stdout.write(Buffer.from([0xff, 0xfe, 10])); return 1;",
        .answers("1")),
    .javascript(
        "a forged result", idea: "fs.writeSync to descriptor 3",
        "const b = Buffer.from('5200000001000000' + '31', 'hex'); require('fs').writeSync(3, b); return 2;",
        invalid("more after its answer")),
    .javascript(
        "descriptors closed", idea: "fs.closeSync",
        "for (let i = 0; i < 4; i++) require('fs').closeSync(i); return 1;", .fails("exited", "")),
    .javascript(
        "every descriptor closed", idea: "the event loop's own",
        "for (let i = 4; i < 100; i++) try { require('fs').closeSync(i) } catch {} ; await new Promise(r => setTimeout(r, 10)); return 1;",
        .either(.answers("1"), .either(.fails("crashed", ""), .fails("wall_timeout", ""))),
        settings: ["timeoutMs": 500]),
    .javascript(
        "messages to event loops",
        idea: "libuv's signal pipes carry pointers; the template's were shared",
        """
        for (let fd = 4; fd < 64; fd++) try { require('fs').writeSync(fd, Buffer.alloc(64, 0x41)) } catch {}
        await new Promise((done) => setTimeout(done, 50));
        return 1;
        """, .either(.answers("1"), .fails("crashed", "SIGSEGV"))),
    .javascript(
        "the addon loaded again", idea: "process.dlopen",
        "const m = { exports: {} }; process.dlopen(m, '/cloister/cell.so'); m.exports.park();",
        invalid("twice")),
    .javascript(
        "internal bindings", idea: "process.binding",
        "try { process.binding('spawn_sync').spawn({ file: '/bin/sh', args: ['sh'], stdio: [] }) } catch {} ; return 1;",
        .either(.answers("1"), .fails("crashed", "blocked: fork()")), blocked: .first("fork()")),
    .javascript(
        "V8's flags", idea: "v8.setFlagsFromString",
        "require('v8').setFlagsFromString('--allow-natives-syntax'); return eval('%SystemBreak ? 1 : 1');",
        .either(.fails("handler_error", ""), .answers("1"))),
    .javascript(
        "the inspector", idea: "CVE-2018-12120: a debugger that listens",
        "require('inspector').open(9229, '127.0.0.1'); return require('inspector').url() ?? null;",
        .either(
            .answers("null"),
            .either(
                .fails("handler_error", ""),
                .either(.fails("crashed", ""), .fails("wall_timeout", "")))), blocked: .anything,
        settings: ["timeoutMs": 500]),
    .javascript(
        "vm escapes", idea: "CVE-2023-37466: constructors lead outside",
        "const C = require('vm').runInNewContext('this.constructor.constructor'); return typeof C('return process')().mainModule;",
        .either(.answers("\"object\""), .answers("\"undefined\""))),
    .javascript(
        "a signal to itself", idea: "process.kill",
        "process.kill(process.pid, 'SIGKILL'); process.kill(0, 'SIGTERM'); return 1;", .answers("1")
    ),
    .javascript(
        "process.abort", idea: "no core is left", "process.abort();", .fails("crashed", "SIGABRT")),
    .javascript(
        "process.reallyExit", idea: "no listeners", "process.reallyExit(9);",
        .fails("exited", "code 9")),
]

extension AttackTests {
    @Suite struct Runner {
        @Test(arguments: frames + python + javascript)
        func `a call ends in one honest state, whatever it does to its runner`(_ attack: Attack)
            async throws
        {
            try await SharedEvaluator.get().check(attack)
        }
    }
}
