import Foundation

/// Where the files are that belong to the evaluator's program.
struct Installation: Equatable {
    /// The folder with one folder a language.
    var executors: String
    var launcher: String
    /// The shared object that executors load.
    var cellLibrary: String

    /// Looks beside the program, where installed files are, and above it, where a checkout has them.
    /// - Parameter executorsDirectory: where the executors are, if the configuration says so.
    /// - Throws: `StartError` that names the file which is missing.
    init(
        executorsDirectory: String?,
        programFolder: String = (currentProgram() as NSString).deletingLastPathComponent
    ) throws {
        launcher = "\(programFolder)/cloister-launcher"
        cellLibrary = "\(programFolder)/libCloisterCell.so"
        for file in [launcher, cellLibrary] where !FileManager.default.fileExists(atPath: file) {
            throw StartError(
                message: "\(file) is missing; build or install it together with the evaluator")
        }
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
}

/// The path of the running program, symbolic links resolved.
private func currentProgram() -> String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        ?? CommandLine.arguments.first ?? "evaluator"
}
