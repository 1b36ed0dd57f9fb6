import GRDB
import Glibc

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
    /// The disk, or the quota on it, is full.
    case storageFull(message: String)
    /// Bundles may take no more of the disk.
    case noRoom(message: String)
    /// The file system or the database failed.
    case storage(message: String)
    /// The idempotency key belongs to a call with another event or version.
    case idempotencyMismatch(callID: String)
    /// There is a function with this name already.
    case functionExists(name: String)
    /// More asynchronous calls wait than may.
    case queueFull(message: String)

    /// One line in lower case, without a full stop.
    public var message: String {
        switch self {
        case .invalidFunction(_, let message), .invalidBundle(let message),
            .directoryInUse(let message), .recorderFull(let message), .storage(let message),
            .storageFull(let message), .queueFull(let message), .noRoom(let message):
            message
        case .idempotencyMismatch(let id):
            "the idempotency key belongs to the call \(id), which has another event or version; "
                + "use a new key for another call"

        case .functionExists(let name): "there is a function named \(name) already"
        case .invalidCursor:
            "the cursor is not one that a previous page ended with; leave it out to start over"
        case .bundleGone(let sha256):
            "the bundle \(sha256) is being removed, because its function was deleted"
        }
    }

    public var description: String { message }
}

extension RegistryError {
    /// What the database could not do.
    /// - Parameter what: what was being done, for example `register hello`.
    init(_ error: DatabaseError, _ what: String) {
        let message = "\(what): \(error)"
        self =
            error.resultCode == .SQLITE_FULL
            ? .storageFull(message: message) : .storage(message: message)
    }

    /// What the file system could not do.
    init(errno code: Int32, _ what: String) {
        let message = "\(what): \(errorText(code))"
        self =
            code == ENOSPC || code == EDQUOT
            ? .storageFull(message: message) : .storage(message: message)
    }
}
