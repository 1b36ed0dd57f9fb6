import Testing

@testable import ExecutorSupervisor

@Suite struct CallWaitingTests {
    private func waiting(_ change: (inout CallWaiting.Situation) -> Void) -> CallWaiting {
        var situation = CallWaiting.Situation(
            place: 1, running: 0, concurrency: nil, slots: 8, busySlots: 0, keepsLastSlot: true,
            runtime: .python, isTemplateReady: true, freeCells: 0)
        change(&situation)
        return CallWaiting(situation)
    }

    @Test func `the obstacle that has to go first is named`() {
        #expect(
            waiting { _ in }
                == CallWaiting(reason: .cell, place: 1, message: "a cell is being made"))
        #expect(
            waiting { $0.place = 4 }
                == CallWaiting(
                    reason: .turn, place: 4, message: "3 calls of the function come first"))
        #expect(waiting { $0.place = 2 }.message == "1 call of the function comes first")
        #expect(waiting { $0.freeCells = 1 }.reason == .turn)
        #expect(
            waiting { ($0.place, $0.busySlots) = (3, 8) }
                == CallWaiting(reason: .slots, place: 3, message: "all 8 slots are busy"))
        #expect(
            waiting { ($0.concurrency, $0.running, $0.busySlots) = (2, 2, 8) }
                == CallWaiting(
                    reason: .concurrency, place: 1, message: "the function runs its 2 calls at once"
                ))
        #expect(
            waiting { ($0.concurrency, $0.running, $0.isTemplateReady) = (2, 2, false) }
                == CallWaiting(
                    reason: .template, place: 1, message: "the python template is starting"))
    }

    @Test func `calls that may take long are told of the slots that they have`() {
        let long = waiting { ($0.longSlots, $0.busySlots) = (6, 6) }
        #expect(long.reason == .slots)
        #expect(
            long.message
                == "calls that may take more than 60 s have 6 of 8 slots, and those are busy")
    }

    @Test func `a slot that is kept for newcomers is not called busy`() {
        let message = "7 of 8 slots are busy, and the last is kept for functions that run nothing"
        #expect(waiting { ($0.running, $0.busySlots) = (7, 7) }.message == message)
        #expect(waiting { ($0.running, $0.busySlots) = (0, 7) }.reason == .cell)
        #expect(
            waiting { ($0.running, $0.busySlots, $0.keepsLastSlot) = (7, 7, false) }.reason == .cell
        )
    }
}
