import ExecutorSupervisor
import Glibc
import Logging

/// How many files the process may have open at once (getrlimit(2)), and what it needs them for.
enum OpenFiles {
    /// What a place of a cell takes: its pidfd, sockets, pipes, status page and control group's files.
    private static let ofPlace = 10
    /// The database, templates, event loops, webhooks, and what is opened for a moment.
    private static let ofRest = 128

    /// Raises the soft limit, which is low for programs that use select(2), to the hard one.
    static func raiseLimit() {
        var limit = limits
        guard limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Without it there are fewer connections.
        _ = setrlimit(kind, &limit)
    }

    private static let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static var limits: rlimit {
        var limit = rlimit()
        // It fails for a kind that there is not (getrlimit(2)).
        return getrlimit(kind, &limit) == 0 ? limit : rlimit(rlim_cur: 1024, rlim_max: 1024)
    }

    /// Connections that are possible in any case.
    private static let leastConnections = 32

    /// - Returns: how many connections may be open: as many as are wanted, or as leave enough files for cells.
    static func connections(_ configuration: EvaluatorConfiguration, _ logger: Logger) -> Int {
        let places = SupervisorConfiguration.places(
            slots: configuration.slots, parked: configuration.parked, hasSnapshots: true)
        let files = Int(clamping: limits.rlim_cur)
        let wanted = configuration.connections
        let possible = connections(wanted, files: files, places: places)
        if possible < wanted {
            logger.warning(
                "the limit of open files leaves room for fewer connections beside cells; raise it (ulimit -Hn, LimitNOFILE=)",
                metadata: ["files": "\(files)", "connections": "\(possible)"])
        }
        return possible
    }

    static func connections(_ wanted: Int, files: Int, places: Int) -> Int {
        min(wanted, max(leastConnections, files - places * ofPlace - ofRest))
    }
}
