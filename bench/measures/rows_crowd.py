"""Ten thousand functions and a thousand callers, beside the same load on one function."""

import os
import shutil
import statistics
import sys
import tempfile

from . import processes, wrk
from .connection import Connection
from .figures import Row
from .rows_load import invoke_path
from .servers import ROOT, Evaluator

sys.path.insert(0, os.path.join(ROOT, "bench"))
import store  # noqa: E402, beside this package, as bench-history uses it too

FUNCTIONS, CALLERS = 10_000, 1000
CODE = "def handler(event, context):\n    return {'function': 'one', 'event': event}\n"


def crowd(rounds, seconds):
    """Both evaluators run at the same time with the same settings, and one is idle while the other is
    measured. Every request goes to a function that wrk draws from its list: from one name, or from all
    ten thousand, each of which has code of its own."""
    rows = [
        Row("crowd-p50", "p50 with 10,000 functions and 1,000 callers / with 1 function and 1,000 callers", "≤ 1.1", 1.1),
        Row("crowd-errors", "answers other than a result or a 429 with Retry-After, of both", "0", 0),
        Row("crowd-memory", "evaluator's RSS after the last round / after the first, 10,000 functions", "≤ 1.1", 1.1),
    ]
    if wrk.why_not():
        return [row.not_measured(wrk.why_not()) for row in rows]
    folder = tempfile.mkdtemp(prefix="cloister-bench-")
    try:
        Evaluator(data=folder).close()
        names = store.fill(folder, FUNCTIONS, 0)
        with Evaluator() as one, Evaluator(data=folder) as many:
            one.register("one", "python", CODE)
            return measure(rows, rounds, seconds, {"one": (one, ["one"]), "many": (many, names)})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(rows, rounds, seconds, sides):
    loads = {name: [] for name in sides}
    memory = {name: [] for name in sides}
    # The warm-up is a round as well; the latest of a call's records are written at its end.
    for number in range(rounds + 1):
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in order:
            evaluator, names = sides[name]
            load = wrk.run(
                evaluator.url, [invoke_path(n) for n in names], seconds if number else 2, CALLERS, count=True)
            memory[name].append(processes.status_bytes(evaluator.pid, "VmRSS"))
            if number:
                loads[name].append(load)
    # After it all, a caller is served as before.
    for evaluator, names in sides.values():
        with Connection(evaluator) as connection:
            connection.invoke(names[0])
    p50 = {name: statistics.median(l.p50 for l in runs) for name, runs in loads.items()}
    everything = loads["one"] + loads["many"]
    figures = {name: {
        "p50": round(p50[name], 1), "p99": round(statistics.median(l.p99 for l in runs), 1),
        "perSecond": round(statistics.median(l.per_second for l in runs)),
        "completed": sum(l.good for l in runs), "busy": sum(l.busy for l in runs),
        "rssMB": [round(m / 2**20, 1) for m in memory[name]]} for name, runs in loads.items()}
    rows[0].measured(p50["many"] / p50["one"], **figures)
    rows[1].measured(
        sum(l.bad + l.broken for l in everything), answers=sum(l.requests for l in everything),
        busy=sum(l.busy for l in everything))
    rows[2].measured(memory["many"][-1] / memory["many"][1], rssMB=figures["many"]["rssMB"])
    return rows
