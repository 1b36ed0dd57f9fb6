import Foundation
import SandboxKit
import TestSupport
import Testing

// Python only: JavaScript has no way to make a system call by number but an addon, and the filter
// is the same compiled program for both (see PolicyTests).

/// One system call that a function has no need of: it fails, and the first such call is told.
func denied(
    _ number: Int, _ arguments: String = "", _ name: String, idea: String, answer: String = "EPERM",
    blocked: Attack.Blocked? = nil
) -> Attack {
    .python(
        "\(name), call \(number)", idea: idea,
        "return call(\(number)\(arguments.isEmpty ? "" : ", ")\(arguments))",
        .answers("\"\(answer)\""), blocked: blocked ?? .first(name))
}

/// Refused without a report, because runtimes or C libraries try it and do without.
func refused(
    _ number: Int, _ arguments: String = "", _ name: String, idea: String, answer: String = "EPERM"
) -> Attack {
    denied(number, arguments, name, idea: idea, answer: answer, blocked: .nothing)
}

private let text = "ctypes.create_string_buffer(b'/tmp')"

private let mounts: [Attack] = [
    denied(
        165, "0, \(text), 0, 4096, 0", "mount",
        idea: "CVE-2022-0185: file system contexts in a user namespace"),
    denied(166, "\(text), 2", "umount2", idea: "uncovers what a mount hides"),
    denied(430, "\(text), 0", "fsopen", idea: "the new mount interface"),
    denied(431, "0, 0, 0, 0, 0", "fsconfig", idea: "CVE-2022-0185: legacy_parse_param"),
    denied(432, "0, 0, 0", "fsmount", idea: "the new mount interface"),
    denied(433, "-100, \(text), 0", "fspick", idea: "the new mount interface"),
    denied(428, "-100, \(text), 1", "open_tree", idea: "OPEN_TREE_CLONE"),
    denied(429, "0, 0, 0, 0, 0", "move_mount", idea: "the new mount interface"),
    denied(442, "-100, \(text), 0, 0, 32", "mount_setattr", idea: "clears read-only"),
    denied(155, "\(text), \(text)", "pivot_root", idea: "a root of its own"),
    denied(161, "\(text)", "chroot", idea: "the classic double chroot"),
]

private let namespaces: [Attack] =
    [
        ("0x00020000", "CLONE_NEWNS"), ("0x02000000", "CLONE_NEWCGROUP"),
        ("0x04000000", "CLONE_NEWUTS"),
        ("0x08000000", "CLONE_NEWIPC"), ("0x10000000", "CLONE_NEWUSER"),
        ("0x20000000", "CLONE_NEWPID"),
        ("0x40000000", "CLONE_NEWNET"),
    ].flatMap { flag, name in
        [
            denied(272, flag, "unshare(\(name))", idea: "capabilities over a new namespace"),
            denied(308, "3, \(flag)", "setns(\(name))", idea: "CVE-2019-5736's cousins"),
            denied(
                56, "\(flag) | 17, 0, 0, 0, 0", "clone(\(name))",
                idea: "a process in a new namespace"),
            denied(
                56, "\(flag) | 0x10900, 0, 0, 0, 0", "clone(\(name))",
                idea: "a thread in a new namespace"),
        ]
    } + [
        denied(272, "0x80", "unshare()", idea: "CLONE_NEWTIME, the newest"),
        denied(56, "0x10980, 0, 0, 0, 0", "fork()", idea: "CLONE_NEWTIME hides in the exit signal"),
        refused(
            435, "0, 88", "clone3", idea: "flags in memory, where a filter cannot look",
            answer: "ENOSYS"),
    ]

private let others: [Attack] = [
    denied(101, "0, 0, 0, 0", "ptrace(0x0)", idea: "PTRACE_TRACEME"),
    denied(101, "16, 1, 0, 0", "ptrace(0x10)", idea: "PTRACE_ATTACH"),
    denied(101, "0x4206, 1, 0, 0", "ptrace(0x4206)", idea: "PTRACE_SEIZE"),
    denied(310, "1, 0, 0, 0, 0, 0", "process_vm_readv", idea: "reads another process"),
    denied(311, "1, 0, 0, 0, 0, 0", "process_vm_writev", idea: "writes another process"),
    denied(440, "3, 0, 0, 0, 0", "process_madvise", idea: "another process's pages"),
    denied(448, "3, 0", "process_mrelease", idea: "another process's pages"),
    denied(434, "1, 0", "pidfd_open", idea: "a handle on a process"),
    denied(438, "3, 0, 0", "pidfd_getfd", idea: "steals a descriptor"),
    denied(424, "3, 9, 0, 0", "pidfd_send_signal", idea: "a signal past the PID namespace"),
    denied(312, "1, 1, 0, 0, 0", "kcmp", idea: "compares kernel addresses"),
    denied(279, "0, 0, 0, 0, 0, 0", "move_pages", idea: "CVE-2009-3547's family: pages of others"),
    denied(256, "0, 0, 0, 0", "migrate_pages", idea: "pages of others"),
    denied(249, "0, 0, 0, 0", "request_key", idea: "keyrings are not namespaced"),
    denied(248, "0, 0, 0, 0, 0", "add_key", idea: "CVE-2016-0728: keyring references"),
    denied(250, "0, 0", "keyctl(0x0)", idea: "CVE-2016-0728"),
    denied(321, "5, 0, 0", "bpf(0x5)", idea: "CVE-2021-3490: the verifier"),
    denied(298, "0, 0, -1, -1, 0", "perf_event_open", idea: "CVE-2013-2094"),
    refused(
        425, "8, 0", "io_uring_setup", idea: "CVE-2022-29582: system calls past seccomp",
        answer: "ENOSYS"),
    refused(426, "3, 0, 0, 0, 0, 0", "io_uring_enter", idea: "as above", answer: "ENOSYS"),
    refused(427, "3, 0, 0, 0", "io_uring_register", idea: "as above", answer: "ENOSYS"),
    denied(323, "0", "userfaultfd", idea: "stretches races in the kernel"),
    denied(
        135, "0x0400000", "personality(0x400000)",
        idea: "READ_IMPLIES_EXEC, no address randomisation"),
    denied(154, "0, 0, 0", "modify_ldt", idea: "CVE-2015-5157"),
    refused(158, "0x1002, 0", "arch_prctl", idea: "segment bases"),
    denied(175, "0, 0, 0", "init_module", idea: "code in the kernel"),
    denied(313, "3, 0, 0", "finit_module", idea: "code in the kernel"),
    denied(176, "0, 0", "delete_module", idea: "less code in the kernel"),
    denied(246, "0, 0, 0, 0", "kexec_load", idea: "another kernel"),
    denied(320, "3, 3, 0, 0, 0", "kexec_file_load", idea: "another kernel"),
    denied(173, "0x70, 2, 1", "ioperm", idea: "ports"),
    denied(172, "3", "iopl", idea: "ports"),
    denied(169, "0xfee1dead, 672274793, 0x1234567, 0", "reboot", idea: "ends everything"),
    denied(103, "3, 0, 0", "syslog", idea: "kernel addresses in the log"),
    denied(163, "0", "acct", idea: "process accounting"),
    denied(153, "", "vhangup", idea: "the terminal"),
    denied(180, "0, 0, 0", "nfsservctl", idea: "long gone"),
    denied(212, "0, 0, 0", "lookup_dcookie", idea: "paths by cookies"),
    denied(156, "0", "_sysctl", idea: "long gone"),
    denied(134, "0", "uselib", idea: "CVE-2004-1235"),
    denied(139, "1, 0, 0", "sysfs", idea: "lists what the kernel has"),
    denied(136, "0, 0", "ustat", idea: "devices by number"),
    denied(167, "\(text), 0", "swapon", idea: "memory on disk"),
    denied(168, "\(text)", "swapoff", idea: "memory from disk"),
    denied(179, "0, 0, 0, 0", "quotactl", idea: "quotas of others"),
    denied(443, "3, 0, 0, 0", "quotactl_fd", idea: "quotas of others"),
    denied(
        303, "-100, \(text), 0, 0, 0", "name_to_handle_at",
        idea: "Shocker: file handles leave a mount namespace"),
    denied(304, "3, 0, 0", "open_by_handle_at", idea: "Shocker"),
    denied(227, "0, 0", "clock_settime", idea: "the host's clock"),
    denied(164, "0, 0", "settimeofday", idea: "the host's clock"),
    denied(159, "0", "adjtimex", idea: "the host's clock"),
    denied(305, "0, 0", "clock_adjtime", idea: "the host's clock"),
    denied(170, "\(text), 4", "sethostname", idea: "the host's name"),
    denied(171, "\(text), 4", "setdomainname", idea: "the host's name"),
    denied(317, "0, 0, 0", "seccomp", idea: "SECCOMP_SET_MODE_STRICT ends the next call"),
    denied(
        317, "1, 8, 0", "seccomp", idea: "SECCOMP_FILTER_FLAG_NEW_LISTENER: answers its own calls"),
    denied(157, "22, 1, 0, 0, 0", "prctl(0x16)", idea: "PR_SET_SECCOMP"),
    denied(
        157, "4, 1, 0, 0, 0", "prctl(0x4)", idea: "PR_SET_DUMPABLE: readable by neighbours again"),
    denied(157, "0x59616d61, -1, 0, 0, 0", "prctl(0x59616d61)", idea: "PR_SET_PTRACER"),
    denied(157, "38, 0, 0, 0, 0", "prctl(0x26)", idea: "PR_SET_NO_NEW_PRIVS off"),
    denied(157, "24, 0, 0, 0, 0", "prctl(0x18)", idea: "PR_CAPBSET_DROP"),
    denied(157, "36, 1, 0, 0, 0", "prctl(0x24)", idea: "PR_SET_CHILD_SUBREAPER"),
    denied(157, "1, 0, 0, 0, 0", "prctl(0x1)", idea: "PR_SET_PDEATHSIG off"),
    denied(157, "35, 1, 0, 0, 0", "prctl(0x23)", idea: "PR_SET_MM: another command line"),
    denied(
        157, "(1 << 32) | 15, \(text), 0, 0, 0", "prctl(0x10000000f)",
        idea: "high bits of an int argument"),
    denied(105, "0", "setuid", idea: "root of the namespace"),
    denied(106, "0", "setgid", idea: "root's group"),
    denied(117, "0, 0, 0", "setresuid", idea: "root of the namespace"),
    denied(119, "0, 0, 0", "setresgid", idea: "root's group"),
    denied(113, "0, 0", "setreuid", idea: "CVE-2000-0506 and after"),
    denied(116, "0, 0", "setgroups", idea: "CVE-2014-8989: dropping a group gains access"),
    denied(122, "0", "setfsuid", idea: "files of root"),
    denied(123, "0", "setfsgid", idea: "files of root's group"),
    denied(126, "0, 0", "capset", idea: "capabilities back"),
    denied(302, "0, 7, \(text), 0", "prlimit64(0x7)", idea: "raises RLIMIT_NOFILE"),
    denied(302, "0, 0, \(text), 0", "prlimit64(0x0)", idea: "raises RLIMIT_CPU"),
    refused(160, "7, \(text)", "setrlimit", idea: "raises RLIMIT_NOFILE"),
    refused(203, "0, 8, \(text)", "sched_setaffinity", idea: "a processor for itself"),
    refused(144, "0, 1, \(text)", "sched_setscheduler", idea: "SCHED_FIFO starves the machine"),
    denied(314, "0, \(text), 0", "sched_setattr", idea: "SCHED_DEADLINE"),
    refused(141, "0, 0, -20", "setpriority", idea: "nice"),
    denied(251, "1, 0, 0x2000", "ioprio_set", idea: "the disk for itself"),
    refused(149, "0, 4096", "mlock", idea: "memory that cannot be swapped"),
    denied(151, "3", "mlockall", idea: "memory that cannot be swapped"),
    refused(237, "0, 0, 0, 0, 0, 0", "mbind", idea: "CVE-2016-0758's family: memory policy"),
    denied(238, "0, 0, 0", "set_mempolicy", idea: "memory policy"),
    denied(216, "0, 0, 0, 0, 0", "remap_file_pages", idea: "CVE-2014-3122's family"),
    refused(27, "0, 0, 0", "mincore", idea: "page-cache attacks (Gruss, 2019)"),
    denied(447, "0", "memfd_secret", idea: "memory that nobody else can look into"),
    denied(319, "\(text), 0", "memfd_create", idea: "fileless programs"),
    denied(
        59, "ctypes.create_string_buffer(b'/bin/sh'), 0, 0", "execve(\"/bin/sh\")", idea: "a shell"),
    denied(
        322, "3, ctypes.create_string_buffer(b''), 0, 0, 0x1000", "execveat",
        idea: "a program without a path"),
    denied(444, "0, 0, 1", "landlock_create_ruleset", idea: "limits the runner itself"),
    denied(446, "3, 0", "landlock_restrict_self", idea: "limits the runner itself"),
    denied(133, "\(text), 0o020666, 0x103", "mknod", idea: "a device"),
    denied(259, "-100, \(text), 0o060666, 0x800, 0", "mknodat", idea: "a disk"),
    denied(188, "\(text), \(text), \(text), 4, 0", "setxattr", idea: "file capabilities"),
    refused(92, "\(text), 0, 0", "chown", idea: "files of root"),
    denied(162, "", "sync", idea: "every disk of the machine"),
    denied(306, "0", "syncfs", idea: "a disk of the machine"),
    denied(278, "1, 0, 0, 0", "vmsplice", idea: "CVE-2008-0600"),
    denied(275, "0, 0, 1, 0, 1, 0", "splice", idea: "CVE-2022-0847, Dirty Pipe"),
    denied(276, "0, 1, 1, 0", "tee", idea: "pipe pages shared"),
    denied(73, "0, 2", "flock", idea: "a lock that others see"),
    denied(72, "0, 1024, 1", "fcntl(0x400)", idea: "F_SETLEASE holds up others' open"),
    denied(72, "0, 1026, 1", "fcntl(0x402)", idea: "F_NOTIFY: what others do in a folder"),
    denied(72, "0, 8, 1", "fcntl(0x8)", idea: "F_SETOWN: signals to others"),
    denied(72, "0, 10, 9", "fcntl(0xa)", idea: "F_SETSIG: SIGKILL to others"),
    denied(72, "0, 37, \(text)", "fcntl(0x25)", idea: "F_OFD_SETLK"),
    denied(72, "0, 1033, 0", "fcntl(0x409)", idea: "F_ADD_SEALS"),
    denied(72, "0, (1 << 32) | 4, 0", "fcntl(0x100000004)", idea: "high bits of an int argument"),
    denied(253, "", "inotify_init", idea: "what others do"),
    denied(294, "0", "inotify_init1", idea: "what others do"),
    denied(254, "3, \(text), 0xfff", "inotify_add_watch", idea: "what others do"),
    denied(300, "0, 0", "fanotify_init", idea: "decides what others may open"),
    denied(
        16, "0, 0x5412, \(text)", "ioctl(0x5412)",
        idea: "CVE-2017-5226: TIOCSTI types into the terminal"),
    denied(
        16, "0, 0x100005412, \(text)", "ioctl(0x100005412)",
        idea: "CVE-2019-10063: TIOCSTI with a high bit"),
    denied(16, "0, 0x541c, \(text)", "ioctl(0x541c)", idea: "CVE-2023-28100: TIOCLINUX"),
    denied(16, "0, 0x10000541c, \(text)", "ioctl(0x10000541c)", idea: "TIOCLINUX with a high bit"),
    denied(16, "0, 0x540e, 1", "ioctl(0x540e)", idea: "TIOCSCTTY"),
    denied(16, "3, 0x8904, \(text)", "ioctl(0x8904)", idea: "SIOCGPGRP"),
    denied(16, "3, 0x89f0, 0", "ioctl(0x89f0)", idea: "SIOCDEVPRIVATE"),
    denied(29, "42, 4096, 0o1666", "shmget", idea: "System V memory"),
    denied(30, "0, 0, 0", "shmat", idea: "System V memory"),
    denied(64, "42, 1, 0o1666", "semget", idea: "System V semaphores"),
    denied(68, "42, 0o1666", "msgget", idea: "CVE-2021-22555 shapes the heap with it"),
    denied(240, "\(text), 0o102, 0o666, 0", "mq_open", idea: "POSIX queues"),
    denied(206, "1, 0", "io_setup", idea: "CVE-2012-5489's family: kernel AIO"),
    denied(49, "3, 0, 0", "bind", idea: "a name that others find"),
    denied(42, "3, 0, 0", "connect", idea: "another server"),
    denied(50, "3, 1", "listen", idea: "a server"),
    denied(288, "3, 0, 0, 0", "accept4", idea: "a server"),
    refused(
        54, "3, 1, 16, \(text), 4", "setsockopt",
        idea: "SO_PASSCRED gives a socket a name by itself"),
    denied(
        55, "3, 1, 77, \(text), \(text)", "getsockopt",
        idea: "SO_PEERPIDFD: a handle on the evaluator"),
    denied(55, "3, 1, 59, \(text), \(text)", "getsockopt", idea: "SO_PEERGROUPS"),
    denied(459, "0", "lsm_get_self_attr", idea: "newer than many filters", blocked: .anything),
    denied(547, "0", "call 547", idea: "past the table's end", blocked: .anything),
    .python(
        "call -2", idea: "signed and unsigned numbers", "return call(-2)",
        .fails("crashed", "SIGSYS")),
]

private let machineCode: [Attack] = [
    ("b814000000cd80c3", "int 0x80", "crashed"),
    ("b827000040 0f05c3", "a number of x32", "crashed"),
    ("31c00f34c3", "sysenter", "crashed"),
    ("f4c3", "hlt", "crashed"),
    ("0f30c3", "wrmsr", "crashed"),
    ("0f0bc3", "ud2", "crashed"),
].map { code, name, cause in
    .python(
        "\(name) in machine code", idea: "filters that look at numbers and not at the architecture",
        """
        import mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex('\(code)'))
        return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        """, .fails(cause, "ended by SIG"), blocked: .anything)
}

extension AttackTests {
    @Suite struct Kernel {
        @Test(arguments: mounts + namespaces + others + machineCode)
        func `a system call that no function needs is denied and named`(_ attack: Attack)
            async throws
        {
            try await SharedEvaluator.get().check(attack)
        }

        @Test func `no address family has a socket, and pairs are AF_UNIX alone`() async throws {
            let evaluator = try await SharedEvaluator.get()
            let answer = try await evaluator.run(
                "python",
                pythonCode(
                    """
                    found = []
                    for family in list(range(46)) + [255, 1 << 16, (1 << 32) | 1]:
                        for kind in (1, 2, 3, 5, 0x80801):
                            answer = call(41, family, kind, 0)
                            if answer not in ('EPERM', 'EACCES'): found.append(['socket', family, kind, answer])
                            pair = (ctypes.c_int * 2)()
                            answer = call(53, family, kind, 0, pair)
                            if answer != 'EPERM' and family != 1: found.append(['socketpair', family, kind, answer])
                    return found
                    """))
            #expect(answer.text == "[]", "\(answer.text)")
        }
    }
}
