import CSandbox
import Glibc

/// Numbers and names of this machine's system calls, from libseccomp.
enum SyscallNames {
    static func number(of name: String) -> Int32? {
        let number = seccomp_syscall_resolve_name(name)
        // __NR_SCMP_ERROR; other negative numbers stand for calls that other machines have.
        return number == -1 ? nil : number
    }

    static func name(of number: Int) -> String {
        guard let number = Int32(exactly: number),
            let text = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number)
        else {
            return "system call \(number)"
        }
        defer { free(text) }
        return String(cString: text)
    }
}

/// A system call that the policy denied, in words: `socket(AF_INET, SOCK_STREAM)`.
public func describeDenial(number: Int, arguments: [UInt64], text: String) -> String {
    let name = SyscallNames.name(of: number)
    func low(_ index: Int) -> UInt64 {
        index < arguments.count ? arguments[index] & 0xffff_ffff : 0
    }
    switch name {
    case "socket":
        let type = low(1) & 0xf
        return
            "socket(\(socketFamilies[low(0)] ?? "family \(low(0))"), \(socketTypes[type] ?? "type \(type)"))"
    case "socketpair":
        return "socketpair(\(socketFamilies[low(0)] ?? "family \(low(0))"))"
    case "execve", "execveat":
        return text.isEmpty ? name : "\(name)(\"\(printable(text))\")"
    case "fork", "vfork":
        return "\(name)()"
    case "clone":
        let flags = flagNames(low(0), cloneFlags)
        return flags.isEmpty ? "fork()" : "clone(\(flags))"
    case "unshare", "setns":
        return "\(name)(\(flagNames(low(name == "setns" ? 1 : 0), cloneFlags)))"
    case "ioctl", "fcntl", "prctl", "bpf", "ptrace", "personality", "keyctl", "prlimit64",
        "arch_prctl":
        let index = name == "ioctl" || name == "fcntl" || name == "prlimit64" ? 1 : 0
        return
            "\(name)(0x\(String(arguments.indices.contains(index) ? arguments[index] : 0, radix: 16)))"
    default:
        return name
    }
}

private func printable(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { $0.value < 0x20 || $0 == "\"" || $0 == "\u{7f}" ? "?" : $0 }))
}

private func flagNames(_ value: UInt64, _ names: [(UInt64, String)]) -> String {
    names.filter { value & $0.0 == $0.0 }.map(\.1).joined(separator: "|")
}

private let cloneFlags: [(UInt64, String)] = [
    (0x0002_0000, "CLONE_NEWNS"), (0x0200_0000, "CLONE_NEWCGROUP"), (0x0400_0000, "CLONE_NEWUTS"),
    (0x0800_0000, "CLONE_NEWIPC"), (0x1000_0000, "CLONE_NEWUSER"), (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
]

private let socketTypes: [UInt64: String] = [
    1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 4: "SOCK_RDM", 5: "SOCK_SEQPACKET",
    10: "SOCK_PACKET",
]

/// Address families by number (linux/socket.h).
private let socketFamilies: [UInt64: String] = [
    0: "AF_UNSPEC", 1: "AF_UNIX", 2: "AF_INET", 3: "AF_AX25", 4: "AF_IPX", 5: "AF_APPLETALK",
    6: "AF_NETROM",
    7: "AF_BRIDGE", 8: "AF_ATMPVC", 9: "AF_X25", 10: "AF_INET6", 11: "AF_ROSE", 12: "AF_DECnet",
    13: "AF_NETBEUI", 14: "AF_SECURITY", 15: "AF_KEY", 16: "AF_NETLINK", 17: "AF_PACKET",
    18: "AF_ASH",
    19: "AF_ECONET", 20: "AF_ATMSVC", 21: "AF_RDS", 22: "AF_SNA", 23: "AF_IRDA", 24: "AF_PPPOX",
    25: "AF_WANPIPE", 26: "AF_LLC", 27: "AF_IB", 28: "AF_MPLS", 29: "AF_CAN", 30: "AF_TIPC",
    31: "AF_BLUETOOTH", 32: "AF_IUCV", 33: "AF_RXRPC", 34: "AF_ISDN", 35: "AF_PHONET",
    36: "AF_IEEE802154",
    37: "AF_CAIF", 38: "AF_ALG", 39: "AF_NFC", 40: "AF_VSOCK", 41: "AF_KCM", 42: "AF_QIPCRTR",
    43: "AF_SMC", 44: "AF_XDP", 45: "AF_MCTP",
]
