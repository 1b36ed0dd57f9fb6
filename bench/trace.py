"""Traces calls and writes docs/hot-path.md: what happens between a request's last byte and the first byte of its
answer, step by step, with measured times.

Started by `make trace`, as root, with perf (Debian's linux-perf). BUILD names another folder of release builds, CALLS how
many to trace of each language (200), OUT another folder to write to.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measures import handlers, hot_path, report, servers  # noqa: E402
from measures.connection import Connection  # noqa: E402

CALLS = int(os.environ.get("CALLS", "200"))
OUT = os.environ.get("OUT", os.path.join(servers.ROOT, "docs"))
FUNCTIONS = {
    "Python": ("python", handlers.PYTHON, {}),
    "JavaScript": ("javascript", handlers.JAVASCRIPT, {}),
    "Python, `reuse`": ("python", handlers.PYTHON, {"isolation": "reuse"}),
}
LINE = re.compile(
    r"^\s*(?P<comm>.+?)\s+(?P<pid>\d+)/(?P<tid>\d+)\s+(?P<time>[\d.]+):\s+raw_syscalls:sys_(?P<way>enter|exit): "
    r"NR (?P<number>-?\d+) (?:\((?P<arguments>[^)]*)\)|= (?P<result>-?\d+))")


def template(evaluator, runtime):
    """The pid of a language's template: the evaluator's child that runs its executor."""
    with open("/proc/%d/task/%d/children" % (evaluator.pid, evaluator.pid)) as file:
        children = file.read().split()
    # Templates are the launcher's siblings, and belong to whichever thread started them.
    for task in os.listdir("/proc/%d/task" % evaluator.pid):
        with open("/proc/%d/task/%s/children" % (evaluator.pid, task)) as file:
            children += file.read().split()
    for child in children:
        with open("/proc/%s/cmdline" % child) as file:
            if "/cloister/%s/" % runtime in file.read():
                return int(child)
    raise RuntimeError("there is no template of %s" % runtime)


def events(file):
    """The recorded system calls in order, as `hot_path.Event`s."""
    text = subprocess.run(
        ["perf", "script", "-i", file, "--ns", "-F", "comm,pid,tid,time,event,trace"],
        capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        result = found["result"]
        yield hot_path.Event(
            int(found["tid"]), float(found["time"]) * 1e6, int(found["number"]),
            None if result is None else int(result),
            [int(word, 16) for word in (found["arguments"] or "").split(", ") if word])


def trace(evaluator, name, runtime, code, settings):
    """Medians of the steps of one kind of call, in microseconds."""
    function = "traced-" + re.sub(r"\W+", "-", name.lower()).strip("-")
    evaluator.register(function, runtime, code, **settings)
    with Connection(evaluator) as connection, tempfile.NamedTemporaryFile() as file:
        for _ in range(30):
            connection.invoke(function)
        pids = "%d,%d" % (evaluator.pid, template(evaluator, runtime))
        if settings.get("isolation") == "reuse":
            # The cell lives already.
            with open("/proc/%s/task/%s/children" % ((pids.split(",")[1],) * 2)) as children:
                pids += "," + ",".join(children.read().split())
        recorder = subprocess.Popen(
            ["perf", "record", "-q", "-k", "CLOCK_MONOTONIC", "-e", "raw_syscalls:sys_enter,raw_syscalls:sys_exit",
             "-m", "4096", "-o", file.name, "-p", pids], stdin=subprocess.DEVNULL)
        try:
            time.sleep(1)
            calls = []
            for _ in range(CALLS):
                began = time.monotonic_ns() / 1000
                connection.invoke(function)
                calls.append((began, time.monotonic_ns() / 1000))
                # What is made ready for the next call does not belong to this one.
                time.sleep(0.02)
        finally:
            recorder.send_signal(2)
            recorder.wait(60)
        return hot_path.steps(calls, list(events(file.name)))


def main():
    servers.end_on_signals()
    if not shutil.which("perf"):
        sys.exit("perf is not installed: apt-get install linux-perf")
    load = os.getloadavg()[0]
    with servers.Evaluator() as evaluator:
        traced = {name: trace(evaluator, name, *function) for name, function in FUNCTIONS.items()}
    page = hot_path.page(traced, CALLS, report.machine(), load)
    with open(os.path.join(OUT, "hot-path.md"), "w") as file:
        file.write(page)
    print(page)


main()
