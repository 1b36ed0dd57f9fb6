import Testing

@testable import ExecutorSupervisor

@Suite struct CellDemandTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `each call that finds no cell asks for one more, up to a limit`() {
        var demand = CellDemand()
        for _ in 0..<3 { demand.missed(nowNs: 0, most: 5) }
        #expect(demand.ahead == 3)
        for _ in 0..<9 { demand.missed(nowNs: 0, most: 5) }
        #expect(demand.ahead == 5)
    }

    @Test func `what was added goes again by and by, and none of it before a second`() {
        var demand = CellDemand()
        for _ in 0..<8 { demand.missed(nowNs: 5, most: 8) }
        #expect(demand.restNs == 5 + Self.second)
        let isEarly = demand.rest(nowNs: Self.second)
        #expect(!isEarly && demand.ahead == 8)
        var left: [Int] = []
        while demand.restNs != .max {
            let isTime = demand.rest(nowNs: demand.restNs)
            #expect(isTime)
            left.append(demand.ahead)
        }
        #expect(left == [6, 4, 3, 2, 1, 0])
        let goesOn = demand.rest(nowNs: 100 * Self.second)
        #expect(!goesOn)
    }

    @Test func `a miss keeps what is there`() {
        var demand = CellDemand()
        demand.missed(nowNs: 0, most: 8)
        demand.missed(nowNs: Self.second - 1, most: 8)
        let goes = demand.rest(nowNs: Self.second)
        #expect(!goes && demand.ahead == 2)
    }
}
