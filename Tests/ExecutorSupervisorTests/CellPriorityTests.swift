import Testing

@testable import ExecutorSupervisor

@Suite struct CellPriorityTests {
    @Test func `a function's first call has full weight, and those beside it have less`() {
        #expect(CellPriority.nice(running: 0) == 5)
        #expect(CellPriority.nice(running: 1) > 5)
        #expect(CellPriority.nice(running: 100) <= 19)
    }
}
