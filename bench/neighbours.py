"""What others do to a neighbour: times of its ordinary call and of /healthz, at rest and beside each of the
loads of `measures/neighbour_loads.py`, in one run, in rounds in which each load has its turn. Prints a table
of ratios to the times at rest, with the evaluator's peak of resident memory.

    neighbours.py [PROGRAMS]     a folder of programs (.build/release); to compare two, run it for each

ROUNDS says how many rounds there are (3), SECONDS for how long each load is measured in one (6), LOADS which
loads to run (all, by names separated by commas), OUT a file for the figures as JSON. A load that uses
the processors slows a neighbour down as any work does: the busy processes tell how much of it is only that.
TMPDIR=/dev/shm puts the evaluator's data into memory, where writes wait for no disk: for a quick run.
"""

import base64
import io
import json
import os
import random
import subprocess
import sys
import time
import zipfile

if len(sys.argv) > 1:
    os.environ["BUILD"] = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from measures import handlers, neighbour_loads, processes, servers  # noqa: E402
from measures.connection import Connection  # noqa: E402
from measures.figures import milliseconds, quantile  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "6"))
REST = "at rest"
MB = 2**20
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# Between loads the evaluator comes to rest: no processor time for a second, or at most so long.
SETTLE_SECONDS = 20


class Measured:
    """What was seen beside one load, over all rounds."""

    def __init__(self):
        self.invoke, self.health, self.peaks, self.answers, self.failed = [], [], [], {}, 0

    def json(self, rest):
        fields = {}
        for name, own, quiet in [("invoke", self.invoke, rest.invoke), ("healthz", self.health, rest.health)]:
            for q, title in [(0.5, "p50"), (0.95, "p95")]:
                fields[name + "-" + title] = round(quantile(own, q), 2)
                fields[name + "-" + title + "-ratio"] = round(quantile(own, q) / quantile(quiet, q), 2)
            fields[name + "-max"] = round(max(own), 2)
        return {**fields, "peakRSSMB": round(max(self.peaks) / MB), "samples": len(self.invoke), "answers": self.answers, "failed": self.failed}


def prepare(evaluator):
    """The functions, and logs to read: some 38 MB of long lines, and 140 times 9,900 short ones."""
    evaluator.register("quick", "python", handlers.PYTHON)
    for name in ("lots", "tiny", "flood"):
        evaluator.register(name, "python", getattr(neighbour_loads, name.upper()), timeoutMs=9000)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.js", neighbour_loads.STREAM)
    status, body = evaluator.request("POST", "/2015-03-31/functions", {
        "FunctionName": "stream", "Runtime": "nodejs20.x", "Handler": "index.handler", "Timeout": 30,
        "Role": "arn:aws:iam::000000000000:role/any",
        "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()}})
    if status != 201:
        raise RuntimeError("the streaming function was not made: %s" % body.decode())
    with Connection(evaluator) as connection:
        for name, count in (("tiny", 140), ("lots", 160)):
            for _ in range(count):
                connection.invoke(name)
        for _ in range(30):
            connection.invoke("quick")
    time.sleep(3)


class Beside:
    """A load in a process of its own, from when it is under way to when it has ended."""

    def __init__(self, kind, evaluator, measured):
        self.kind, self.evaluator, self.measured = kind, evaluator, measured

    def __enter__(self):
        if self.kind == REST:
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "measures.neighbour_loads", self.kind, self.evaluator.address], cwd=HERE,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=servers.end_with_parent)
        if self.process.stdout.readline() != "under way\n":
            raise RuntimeError("the load %s did not start" % self.kind)
        time.sleep(0.5)

    def __exit__(self, *_):
        if self.kind == REST:
            return
        self.process.stdin.close()
        said = json.loads(self.process.stdout.readline() or "{}")
        for status, count in said.items():
            self.measured.answers[status] = self.measured.answers.get(status, 0) + count
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def sample(evaluator, measured):
    """The neighbour's calls, on new connections: each event loop of the evaluator has its turn."""
    def once(times, work):
        def fresh():
            with Connection(evaluator) as connection:
                connection.socket.settimeout(30)
                work(connection)
        try:
            times.append(milliseconds(fresh))
        except (OSError, RuntimeError):
            measured.failed += 1
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        once(measured.invoke, lambda connection: connection.invoke("quick"))
        once(measured.health, lambda connection: connection.send(HEALTH))
        time.sleep(0.01)


def settle(evaluator):
    """Waits until what a load left behind is done: requests go on for a while after their client is gone."""
    deadline = time.monotonic() + SETTLE_SECONDS
    time.sleep(1)
    while time.monotonic() < deadline:
        before = processes.Process(evaluator.pid).cpu_seconds
        time.sleep(1)
        if processes.Process(evaluator.pid).cpu_seconds - before < 0.05:
            return


def run(evaluator, kinds):
    seen, chance = {kind: Measured() for kind in [REST] + kinds}, random.Random(1)
    for number in range(ROUNDS):
        order = list(seen)
        chance.shuffle(order)
        for kind in order:
            print("round %d of %d: %s" % (number + 1, ROUNDS, kind), file=sys.stderr, flush=True)
            processes.start_peak(evaluator.pid)
            with Beside(kind, evaluator, seen[kind]):
                sample(evaluator, seen[kind])
            seen[kind].peaks.append(processes.status_bytes(evaluator.pid, "VmHWM"))
            settle(evaluator)
    return seen


def table(figures):
    yield "| beside | invoke p50 | p95, ms | × rest | healthz p50 | p95, ms | × rest | peak RSS | answers of the load |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for kind, f in figures.items():
        answers = ", ".join("%s: %d" % item for item in sorted(f["answers"].items())) or "-"
        if f["failed"]:
            answers += "; %d of the neighbour's requests failed" % f["failed"]
        yield "| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %d MB | %s |" % (
            neighbour_loads.KINDS.get(kind, kind), f["invoke-p50"], f["invoke-p95"], f["invoke-p95-ratio"],
            f["healthz-p50"], f["healthz-p95"], f["healthz-p95-ratio"], f["peakRSSMB"], answers)


def main():
    servers.end_on_signals()
    kinds = os.environ.get("LOADS", ",".join(neighbour_loads.KINDS)).split(",")
    unknown = set(kinds) - set(neighbour_loads.KINDS)
    if unknown:
        sys.exit("LOADS names %s; there are: %s" % (", ".join(unknown), ", ".join(neighbour_loads.KINDS)))
    before = os.getloadavg()[0]
    with servers.Evaluator() as evaluator:
        print("programs of %s; making logs to read" % servers.BUILD, file=sys.stderr, flush=True)
        prepare(evaluator)
        seen = run(evaluator, kinds)
    rest = seen[REST]
    figures = {kind: m.json(rest) for kind, m in seen.items() if m.invoke and m.health}
    print("\n".join(table(figures)))
    for kind in set(seen) - set(figures):
        print("%s: none of the neighbour's requests was answered" % kind)
    print("load average %.2f before, %.2f after; %d rounds of %g s; %d calls at rest" % (
        before, os.getloadavg()[0], ROUNDS, SECONDS, len(rest.invoke)))
    if "OUT" in os.environ:
        with open(os.environ["OUT"], "w") as file:
            json.dump({"programs": servers.BUILD, "beside": figures}, file, indent=1)
            file.write("\n")


main()
