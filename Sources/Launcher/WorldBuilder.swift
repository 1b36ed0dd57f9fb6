import CSandbox
import CWire
import Glibc
import SandboxKit

extension World {
    /// Takes hold of every bind, read-only, as a detached mount.
    func openBinds() throws(SandboxError) -> [Int32] {
        var trees: [Int32] = []
        for bind in binds {
            let tree = try check(csb_open_tree(bind.source), "take hold of \(bind.source)")
            var attributes = UInt64(MOUNT_ATTR_RDONLY) | UInt64(MOUNT_ATTR_NOSUID)
            if !bind.isDevice { attributes |= UInt64(MOUNT_ATTR_NODEV) }
            try check(csb_tree_attributes(tree, attributes), "make \(bind.source) read-only")
            trees.append(tree)
        }
        return trees
    }

    /// Makes the world this process's root. Nothing of the host's tree is left but the binds.
    func build(trees: [Int32]) throws {
        // Its own: a cell is denied user namespaces by seccomp, and only forks of a snapshot have one
        // each. Without a namespace of its own this would be the host's setting.
        if hasOwnUsers {
            try writeFile("/proc/sys/user/max_user_namespaces", "\(Self.mostUserNamespaces)")
        }
        try check(csb_mount(nil, "/", nil, csb_ms_rec_private, nil), "make mounts private")
        let root = "/tmp"
        try check(
            csb_mount(
                "cloister", root, "tmpfs", UInt(MS_NOSUID) | UInt(MS_NODEV),
                "size=4m,nr_inodes=4096,mode=755"),
            "mount the new root")
        for (bind, tree) in zip(binds, trees) {
            let target = root + bind.target
            try makePlace(for: tree, at: target)
            try check(csb_attach_tree(tree, target), "bind \(bind.source)")
            close(tree)
        }
        for folder in folders { try makeFolder(root + folder) }
        for folder in hidden {
            try check(
                csb_mount(
                    "hidden", root + folder, "tmpfs",
                    UInt(MS_NOSUID) | UInt(MS_NODEV) | UInt(MS_RDONLY),
                    "size=4k,nr_inodes=2,mode=755"),
                "hide \(folder)")
        }
        try check(csb_pivot(root), "change the root")
        try check(
            csb_path_attributes(
                "/",
                UInt64(MOUNT_ATTR_RDONLY) | UInt64(MOUNT_ATTR_NOSUID) | UInt64(MOUNT_ATTR_NODEV)),
            "make the root read-only")
        try check(csb_sethostname("cloister"), "set the host name")
    }

    /// Keeps only what a template needs to fork cells.
    func confineTemplate() throws(SandboxError) {
        // Not above what it has: that would take a right of the host's root.
        let files = min(OpenFiles.wanted, OpenFiles.hardLimit)
        for (resource, limit) in [(RLIMIT_CORE, UInt64(0)), (RLIMIT_NOFILE, files)] {
            try check(
                csb_set_rlimit(Int32(resource.rawValue), limit, limit), "set the template's limits")
        }
        // The soft limit at the start is the size of every thread's stack, which counts as data in
        // full; a cell has the main thread's raised again.
        try check(
            csb_set_rlimit(Int32(RLIMIT_STACK.rawValue), 2 << 20, 8 << 20),
            "set the template's stack")
        umask(0o022)
        let kept = Self.kept + (hasOwnUsers ? Self.keptForKeepers : [])
        try check(csb_no_capabilities_but(kept, Int32(kept.count)), "drop capabilities")
        try check(csb_prctl(PR_SET_NO_NEW_PRIVS, 1), "set no_new_privs")
    }

    /// Namespaces and mounts; the cells' ids; their bounding set and securebits.
    private static let kept: [Int32] = [CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP]
    /// Entering the mounts of a snapshot's fork (setns(2) asks for two), and limiting its CPU time.
    private static let keptForKeepers: [Int32] = [CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_RESOURCE]
    /// For each user id: more than one snapshot's calls can be.
    private static let mostUserNamespaces = 1024

    /// Becomes the interpreter. Returns only the reason why it could not.
    func execute() -> SandboxError {
        csb_close_range(UInt32(LauncherDescriptor.closing) + 1, .max)
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        var envp: [UnsafeMutablePointer<CChar>?] = environment.sorted { $0.key < $1.key }.map {
            strdup("\($0.key)=\($0.value)")
        }
        argv.append(nil)
        envp.append(nil)
        let code = csb_execve(program, argv, envp)
        return SandboxError("start \(program)", code: -code)
    }
}

private let MS_RDONLY = 1
private let MS_NOSUID = 2
private let MS_NODEV = 4

/// Makes the file or folder that a bind will cover.
private func makePlace(for tree: Int32, at target: String) throws(SandboxError) {
    var info = stat()
    guard fstat(tree, &info) == 0 else {
        throw SandboxError("look at what goes to \(target)", code: errno)
    }
    if info.st_mode & S_IFMT == S_IFDIR {
        try makeFolder(target)
        return
    }
    if let slash = target.lastIndex(of: "/") { try makeFolder(String(target[..<slash])) }
    let file = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SandboxError("make \(target)", code: errno) }
    close(file)
}

/// Makes a folder and what leads to it.
private func makeFolder(_ path: String) throws(SandboxError) {
    var built = ""
    for part in path.split(separator: "/") {
        built += "/" + part
        guard mkdir(built, 0o755) == 0 || errno == EEXIST else {
            throw SandboxError("make \(built)", code: errno)
        }
    }
}
