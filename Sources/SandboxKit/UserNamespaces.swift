import CSandbox
import Glibc

/// Whether this process may make user namespaces, which everything else of a world is built in.
public enum UserNamespaces {
    /// Why none can be made, and what to do; `nil` when one was made for trying.
    ///
    /// Forks: to be called before the process has much memory.
    public static func fault() -> String? {
        let code = csb_try_user_namespace()
        guard code < 0 else { return nil }
        return "this process cannot make user namespaces (\(errorText(-code))): \(advice)"
    }

    public static let advice =
        "see sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, or what the container around it allows"
}
