"""What is used: memory at rest and of parked cells, CPU time of a call."""

import statistics
import time

from . import bare_forks, handlers, processes
from .connection import Connection
from .figures import Row
from .servers import Evaluator

MB = 2**20


def at_rest(parked):
    """The memory of an evaluator with so many parked cells a language, after some calls."""
    with Evaluator("--parked", str(parked)) as evaluator:
        evaluator.register("py", "python", handlers.PYTHON)
        evaluator.register("js", "javascript", handlers.JAVASCRIPT)
        with Connection(evaluator) as connection:
            for _ in range(20):
                connection.invoke("py"), connection.invoke("js")
        evaluator.wait_ready(parked=parked)
        # Cells that were forked ahead go, and what ended cells held is given back.
        time.sleep(3)
        return processes.Memory(evaluator.pid)


def memory():
    """PSS: memory that processes share counts once, in parts."""
    few, many = at_rest(8), at_rest(16)
    cells = sum(few.cells.values())
    yield Row(
        "memory-at-rest", "PSS of evaluator, both templates and %d parked cells" % cells, "≤ 120 MB", 120, unit="MB"
    ).measured(
        few.total_pss / MB, pssMB={k: round(v / MB, 1) for k, v in few.pss.items()},
        rssMB={k: round(v / MB, 1) for k, v in few.rss.items()}, cells=few.cells)
    for language, name, limit in [("python", "Python", 3), ("javascript", "JavaScript", 8)]:
        row = Row("parked-cell-" + language, "PSS of a further parked %s cell" % name, "≤ %d MB" % limit, limit, unit="MB")
        more = many.cells[language] - few.cells[language]
        if more <= 0:
            yield row.not_measured("both settings had %d cells" % few.cells[language])
        else:
            yield row.measured((many.pss[language] - few.pss[language]) / more / MB, between=[few.cells[language], many.cells[language]])


def cpu(evaluator, rounds, calls):
    """CPU time of all of the evaluator's processes for a call, the fork of its successor included,
    beside that of a bare fork."""
    evaluator.register("py", "python", handlers.PYTHON)
    with bare_forks.BareForks() as forks, Connection(evaluator) as connection:
        forks.run(50)
        for _ in range(50):
            connection.invoke("py")
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(call_cpu(evaluator, connection, calls))
            bare += forks.run(calls)
    fork = statistics.median(b["cpuMs"] for b in bare)
    call = statistics.median(o["all"] for o in ours)
    parts = {k: round(statistics.median(o[k] for o in ours), 3) for k in ours[0]}
    return [Row(
        "cpu-per-call", "CPU of a fresh Python call, all processes / of a bare fork, touch and exit", "≤ 2", 2).measured(
            call / fork, callMs=parts, bareForkMs=round(fork, 3),
            bareForkWallMs=round(statistics.median(b["wallMs"] for b in bare), 3))]


def call_cpu(evaluator, connection, calls):
    """CPU time of a call in ms: of the evaluator, and of templates and cells."""
    def sample():
        # The last call's successor has been forked and warmed by then, and its own cell is gone.
        time.sleep(0.3)
        everything = processes.cpu_seconds(evaluator.pid)
        own = processes.Process(evaluator.pid)
        return everything, own.cpu_seconds
    before = sample()
    for _ in range(calls):
        connection.invoke("py")
    after = sample()
    everything, own = ((b - a) * 1000 / calls for a, b in zip(before, after))
    return {"all": everything, "evaluator": own, "templatesAndCells": everything - own}
