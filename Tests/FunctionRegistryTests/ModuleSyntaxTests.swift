import FunctionRegistry
import Foundation
import Testing

struct ModuleSyntaxTests {
    /// The name that a source text is stored under.
    private func fileName(_ source: String) async throws -> String {
        let folder = try TemporaryFolder()
        let registry = try FunctionRegistry(directory: folder.path)
        let version = try await registry.put(
            "f", spec: FunctionSpec(runtime: .javascript), code: .source(source)
        ).version
        return folder.tree("bundles/\(version.codeSha256)").joined()
    }

    @Test(arguments: [
        "export const handler = async (event) => event;",
        "export default function () {}",
        "export function handler() {}",
        "export { handler };\nfunction handler() {}",
        "export*from './x.mjs'",
        "import fs from 'node:fs';\nmodule.exports = 1",
        "import 'node:fs'",
        "import{readFile}from'node:fs'",
        "import * as fs from 'node:fs'",
        "#!/usr/bin/env node\n// a comment\n/* another */ export let a = 1",
        "const a = 1\nexport const b = 2",
        "if (a) { b() } export const b = 2",
        "const r = /[/'\"`]/g; export const handler = 1",
        "const t = `a ${ `b ${1}` } 'c`; export const handler = 1",
        "const q = (4) / 2; export const handler = 1 / q",
        "import.meta.url",
    ])
    func `a text with import or export statements becomes a module`(source: String) async throws {
        #expect(try await fileName(source) == "index.mjs")
    }

    @Test(arguments: [
        "exports.handler = async (event) => event;",
        "module.exports = { handler: (event) => ({ export: 1 }) }",
        "const fs = require('fs'); // import fs from 'fs'",
        "/* export const a = 1 */ exports.handler = 1",
        "const s = 'x'; const t = \"export const a\"; const u = `\nexport const a = 1\n`",
        "import('node:fs').then(() => {}); exports.handler = 1",
        "const r = /`/; exports.t = `\nexport default 1`",
        "const o = { export: 1, import: 2 }; o.export; exports.handler = 1",
        "",
        "exports.handler = () => {\n  const important = 1\n  return important\n}",
    ])
    func `a text without them becomes a script`(source: String) async throws {
        #expect(try await fileName(source) == "index.js")
    }
}
