import CWire

/// Descriptors that the launcher is started with, besides the three standard ones. The first three
/// are where the template that it becomes expects them.
public enum LauncherDescriptor {
    /// Control socket; also takes the launcher's own reports.
    public static let control = Int32(CW_FD_CONTROL)
    /// The compiled seccomp filter for the template.
    public static let filter = Int32(CW_FD_FILTER)
    /// The one that closes cells.
    public static let closing = Int32(CW_FD_CLOSING)
    /// The `World`, as JSON.
    public static let world: Int32 = 6
}

/// Packets that the launcher sends on the control socket before the template takes it over. Their
/// first four bytes are the number; the cells' own messages are in `cloister_wire.h`.
public enum LauncherMessage {
    /// The template's process exists; the packet carries its pidfd.
    public static let launched: UInt32 = 101
    /// The world could not be built; the rest of the packet says why.
    public static let failed: UInt32 = 102
}

/// Where a world keeps what cells need.
public enum WorldPath {
    /// The bundle store in a template; gone in a cell before user code runs.
    public static let store = "/store"
    /// The function's bundle in a cell.
    public static let function = "/function"
    /// The same of functions that came through Lambda's API.
    public static let task = "/var/task"
    /// What Lambda's runtimes bring along, in a cell.
    public static let runtime = "/var/runtime"
    public static let temporary = "/tmp"
    /// The function's layers in a cell.
    public static let layers = "/opt"
    /// Where the loader looks for shared libraries of functions and layers. They have to be there in the
    /// template: the loader keeps in mind which were not.
    public static let libraries = [task, "\(task)/lib", "\(layers)/lib"]
    /// The fork server's shared object and the executor's own files.
    public static let executor = "/cloister"
}
