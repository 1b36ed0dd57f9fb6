"""An old build beside a new one: both evaluators run, and every round does the same with each, the one that
begins changing from round to round. So noise of the machine falls on both alike, and ratios can be told that
are smaller than it.

    side_by_side.py OLD NEW      two folders of programs, such as .build/release of two checkouts

Rows: a call of a Python and of a JavaScript function, of a snapshot, and of a cell that is used again, at 5 ms
between calls and back to back; calls per second of 16 callers; memory at rest. Prints a table; a ratio below 1
is better, for calls per second one above 1. ROUNDS says how many rounds there are (12), CALLS how many calls of
each kind one has (50), SECONDS how long callers call in one (3), OUT a file for the figures as JSON.
"""

import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measures import handlers, processes, rows_load, servers, wrk  # noqa: E402
from measures.connection import Connection  # noqa: E402
from measures.figures import milliseconds, quantile  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "12"))
CALLS = int(os.environ.get("CALLS", "50"))
SECONDS = int(os.environ.get("SECONDS", "3"))
PAUSE_SECONDS = 0.005
# So many calls of a kind at a time, and then the other build's turn. What the kernel and an evaluator still do
# for the last ones is over by then.
BATCH, SETTLE_SECONDS = 25, 0.05
CALLERS = rows_load.CONCURRENCY
SIDES = ("old", "new")
# What is called: its name in the table, its language, its code, and what its calls share.
FUNCTIONS = {
    "python": ("Python", "python", handlers.PYTHON, "call"),
    "javascript": ("JavaScript", "javascript", handlers.JAVASCRIPT, "call"),
    "snapshot": ("snapshot, Python", "python", handlers.PYTHON, "snapshot"),
    "snapshot-js": ("snapshot, JavaScript", "javascript", handlers.JAVASCRIPT, "snapshot"),
    "reuse": ("reused cell, Python", "python", handlers.PYTHON, "reuse"),
    "reuse-js": ("reused cell, JavaScript", "javascript", handlers.JAVASCRIPT, "reuse"),
}
PACES = {"5 ms between calls": PAUSE_SECONDS, "back to back": 0}
CROWDED = ("python", "javascript", "reuse")


class Side:
    """One build's evaluator, and what was seen of it."""

    def __init__(self, evaluator):
        self.evaluator, self.connection = evaluator, Connection(evaluator)
        self.times = {(f, pace): [] for f in FUNCTIONS for pace in PACES}
        self.rates = {f: [] for f in CROWDED}
        self.pss = []
        for name, (_, language, code, isolation) in FUNCTIONS.items():
            evaluator.register(name, language, code, isolation=isolation)
        for _ in range(30):
            for name in FUNCTIONS:
                self.connection.invoke(name)

    def call(self, function, pace):
        time.sleep(SETTLE_SECONDS)
        for _ in range(BATCH):
            self.times[function, pace].append(milliseconds(lambda: self.connection.invoke(function)))
            if PACES[pace]:
                time.sleep(PACES[pace])

    def crowd(self, function):
        load = wrk.run(self.evaluator.url, [rows_load.invoke_path(function)], SECONDS, CALLERS)
        if load.status + load.broken:
            raise RuntimeError("%d calls of %s failed" % (load.status + load.broken, function))
        self.rates[function].append(load.per_second)

    def rest(self):
        self.pss.append(processes.Memory(self.evaluator.pid).total_pss / 2**20)


def turns(sides, number, work):
    """The same for both, the first one changing."""
    for name in SIDES if number % 2 == 0 else reversed(SIDES):
        work(sides[name])


def measure(sides):
    for number in range(ROUNDS):
        print("round %d of %d" % (number + 1, ROUNDS), file=sys.stderr, flush=True)
        for function in FUNCTIONS:
            for pace in PACES:
                for batch in range(max(1, CALLS // BATCH)):
                    turns(sides, number + batch, lambda side: side.call(function, pace))
        if not wrk.why_not():
            for function in CROWDED:
                turns(sides, number, lambda side: side.crowd(function))
        # Cells that were forked ahead go.
        time.sleep(3)
        turns(sides, number, lambda side: side.rest())


def rows(sides):
    """Title, figure of the old and of the new build."""
    old, new = (sides[name] for name in SIDES)
    for function, (title, *_) in FUNCTIONS.items():
        for pace in PACES:
            for q, name in [(0.5, "p50"), (0.99, "p99")]:
                yield "%s, %s, %s, ms" % (title, pace, name), *(
                    quantile(side.times[function, pace], q) for side in (old, new))
    for function in CROWDED:
        if old.rates[function]:
            yield "%s, %d callers, calls per second" % (FUNCTIONS[function][0], CALLERS), *(
                statistics.median(side.rates[function]) for side in (old, new))
    yield "PSS at rest, MB", statistics.median(old.pss), statistics.median(new.pss)


def main(old, new):
    servers.end_on_signals()
    before = os.getloadavg()[0]
    folders = {"old": os.path.abspath(old), "new": os.path.abspath(new)}
    with servers.Evaluator(programs=folders["old"]) as one, servers.Evaluator(programs=folders["new"]) as other:
        sides = {"old": Side(one), "new": Side(other)}
        measure(sides)
        found = list(rows(sides))
    print("| | old | new | new / old |\n|---|---|---|---|")
    for title, was, now in found:
        print("| %s | %.3g | %.3g | %.2f |" % (title, was, now, now / was))
    if wrk.why_not():
        print("calls per second were not measured: " + wrk.why_not())
    print("load average %.2f before, %.2f after; %d rounds" % (before, os.getloadavg()[0], ROUNDS))
    if "OUT" in os.environ:
        with open(os.environ["OUT"], "w") as file:
            json.dump({"programs": folders, "rounds": ROUNDS, "rows": [
                {"what": title, "old": was, "new": now, "ratio": now / was} for title, was, now in found]}, file, indent=1)
            file.write("\n")


if len(sys.argv) != 3:
    sys.exit("usage: side_by_side.py OLD NEW, two folders of programs")
main(sys.argv[1], sys.argv[2])
