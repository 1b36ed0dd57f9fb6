import Foundation
import TestSupport
import Testing

/// What the interpreters bring along loads and works in a cell, and asks for nothing that is denied.
@Suite struct StandardLibraryTests {
    /// The one on the PATH, which has no path of its own here, and Debian's where there is another.
    private static let pythons =
        ["python3"]
        + ["/usr/bin/python3"].filter { FileManager.default.isExecutableFile(atPath: $0) }

    private static let settings = ["timeoutMs": 60_000, "memoryMB": 512, "tmpMB": 32]

    /// Imports all modules, those of packages too, and tells the ones that did. Left out are modules whose
    /// import is a joke (they print, or open a browser), what the probe hides in a cell, Debian's `sitecustomize`, which is a
    /// link to a file in /etc, and the interactive console and another
    /// system's module, which start programs to look for a library.
    private static let importing = """
        import importlib, pkgutil, sys
        HIDDEN = {"test", "idlelib", "ensurepip", "antigravity", "this", "sitecustomize", "_pyrepl", "_ios_support"}
        def names(folder):
            for entry in pkgutil.iter_modules(folder):
                yield entry.name
                if entry.ispkg: yield from below(entry.name)
        def below(package):
            try: found = importlib.import_module(package).__path__
            except Exception: return
            for entry in pkgutil.iter_modules(found, package + "."):
                if entry.name.endswith(".__main__"): continue
                yield entry.name
                if entry.ispkg: yield from below(entry.name)
        def handler(event, context):
            folders = [p for p in sys.path if p not in event and not p.endswith(".zip")]
            done = []
            for name in [*names(folders), *sys.builtin_module_names]:
                parts = set(name.split("."))
                if parts & HIDDEN or "tests" in parts: continue
                try: importlib.import_module(name)
                except Exception: continue
                done.append(name)
            return sorted(set(done))
        """

    @Test(arguments: pythons)
    func `every module of Python's library that loads outside loads in a cell`(_ python: String)
        async throws
    {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "\(folder)/outside.py"
        try (Self.importing + "\nimport json\nprint(json.dumps(handler([\"\(folder)\"], None)))\n")
            .write(toFile: script, atomically: true, encoding: .utf8)
        let prefix = TestUser.prefix.isEmpty ? ["/usr/bin/env"] : TestUser.prefix
        try TestUser.own(folder)
        let outside = try Self.output(prefix + [python, "-I", "-S", "-B", script])
        // Modules may print something of their own.
        let lines = outside.split(separator: "\n")
        let wanted = try #require(try JSON(Data((lines.last ?? "").utf8)).array)
        try #require(wanted.count > 400, "\(outside)")
        try await TestEvaluator.with(python == "python3" ? [] : ["--python", python]) { evaluator in
            let name = try await evaluator.register(
                nil, "python", Self.importing, settings: Self.settings)
            let answer = try await evaluator.invoke(name, "[\"/function\"]")
            let loaded = Set(try #require(try answer.json.array).compactMap(\.string))
            let missing = wanted.compactMap(\.string).filter { !loaded.contains($0) }
            #expect(missing == [])
            let blocked = try await evaluator.record(answer)["blocked"]?.string
            #expect(blocked == nil, "\(blocked ?? "")")
        }
    }

    @Test func `every module of Node loads in a cell`() async throws {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.run(
            "javascript",
            """
            const { builtinModules } = require('module');
            exports.handler = async () => {
              const failed = {};
              for (const name of builtinModules) {
                try { require(name); await import(`node:${name}`) } catch (e) { failed[name] = e.message }
              }
              return [builtinModules.length > 50, failed];
            };
            """, settings: Self.settings)
        #expect(answer.text == "[true,{}]", "\(answer.text)")
        #expect(try await evaluator.record(answer)["blocked"] == nil)
    }

    @Test(arguments: pythons)
    func `what Python handlers do with files, memory, time, threads and databases is allowed`(
        _ python: String
    ) async throws {
        try await TestEvaluator.with(python == "python3" ? [] : ["--python", python]) { evaluator in
            let answer = try await evaluator.run(
                "python", Self.pythonWork, settings: Self.settings)
            #expect(answer.text == "\"done\"", "\(answer.text)")
            let blocked = try await evaluator.record(answer)["blocked"]?.string
            #expect(blocked == nil, "\(blocked ?? "")")
        }
    }

    @Test func `what JavaScript handlers do with files, time, threads and streams is allowed`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.run(
            "javascript", Self.javascriptWork, settings: Self.settings)
        #expect(answer.text == "\"done\"", "\(answer.text)")
        let blocked = try await evaluator.record(answer)["blocked"]?.string
        #expect(blocked == nil, "\(blocked ?? "")")
    }

    private static let pythonWork = #"""
        import asyncio, concurrent.futures, ctypes, fcntl, mmap, multiprocessing, os, selectors, shutil, signal
        import socket, sqlite3, ssl, subprocess, tempfile, threading, time, zipfile
        def files():
            with open('/tmp/a', 'wb') as file:
                file.write(os.urandom(300000)); file.flush(); os.fsync(file.fileno()); os.fdatasync(file.fileno())
                os.posix_fallocate(file.fileno(), 0, 400000)
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                fcntl.lockf(file, fcntl.LOCK_EX)
            for copy in (shutil.copy, shutil.copy2, shutil.copyfile):
                copy('/tmp/a', '/tmp/b')
                assert open('/tmp/a', 'rb').read() == open('/tmp/b', 'rb').read()
            shutil.copytree('/function', '/tmp/tree')
            shutil.move('/tmp/tree', '/tmp/moved')
            assert shutil.disk_usage('/tmp').total == 32 << 20
            a, b = os.open('/tmp/a', os.O_RDONLY), os.open('/tmp/c', os.O_RDWR | os.O_CREAT)
            assert os.sendfile(b, a, 5, 1000) == 1000 and os.sendfile(b, a, None, 100) == 100
            assert os.preadv(a, [bytearray(9)], 0) == 9 and os.pwritev(b, [b'123'], 0) == 3
            try: os.copy_file_range(a, b, 10); assert False
            except OSError as error: assert error.errno == 18
            os.close(a); os.close(b); os.closerange(50, 60)
            with tempfile.TemporaryFile() as one, tempfile.NamedTemporaryFile() as two: one.write(b'x'), two.write(b'y')
            with zipfile.ZipFile('/tmp/z.zip', 'w') as archive: archive.write('/tmp/a')
            zipfile.ZipFile('/tmp/z.zip').extractall('/tmp/out')
        def memory():
            with open('/tmp/a', 'r+b') as file, mmap.mmap(file.fileno(), 0) as mapped:
                for advice in (mmap.MADV_SEQUENTIAL, mmap.MADV_RANDOM, mmap.MADV_WILLNEED, mmap.MADV_NORMAL): mapped.madvise(advice)
                mapped[0:3] = b'abc'; mapped.flush()
            private = mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            private.madvise(mmap.MADV_HUGEPAGE); private.madvise(mmap.MADV_DONTNEED); private.resize(1 << 23)
        def databases():
            db = sqlite3.connect('/tmp/db')
            for mode in ('delete', 'wal', 'truncate', 'off'):
                db.execute('pragma journal_mode=' + mode)
                db.execute('pragma synchronous=full')
                with db: db.execute('create table if not exists t(a)'), db.execute('insert into t values (?)', (mode,))
            assert db.execute('select count(*) from t').fetchone() == (4,)
        def threads():
            with concurrent.futures.ThreadPoolExecutor(8) as pool: assert sum(pool.map(lambda n: n, range(100))) == 4950
            found = threading.Condition()
            def say():
                with found: found.notify_all()
            with found:
                threading.Thread(target=say).start()
                assert found.wait(5)
            assert threading.Barrier(1).wait() == 0
            assert threading.Semaphore().acquire(timeout=0.1) and threading.RLock().acquire()
            assert not threading.Event().wait(0.01)
        def shared_futexes():
            # As std::future of libstdc++ waits and wakes: without FUTEX_PRIVATE_FLAG.
            libc, word, woken = ctypes.CDLL(None), ctypes.c_uint32(7), []
            def wait():
                limit = (ctypes.c_long * 2)(20, 0)
                woken.append(libc.syscall(202, ctypes.byref(word), 0, 7, limit, None, 0))
            waiter = threading.Thread(target=wait)
            waiter.start()
            for _ in range(2000):
                if libc.syscall(202, ctypes.byref(word), 1, 1, None, None, 0) == 1: break
                time.sleep(0.005)
            waiter.join()
            assert woken == [0]
        def waiting():
            time.sleep(0.001)
            signal.signal(signal.SIGALRM, lambda *_: None)
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF): signal.setitimer(timer, 0)
            signal.alarm(0); signal.raise_signal(signal.SIGALRM); signal.pthread_kill(threading.get_ident(), signal.SIGALRM)
            signal.sigtimedwait([signal.SIGUSR1], 0.001)
            time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID), time.thread_time(), os.times()
        def sockets():
            a, b = socket.socketpair()
            a.sendmsg([b'x', b'y']); a.send(b'z', socket.MSG_DONTWAIT)
            assert b.recv(1, socket.MSG_PEEK) == b'x' and b.recv(3, socket.MSG_WAITALL) == b'xyz'
            with selectors.DefaultSelector() as selector: selector.register(a, selectors.EVENT_WRITE); selector.select(0)
            ssl.create_default_context(), ssl.RAND_bytes(8)
            async def both():
                reader, writer = await asyncio.open_connection(sock=a)
                other, answer = await asyncio.open_connection(sock=b)
                writer.writelines([b'one\n', b'two\n']); await writer.drain()
                assert await other.readline() == b'one\n'
                await asyncio.to_thread(time.sleep, 0.001)
                return await asyncio.wait_for(other.readline(), 5)
            assert asyncio.run(both()) == b'two\n'
        def handler(event, context):
            for work in (files, memory, databases, threads, shared_futexes, waiting, sockets): work()
            assert multiprocessing.current_process().name == 'MainProcess'
            os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)
            return 'done'
        """#

    private static let javascriptWork = #"""
        const assert = require('assert'), fs = require('fs'), fsp = require('fs/promises'), crypto = require('crypto');
        const { Worker } = require('worker_threads'), { pipeline } = require('stream/promises'), zlib = require('zlib');
        async function files() {
          fs.writeFileSync('/tmp/a', crypto.randomBytes(300000));
          const file = await fsp.open('/tmp/a', 'r+');
          await file.sync(), await file.datasync(), await file.truncate(400000);
          assert((await file.readv([Buffer.alloc(4), Buffer.alloc(4)], 0)).bytesRead === 8);
          await file.writev([Buffer.from('abc'), Buffer.from('def')], 0);
          await file.close();
          fs.copyFileSync('/tmp/a', '/tmp/b');
          await fsp.copyFile('/tmp/a', '/tmp/c', fs.constants.COPYFILE_FICLONE);
          assert(fs.readFileSync('/tmp/a').equals(fs.readFileSync('/tmp/b')) && fs.readFileSync('/tmp/a').equals(fs.readFileSync('/tmp/c')));
          fs.cpSync('/function', '/tmp/tree', { recursive: true });
          await fsp.cp('/tmp/tree', '/tmp/other', { recursive: true });
          fs.renameSync('/tmp/other', '/tmp/moved'), fs.rmSync('/tmp/moved', { recursive: true });
          if (fs.statfsSync) assert(fs.statfsSync('/tmp').blocks * 4096 === 32 << 20);
          fs.utimesSync('/tmp/a', 1, 1), fs.chmodSync('/tmp/a', 0o600), fs.mkdtempSync('/tmp/x');
          for await (const entry of await fsp.opendir('/tmp')) assert(entry.name);
          await pipeline(fs.createReadStream('/tmp/a'), zlib.createGzip(), fs.createWriteStream('/tmp/a.gz'));
        }
        async function threads() {
          const worker = new Worker("const { parentPort } = require('worker_threads'); parentPort.postMessage(6 * 7)", { eval: true });
          assert(await new Promise((tell, fail) => worker.on('message', tell).on('error', fail)) === 42);
          const shared = new Int32Array(new SharedArrayBuffer(4));
          assert(Atomics.wait(shared, 0, 0, 5) === 'timed-out');
          await Promise.all([0, 1, 2].map((n) => new Promise((tell, fail) => crypto.pbkdf2('a', 'b', 10, 9, 'sha256', (e) => e ? fail(e) : tell()))));
          const wasm = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
          assert(new WebAssembly.Instance(wasm));
        }
        exports.handler = async () => {
          await files();
          await threads();
          await new Promise((tell) => setTimeout(tell, 2));
          crypto.randomUUID(), crypto.randomInt(9), crypto.getRandomValues(new Uint8Array(4));
          process.hrtime(), process.cpuUsage(), process.resourceUsage(), process.memoryUsage(), require('os').getPriority();
          return 'done';
        };
        """#

    private static func output(_ command: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
