import Foundation

/// Where the files are that belong to the evaluator's program.
struct Installation: Equatable {
    /// The folder with one folder a language.
    var executors: String
    var launcher: String
    /// The shared object that executors load.
    var cellLibrary: String
    /// What functions of Lambda's API find at /var/runtime; `nil` where there is nothing.
    var lambdaRuntime: String?

    /// Looks beside the program, where installed files are, and above it, where a checkout has them.
    /// - Parameters:
    ///   - executorsDirectory: where the executors are, if the configuration says so.
    ///   - lambdaRuntime: the same of what is at /var/runtime.
    /// - Throws: `StartError` that names the file which is missing.
    init(
        executorsDirectory: String?, lambdaRuntime: String? = nil,
        programFolder: String = (currentProgram() as NSString).deletingLastPathComponent
    ) throws {
        launcher = "\(programFolder)/cloister-launcher"
        cellLibrary = "\(programFolder)/libCloisterCell.so"
        for file in [launcher, cellLibrary] where !FileManager.default.fileExists(atPath: file) {
            throw StartError(
                message: "\(file) is missing; build or install it together with the evaluator")
        }
        self.lambdaRuntime = try Self.runtime(lambdaRuntime, programFolder)
        if let executorsDirectory {
            guard FileManager.default.fileExists(atPath: executorsDirectory) else {
                throw StartError(
                    message: "there is no folder of executors at \(executorsDirectory), "
                        + "which executorsDir names")
            }
            executors = executorsDirectory
            return
        }
        // .build/<triple>/<configuration>/evaluator is three folders below the checkout.
        let candidates = [
            "executors", "../share/cloister/executors", "../../executors", "../../../executors",
        ].map { (("\(programFolder)/\($0)") as NSString).standardizingPath }
        guard
            let found = candidates.first(where: {
                FileManager.default.fileExists(atPath: "\($0)/base.seccomp.json")
            })
        else {
            throw StartError(
                message: "found no executors in \(candidates.joined(separator: ", ")); "
                    + "name their folder with --executors-dir")
        }
        executors = found
    }

    /// - Throws: `StartError` when the configuration names a folder that is not there.
    private static func runtime(_ named: String?, _ programFolder: String) throws -> String? {
        // .build/<triple>/<configuration>/evaluator is two folders below .build.
        let places = ["lambda-runtime", "../share/cloister/lambda-runtime", "../../lambda-runtime"]
        let candidates =
            named.map { [$0] }
            ?? places.map { ("\(programFolder)/\($0)" as NSString).standardizingPath }
        let found = candidates.first { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
        if let named, found == nil {
            throw StartError(message: "there is no folder at \(named), which lambdaRuntime names")
        }
        return found
    }
}

/// The path of the running program, symbolic links resolved.
private func currentProgram() -> String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        ?? CommandLine.arguments.first ?? "evaluator"
}
