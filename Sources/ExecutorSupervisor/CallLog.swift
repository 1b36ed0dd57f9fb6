import NIOCore

/// Collects what a call prints into lines, with their times, up to a limit.
struct CallLog {
    /// Where output comes from: through the executor's own streams, or written to descriptor 1 or 2
    /// directly. A line of one does not go on with bytes of the other.
    private struct Origin: Hashable {
        var stream: LogLine.Stream
        var isRaw: Bool
    }

    private struct Partial {
        var bytes: [UInt8] = []
        var timeMs: Int64 = 0
    }

    private let limit: Int
    private static let lineLimit = 10_000
    private var kept = 0
    private var partial: [Origin: Partial] = [:]
    private(set) var lines: [LogLine] = []
    /// How many of the lines `takeNew` has handed out.
    private var taken = 0
    /// Bytes that were printed, kept or not.
    private(set) var totalBytes = 0

    init(limit: Int) {
        self.limit = limit
    }

    var isTruncated: Bool { totalBytes > kept }

    /// - Parameter redactor: goes over lines once they are complete, so that pieces are no way
    ///   around it.
    mutating func append(
        _ bytes: ByteBufferView, to stream: LogLine.Stream, isRaw: Bool, nowMs: Int64,
        redactor: Redactor? = nil
    ) {
        totalBytes += bytes.count
        let room = lines.count < Self.lineLimit ? limit - kept : 0
        guard room > 0 else { return }
        let taken = bytes.prefix(room)
        kept += taken.count
        var rest = taken
        let origin = Origin(stream: stream, isRaw: isRaw)
        var line = partial[origin] ?? Partial()
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if line.bytes.isEmpty { line.timeMs = nowMs }
            line.bytes += rest[rest.startIndex..<end]
            close(&line, stream, redactor)
            rest = rest[(end + 1)...]
            if lines.count == Self.lineLimit {
                kept -= rest.count
                partial[origin] = nil
                return
            }
        }
        if !rest.isEmpty {
            if line.bytes.isEmpty { line.timeMs = nowMs }
            line.bytes += rest
        }
        partial[origin] = line
    }

    /// Lines that were closed since the last time.
    mutating func takeNew() -> [LogLine] {
        guard taken < lines.count else { return [] }
        defer { taken = lines.count }
        return Array(lines[taken...])
    }

    /// Ends lines that have no newline. Call once, when the cell is gone.
    mutating func finish(redactor: Redactor? = nil) {
        for (origin, line) in partial.sorted(by: { $0.value.timeMs < $1.value.timeMs })
        where !line.bytes.isEmpty {
            var line = line
            // One that was not ended may have been cut off in the middle of a secret.
            close(&line, origin.stream, redactor, cutFrom: isTruncated ? 1 : Redactor.beginning)
        }
        partial = [:]
    }

    private mutating func close(
        _ line: inout Partial, _ stream: LogLine.Stream, _ redactor: Redactor?, cutFrom: Int? = nil
    ) {
        if line.bytes.last == UInt8(ascii: "\r") { line.bytes.removeLast() }
        if let redactor { line.bytes = redactor.redact(line.bytes, cutFrom: cutFrom) }
        lines.append(
            LogLine(
                timeMs: line.timeMs, stream: stream,
                text: String(decoding: line.bytes, as: UTF8.self)))
        line.bytes.removeAll(keepingCapacity: true)
    }
}
