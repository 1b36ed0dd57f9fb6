import Crypto
import Foundation

/// The keys that secrets are sealed with, in `DIRECTORY/secrets.key`: a line for each with its id and
/// its 256 bits in base64, the current one first. Only the file's owner may read it.
struct SecretKeyring: Sendable {
    private struct Key: Sendable {
        var id: String
        var bytes: SymmetricKey

        static func new() -> Key {
            Key(
                id: String(UInt64.random(in: .min ... .max), radix: 16),
                bytes: SymmetricKey(size: .bits256))
        }
    }

    private let path: String
    private var keys: [Key]

    /// Opens the keyring, and makes it where there is none.
    /// - Throws: `RegistryError.storage` when others may read the file, or it cannot be read.
    init(directory: String) throws {
        let path = "\(directory)/secrets.key"
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else {
            keys = [.new()]
            try write()
            return
        }
        var status = stat()
        try posix("look at", path) { stat(path, &status) }
        guard status.st_mode & 0o077 == 0 else {
            throw RegistryError.storage(
                message: "others than its owner may use \(path); chmod 600 it, and replace the "
                    + "secrets that it protects")
        }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw RegistryError.storage(message: "read \(path): it is not text, or not readable")
        }
        keys = try text.split(separator: "\n").map { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let bytes = Data(base64Encoded: String(parts[1])),
                bytes.count == 32
            else {
                throw RegistryError.storage(
                    message: "\(path) is damaged; restore it from a backup, because the secrets of "
                        + "functions cannot be read without it")
            }
            return Key(id: String(parts[0]), bytes: SymmetricKey(data: bytes))
        }
        guard !keys.isEmpty else {
            throw RegistryError.storage(message: "\(path) is empty; restore it from a backup")
        }
    }

    /// A sealed value and the key that opens it.
    struct Sealed {
        var keyID: String
        /// Nonce, ciphertext and tag of AES-GCM.
        var bytes: Data
    }

    /// - Parameter place: what the value belongs to; it opens nowhere else.
    func seal(_ value: String, place: String) throws -> Sealed {
        let box = try AES.GCM.seal(
            Data(value.utf8), using: keys[0].bytes, authenticating: Data(place.utf8))
        guard let bytes = box.combined else {
            throw RegistryError.storage(message: "seal a secret: the box has no nonce")
        }
        return Sealed(keyID: keys[0].id, bytes: bytes)
    }

    /// - Throws: `RegistryError.storage` when the key is not there any more or the value was altered.
    func open(_ sealed: Sealed, place: String) throws -> String {
        guard let key = keys.first(where: { $0.id == sealed.keyID }) else {
            throw RegistryError.storage(
                message: "\(path) has no key \(sealed.keyID), which a secret was sealed with; "
                    + "restore the file from a backup, or register the function anew")
        }
        do {
            let box = try AES.GCM.SealedBox(combined: sealed.bytes)
            let bytes = try AES.GCM.open(box, using: key.bytes, authenticating: Data(place.utf8))
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw RegistryError.storage(
                message: "a secret does not open with its key in \(path): \(error)")
        }
    }

    /// Puts a new key before the others, on the disk too.
    mutating func addKey() throws {
        keys.insert(.new(), at: 0)
        try write()
    }

    /// Forgets every key but the current one, on the disk too.
    mutating func forgetOldKeys() throws {
        keys = [keys[0]]
        try write()
    }

    private func write() throws {
        let lines = keys.map { key in
            let bytes = key.bytes.withUnsafeBytes { Data($0) }
            return "\(key.id) \(bytes.base64EncodedString())\n"
        }
        let draft = "\(path).new"
        try removeTree(draft)
        let file = try NewFile(path: draft)
        try Array(lines.joined().utf8).withUnsafeBytes { try file.write($0) }
        try file.finish(mode: 0o600)
        try posix("put in place", path) { rename(draft, path) }
        try syncDirectory(String(path.dropLast("/secrets.key".count)))
    }
}
