import Glibc

/// A step of building or using a sandbox that failed: which step, on what, and the kernel's reason.
public struct SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done, in words: `mount the new root`.
    public var stage: String
    /// The kernel's error number, or 0 when the kernel had no part in it.
    public var code: Int32
    /// What to do, or more of what was seen; may be empty.
    public var detail: String

    public init(_ stage: String, code: Int32 = 0, detail: String = "") {
        self.stage = stage
        self.code = code
        self.detail = detail
    }

    public var description: String {
        var text = "could not \(stage)"
        if code != 0 { text += ": \(errorText(code))" }
        if !detail.isEmpty { text += " (\(detail))" }
        return text
    }
}

/// The C library's text for an error number: `Operation not permitted`.
public func errorText(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    return buffer.withUnsafeMutableBufferPointer { space in
        guard let start = space.baseAddress, strerror_r_portable(code, start, space.count) else {
            return "error \(code)"
        }
        return String(cString: start)
    }
}

private func strerror_r_portable(_ code: Int32, _ into: UnsafeMutablePointer<CChar>, _ size: Int)
    -> Bool
{
    guard let text = strerror(code) else { return false }
    strncpy(into, text, size - 1)
    return true
}

/// Turns a C shim's answer (a value, or `-errno`) into a value or an error that names the stage.
@discardableResult
public func check<Number: BinaryInteger>(
    _ value: Number, _ stage: @autoclosure () -> String, detail: @autoclosure () -> String = ""
) throws(SandboxError) -> Number {
    guard value < 0 else { return value }
    throw SandboxError(stage(), code: Int32(-Int(value)), detail: detail())
}
