import FunctionRegistry
import Testing

struct SpecTests {
    private func refusedField(_ spec: FunctionSpec) -> String? {
        do {
            try spec.validate()
            return nil
        } catch RegistryError.invalidFunction(let field, let message) {
            #expect(!message.isEmpty)
            return field
        } catch {
            return "another error: \(error)"
        }
    }

    @Test(arguments: [
        "index.handler", "lib/app.main", "a/b/c/d_1-x.f", "9.f",
    ])
    func `handlers of this form are accepted`(handler: String) {
        #expect(refusedField(FunctionSpec(runtime: .python, handler: handler)) == nil)
    }

    @Test(arguments: [
        "", "index", ".handler", "index.", "a.b.c", "/etc/x.f", "../x.f", "a//b.f", "a/.f", "a b.f",
        "index.1f", "index.f-g", "index.$f", "-x.f", "a\\b.f", "é.f", "index.f\n",
        String(repeating: "a", count: 255) + ".f",
    ])
    func `handlers of another form are refused`(handler: String) {
        #expect(refusedField(FunctionSpec(runtime: .python, handler: handler)) == "handler")
    }

    @Test func `a javascript function may be part of an object`() {
        #expect(refusedField(FunctionSpec(runtime: .javascript, handler: "lib/a.b.c")) == nil)
        #expect(refusedField(FunctionSpec(runtime: .javascript, handler: "a..c")) == "handler")
        #expect(refusedField(FunctionSpec(runtime: .javascript, handler: "a.b/c.d.")) == "handler")
    }

    @Test func `a javascript function's name may have a dollar sign`() {
        #expect(refusedField(FunctionSpec(runtime: .javascript, handler: "index.$f")) == nil)
    }

    @Test func `numbers are accepted at their bounds and refused beyond`() {
        for (low, high, field, set) in [
            (1, 900_000, "timeoutMs", \FunctionSpec.timeoutMs),
            (32, 10_240, "memoryMB", \.memoryMB),
            (1, 10_240, "tmpMB", \.tmpMB),
        ] as [(Int, Int, String, WritableKeyPath<FunctionSpec, Int>)] {
            for (value, expected) in [(low, nil), (high, nil), (low - 1, field), (high + 1, field)]
            {
                var spec = FunctionSpec.python
                spec[keyPath: set] = value
                #expect(refusedField(spec) == expected)
            }
        }
    }

    @Test func `environments are checked for names, NUL bytes and size`() {
        func refused(_ environment: [String: String]) -> String? {
            refusedField(FunctionSpec(runtime: .python, environment: environment))
        }
        #expect(refused(["_a9": "", "B": "ü"]) == nil)
        #expect(refused(["K": String(repeating: "v", count: 4095)]) == nil)
        #expect(refused(["K": String(repeating: "v", count: 4096)]) == "env")
        for name in ["", "9a", "a-b", "a=b", "é", "a b", "a\0"] {
            #expect(refused([name: "v"]) == "env")
        }
        #expect(refused(["A": "a\0b"]) == "env")
    }

    @Test func `a description is at most 1,024 characters long`() {
        func refused(_ count: Int) -> String? {
            refusedField(
                FunctionSpec(runtime: .python, description: String(repeating: "é", count: count)))
        }
        #expect(refused(1024) == nil)
        #expect(refused(1025) == "description")
    }

    @Test(arguments: [
        "a", "0", "hello-world_2", "A", "-a", "_A-b", String(repeating: "a", count: 64),
        "eu-west-1.f", "us-gov-east-1.f", "eusc-de-east-1.\(String(repeating: "a", count: 64))",
    ])
    func `names of this form are accepted`(name: String) throws {
        try FunctionSpec.validate(name: name)
    }

    @Test(arguments: [
        "", "a.b", "a b", "a:b", "a/b", "é", "a\n", String(repeating: "a", count: 65),
        "eu-west-1.", "eu-west-1.a.b", ".f", "eu-west.f", "eu-west-12.f", "EU-west-1.f", "eu--1.f",
        "eu-west-1/.f", "e-west-1.f", "eu-west-1-2.f",
    ])
    func `names of another form are refused`(name: String) {
        #expect(throws: RegistryError.self) { try FunctionSpec.validate(name: name) }
    }

    @Test func `the files of a handler depend on the runtime`() throws {
        let handler = try HandlerName("lib/app.main", runtime: .python)
        #expect(handler.candidateFiles(.python) == ["lib/app.py", "lib/app/__init__.py"])
        #expect(
            handler.candidateFiles(.javascript) == ["lib/app.js", "lib/app.mjs", "lib/app.cjs"])
    }
}
