/// What the registry refuses or fails at. `message` says what was wrong, where, and what to do.
public enum RegistryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting of a function is not acceptable; `field` is the setting's name in the API.
    case invalidFunction(field: String, message: String)
    /// A bundle was refused as a whole; nothing of it was kept.
    case invalidBundle(message: String)
    /// A page was asked for with a cursor that this registry did not hand out.
    case invalidCursor
    /// The data directory belongs to another process.
    case directoryInUse(message: String)
    /// The bundle is going to be removed, because no version refers to it any more.
    case bundleGone(sha256: String)
    /// The call recorder has more unwritten records than it may hold in memory.
    case recorderFull(message: String)
    /// The file system or the database failed.
    case storage(message: String)

    /// One line in lower case, without a full stop.
    public var message: String {
        switch self {
        case .invalidFunction(_, let message), .invalidBundle(let message),
            .directoryInUse(let message), .recorderFull(let message), .storage(let message):
            message
        case .invalidCursor:
            "the cursor is not one that a previous page ended with; leave it out to start over"
        case .bundleGone(let sha256):
            "the bundle \(sha256) is being removed, because its function was deleted"
        }
    }

    public var description: String { message }
}
