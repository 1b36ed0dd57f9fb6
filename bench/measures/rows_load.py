"""Many callers: fresh calls and reused cells per second, and the tail at half of that."""

import os
import statistics
import subprocess
import time

from . import handlers, programs, wrk
from .bare_forks import BareForks
from .figures import Row, quantile, summary

CONCURRENCY = 16


def invoke_path(name):
    return "/v1/functions/%s/invoke" % name


def sandboxed_per_second(count):
    """Interpreters under bubblewrap per second, so many at once as there are callers otherwise."""
    command = ["xargs", "-P", str(CONCURRENCY), "-n", "1", *programs.BUBBLEWRAP, programs.PYTHON, "-c", "pass"]
    numbers = "\n".join(str(n) for n in range(count))
    start = time.perf_counter()
    subprocess.run(command, input=numbers, text=True, check=True, stdout=subprocess.DEVNULL)
    return count / (time.perf_counter() - start)


def fresh_calls(evaluator, rounds, seconds):
    """Fresh Python calls per second beside interpreters under bubblewrap."""
    row = Row("fresh-per-second", "fresh Python calls per second, concurrency 16 / `bwrap … python3 -c pass` per second", "≥ 15", 15, at_least=True)
    if wrk.why_not():
        return [row.not_measured(wrk.why_not())]
    evaluator.register("py", "python", handlers.PYTHON)
    paths = [invoke_path("py")]
    wrk.run(evaluator.url, paths, 1, CONCURRENCY)
    missing = programs.why_not("bubblewrap")
    calls, peers, loads, forks = [], [], [], []
    # One for each processor: more would only take turns.
    with BareForks(os.cpu_count()) as bare:
        bare.run(50)
        for _ in range(rounds):
            loads.append(wrk.run(evaluator.url, paths, seconds, CONCURRENCY))
            calls.append(loads[-1].per_second)
            forks.append(sum(1000 / answer["wallMs"] for answer in bare.run(int(100 * seconds))))
            if not missing:
                peers.append(sandboxed_per_second(int(30 * seconds)))
    figures = {
        "callsPerSecond": [round(c) for c in calls], "p50": round(statistics.median(l.p50 for l in loads), 2),
        "p99": round(statistics.median(l.p99 for l in loads), 2), "failed": sum(l.status + l.broken for l in loads), "bareForksPerSecond": [round(f) for f in forks]}
    if missing:
        row.figures.update(figures)
        return [row.not_measured("bubblewrap: " + missing)]
    figures["bubblewrapPerSecond"] = [round(p, 1) for p in peers]
    figures["bareForksToBubblewrap"] = round(statistics.median(forks) / statistics.median(peers), 1)
    return [row.measured(statistics.median(calls) / statistics.median(peers), **figures)]


def reused_cells(evaluator, echo, rounds, seconds):
    """Requests per second of reused cells beside a bare route that echoes the same body."""
    row = Row("reuse-per-second", "`reuse` requests per second, concurrency 16 / a bare Hummingbird route's", "≥ 0.5", 0.5, at_least=True)
    if wrk.why_not():
        return [row.not_measured(wrk.why_not())]
    evaluator.register("reuse-py", "python", handlers.PYTHON_ECHO, isolation="reuse")
    evaluator.register("reuse-js", "javascript", handlers.JAVASCRIPT_ECHO, isolation="reuse")
    sides = {
        "python": (evaluator.url, [invoke_path("reuse-py")]), "javascript": (evaluator.url, [invoke_path("reuse-js")]),
        "bare": (echo.url, ["/echo"]), "bareProcesses": (echo.url, ["/echo-processes"])}
    for url, paths in sides.values():
        wrk.run(url, paths, 1, CONCURRENCY)
    loads = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (url, paths) in sides.items():
            loads[name].append(wrk.run(url, paths, seconds, CONCURRENCY))
    rates = {name: statistics.median(l.per_second for l in runs) for name, runs in loads.items()}
    figures = {name: {
        "perSecond": round(rates[name]), "p50": round(statistics.median(l.p50 for l in runs), 3),
        "p99": round(statistics.median(l.p99 for l in runs), 3),
        "failed": sum(l.status + l.broken for l in runs)} for name, runs in loads.items()}
    rows = [row.measured(rates["python"] / rates["bare"], **figures)]
    rows.append(Row(
        "reuse-per-second-javascript", "the same in JavaScript", "≥ 0.5", 0.5, at_least=True).measured(
            rates["javascript"] / rates["bare"]))
    for key, language in [("python", "Python"), ("javascript", "JavaScript")]:
        rows.append(Row(
            "reuse-shape-" + key,
            "`reuse` requests per second, %s / a bare route's that has 16 processes echo" % language,
            "≥ 0.5", 0.5, at_least=True).measured(rates[key] / rates["bareProcesses"]))
    return rows


PHASES = ("queueMs", "startMs", "initMs", "runMs")


def tail(evaluator, seconds, most_per_second):
    """The tail at half of the maximum load, from connections that pause between their calls."""
    row = Row("tail", "p99 / p50 of Python calls at half of the maximum load", "≤ 5", 5)
    if wrk.why_not():
        return [row.not_measured(wrk.why_not())]
    evaluator.register("tail", "python", handlers.PYTHON)
    wanted, connections = most_per_second / 2, 64
    pause = connections / wanted * 1000 - 4
    wrk.run(evaluator.url, [invoke_path("tail")], 1, connections, pause_ms=pause)
    load = wrk.run(evaluator.url, [invoke_path("tail")], seconds, connections, pause_ms=pause)
    time.sleep(0.5)
    phases = phases_of_latest(evaluator, "tail")
    with BareForks() as bare:
        bare.run(50)
        floor = bare.at_random(wanted, seconds)
    floor = {**summary(floor), "ratio": round(quantile(floor, 0.99) / statistics.median(floor), 2)}
    return [row.measured(
        load.p99 / load.p50, p50=round(load.p50, 2), p95=round(load.p95, 2), p99=round(load.p99, 2),
        max=round(load.max, 2), wantedPerSecond=round(wanted), perSecond=round(load.per_second),
        failed=load.status + load.broken, phases=phases,
        bareForksAtThatRate=floor)]


def phases_of_latest(evaluator, function):
    """Where the time of the latest thousand calls went, and that of the slowest hundredth of them, by
    the evaluator's own clock."""
    calls = evaluator.json("/v1/calls?limit=1000&function=" + function)["calls"]
    calls = [c for c in calls if c["state"] == "completed" and all(p in c for p in PHASES)]
    if not calls:
        return {}
    total = lambda call: sum(call[p] for p in PHASES)
    limit = quantile([total(c) for c in calls], 0.99)
    slowest = [c for c in calls if total(c) >= limit]
    return {
        "calls": len(calls),
        "median": {p: round(statistics.median(c[p] for c in calls), 2) for p in PHASES},
        "p99": {p: round(quantile([c[p] for c in calls], 0.99), 2) for p in PHASES},
        "slowestHundredth": {p: round(statistics.mean(c[p] for c in slowest), 2) for p in PHASES},
        "medianOfAll": round(statistics.median(total(c) for c in calls), 2), "p99OfAll": round(limit, 2)}
