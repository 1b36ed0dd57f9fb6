import Foundation
import TestSupport
import Testing

// Parts of system calls that handlers make otherwise: operations, flags and kinds that neither runtime
// needs and through which kernels have been attacked. docs/system-calls.md says what is left, and why.

private let buffer = "ctypes.create_string_buffer(b'/tmp/x', 256)"

private let socketsCases: [(Int, String)] = [
    (1, "MSG_OOB, CVE-2025-38236"), (0x2000, "MSG_ERRQUEUE"), (0x400_0000, "MSG_ZEROCOPY"),
    (0x2000_0000, "MSG_FASTOPEN"), (0x800_0000, "MSG_SPLICE_PAGES"),
    (0x41, "MSG_OOB among others"),
]
private let sockets: [Attack] =
    socketsCases.flatMap { flags, idea in
        [
            denied(44, "3, \(buffer), 1, \(flags), 0, 0", "sendto", idea: idea),
            denied(45, "3, \(buffer), 1, \(flags), 0, 0", "recvfrom", idea: idea),
            denied(46, "3, \(buffer), \(flags)", "sendmsg", idea: idea),
            denied(47, "3, \(buffer), \(flags)", "recvmsg", idea: idea),
        ]
    } + [
        denied(46, "3, \(buffer), (1 << 32) | 1", "sendmsg", idea: "high bits of an int argument"),
        denied(307, "3, \(buffer), 1, 0", "sendmmsg", idea: "the same for many messages"),
        denied(299, "3, \(buffer), 1, 1, 0", "recvmmsg", idea: "the same for many messages"),
    ]

private let clocks: [Int] = [2, 3, 6, 7, 8, 9, 11, -6]
private let timersCases: [(Int, String)] = [
    (222, "timer_create"), (223, "timer_settime"), (224, "timer_gettime"),
    (225, "timer_getoverrun"), (226, "timer_delete"),
]
private let timers: [Attack] =
    timersCases.map { denied($0, "2, 0, \(buffer), 0", $1, idea: "CVE-2025-38352: CPU timers") }
    + clocks.map {
        denied(
            230, "\($0), 0, (ctypes.c_long * 2)(0, 1), 0", "clock_nanosleep",
            idea: "sleeping by a CPU clock is a POSIX CPU timer; other clocks wake machines")
    } + [
        denied(283, "1, 0", "timerfd_create", idea: "unused by both runtimes"),
        denied(286, "3, 0, \(buffer), 0", "timerfd_settime", idea: "unused by both runtimes"),
        denied(287, "3, \(buffer)", "timerfd_gettime", idea: "unused by both runtimes"),
        denied(282, "-1, \(buffer), 8", "signalfd", idea: "unused by both runtimes"),
        denied(289, "-1, \(buffer), 8, 0", "signalfd4", idea: "unused by both runtimes"),
        refused(
            441, "3, \(buffer), 1, 0, 0, 8", "epoll_pwait2", idea: "a newer epoll_wait",
            answer: "ENOSYS"),
    ]

private let locksCases: [(Int, String)] = [
    (2, "FUTEX_FD"), (6, "FUTEX_LOCK_PI, CVE-2014-3153"), (7, "FUTEX_UNLOCK_PI, CVE-2021-3347"),
    (8, "FUTEX_TRYLOCK_PI"), (11, "FUTEX_WAIT_REQUEUE_PI"), (12, "FUTEX_CMP_REQUEUE_PI"),
    (13, "FUTEX_LOCK_PI2"), (14, "not there yet"), (0x201, "a flag that is not there yet"),
]
private let locks: [Attack] =
    locksCases.flatMap { operation, idea in
        [
            denied(202, "\(buffer), \(operation), 0, 0, \(buffer), 0", "futex", idea: idea),
            denied(202, "\(buffer), \(operation | 128), 0, 0, \(buffer), 0", "futex", idea: idea),
        ]
    } + [
        denied(449, "\(buffer), 1, 0, 0, 1", "futex_waitv", idea: "made for emulators of Windows"),
        denied(
            274, "1, \(buffer), \(buffer)", "get_robust_list", idea: "addresses of another process"),
        refused(
            324, "1, 0, 0", "membarrier", idea: "GLOBAL waits for all processors", answer: "ENOSYS"),
        refused(324, "8, 0, 0", "membarrier", idea: "interrupts processors", answer: "ENOSYS"),
    ]

private let memoryCases: [(Int, String)] = [
    (9, "MADV_REMOVE"), (12, "MADV_MERGEABLE: its timing tells of others' pages"),
    (20, "MADV_COLD"),
    (21, "MADV_PAGEOUT"), (22, "MADV_POPULATE_READ"), (23, "MADV_POPULATE_WRITE"),
    (25, "MADV_COLLAPSE"), (100, "MADV_HWPOISON"), (101, "MADV_SOFT_OFFLINE"),
    (102, "MADV_GUARD_INSTALL"), (103, "MADV_GUARD_REMOVE"),
    (-1, "asked by who wants it to fail"),
]
private let memory: [Attack] =
    memoryCases.map { refused(28, "0, 4096, \($0)", "madvise", idea: $1, answer: "EINVAL") }
    + [
        denied(
            9, "0, 2 << 20, 3, 0x40022, -1, 0", "mmap",
            idea: "MAP_HUGETLB: pages that no group counts"),
        denied(
            9, "0, 1 << 30, 3, 0x78040022, -1, 0", "mmap",
            idea: "MAP_HUGETLB with a size: 1 GB pages"),
        denied(9, "0, 4096, 3, 0x122, -1, 0", "mmap", idea: "MAP_GROWSDOWN, CVE-2023-3269"),
        denied(25, "0, 4096, 4096, 5, 0", "mremap", idea: "MREMAP_DONTUNMAP"),
    ]

private let files: [Attack] = [
    denied(
        316, "-100, \(buffer), -100, \(buffer), 4", "renameat2",
        idea: "RENAME_WHITEOUT makes a device"),
    denied(316, "-100, \(buffer), -100, \(buffer), 2", "renameat2", idea: "RENAME_EXCHANGE"),
    denied(293, "\(buffer), 0x80", "pipe2", idea: "O_NOTIFICATION_PIPE, CVE-2022-0995"),
    denied(293, "\(buffer), 0x4000", "pipe2", idea: "O_DIRECT: pipes of packets"),
    denied(72, "0, 1031, 1 << 20", "fcntl(0x407)", idea: "F_SETPIPE_SZ shapes the kernel's heap"),
    denied(72, "0, 1032", "fcntl(0x408)", idea: "F_GETPIPE_SZ"),
    denied(72, "0, 4, 0x2000", "fcntl(0x4)", idea: "F_SETFL with O_ASYNC: signals from files"),
    denied(72, "0, 4, 0x4000", "fcntl(0x4)", idea: "F_SETFL with O_DIRECT"),
    refused(
        2, "\(buffer), 0x4000", "open", idea: "O_DIRECT: the disk past its cache", answer: "EINVAL"),
    refused(
        257, "-100, \(buffer), 0x4000, 0", "openat", idea: "O_DIRECT: the disk past its cache",
        answer: "EINVAL"),
    denied(436, "100, 200, 2", "close_range", idea: "CLOSE_RANGE_UNSHARE: a thread's own table"),
    denied(285, "3, 3, 0, 4096", "fallocate", idea: "FALLOC_FL_PUNCH_HOLE, CVE-2014-4171"),
    denied(285, "3, 8, 0, 4096", "fallocate", idea: "FALLOC_FL_COLLAPSE_RANGE"),
    denied(
        327, "3, \(buffer), 0, 0, 0, 8", "preadv2", idea: "RWF_NOWAIT tells which pages are cached"),
    denied(327, "3, \(buffer), 0, 0, 0, 1", "preadv2", idea: "RWF_HIPRI polls the disk"),
    denied(328, "3, \(buffer), 0, 0, 0, 4", "pwritev2", idea: "RWF_SYNC"),
    refused(
        326, "3, 0, 1, 0, 1, 0", "copy_file_range", idea: "CVE-2022-0847's family: splice inside",
        answer: "EXDEV"),
    refused(
        16, "0, 0x40049409, 1", "ioctl", idea: "FICLONE: shared extents", answer: "ENOTSUP"),
    denied(78, "3, \(buffer), 8", "getdents", idea: "older than every C library here"),
    denied(213, "1", "epoll_create", idea: "older than every C library here"),
    denied(284, "0", "eventfd", idea: "older than every C library here"),
    denied(261, "-100, \(buffer), 0", "futimesat", idea: "older than every C library here"),
]

private let processesCases: [(Int, String)] = [
    (0x1000, "CLONE_PIDFD"), (0x8000_0000, "CLONE_IO"), (0x2000, "CLONE_PTRACE"),
    (0x80_0000, "CLONE_UNTRACED"), (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x100, "without CLONE_VM"),
    (0x200, "without CLONE_FS"), (0x400, "without CLONE_FILES"),
    (0x4_0000, "without CLONE_SYSVSEM"),
    (0x20_0000, "without CLONE_CHILD_CLEARTID"), (17, "an exit signal"),
]
private let processes: [Attack] =
    processesCases.map { flag, idea in
        denied(56, "0x3d0f00 ^ \(flag), 0, 0, 0, 0", "fork()", idea: "a thread, \(idea)")
    } + [
        denied(129, "1, 9, \(buffer)", "rt_sigqueueinfo", idea: "signals that say who sent them"),
        denied(
            297, "1, 1, 9, \(buffer)", "rt_tgsigqueueinfo", idea: "signals that say who sent them"),
        denied(112, "", "setsid", idea: "a session of its own"),
        denied(109, "0, 1", "setpgid", idea: "another's process group"),
    ]

/// What the kernel is not asked, and code goes on as if it had been.
private let answered: [Attack] = [
    .python(
        "the host's disk flushed", idea: "fsync(2) of a bundle's file flushes its disk",
        "fd = os.open('/function/index.py', os.O_RDONLY)\nreturn [call(74, fd), call(75, fd), call(26, 0, 4096, 4)]",
        .answers("[0, 0, 0]")),
    .python(
        "others' files out of the cache",
        idea: "posix_fadvise(2): their next start is slow",
        "return [call(221, os.open(os.__file__, os.O_RDONLY), 0, 0, advice) for advice in range(6)]",
        .answers("[0, 0, 0, 0, 0, 0]")),
    .python(
        "advice on reading ahead", idea: "madvise(2): MADV_WILLNEED reads the host's disk",
        "return [call(28, 0x1000, 4096, advice) for advice in (0, 1, 2, 3, 10, 11)]",
        .answers("[0, 0, 0, 0, 0, 0]")),
    .python(
        "how full the host's disk is", idea: "statfs(2) of the bundle",
        """
        def told(p):
            s = os.statvfs(p)
            return [s.f_blocks * s.f_frsize >> 20, s.f_bavail * s.f_frsize >> 20, s.f_files - s.f_ffree]
        fd = os.open('/function', os.O_RDONLY)
        return [told(p) for p in ('/function', '/', os.__file__, '/dev/null', fd, '/tmp')]
        """,
        .answers(
            "[[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [64, 64, 0]]"),
        settings: ["tmpMB": 64]),
    .python(
        "answers written where it cannot write",
        idea: "a handler of signals that trusts pointers",
        """
        fd = os.open('/function/index.py', os.O_RDONLY)
        bad = (0, 1, 8, 0x7fffffffffff, -1, -8)
        return sorted({str(a) for p in bad for a in (call(137, b'/', p), call(137, p, p), call(138, fd, p), call(40, 1, fd, p or 1, 9), call(99, p))})
        """, .answers("[\"EFAULT\"]")),
    .python(
        "sendfile with odd arguments", idea: "what answers in the kernel's place",
        """
        fd = os.open('/function/index.py', os.O_RDONLY)
        size = os.fstat(fd).st_size
        out = os.open('/tmp/x', os.O_RDWR | os.O_CREAT)
        at = ctypes.c_long(size - 3)
        found = [call(40, out, fd, ctypes.byref(at), 1 << 62), at.value == size, os.lseek(fd, 0, 1)]
        at = ctypes.c_long(-1)
        found += [call(40, out, fd, ctypes.byref(at), 9), call(40, out, 99, 0, 9), call(40, 99, fd, 0, 9), call(40, out, 3, 0, 9), call(40, out, fd, 0, 0)]
        found += [call(40, out, fd, 0, -1) == size, os.lseek(fd, 0, 1) == size, os.fstat(out).st_size == size + 3]
        return found
        """,
        .answers(
            "[3, true, 0, \"EINVAL\", \"EBADF\", \"EBADF\", \"EINVAL\", 0, true, true, true]"
        )),
]

extension AttackTests {
    @Suite struct Surface {
        @Test(arguments: sockets + timers + locks + memory + files + processes)
        func `a part of a system call that no runtime needs is out of reach`(_ attack: Attack)
            async throws
        {
            try await SharedEvaluator.get().check(attack)
        }

        @Test(arguments: answered)
        func `what tells of the host is answered without the kernel`(_ attack: Attack) async throws
        {
            try await SharedEvaluator.get().check(attack)
        }

        @Test func `every mount that a call sees is read-only but its own tmp`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let name = try await evaluator.register(
                nil, "python",
                "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 1",
                settings: ["timeoutMs": 30_000])
            async let call = evaluator.invoke(name, "\(2 * timeFactor)")
            var seen: [[Substring]] = []
            for _ in 0..<Int(200 * timeFactor) where seen.isEmpty {
                try await Task.sleep(for: .milliseconds(10))
                seen =
                    HostState.executors(of: evaluator.pid).map(mounts).first { mounts in
                        mounts.contains { $0[4] == "/function" }
                    } ?? []
            }
            #expect(try await call.text == "1")
            try #require(seen.count > 8)
            for mount in seen {
                let options = Set(mount[5].split(separator: ","))
                let isOwn = mount[4] == "/tmp"
                #expect(options.contains("ro") || isOwn, "\(mount)")
                #expect(options.contains("nosuid"), "\(mount)")
                #expect(options.contains("nodev") || mount[4].hasPrefix("/dev/"), "\(mount)")
                if isOwn { #expect(options.contains("noexec"), "\(mount)") }
            }
        }

        /// The fields of a process's mounts (proc_pid_mountinfo(5)): the fifth is where, the sixth how.
        private func mounts(of pid: pid_t) -> [[Substring]] {
            var bytes = Data()
            // The kernel hands it out by pages, and reading a whole file at once stops at the first.
            if let file = FileHandle(forReadingAtPath: "/proc/\(pid)/mountinfo") {
                while let piece = try? file.read(upToCount: 4096), !piece.isEmpty { bytes += piece }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            return text.split(separator: "\n").map { $0.split(separator: " ") }
        }
    }
}
