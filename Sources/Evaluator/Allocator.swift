import CSandbox

/// The C library's memory allocator, which Swift's objects come from.
enum Allocator {
    /// Bounds how much free memory it keeps: in each of up to eight arenas a processor, and in each as
    /// much as twice the largest block that was ever freed. After large events that is tens of
    /// megabytes. Call it before there are threads (mallopt(3)).
    static func boundFreeMemory() {
        mallopt(M_ARENA_MAX, 4)
        mallopt(M_TRIM_THRESHOLD, 2 << 20)
        // Larger blocks are mapped one by one, and unmapped when they are freed.
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
    }
}
