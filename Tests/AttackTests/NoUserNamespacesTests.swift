import Foundation
import TestSupport
import Testing

extension AttackTests {
    /// A kernel that lets nobody make user namespaces. Only root can imitate it, and only root can
    /// do without them; an ordinary user's evaluator never starts there.
    @Suite(.enabled(if: !TestUser.isOrdinary, "only root can imitate such a kernel"))
    struct NoUserNamespaces {
        static let wrapper = [
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Support/without-user-namespaces").path
        ]

        @Test func `without user namespaces the evaluator says why it does not start`() async {
            let failure = await #expect(throws: TestEvaluator.Failure.self) {
                _ = try await TestEvaluator(wrapper: Self.wrapper)
            }
            let words = failure?.description ?? ""
            #expect(words.contains("cannot make user namespaces"), "\(words)")
            #expect(words.contains("user.max_user_namespaces"), "\(words)")
            #expect(words.contains("--user-namespaces optional"), "\(words)")
        }

        @Test(.enabled(if: !SnapshotOutcomes.isAsked, "snapshots need user namespaces"))
        func `allowed to, root runs cells without them and says what is weaker`() async throws {
            let evaluator = try await TestEvaluator(
                ["--user-namespaces", "optional"], wrapper: Self.wrapper)
            do {
                try await evaluator.waitUntilReady()
                let protections =
                    try await evaluator.get("/readyz").json["protections"]?.array ?? []
                #expect(protections.first?["name"]?.string == "namespaces")
                #expect(protections.first?["status"]?.string == "partial")
                try await evaluator.check(
                    .python(
                        "its ids and files", idea: "the host's root is its template's",
                        """
                        found = []
                        for path in ['/proc', '/sys', '/var', '/etc/shadow', '/etc/passwd', '/store']:
                            try: found.append(sorted(os.listdir(path)))
                            except NotADirectoryError as e: found.append(path)
                            except FileNotFoundError as e: pass
                        return [os.getuid() > 0x70000000, found]
                        """, .answers(#"[true, [["runtime", "task"], []]]"#)))
                try await evaluator.check(
                    .python(
                        "another user namespace", idea: "unshare(CLONE_NEWUSER)",
                        "return call(272, 0x10000000)", .answers("\"EPERM\""),
                        blocked: .first("unshare(CLONE_NEWUSER)")))
                try await evaluator.check(
                    .python(
                        "signals to every number", idea: "kill(2)",
                        "return [n for n in range(2, 3000) if call(62, n, 9) != 'ESRCH']",
                        .answers("[]")))
                let refused = try await evaluator.invoke(
                    evaluator.register(
                        nil, "python", "def handler(event, context): return 1",
                        isolation: "snapshot"))
                #expect(refused.cause == "init_error", "\(refused.text)")
                #expect(refused.detail.contains("use isolation call"), "\(refused.text)")
                try await evaluator.expectNormal("javascript")
                try await evaluator.stop()
            } catch {
                try? await evaluator.stop()
                throw error
            }
        }
    }
}
