import CSandbox
import Foundation
import Glibc
import SandboxKit

/// Builds a template's world and becomes the template.
///
/// Started by the supervisor with the descriptors of `LauncherDescriptor`. It has one thread: it
/// forks the template as its own sibling into new namespaces, gives it its ids, and ends; the
/// sibling builds the world around itself and executes the interpreter.
@main
struct Launcher {
    static func main() {
        do {
            let world = try readWorld()
            try Inheritance.take()
            // As root the files may be readable for root alone: take hold of them before the ids
            // change. Otherwise mounts can be made in the new user namespace only.
            var trees = world.ids == nil ? nil : try world.openBinds()
            let gate = try Gate()
            var pidfd: Int32 = -1
            let pid = try check(
                csb_fork_sibling(
                    namespaces | (world.hasOwnUsers ? csb_new_user : 0), &pidfd),
                "fork into new namespaces",
                detail: UserNamespaces.advice)
            if pid == 0 {
                becomeTemplate(world, trees: &trees, gate: gate)
            }
            do {
                if world.hasOwnUsers { try mapIDs(of: pid, world.ids) }
            } catch {
                csb_pidfd_kill(pidfd, SIGKILL)
                throw error
            }
            send(LauncherMessage.launched, descriptor: pidfd)
            gate.open()
        } catch {
            send(LauncherMessage.failed, text: "\(error)")
            exit(1)
        }
    }

    private static let namespaces =
        csb_new_mounts | csb_new_pids | csb_new_network | csb_new_ipc | csb_new_uts

    private static func readWorld() throws -> World {
        let file = FileHandle(fileDescriptor: LauncherDescriptor.world)
        return try JSONDecoder().decode(World.self, from: try file.readToEnd() ?? Data())
    }

    /// In the new process: the rest of the way, ending in the interpreter.
    private static func becomeTemplate(_ world: World, trees: inout [Int32]?, gate: Gate) -> Never {
        do {
            try gate.pass()
            try check(csb_set_ids(0, 0), "become the world's own root")
            if world.ids != nil { try check(csb_setgroups_none(), "leave all groups") }
            try world.build(trees: try trees ?? world.openBinds())
            try world.confineTemplate()
            throw world.execute()
        } catch {
            send(LauncherMessage.failed, text: "\(error)")
            exit(1)
        }
    }

    /// Gives the process its ids, from outside, as only a process of the parent namespace may.
    private static func mapIDs(of pid: pid_t, _ range: World.IDRange?) throws {
        func map(_ name: String, _ own: UInt32) throws {
            let line = range.map { "0 \($0.first) \($0.count)\n" } ?? "0 \(own) 1\n"
            try writeFile("/proc/\(pid)/\(name)", line)
        }
        if range == nil { try writeFile("/proc/\(pid)/setgroups", "deny") }
        try map("uid_map", getuid())
        try map("gid_map", getgid())
    }

    private static func send(_ type: UInt32, text: String = "", descriptor: Int32? = nil) {
        var packet = withUnsafeBytes(of: type) { Array($0) }
        packet += Array(text.utf8.prefix(4000))
        let fds = descriptor.map { [$0] } ?? []
        csb_send_with_fds(LauncherDescriptor.control, packet, packet.count, fds, Int32(fds.count))
    }
}

/// Holds the new process back until it has its ids.
private struct Gate {
    private let ends: [Int32]

    init() throws {
        var pair: [Int32] = [-1, -1]
        try check(csb_pipe(&pair), "make a pipe")
        ends = pair
    }

    func open() {
        write(ends[1], "g", 1)
    }

    func pass() throws {
        var byte: UInt8 = 0
        close(ends[1])
        guard read(ends[0], &byte, 1) == 1 else {
            throw SandboxError("wait for the ids: the launcher ended")
        }
        close(ends[0])
    }
}

func writeFile(_ path: String, _ text: String) throws {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { throw SandboxError("open \(path)", code: errno) }
    defer { close(file) }
    guard write(file, text, text.utf8.count) == text.utf8.count else {
        throw SandboxError("write \(path)", code: errno)
    }
}
