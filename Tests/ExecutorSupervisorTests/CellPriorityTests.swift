import Testing

@testable import ExecutorSupervisor

@Suite struct CellPriorityTests {
    @Test(
        arguments: [
            ("pos:\t0\nflags:\t02\nmnt_id:\t15\nPid:\t4711\nNSpid:\t4711\t1\n", 4711),
            ("pos:\t0\nPid:\t-1\nNSpid:\t-1\n", nil),
            ("pos:\t0\nPid:\t0\nNSpid:\t0\n", nil),
            ("pos:\t0\nNSpid:\t1\n", nil),
        ] as [(String, UInt32?)])
    func `a process is known by its pidfd, while it is there`(_ text: String, _ pid: UInt32?) {
        #expect(CellPriority.pid(inFdinfo: text) == pid)
    }

    @Test func `a function's first call has full weight, and those beside it have less`() {
        #expect(CellPriority.nice(running: 0) == 5)
        #expect(CellPriority.nice(running: 1) > 5)
        #expect(CellPriority.nice(running: 100) <= 19)
    }
}
