"""Events and results of 6 MB."""

import json
import statistics
import subprocess
import threading
import time

from . import handlers, processes, programs
from .connection import Connection, invocation
from .figures import Row, milliseconds, summary

MB = 2**20
# Below the limits of 6 MiB, which a result may reach only with what an encoder puts around it.
BYTES = 6 * MB - 4096
AT_ONCE = 8

# As a fresh cell does it: once, in an interpreter that has just started.
PARSE = """
import json, sys, time
text = sys.stdin.buffer.read()
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
start = time.perf_counter()
encode(json.loads(text)).encode()
print((time.perf_counter() - start) * 1000)
"""
PARSE_JS = """
const text = require("fs").readFileSync(0);
const start = performance.now();
Buffer.from(JSON.stringify(JSON.parse(text.toString())));
console.log(performance.now() - start);
"""


def text_event():
    """One long string: as little to parse as there can be."""
    return json.dumps({"data": "x" * (BYTES - 16)}).encode()


def items_event():
    """Many small values."""
    item = '{"id": 1024, "name": "blue", "price": 19.95, "ok": true}'
    return ("[" + ", ".join([item] * (BYTES // (len(item) + 2))) + "]").encode()


def copy_ms(event):
    """A copy of the event and one of the result, in memory."""
    source, target = memoryview(event), bytearray(len(event))

    def copy():
        target[:] = source
        target[:] = source
    copy()
    return statistics.median(milliseconds(copy) for _ in range(20))


def codec_ms(command, event):
    """What parsing the event and encoding the result take in the interpreter alone."""
    return float(subprocess.run(command, input=event, capture_output=True, check=True).stdout)


def payloads(evaluator, rounds):
    settings = {"memoryMB": 512, "timeoutMs": 30000}
    evaluator.register("big-py", "python", handlers.PYTHON_ECHO, **settings)
    evaluator.register("big-js", "javascript", handlers.JAVASCRIPT_ECHO, **settings)
    codecs = {
        "py": [programs.PATH_INTERPRETER, "-I", "-S", "-c", PARSE], "js": [programs.NODE, "-e", PARSE_JS]}
    with Connection(evaluator) as connection:
        for kind, event in [("string", text_event()), ("objects", items_event())]:
            times = {name: [] for name in codecs}
            alone = {name: [] for name in codecs}
            moved = {}
            for number in range(rounds + 1):
                for name in codecs:
                    start = time.perf_counter()
                    result = connection.invoke("big-" + name, event)
                    taken = (time.perf_counter() - start) * 1000
                    if number:
                        times[name].append(taken)
                    elif json.loads(result) != json.loads(event):
                        raise RuntimeError("big-%s does not answer with its event" % name)
                    alone[name].append(codec_ms(codecs[name], event))
                    moved[name] = (len(event) + len(result)) / MB
            copied = copy_ms(event)
            for name, title in [("py", "Python"), ("js", "JavaScript")]:
                median, codec = statistics.median(times[name]), statistics.median(alone[name])
                beside = median - codec
                yield Row(
                    "payload-%s-%s" % (name, kind),
                    "6 MB event and result, %s, %s" % (title, "one string" if kind == "string" else "many small objects"),
                    unit="ms").measured(
                        median, times=summary(times[name]), megabytesPerSecond=round(moved[name] / median * 1000),
                        parseAndEncodeMs=round(codec, 1), besideMs=round(beside, 1),
                        besideMegabytesPerSecond=round(moved[name] / beside * 1000) if beside > 0 else None,
                        memoryCopyMs=round(copied, 2))
    yield memory_of_many(evaluator)


def memory_of_many(evaluator):
    """The evaluator's peak while several callers send and get 6 MB at once."""
    request = invocation("big-py", text_event())
    time.sleep(0.5)
    before = processes.status_bytes(evaluator.pid, "VmRSS")
    processes.start_peak(evaluator.pid)
    failures = []

    def caller():
        with Connection(evaluator) as connection:
            for _ in range(3):
                status, _, body = connection.send(request)
                if status != 200:
                    failures.append(bytes(body[:200]))
    threads = [threading.Thread(target=caller) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    peak = processes.status_bytes(evaluator.pid, "VmHWM")
    row = Row("payload-memory", "evaluator's memory above its rest while %d calls of 6 MB run at once" % AT_ONCE, unit="MB")
    if failures:
        return row.not_measured("a call failed: %s" % failures[0].decode(errors="replace"))
    return row.measured(
        (peak - before) / MB, beforeMB=round(before / MB, 1), peakMB=round(peak / MB, 1),
        bytesUnderWayMB=round(AT_ONCE * 2 * BYTES / MB), rssAfterMB=round(processes.status_bytes(evaluator.pid, "VmRSS") / MB, 1))
