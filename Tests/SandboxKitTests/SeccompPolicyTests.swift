import Foundation
import Testing

@testable import SandboxKit

@Suite struct SeccompPolicyTests {
    private static let executors = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("executors")

    /// Writes policies into a folder of their own and reads the first.
    private func policy(_ files: [(String, String)]) throws -> SeccompPolicy {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "cloister-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        return try SeccompPolicy(contentsOf: folder.appendingPathComponent(files[0].0))
    }

    @Test(arguments: ["python", "javascript"])
    func `the executors' policies compile to a program of a size that the kernel takes`(
        _ runtime: String
    ) throws {
        let file = Self.executors.appendingPathComponent("\(runtime)/seccomp.json")
        let program = try SeccompPolicy(contentsOf: file).compile()
        // A struct sock_filter has 8 bytes; BPF_MAXINSNS is 4096.
        #expect(program.count % 8 == 0)
        #expect((100...4096).contains(program.count / 8))
    }

    @Test(arguments: [
        "mount", "umount2", "ptrace", "bpf", "keyctl", "unshare", "setns", "execve", "fork",
        "connect",
        "bind", "process_vm_readv", "io_uring_setup", "pidfd_getfd", "userfaultfd", "kexec_load",
    ])
    func `no executor is allowed what a function has no need of`(_ call: String) throws {
        for runtime in ["python", "javascript"] {
            let file = Self.executors.appendingPathComponent("\(runtime)/seccomp.json")
            let policy = try SeccompPolicy(contentsOf: file)
            #expect(!policy.allowed.contains(call))
            #expect(!policy.conditions.contains { $0.call == call })
        }
    }

    @Test func `what a policy refuses outweighs what it includes`() throws {
        let merged = try policy([
            (
                "top.json",
                #"{"include": "base.json", "allow": {}, "allowWhen": [], "refuseWhen": [], "refuse": [{"errno": "EPERM", "calls": ["read"]}]}"#
            ),
            (
                "base.json",
                #"{"allow": {"files": {"read write": "work"}}, "allowWhen": [], "refuseWhen": [], "refuse": []}"#
            ),
        ])
        #expect(merged.allowed == ["write"])
        #expect(merged.refused == ["read": EPERM])
    }

    @Test(arguments: [
        (
            #"{"allow": {"x": {"no_such_call": "none"}}, "allowWhen": [], "refuseWhen": [], "refuse": []}"#,
            "no_such_call"
        ),
        (
            #"{"allow": {}, "allowWhen": [{"call": "clone", "argument": 0}], "refuseWhen": [], "refuse": []}"#,
            "equals"
        ),
        (
            #"{"allow": {}, "allowWhen": [{"call": "clone", "argument": 0, "equals": "many"}], "refuseWhen": [], "refuse": []}"#,
            "many"
        ),
        (
            #"{"allow": {}, "allowWhen": [], "refuseWhen": [], "refuse": [{"errno": "EWHAT", "calls": []}]}"#,
            "EWHAT"
        ),
        (
            #"{"include": "top.json", "allow": {}, "allowWhen": [], "refuseWhen": [], "refuse": []}"#,
            "include each other"
        ),
        ("nonsense", "top.json"),
    ])
    func `a policy that cannot be used is refused with the reason`(_ text: String, _ reason: String)
    {
        let error = #expect(throws: SandboxError.self) {
            try policy([("top.json", text)]).compile()
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test(
        arguments: [
            ("socket", [2, 1], "", "socket(AF_INET, SOCK_STREAM)"),
            ("socket", [16, 0x80003], "", "socket(AF_NETLINK, SOCK_RAW)"),
            ("socket", [99, 1], "", "socket(family 99, SOCK_STREAM)"),
            ("clone", [0x11], "", "fork()"), ("clone", [0x1000_0011], "", "clone(CLONE_NEWUSER)"),
            ("unshare", [0x4002_0000], "", "unshare(CLONE_NEWNS|CLONE_NEWNET)"),
            ("execve", [0], "/bin/sh", "execve(\"/bin/sh\")"),
            ("execve", [0], "a\u{1b}[31m\"", "execve(\"a?[31m?\")"),
            ("ioctl", [0, 0x5412], "", "ioctl(0x5412)"), ("mount", [], "", "mount"),
        ] as [(String, [UInt64], String, String)])
    func `a denied call is told by name with its telling argument`(
        _ name: String, _ arguments: [UInt64], _ text: String, _ expected: String
    ) throws {
        let number = try #require(SyscallNames.number(of: name))
        #expect(describeDenial(number: Int(number), arguments: arguments, text: text) == expected)
    }
}
