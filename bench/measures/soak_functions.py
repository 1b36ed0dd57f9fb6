"""The functions of the mixed load, in both languages and every isolation mode."""

MODES = ("call", "snapshot", "reuse")
LANGUAGES = ("python", "javascript")

# One handler does what its event says, so that a process that is reused goes through all of it.
PYTHON = '''
import ctypes
import os
import sys
import time

calls = 0


def handler(event, context):
    global calls
    calls += 1
    kind = event["kind"]
    if kind == "error":
        raise ValueError(event["text"])
    if kind == "log":
        for number in range(event["lines"]):
            print("line %d of %s" % (number, event["text"]))
    elif kind == "sleep":
        time.sleep(event["seconds"])
    elif kind == "memory":
        blocks = []
        while True:
            blocks.append(bytearray(os.urandom(4096) * 1024))
    elif kind == "crash":
        ctypes.string_at(0)
    elif kind == "exit":
        os._exit(event["code"])
    elif kind == "file":
        # Left behind on purpose.
        seen = os.listdir("/tmp")
        with open("/tmp/" + event["text"], "w") as file:
            file.write(event["text"])
        return {"seen": seen, "calls": calls}
    elif kind == "compute":
        return {"sum": sum(n * n for n in range(event["count"])), "calls": calls}
    return {"got": event["text"], "calls": calls}
'''

JAVASCRIPT = '''
const fs = require("fs");
let calls = 0;

exports.handler = async (event) => {
  calls += 1;
  switch (event.kind) {
    case "error":
      throw new RangeError(event.text);
    case "log":
      for (let n = 0; n < event.lines; n++) console.log(`line ${n} of ${event.text}`);
      break;
    case "sleep":
      await new Promise((done) => setTimeout(done, event.seconds * 1000));
      break;
    case "memory": {
      const blocks = [];
      for (;;) blocks.push(Buffer.alloc(4 << 20, blocks.length + 1));
    }
    case "crash":
      process.abort();
    case "exit":
      process.exit(event.code);
    case "file": {
      const seen = fs.readdirSync("/tmp");
      fs.writeFileSync("/tmp/" + event.text, event.text);
      return { seen, calls };
    }
    case "compute": {
      let sum = 0;
      for (let n = 0; n < event.count; n++) sum += n * n;
      return { sum, calls };
    }
  }
  return { got: event.text, calls };
};
'''

CODE = {"python": PYTHON, "javascript": JAVASCRIPT}
# A limit that only a hang reaches, also where other work slows the machine down.
SETTINGS = {"timeoutMs": 20000, "memoryMB": 96, "async": {"attempts": 2, "backoffMs": 50}}

BROKEN = {
    "python": "import no_such_module\n\n\ndef handler(event, context):\n    return 1\n",
    "javascript": 'require("no-such-module");\nexports.handler = async () => 1;\n'}


def name_of(language, mode, kind="all"):
    return "soak-%s-%s-%s" % (language, mode, kind)


def register_all(evaluator):
    for language in LANGUAGES:
        for mode in MODES:
            evaluator.register(name_of(language, mode), language, CODE[language], isolation=mode, **SETTINGS)
            evaluator.register(
                name_of(language, mode, "hasty"), language, CODE[language], isolation=mode,
                **{**SETTINGS, "timeoutMs": 300})
            evaluator.register(name_of(language, mode, "broken"), language, BROKEN[language], isolation=mode, timeoutMs=SETTINGS["timeoutMs"])
