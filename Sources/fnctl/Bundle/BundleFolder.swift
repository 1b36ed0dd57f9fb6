import Foundation

/// The files of a folder that belong in a bundle.
struct BundleFolder {
    struct File: Equatable {
        /// Relative to the folder, with `/` between its parts.
        let path: String
        let executable: Bool
    }

    /// A request body may have 70 MB, and base64 makes four bytes of three.
    static let maxBytes = 52 * 1_048_576
    /// Deeper trees are a mistake, such as a mount of the folder inside itself.
    private static let maxDepth = 64

    let folder: URL
    let files: [File]

    /// Lists the folder's files in a fixed order.
    ///
    /// Left out are caches and history (`__pycache__`, `.git`, `node_modules/.cache`) and, at
    /// the top, fnctl's own `function.yaml` and `cases.yaml`, which no handler needs.
    init(_ folder: URL) throws(Failure) {
        self.folder = folder
        var files: [File] = []
        try Self.walk(folder, path: "", depth: 0, into: &files)
        guard !files.isEmpty else {
            throw .usage("there are no files in \(folder.path(percentEncoded: false))")
        }
        self.files = files
    }

    /// The zip of the files.
    func zip() throws(Failure) -> [UInt8] {
        var writer = ZipWriter()
        var total = 0
        for file in files {
            let content = try readFile(folder.appending(path: file.path))
            total += content.count
            guard total <= Self.maxBytes else {
                throw .usage(
                    "the folder holds more than \(Format.size(bytes: Self.maxBytes)) (reached at "
                        + "\"\(file.path)\"), the most that fits in a request; make a .zip of it, which is "
                        + "compressed, or leave files out")
            }
            try writer.add(path: file.path, content: content, executable: file.executable)
        }
        return writer.finish()
    }

    private static func isLeftOut(_ path: String) -> Bool {
        if path == "cases.yaml" || path == FunctionManifest.fileName { return true }
        let parts = path.split(separator: "/")
        return parts.last == "__pycache__" || parts.last == ".git"
            || parts.suffix(2).elementsEqual(["node_modules", ".cache"])
    }

    private static func walk(_ folder: URL, path: String, depth: Int, into files: inout [File])
        throws(Failure)
    {
        guard depth <= maxDepth else { throw .usage("the folder \"\(path)\" is nested too deeply") }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(
                atPath: folder.path(percentEncoded: false))
        } catch {
            throw .usage(
                "cannot list the folder \(folder.path(percentEncoded: false)): \(error.localizedDescription)"
            )
        }
        for name in names.sorted() {
            let path = path.isEmpty ? name : "\(path)/\(name)"
            if isLeftOut(path) { continue }
            let url = folder.appending(path: name)
            var status = stat()
            guard lstat(url.path(percentEncoded: false), &status) == 0 else {
                throw .usage("cannot read \"\(path)\": \(systemMessage())")
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                files.append(File(path: path, executable: status.st_mode & S_IXUSR != 0))
            case S_IFDIR:
                try walk(url, path: path, depth: depth + 1, into: &files)
            case S_IFLNK:
                throw .usage(
                    "\"\(path)\" is a link, and a bundle holds only files and folders; "
                        + "put a copy of what it points to in its place")
            default:
                throw .usage(
                    "\"\(path)\" is neither a file nor a folder; remove it from the bundle's folder"
                )
            }
        }
    }
}

/// Reads a whole file.
func readFile(_ url: URL) throws(Failure) -> [UInt8] {
    do {
        return Array(try Data(contentsOf: url))
    } catch {
        throw .usage(
            "cannot read \(url.path(percentEncoded: false)): \(error.localizedDescription)")
    }
}

/// Reads a whole file of UTF-8 text.
func readText(_ url: URL) throws(Failure) -> String {
    guard let text = String(validating: try readFile(url), as: UTF8.self) else {
        throw .usage("\(url.path(percentEncoded: false)) is not UTF-8 text")
    }
    return text
}

/// What errno says, in lower case.
func systemMessage() -> String { String(cString: strerror(errno)).lowercased() }
