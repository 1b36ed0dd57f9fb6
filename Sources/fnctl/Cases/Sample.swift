import Foundation

/// A function's folder that has a `cases.yaml`.
struct Sample: Sendable {
    /// How its cases are called: the folder's path below the one that was named, or its name.
    let label: String
    let folder: URL
    var cases: [TestCase]

    /// The sample with only those cases that have `text` in their full name, in any case of
    /// letters; nil when there are none.
    func filtered(by text: String?) -> Sample? {
        guard let text else { return self }
        var sample = self
        sample.cases = cases.filter {
            "\(label)/\($0.name)".range(of: text, options: .caseInsensitive) != nil
        }
        return sample.cases.isEmpty ? nil : sample
    }

    /// Finds the samples at and below the paths, in the order of their names.
    static func find(_ paths: [String]) throws -> [Sample] {
        var samples: [Sample] = []
        var seen: Set<[String]> = []
        for path in paths {
            // Resolved, so that "." has a name and a folder that is named twice runs once.
            let root = URL(filePath: path).resolvingSymlinksInPath()
            let rootPath = root.path(percentEncoded: false)
            guard isFolder(rootPath) else {
                throw Failure.usage(
                    "\(path) is not a folder; name a folder that has a \(CasesFile.fileName)")
            }
            for relative in try folders(in: root) {
                let folder = relative.isEmpty ? root : root.appending(path: relative)
                guard seen.insert(folder.pathComponents).inserted else { continue }
                samples.append(
                    Sample(
                        label: relative.isEmpty ? root.lastPathComponent : relative,
                        folder: folder, cases: try CasesFile.read(in: folder)))
            }
        }
        guard !samples.isEmpty else {
            throw Failure.usage(
                "there is no \(CasesFile.fileName) in or below \(paths.joined(separator: ", "))")
        }
        return samples
    }

    /// The paths, relative to `root`, of the folders with a `cases.yaml`.
    private static func folders(in root: URL, path: String = "", depth: Int = 0) throws -> [String]
    {
        let folder = path.isEmpty ? root : root.appending(path: path)
        let folderPath = folder.path(percentEncoded: false)
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folderPath).sorted()
        } catch {
            throw Failure.usage(
                "cannot list the folder \(folderPath): \(error.localizedDescription)")
        }
        // What is below a function's folder is that function's own.
        if names.contains(CasesFile.fileName) { return [path] }
        guard depth < 16 else { return [] }
        var found: [String] = []
        for name in names
        where !name.hasPrefix(".") && name != "node_modules" && name != "__pycache__" {
            let below = folder.appending(path: name)
            let isLink =
                (try? below.resourceValues(forKeys: [.isSymbolicLinkKey]).isSymbolicLink) ?? false
            if !isLink && isFolder(below.path(percentEncoded: false)) {
                found += try folders(
                    in: root, path: path.isEmpty ? name : "\(path)/\(name)", depth: depth + 1)
            }
        }
        return found
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }
}
