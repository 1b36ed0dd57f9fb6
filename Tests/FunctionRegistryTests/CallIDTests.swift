import FunctionRegistry
import Synchronization
import Testing

struct CallIDTests {
    @Test func `ids are 26 characters of base32 that begin with the time`() {
        let generator = CallIDGenerator(now: { 1_469_918_176_385 })
        let id = generator.next()
        // The timestamp of the example in the ULID specification.
        #expect(id.hasPrefix("01ARYZ6S41"))
        #expect(id.count == 26)
        #expect(CallIDGenerator.isWellFormed(id))
    }

    @Test func `ids sort in the order they were made, also when the clock goes back`() {
        let time = Mutex<Int64>(1_700_000_000_000)
        let generator = CallIDGenerator(now: {
            time.withLock { time in
                time += Int64.random(in: -5...5)
                return time
            }
        })
        let ids = (0..<20_000).map { _ in generator.next() }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
    }

    @Test func `ids made on many threads are all different`() async {
        let generator = CallIDGenerator()
        let ids = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { (0..<2000).map { _ in generator.next() } } }
            return await group.reduce(into: Set<String>()) { $0.formUnion($1) }
        }
        #expect(ids.count == 16_000)
    }

    @Test(arguments: ["", "01ARYZ6S41", "01ARYZ6S41TSV4RRFFQ69G5FAI", "01aryz6s41tsv4rrffq69g5fav"])
    func `other text is not an id`(text: String) {
        #expect(!CallIDGenerator.isWellFormed(text))
    }
}
