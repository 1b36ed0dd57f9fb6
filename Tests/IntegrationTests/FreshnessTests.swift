import Foundation
import Testing

import TestSupport

/// Promise 1: no byte that one call writes is readable by another call.
@Suite struct FreshnessTests {
    @Test(arguments: [
        (
            "python",
            "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count"
        ),
        ("javascript", "let count = 0;\nexports.handler = async () => ++count;"),
        ("javascript", "let count = 0;\nexport const handler = async () => ++count;"),
    ])
    func `a module's counter is 1 in every one of 100 calls`(_ runtime: String, _ code: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(nil, runtime, code)
        for _ in 0..<100 {
            let answer = try await evaluator.invoke(name)
            #expect(answer.status == 200 && answer.text == "1", "\(answer.text)")
        }
    }

    @Test(arguments: [
        (
            "python",
            "import os\ndef handler(event, context):\n    seen = os.listdir('/tmp')\n    open('/tmp/left', 'w').write('x')\n    return seen"
        ),
        (
            "javascript",
            "const fs = require('fs');\nexports.handler = async () => { const seen = fs.readdirSync('/tmp'); fs.writeFileSync('/tmp/left', 'x'); return seen }"
        ),
    ])
    func `a file written to tmp is gone in the next call`(_ runtime: String, _ code: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(nil, runtime, code)
        // More calls than there are slots, so that every slot is used again.
        for _ in 0..<60 {
            let answer = try await evaluator.invoke(name)
            #expect(answer.text == "[]", "\(answer.text)")
        }
    }

    @Test(arguments: [
        (
            "python",
            "import random, uuid, ssl, secrets\ndef handler(event, context):\n    return [random.random(), str(uuid.uuid4()), ssl.RAND_bytes(16).hex(), secrets.token_hex(), id(object()) and random.getrandbits(64)]"
        ),
        (
            "javascript",
            "const c = require('crypto'), vm = require('vm');\nexports.handler = async () => [Math.random(), c.randomUUID(), Buffer.from(c.webcrypto.getRandomValues(new Uint8Array(16))).toString('hex'), c.randomBytes(16).toString('hex'), vm.runInNewContext('Math.random()')]"
        ),
    ])
    func `200 calls draw 200 different values from every source of random numbers`(
        _ runtime: String, _ code: String
    ) async throws {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(nil, runtime, code)
        var seen: [Set<String>] = Array(repeating: [], count: 5)
        for _ in 0..<200 {
            let values = try #require(try await evaluator.invoke(name).json.array)
            #expect(values.count == 5)
            for (index, value) in values.enumerated() { seen[index].insert("\(value)") }
        }
        for (index, values) in seen.enumerated() { #expect(values.count == 200, "source \(index)") }
    }
}
