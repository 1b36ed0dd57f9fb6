import Foundation
import TestSupport
import Testing

private let missing = Attack.Safe.fails("handler_error", "No such file")

/// What a host has and a cell must not see.
private let hostFiles: [Attack] =
    [
        "/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/resolv.conf", "/root/.ssh/id_rsa",
        "/var/log", "/var/run/docker.sock", "/run", "/boot", "/bin/sh", "/usr/bin/env",
        "/sbin/init",
        "/mnt", "/srv", "/lost+found", "/dev/sda", "/dev/vda", "/dev/mem", "/dev/kmsg", "/dev/tty",
        "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fuse", "/dev/kvm", "/dev/net/tun",
        "/dev/fd/3",
        "/sys", "/sys/fs/cgroup", "/sys/kernel/debug",
    ].map { path in
        .python(
            path, idea: "a file of the host",
            "return os.listdir('\(path)') if os.path.isdir('\(path)') else open('\(path)', 'rb').read(10).hex()",
            missing)
    }

private let spellings: [Attack] =
    [
        "/proc/self/environ", "/proc/1/root/etc/passwd", "//proc//self//maps",
        "/./proc/./self/status",
        "/tmp/../proc/self/mem", "/function/../proc/1/cwd", "../proc/self/exe",
        "../../../../proc/version",
        "/proc/../proc/self/fd/3", "/dev/../proc/kcore", "/dev/fd/../../proc/sysrq-trigger",
        "/proc/self/fd/0",
        "/sys/../proc/sys/kernel/core_pattern", "/tmp/../../sys/kernel/uevent_helper",
    ].map { path in
        .python(
            path, idea: "/proc and /sys under other names; CVE-2019-5736, CVE-2022-0492",
            "return open('\(path)', 'rb').read(10).hex()", missing)
    } + [
        .python(
            "symbolic links in /tmp", idea: "CVE-2021-30465: a link that is followed outside",
            """
            found = []
            for i, target in enumerate(['/etc/passwd', '/proc/self/environ', '../etc/shadow', '/store', '/sys']):
                os.symlink(target, f'/tmp/{i}')
                try: found.append(os.listdir(f'/tmp/{i}') or 'empty')
                except OSError as e: found.append(e.errno)
            return found
            """, .answers("[2, 2, 2, \"empty\", 2]")),
        .python(
            "hard links to files of others", idea: "protected_hardlinks",
            """
            found = []
            for path in ('/function/index.py', '/cloister/cell.so', '/dev/null'):
                try: os.link(path, '/tmp/x'); found.append('linked')
                except OSError as e: found.append(e.errno in (1, 13, 18, 30))
            return found
            """, .answers("[true, true, true]")),
        .javascript(
            "/proc and /sys", idea: "fs.readFileSync",
            """
            const fs = require('fs'), found = [];
            for (const p of ['/proc/self/environ', '/proc/1/mem', '/sys/class', '/etc/passwd', '/store/..//etc',
                '/tmp/../proc', '//etc//passwd', '/function/../../etc/hosts', 'file:///etc/passwd'])
                try { found.push(fs.readFileSync(p.startsWith('file:') ? new URL(p) : p, 'latin1')) }
                catch (e) { if (e.code !== 'ENOENT' && e.code !== 'EISDIR') found.push(e.code) }
            return found;
            """, .answers("[]")),
        .javascript(
            "modules from outside", idea: "require and import take absolute paths",
            """
            const found = [];
            for (const p of ['/etc/hostname', '/proc/self/environ', '/store/x'])
                for (const load of [require, (x) => import(x)])
                    try { await load(p); found.push(p) } catch {}
            return found;
            """, .answers("[]")),
    ]

private let writes: [Attack] = [
    .python(
        "a file in every folder there is", idea: "a mount that was forgotten",
        """
        made = []
        for folder, _, _ in os.walk('/'):
            try:
                os.close(os.open(folder + '/attack', os.O_CREAT | os.O_WRONLY))
                made.append(folder)
            except OSError: pass
        return made
        """, .answers("[\"/tmp\"]")),
    .python(
        "every file opened for writing", idea: "CVE-2016-5195's targets",
        """
        made = []
        for folder, _, files in os.walk('/'):
            for name in files:
                try:
                    os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_APPEND))
                    made.append(os.path.join(folder, name))
                except OSError: pass
        return sorted(made)
        """,
        .answers(#"["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"]"#)),
    .python(
        "the executor's own files", idea: "the next call would run them",
        """
        found = []
        for do in (lambda: open('/cloister/python/executor.py', 'a'), lambda: os.unlink('/cloister/cell.so'),
                   lambda: os.chmod('/cloister/python/executor.py', 0o777), lambda: os.rename('/cloister', '/tmp/c'),
                   lambda: os.utime('/cloister/cell.so'), lambda: os.truncate('/cloister/cell.so', 0)):
            try: do(); found.append('done')
            except OSError as e: found.append(e.errno in (1, 13, 16, 18, 30))
        return found
        """, .answers("[true, true, true, true, true, true]")),
    .python(
        "the interpreter's library", idea: "a trojan for later calls",
        """
        import json
        try: open(os.path.dirname(json.__file__) + '/evil.py', 'w')
        except OSError as e: return e.errno in (13, 30)
        """, .answers("true")),
    .javascript(
        "the executor's own files", idea: "the next call would run them",
        """
        const fs = require('fs'), found = [];
        for (const f of [() => fs.appendFileSync('/cloister/javascript/executor.js', 'x'), () => fs.unlinkSync('/cloister/cell.so'),
            () => fs.writeFileSync('/function/x', ''), () => fs.mkdirSync('/x'), () => fs.writeFileSync('/store/x', '')])
            try { f(); found.push('done') } catch (e) { found.push(['EROFS', 'EACCES', 'EPERM'].includes(e.code)) }
        return found;
        """, .answers("[true,true,true,true,true]")),
    .python(
        "a program in /tmp", idea: "noexec",
        """
        open('/tmp/x', 'wb').write(b'#!/cloister/x')
        os.chmod('/tmp/x', 0o777)
        os.execv('/tmp/x', ['x'])
        """, .fails("handler_error", "blocked: execve"), blocked: .first("execve(\"/tmp/x\")")),
    .python(
        "code mapped from /tmp", idea: "noexec also means PROT_EXEC",
        """
        import mmap
        open('/tmp/x', 'wb').write(b'\\xc3' * 4096)
        fd, found = os.open('/tmp/x', os.O_RDWR), []
        for flags in (1, 2):
            try: mmap.mmap(fd, 4096, flags=flags, prot=5); found.append('mapped')
            except OSError as e: found.append(e.errno in (1, 13))
        m = mmap.mmap(fd, 4096, flags=2, prot=3)
        found.append(call(10, ctypes.addressof(ctypes.c_char.from_buffer(m)), 4096, 5) in ('EPERM', 'EACCES'))
        return found
        """, .answers("[true, true, true]")),
    .python(
        "a library in /tmp", idea: "dlopen",
        """
        import shutil
        shutil.copyfile('/cloister/cell.so', '/tmp/x.so')
        try: ctypes.CDLL('/tmp/x.so')
        except OSError as e: return 'failed to map' in str(e) or 'Permission' in str(e) or 'not permitted' in str(e)
        """, .answers("true")),
    .javascript(
        "an addon in /tmp", idea: "process.dlopen",
        """
        require('fs').copyFileSync('/cloister/cell.so', '/tmp/x.node');
        try { process.dlopen({ exports: {} }, '/tmp/x.node') } catch (e) { return /map|permi/i.test(e.message) }
        """, .answers("true")),
    .python(
        "set-user-id files", idea: "chmod u+s, nosuid",
        """
        open('/tmp/x', 'w').close()
        os.chmod('/tmp/x', 0o6777)
        return os.stat('/').st_uid == os.getuid()
        """, .answers("false"), weaker: ("a user of its own", .answers("true"))),
]

private let itself: [Attack] = [
    .python(
        "every descriptor that is open", idea: "CVE-2024-21626: a leaked folder",
        """
        import stat
        kinds = {stat.S_IFCHR: 'device', stat.S_IFIFO: 'pipe', stat.S_IFSOCK: 'socket'}
        found = {}
        for fd in range(4096):
            try: found[fd] = kinds.get(stat.S_IFMT(os.fstat(fd).st_mode), 'other')
            except OSError: pass
        return found
        """, .answers(#"{"0": "device", "1": "pipe", "2": "pipe", "3": "socket"}"#)),
    .javascript(
        "every descriptor that is open", idea: "CVE-2024-21626: a leaked folder",
        """
        const fs = require('fs'), own = [], kinds = new Set();
        for (let fd = 0; fd < 4096; fd++) try {
            const s = fs.fstatSync(fd);
            const kind = s.isCharacterDevice() ? 'device' : s.isFIFO() ? 'pipe' : s.isSocket() ? 'socket'
                : s.isFile() || s.isDirectory() ? 'file' : 'anonymous';
            if (fd < 4) own.push(kind); else kinds.add(kind);
        } catch {}
        return [own, [...kinds].sort()];
        """, .answers(#"[["device","pipe","pipe","socket"],["anonymous","device","pipe"]]"#)),
    .python(
        "its working folder and root", idea: "a folder from before pivot_root",
        """
        return [os.getcwd(), sorted(os.listdir('/')) == sorted(os.listdir('/..')), os.listdir('/store'),
                os.path.exists('/function/..' * 20 + '/etc')]
        """, .answers(#"["/function", true, [], false]"#)),
    .python(
        "the environment and the arguments", idea: "secrets in environ",
        """
        libc.getenv.restype = ctypes.c_char_p
        return [dict(os.environ), sys.argv, [n for n in ('PATH', 'HOME', 'LD_PRELOAD', 'SSH_AUTH_SOCK') if libc.getenv(n.encode())]]
        """, .answers(#"[{}, ["/function"], []]"#)),
    .python(
        "the environment of its template", idea: "strings that execve leaves on the stack",
        """
        libc.getauxval.restype = ctypes.c_ulong
        # AT_EXECFN is the last of the strings there; the environment comes right before it.
        # The kernel's random bytes are there too, which may have an equals sign.
        end = libc.getauxval(ctypes.c_ulong(31))
        return [s.decode() for s in ctypes.string_at(end - 512, 512).split(b'\\0') if s.isascii() and b'=' in s]
        """,
        .answers(
            #"["LANG=C.UTF-8", "LD_LIBRARY_PATH=/var/task:/var/task/lib:/opt/lib"]"#)),
    .javascript(
        "the environment and the arguments", idea: "secrets in environ",
        "return [Object.keys(process.env), process.argv.length, process.execArgv];",
        .answers("[[],1,[]]")),
    .python(
        "the name of the machine", idea: "uname(2)", "return os.uname().nodename",
        .answers("\"cloister\"")),
    .python(
        "ids and capabilities", idea: "capget(2)",
        """
        head, data = struct.pack('Ii', 0x20080522, 0), ctypes.create_string_buffer(24)
        call(125, ctypes.create_string_buffer(head), data)
        ids = {*os.getresuid(), *os.getresgid()}
        # An ordinary user's evaluator cannot leave its groups, which have no names here but the cell's own.
        return [data.raw.hex().strip('0'), len(ids), {*os.getgroups()} <= {65534, *ids}, os.getpid(), os.getppid()]
        """, .answers("[\"\", 1, true, 1, 0]")),
    .python(
        "limits that it may only read", idea: "getrlimit(2)",
        """
        import resource
        found = []
        for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            soft, hard = resource.getrlimit(limit)
            found.append(soft == hard != resource.RLIM_INFINITY)
            try: resource.setrlimit(limit, (hard, hard)); found.append('set')
            except (OSError, ValueError): pass
        return found
        """, .answers("[true, true, true, true]"), blocked: .anything),
    .python(
        "what the machine does", idea: "sysinfo(2): threads and free memory of all cells",
        """
        data = ctypes.create_string_buffer(112)
        call(99, data)
        fields = struct.unpack('q3QQQQQQQH', data.raw[:82])
        return [fields[0], fields[1:4], fields[4] == fields[5], fields[10], call(99, 8)]
        """, .answers("[0, [0, 0, 0], true, 1, \"EFAULT\"]")),
]

extension AttackTests {
    @Suite struct Files {
        @Test(arguments: hostFiles + spellings + writes + itself)
        func `a cell sees its own files only, and writes to its own tmp only`(_ attack: Attack)
            async throws
        {
            try await SharedEvaluator.get().check(attack)
        }

        @Test func `another function's bundle cannot be reached`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let secret = "# secret \(UUID().uuidString)"
            let other = try await evaluator.register(
                nil, "python", secret + "\ndef handler(event, context): return 1")
            #expect(try await evaluator.invoke(other).status == 200)
            let digest = try #require(
                try await evaluator.get("/v1/functions/\(other)").json["codeSha256"]?.string)
            let answer = try await evaluator.run(
                "python",
                pythonCode(
                    """
                    found = []
                    for path in ('/store/%s', '/store/%s/index.py', '/function/../store/%s', '/function/../%s', '../%s'):
                        try: os.stat(path % event['digest']); found.append(path)
                        except OSError: pass
                    for fd in range(64):
                        for path in ('.', event['digest'], '../' + event['digest']):
                            try: os.stat(path, dir_fd=fd); found.append([fd, path])
                            except OSError: pass
                    return [found, os.listdir('/store'), sorted(os.listdir('/function'))]
                    """), event: "{\"digest\":\"\(digest)\"}")
            #expect(answer.text == #"[[], [], ["index.py"]]"#, "\(answer.text)")
        }
    }
}
