import Foundation
import Glibc

/// Who the evaluators of the tests run as: the user of the test run, or, when that is root and
/// `CLOISTER_TEST_UID` names an ordinary user's number, that user.
public enum TestUser {
    public static let uid: UInt32? = ProcessInfo.processInfo.environment["CLOISTER_TEST_UID"]
        .flatMap { UInt32($0) }

    /// Whether evaluators run as an ordinary user.
    public static var isOrdinary: Bool { uid != nil || geteuid() != 0 }

    /// The evaluator's program, with what goes before it; the folders are made the user's own.
    static func command(for folders: [String]) throws -> [String] {
        guard let uid else { return ["\(TestEvaluator.products)/evaluator"] }
        for folder in folders { chown(folder, uid, uid) }
        return prefix + ["\(try installation.get())/evaluator"]
    }

    /// Makes a folder and what is in it this user's own.
    public static func own(_ folder: String) throws {
        guard let uid else { return }
        let entries = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
        for path in [folder] + entries.map({ "\(folder)/\($0)" }) { lchown(path, uid, uid) }
    }

    /// What goes before a command that this user is to run; empty for the user of the test run.
    public static var prefix: [String] {
        guard let uid else { return [] }
        // Not the tester's PATH: interpreters in root's home are out of this user's reach.
        return [
            "/usr/bin/setpriv", "--reuid", "\(uid)", "--regid", "\(uid)", "--clear-groups",
            "/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin",
        ]
    }

    /// A copy of the products where any user can reach it; it goes with the test run.
    private static let installation = Result {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-install-\(getpid())").path
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in ["evaluator", "cloister-launcher", "libCloisterCell.so"] {
            try manager.copyItem(
                atPath: "\(TestEvaluator.products)/\(name)", toPath: "\(folder)/\(name)")
        }
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        try manager.copyItem(
            atPath: checkout.appendingPathComponent("executors").path, toPath: "\(folder)/executors"
        )
        removeAtExit = strdup(folder)
        atexit {
            guard let removeAtExit else { return }
            try? FileManager.default.removeItem(atPath: String(cString: removeAtExit))
        }
        return folder
    }

    nonisolated(unsafe) private static var removeAtExit: UnsafeMutablePointer<CChar>?
}
