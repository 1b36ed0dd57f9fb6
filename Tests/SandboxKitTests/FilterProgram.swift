/// Runs a seccomp program as the kernel does (Documentation/networking/filter.rst): the instructions
/// that libseccomp uses.
struct FilterProgram {
    static let allow: UInt32 = 0x7fff_0000
    static let trap: UInt32 = 0x0003_0000
    static let killProcess: UInt32 = 0x8000_0000
    private static let x86_64: UInt32 = 0xC000_003E

    private struct Instruction {
        var code: UInt16
        var ifTrue, ifFalse: UInt8
        var operand: UInt32
    }

    private var instructions: [Instruction] = []

    init(_ program: [UInt8]) {
        program.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 8) {
                instructions.append(
                    Instruction(
                        code: bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self),
                        ifTrue: bytes[start + 2], ifFalse: bytes[start + 3],
                        operand: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)))
            }
        }
    }

    /// What the program says of a system call: an action and, for an error, its number.
    func answer(_ number: UInt32, _ arguments: [UInt64], arch: UInt32 = x86_64) -> UInt32 {
        // struct seccomp_data: number, architecture, address of the instruction, six arguments.
        var words = [number, arch, 0, 0]
        for argument in arguments {
            words += [UInt32(truncatingIfNeeded: argument), UInt32(argument >> 32)]
        }
        var accumulator: UInt32 = 0
        var memory = [UInt32](repeating: 0, count: 16)
        var index: UInt32 = 0
        var at = 0
        while true {
            let one = instructions[at]
            at += 1
            switch one.code {
            case 0x20: accumulator = words[Int(one.operand / 4)]
            case 0x00: accumulator = one.operand
            case 0x01: index = one.operand
            case 0x60: accumulator = memory[Int(one.operand)]
            case 0x61: index = memory[Int(one.operand)]
            case 0x02: memory[Int(one.operand)] = accumulator
            case 0x03: memory[Int(one.operand)] = index
            case 0x07: index = accumulator
            case 0x87: accumulator = index
            case 0x54: accumulator &= one.operand
            case 0x05: at += Int(one.operand)
            case 0x15: at += Int(accumulator == one.operand ? one.ifTrue : one.ifFalse)
            case 0x25: at += Int(accumulator > one.operand ? one.ifTrue : one.ifFalse)
            case 0x35: at += Int(accumulator >= one.operand ? one.ifTrue : one.ifFalse)
            case 0x06: return one.operand
            default: fatalError("the instruction \(one.code) is not one that filters have")
            }
        }
    }
}
