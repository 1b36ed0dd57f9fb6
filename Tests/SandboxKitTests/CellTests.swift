import CSandbox
import Foundation
import Testing

@testable import SandboxKit

@Suite struct CellTests {
    private static let bundle = String(repeating: "0f", count: 32)

    @Test func `an order has the size that a cell reads, whatever is in it`() throws {
        let order = CellOrder(
            bundle: Self.bundle, tmpBytes: 1 << 20, limits: [.init(.cpuSeconds, 2)])
        let other = CellOrder(bundle: Self.bundle, tmpBytes: 0, limits: [])
        #expect(
            try order.header(metaBytes: 1, eventBytes: 2).count
                == other.header(metaBytes: 0, eventBytes: 0).count)
    }

    @Test(arguments: [
        "", "../../etc", String(repeating: "0F", count: 32),
        String(repeating: "0f", count: 31) + "0/",
    ])
    func `a bundle's name that is not a hash is refused`(_ name: String) {
        #expect(throws: SandboxError.self) {
            try CellOrder(bundle: name, tmpBytes: 0, limits: []).header(metaBytes: 0, eventBytes: 0)
        }
    }

    @Test func `more limits than there is room for are refused`() {
        let limits = Array(repeating: CellOrder.Limit(.coreBytes, 0), count: 13)
        #expect(throws: SandboxError.self) {
            try CellOrder(bundle: Self.bundle, tmpBytes: 0, limits: limits).header(
                metaBytes: 0, eventBytes: 0)
        }
    }

    private static let ends: [(Int32, SandboxKit.ExitStatus, String)] = [
        (0, .exited(0), "it exited with code 0"),
        (7 << 8, .exited(7), "it exited with code 7"),
        (9, .signalled(9), "it was ended by SIGKILL"),
        (11 | 0x80, .signalled(11), "it was ended by SIGSEGV"),
        (40, .signalled(40), "it was ended by signal 40"),
    ]

    @Test(arguments: ends)
    func `a wait status says how a process ended`(
        _ status: Int32, _ expected: SandboxKit.ExitStatus, _ words: String
    ) {
        #expect(SandboxKit.ExitStatus(waitStatus: status) == expected)
        #expect(SandboxKit.ExitStatus(waitStatus: status).description == words)
    }

    @Test func `an error names its stage and the kernel's reason`() {
        let error = SandboxError("mount the root", code: 1, detail: "as root only")
        #expect(
            error.description == "could not mount the root: Operation not permitted (as root only)")
    }

    @Test func `a cell that is killed before its process is known ends when it is`() throws {
        let program = Process()
        program.executableURL = URL(fileURLWithPath: "/bin/sleep")
        program.arguments = ["60"]
        try program.run()
        let socket = try Descriptor.socketPair(type: Int32(SOCK_STREAM.rawValue)).0
        let cell = Cell(
            number: 1, call: socket, standardOutput: socket, standardError: socket, status: socket)
        cell.kill()
        #expect(program.isRunning)
        cell.process = Descriptor(owning: csb_pidfd_open(program.processIdentifier))
        program.waitUntilExit()
        #expect(program.terminationReason == .uncaughtSignal)
        #expect(program.terminationStatus == SIGKILL)
    }

    @Test(
        arguments: [
            ("pos:\t0\nflags:\t02\nmnt_id:\t15\nPid:\t4711\nNSpid:\t4711\t1\n", 4711),
            ("pos:\t0\nPid:\t-1\nNSpid:\t-1\n", nil),
            ("pos:\t0\nPid:\t0\nNSpid:\t0\n", nil),
            ("pos:\t0\nNSpid:\t1\n", nil),
        ] as [(String, pid_t?)])
    func `a process is known by its pidfd, while it is there`(_ text: String, _ pid: pid_t?) {
        #expect(Cell.pid(inFdinfo: text) == pid)
    }
}
