import Glibc

/// The words for an errno.
func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
}

/// Runs a system call that answers -1 on failure, again when a signal interrupted it.
/// - Throws: `RegistryError.storage` that names the operation and the path.
@discardableResult
func posix<Number: FixedWidthInteger & SignedInteger>(
    _ operation: String, _ path: String, _ body: () -> Number
) throws -> Number {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code == EINTR { continue }
        throw RegistryError(errno: code, "\(operation) \(path)")
    }
}

/// A new file that is written once and made durable.
struct NewFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// - Throws: `RegistryError.storage`, also when something is at `path` already.
    init(path: String) throws {
        self.path = path
        descriptor = try posix("create", path) {
            open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
    }

    deinit {
        close(descriptor)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = try posix("write", path) { Glibc.write(descriptor, base, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }

    /// Sets the mode, whatever the umask, and waits until the file is on the disk.
    func finish(mode: mode_t) throws {
        try posix("set the mode of", path) { fchmod(descriptor, mode) }
        try posix("fsync", path) { fsync(descriptor) }
    }
}

/// Makes the entries of the folder at `path` durable.
func syncDirectory(_ path: String) throws {
    let descriptor = try posix("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { close(descriptor) }
    try posix("fsync", path) { fsync(descriptor) }
}

/// Makes the folder at `path` with mode 0755, whatever the umask.
func makeDirectory(_ path: String) throws {
    try posix("create the folder", path) { mkdir(path, 0o755) }
    try posix("set the mode of", path) { chmod(path, 0o755) }
}

/// Makes an empty file that its owner alone may read, unless it exists. SQLite gives the files that it
/// puts beside a database the database's mode.
func makePrivateFile(_ path: String) throws {
    let descriptor = try posix("create", path) { open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600) }
    close(descriptor)
}

/// Makes the folder at `path` and those above it, where they do not exist yet.
func makeDirectories(_ path: String) throws {
    if isDirectory(path) { return }
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    if !parent.isEmpty { try makeDirectories(path.hasPrefix("/") ? "/\(parent)" : parent) }
    if mkdir(path, 0o755) != 0, errno != EEXIST {
        throw RegistryError.storage(message: "create the folder \(path): \(errorText(errno))")
    }
    guard isDirectory(path) else {
        throw RegistryError.storage(message: "\(path) is not a folder")
    }
}

func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The names in the folder at `path`, without `.` and `..`.
func directoryEntries(_ path: String) throws -> [String] {
    guard let stream = opendir(path) else {
        throw RegistryError.storage(message: "list \(path): \(errorText(errno))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// What a file, or a folder with everything in it, takes on the disk.
func takenBytes(_ path: String) throws -> Int {
    var status = stat()
    try posix("look at", path) { lstat(path, &status) }
    guard status.st_mode & S_IFMT == S_IFDIR else {
        return DiskSpace.taken(by: Int(status.st_size))
    }
    return try directoryEntries(path).reduce(DiskSpace.takenByFolder) {
        $0 + (try takenBytes("\(path)/\($1)"))
    }
}

/// Removes a file, or a folder with everything in it. Never follows a symbolic link.
func removeTree(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else {
        if errno == ENOENT { return }
        throw RegistryError.storage(message: "look at \(path): \(errorText(errno))")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in try directoryEntries(path) { try removeTree("\(path)/\(name)") }
        try posix("remove the folder", path) { rmdir(path) }
    } else {
        try posix("remove", path) { unlink(path) }
    }
}
