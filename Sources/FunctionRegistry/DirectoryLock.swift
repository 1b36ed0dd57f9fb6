import Glibc

/// Holds `DIRECTORY/lock` for as long as it lives, so that no two processes use one data directory.
/// The kernel drops the lock with the process, however that ends.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `RegistryError.directoryInUse` when another process (or another registry of this
    ///   one) has the lock.
    init(directory: String) throws {
        let path = "\(directory)/lock"
        descriptor = try posix("open", path) { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        // Glibc's flock(2) locks the open file, so it excludes a second registry in this process too.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            var text = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &text, text.count, 0)
            close(descriptor)
            guard code == EWOULDBLOCK else {
                throw RegistryError.storage(message: "lock \(path): \(errorText(code))")
            }
            let owner = String(decoding: text.prefix(max(0, count)), as: UTF8.self)
                .filter { $0.isNumber }
            throw RegistryError.directoryInUse(
                message: "the data directory \(directory) is in use by another evaluator"
                    + (owner.isEmpty ? "" : " (process \(owner))")
                    + "; stop it or choose another directory")
        }
        // For the message above only; the lock is what counts, so a full disk does no harm here.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit {
        close(descriptor)
    }
}
