import Foundation
import SandboxKit

/// An executor's `executor.json`: how to find a language's interpreter and start a template of it.
struct ExecutorDescription: Decodable, Sendable {
    var runtime: Runtime
    /// Looked up on the PATH.
    var interpreter: String
    var minimumVersion: String
    /// Arguments that make the interpreter print an `InterpreterProbe`.
    var probe: [String]
    /// Arguments that make it a template; the last one is a file of the executor's folder.
    var run: [String]
    var environment: [String: String]
    /// Whether the cell library is loaded before the interpreter's own libraries.
    var preload: Bool
    /// Whether the language can live with a limit on its address space.
    var boundsAddressSpace: Bool
    /// What to look for in code whose process ends by itself, without an answer and with code 0.
    var endsEarly: String?
    /// The cells' policy, a file of the executor's folder.
    var seccomp: String
}

/// What an interpreter says of itself.
struct InterpreterProbe: Decodable, Sendable {
    var version: String
    /// Its real path, whatever shim or link was on the PATH.
    var executable: String
    /// Files to show in a cell together with the shared libraries they need.
    var programs: [String]
    var folders: [String]
    /// Folders to show empty.
    var hidden: [String]
}

/// An executor made ready for this machine: everything that starting a template takes.
struct PreparedExecutor: Sendable {
    var runtime: Runtime
    var version: String
    /// The `World`, encoded for the launcher.
    var world: [UInt8]
    /// The compiled seccomp filter of the template, and what closes a cell.
    var filter: [UInt8]
    var closing: [UInt8]
    /// The one of snapshots and their calls.
    var snapshotFilter: [UInt8]
    var boundsAddressSpace: Bool
    var endsEarly: String?
}

extension ExecutorDescription {
    /// Reads the executor of a language.
    static func load(_ runtime: Runtime, from executors: String) throws -> ExecutorDescription {
        let file = URL(fileURLWithPath: executors).appendingPathComponent(
            "\(runtime.rawValue)/executor.json")
        do {
            return try JSONDecoder().decode(ExecutorDescription.self, from: Data(contentsOf: file))
        } catch {
            throw SupervisorError("cannot read \(file.path): \(error)")
        }
    }

    /// Finds the interpreter, asks it what it needs, and writes down the world.
    func prepare(_ configuration: SupervisorConfiguration, ids: World.IDRange?) throws
        -> PreparedExecutor
    {
        let folder = URL(fileURLWithPath: configuration.executors).appendingPathComponent(
            runtime.rawValue
        ).path
        let program = try findInterpreter(configuration.interpreters[runtime])
        let found = try ask(program, in: folder)
        guard found.version.compare(minimumVersion, options: .numeric) != .orderedAscending else {
            throw SupervisorError(
                "\(program) is version \(found.version), and \(runtime.rawValue) functions need \(minimumVersion) or newer"
            )
        }
        let programs = (found.programs + SharedLibraries.promised()).filter(exists)
        let libraries = try SharedLibraries.needed(by: programs)
        var binds: [String] = [found.executable]
        for path in found.folders.filter(exists) + programs + libraries
        where !binds.contains(where: { covers($0, path) }) {
            binds.append(path)
        }
        let ownFolder = "\(WorldPath.executor)/\(runtime.rawValue)"
        var environment = environment
        // The loader reads it once, when the template starts.
        environment["LD_LIBRARY_PATH"] = WorldPath.libraries.joined(separator: ":")
        if preload { environment["LD_PRELOAD"] = "\(WorldPath.executor)/cell.so" }
        let world = World(
            binds: binds.map { World.Bind($0) }
                + ["null", "zero", "full", "random", "urandom"].map {
                    World.Bind("/dev/\($0)", isDevice: true)
                }
                + [
                    World.Bind(folder, at: ownFolder),
                    World.Bind(configuration.cellLibrary, at: "\(WorldPath.executor)/cell.so"),
                    World.Bind(configuration.bundles, at: WorldPath.store),
                ]
                + (configuration.lambdaRuntime.map { [World.Bind($0, at: WorldPath.runtime)] } ?? []),
            folders: [
                WorldPath.temporary, WorldPath.function, WorldPath.task, WorldPath.layers,
                WorldPath.runtime,
            ] + WorldPath.libraries,
            hidden: found.hidden, ids: ids,
            hasOwnUsers: configuration.hasUserNamespaces, program: found.executable,
            arguments: run.dropLast() + ["\(ownFolder)/\(run.last ?? "")"],
            environment: environment)
        let policyFile = URL(fileURLWithPath: folder).appendingPathComponent(seccomp)
        let executors = URL(fileURLWithPath: configuration.executors)
        let policy = try SeccompPolicy(contentsOf: policyFile)
        let setup = try SeccompSetup(
            contentsOf: executors.appendingPathComponent("setup.seccomp.json"))
        let snapshotPolicy = try SeccompPolicy(
            contentsOf: policyFile,
            joinedBy: executors.appendingPathComponent("snapshot.seccomp.json"))
        return PreparedExecutor(
            runtime: runtime, version: found.version, world: Array(try JSONEncoder().encode(world)),
            filter: try policy.compile(with: setup), closing: try policy.closing(setup),
            snapshotFilter: try snapshotPolicy.compile(),
            boundsAddressSpace: boundsAddressSpace, endsEarly: endsEarly)
    }

    private func findInterpreter(_ override: String?) throws -> String {
        let name = override ?? interpreter
        if name.contains("/") {
            guard FileManager.default.isExecutableFile(atPath: name) else {
                throw SupervisorError(
                    "\(name) is not a program: set the path of \(interpreter) to one that is")
            }
            return name
        }
        for folder in (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(
            separator: ":")
        {
            let path = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw SupervisorError(
            "there is no \(name) on the PATH: install it, or name the interpreter in the configuration"
        )
    }

    private func ask(_ program: String, in folder: String) throws -> InterpreterProbe {
        let arguments = probe.dropLast() + ["\(folder)/\(probe.last ?? "")"]
        let output = try ChildProcess.output(of: program, Array(arguments))
        do {
            return try JSONDecoder().decode(InterpreterProbe.self, from: output)
        } catch {
            throw SupervisorError("\(program) did not say what it needs: \(error)")
        }
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    private func covers(_ bind: String, _ path: String) -> Bool {
        path == bind || path.hasPrefix(bind + "/")
    }
}

/// The shared libraries that programs need, as the dynamic loader finds them.
enum SharedLibraries {
    /// What native modules may count on, whatever the interpreter itself needs: PEP 599 and PEP 600 have the
    /// list, without what belongs to a display.
    private static let promisedNames = [
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1",
        "libresolv.so.2", "libnsl.so.1", "libgcc_s.so.1", "libstdc++.so.6", "libatomic.so.1",
        "libz.so.1", "libexpat.so.1",
    ]

    /// The paths of those that this machine has.
    static func promised() -> [String] {
        #if arch(arm64)
            let machine = "aarch64"
        #else
            let machine = "x86_64"
        #endif
        let folders = [
            "/lib/\(machine)-linux-gnu", "/usr/lib/\(machine)-linux-gnu", "/lib64", "/usr/lib64",
            "/lib", "/usr/lib",
        ]
        return promisedNames.compactMap { name in
            folders.lazy.map { "\($0)/\(name)" }.first(where: FileManager.default.fileExists)
        }
    }

    /// - Returns: absolute paths, by the names that the loader will look for.
    static func needed(by programs: [String]) throws -> [String] {
        var found: Set<String> = []
        // Lines are `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)` and `/lib64/ld-linux… (0x…)`.
        let text = String(
            decoding: try ChildProcess.output(of: "/usr/bin/ldd", programs), as: UTF8.self)
        for line in text.split(separator: "\n") where !line.hasSuffix(":") {
            let path =
                line.split(separator: " ").first { $0.hasPrefix("/") }
                ?? line.drop { $0 != "/" }.prefix { $0 != " " }
            if path.hasPrefix("/") {
                found.insert(String(path.trimmingCharacters(in: .whitespaces)))
            }
        }
        return found.sorted()
    }
}

/// Programs that the supervisor runs to the end at its start.
enum ChildProcess {
    static func output(of program: String, _ arguments: [String]) throws -> Data {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw SupervisorError("cannot run \(program): \(error)")
        }
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 || !data.isEmpty else {
            throw SupervisorError(
                "\(program) \(arguments.joined(separator: " ")) ended with code \(process.terminationStatus)"
            )
        }
        return data
    }
}
