/// What a bundle may hold.
public struct BundleLimits: Sendable, Equatable {
    /// Files and folders in the archive.
    public var entries: Int
    /// Bytes of all files, unpacked.
    public var unpackedBytes: Int
    /// Bytes that files and folders may take on the disk; what takes more is no fault of the archive.
    var room = Int.max
    /// Bytes of a path below the bundle's root.
    public var pathBytes: Int
    /// Bytes of one name in a path.
    public var componentBytes: Int
    /// Names in a path.
    public var depth: Int

    public init(
        entries: Int = 10_000, unpackedBytes: Int = 256 << 20, pathBytes: Int = 512,
        componentBytes: Int = 255, depth: Int = 32
    ) {
        self.entries = entries
        self.unpackedBytes = unpackedBytes
        self.pathBytes = pathBytes
        self.componentBytes = componentBytes
        self.depth = depth
    }
}

/// A checked path of a file or folder below a bundle's root.
struct BundlePath: Hashable {
    /// Names joined by `/`, with none at either end; empty for the root itself.
    let text: String
    /// Whether the archive wrote it as a folder, with a slash at the end.
    let isFolder: Bool

    /// - Parameter bytes: the name as the archive has it.
    /// - Throws: `RegistryError.invalidBundle` that names the entry, for everything that could mean
    ///   something else than one place below the root.
    init(_ bytes: some Collection<UInt8>, limits: BundleLimits) throws {
        func refuse(_ why: String) -> RegistryError {
            .invalidBundle(
                message: "the entry \(quoted(String(decoding: bytes, as: UTF8.self))) \(why)")
        }
        // Some of Windows' programs separate folders by backslashes.
        let bytes = bytes.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw refuse("has a name that is not UTF-8; pack it again with UTF-8 names")
        }
        guard !name.isEmpty else { throw refuse("has no name") }
        guard name.utf8.count <= limits.pathBytes else {
            throw refuse(
                "has a name of \(name.utf8.count) bytes; at most \(limits.pathBytes) are allowed")
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw refuse("has a control character in its name")
        }
        guard name.utf8.first != UInt8(ascii: "/") else {
            throw refuse("has an absolute name; names are relative to the bundle's root")
        }
        isFolder = name.utf8.last == UInt8(ascii: "/") || name == "."
        // tar and its kin begin the names of a folder that is packed as "." with "./".
        let components = (name.hasSuffix("/") ? name.dropLast() : name[...])
            .split(separator: "/", omittingEmptySubsequences: false).filter { $0 != "." }
        for component in components {
            switch component {
            case "": throw refuse("has an empty part in its name")
            case "..": throw refuse("has the part \(quoted(component)) in its name")
            case _ where component.utf8.count > limits.componentBytes:
                throw refuse("has a part of more than \(limits.componentBytes) bytes in its name")
            default: break
            }
        }
        guard components.count <= limits.depth else {
            throw refuse("is \(components.count) folders deep; at most \(limits.depth) are allowed")
        }
        text = components.joined(separator: "/")
    }
}

/// The paths that a bundle has so far: finds duplicates, and files where folders are needed.
struct BundleTree {
    private var files: Set<String> = []
    private var folders: Set<String> = []
    private var listedFolders: Set<String> = []

    /// - Returns: the folders that have to be made for this path, outermost first.
    /// - Throws: `RegistryError.invalidBundle` that names the entry.
    mutating func insert(_ path: BundlePath) throws -> [String] {
        if path.text.isEmpty { return [] }
        func refuse(_ why: String) -> RegistryError {
            .invalidBundle(message: "the entry \(quoted(path.text)) \(why)")
        }
        if path.isFolder {
            guard listedFolders.insert(path.text).inserted else { throw refuse("is there twice") }
            guard !files.contains(path.text) else {
                throw refuse("is there as a file and as a folder")
            }
        } else {
            guard !folders.contains(path.text) else {
                throw refuse("is there as a file and as a folder")
            }
            guard files.insert(path.text).inserted else { throw refuse("is there twice") }
        }
        var made: [String] = []
        var prefix = ""
        let components = path.text.split(separator: "/")
        for component in path.isFolder ? components[...] : components.dropLast() {
            prefix += prefix.isEmpty ? String(component) : "/\(component)"
            guard !files.contains(prefix) else {
                throw refuse("is below \(quoted(prefix)), which is a file")
            }
            if folders.insert(prefix).inserted { made.append(prefix) }
        }
        return made
    }
}
