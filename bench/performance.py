"""Measures what Cloister promises about speed, prints the table, and writes docs/performance.{json,md,svg}.

Started by `run`. BUILD names another folder of release builds, OUT another folder to write to, ROWS the groups of rows to
measure (see GROUPS below, separated by commas; without it all), SCALE how long to take (1).
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measures import (  # noqa: E402
    lambda_peer, report, rows_calls, rows_crowd, rows_load, rows_payload, rows_resources, servers)

SCALE = float(os.environ.get("SCALE", "1"))


def scaled(number):
    return max(2, round(number * SCALE))


def calls():
    with servers.Evaluator() as evaluator:
        yield from rows_calls.single_calls(evaluator, scaled(60))
        yield from rows_calls.first_calls(evaluator, scaled(60))
    with tempfile.TemporaryDirectory() as folder:
        yield lambda_peer.warm_process(scaled(200), folder)


def snapshot():
    with servers.Evaluator() as evaluator:
        yield from rows_calls.snapshots(evaluator, scaled(40))


def load():
    with servers.Evaluator("--slots", "16") as evaluator:
        rows = rows_load.fresh_calls(evaluator, 3, scaled(4))
        yield from rows
        rates = rows[0].figures.get("callsPerSecond")
        if rates:
            yield from rows_load.tail(evaluator, scaled(15), sorted(rates)[len(rates) // 2])


def reuse():
    with servers.Evaluator("--slots", "16") as evaluator, servers.EchoServer() as echo:
        yield from rows_load.reused_cells(evaluator, echo, 3, scaled(3))


def resources():
    yield from rows_resources.memory()
    with servers.Evaluator() as evaluator:
        yield from rows_resources.cpu(evaluator, 5, scaled(200))


def payload():
    with servers.Evaluator() as evaluator:
        yield from rows_payload.payloads(evaluator, scaled(8))


def crowd():
    yield from rows_crowd.crowd(3, scaled(5))


GROUPS = {f.__name__: f for f in (calls, snapshot, load, reuse, resources, payload, crowd)}


def main():
    servers.end_on_signals()
    wanted = os.environ.get("ROWS", ",".join(GROUPS)).split(",")
    unknown = set(wanted) - set(GROUPS)
    if unknown:
        sys.exit("ROWS names %s; there are: %s" % (", ".join(unknown), ", ".join(GROUPS)))
    began, load_before, rows = time.monotonic(), os.getloadavg()[0], []
    for name in wanted:
        print("measuring: %s" % name, file=sys.stderr, flush=True)
        rows += GROUPS[name]()
    run = {
        "seconds": round(time.monotonic() - began), "loadBefore": load_before, "loadAfter": os.getloadavg()[0]}
    print(report.table(rows))
    print("load average %.2f before, %.2f after; %d s" % (run["loadBefore"], run["loadAfter"], run["seconds"]))
    # A part of the table is not the page.
    if wanted == list(GROUPS) or "OUT" in os.environ:
        print("written to %s/performance.{json,md,svg}" % report.write(rows, run))


main()
