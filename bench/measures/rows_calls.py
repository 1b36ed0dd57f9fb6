"""Single calls, one after the other: usual ones, first ones, and those of code that loads slowly."""

import statistics

from . import handlers, programs
from .connection import Connection
from .figures import Row, interleaved, milliseconds, summary


def single_calls(evaluator, rounds):
    """A call over HTTP in each language beside bare interpreters and other sandboxes."""
    evaluator.register("py", "python", handlers.PYTHON)
    evaluator.register("js", "javascript", handlers.JAVASCRIPT)
    evaluator.register("reuse-py", "python", handlers.PYTHON, isolation="reuse")
    evaluator.register("reuse-js", "javascript", handlers.JAVASCRIPT, isolation="reuse")
    python, node = programs.PYTHON, programs.NODE
    with Connection(evaluator) as connection:
        things = {
            "python": lambda: connection.invoke("py"),
            "javascript": lambda: connection.invoke("js"),
            "python reused": lambda: connection.invoke("reuse-py"),
            "javascript reused": lambda: connection.invoke("reuse-js"),
            "python3": programs.running(python, "-c", "pass"),
            "python3 of the PATH": programs.running(programs.PATH_PYTHON, "-c", "pass"),
            "interpreter": programs.running(programs.PATH_INTERPRETER, "-c", "pass"),
            # As templates start: without the site module, whose cost depends on what is installed.
            "interpreter -I -S": programs.running(programs.PATH_INTERPRETER, "-I", "-S", "-c", "pass"),
            "node": programs.running(node, "-e", "0"),
        }
        missing = {}
        for name, command in programs.SANDBOXES.items():
            missing[name] = programs.why_not(name)
            if missing[name] is None:
                things[name + " python3"] = programs.running(*command, python, "-c", "pass")
                things[name + " node"] = programs.running(*command, node, "-e", "0")
        for _ in range(30):
            connection.invoke("py"), connection.invoke("js")
        times = interleaved(things, rounds)
    medians = {name: statistics.median(t) for name, t in times.items()}
    shown = {name: summary(t) for name, t in times.items()}
    yield from call_rows(medians, shown)
    for name, reason in missing.items():
        for program in ("python3", "node"):
            row = Row("peer-%s-%s" % (name, program), "%s around `%s`" % (
                name, "python3 -c pass" if program == "python3" else "node -e 0"), unit="ms")
            thing = "%s %s" % (name, program)
            yield row.not_measured(reason) if reason else row.measured(medians[thing], times=shown[thing])


def call_rows(medians, shown):
    shim = "a shell script that finds the interpreter" if programs.is_script(programs.PATH_PYTHON) else "a program"
    whose = "the system's, %s" % programs.PYTHON if programs.PYTHON == programs.SYSTEM_PYTHON else "the PATH's interpreter"
    for key, bare, title, limit in [
        ("call-python", "python3", "Python call over HTTP / `python3 -c pass` (%s)" % whose, 0.1),
        ("call-python-path", "python3 of the PATH", "Python call over HTTP / `python3 -c pass` (the PATH's, %s)" % shim, None),
        ("call-python-interpreter", "interpreter", "Python call over HTTP / `python3 -c pass` (the interpreter that calls run, with its site module)", None),
        ("call-python-isolated", "interpreter -I -S", "Python call over HTTP / `python3 -I -S -c pass` (the interpreter that calls run)", None),
        ("call-javascript", "node", "JavaScript call over HTTP / `node -e 0`", 0.02),
    ]:
        language = "javascript" if bare == "node" else "python"
        target = "≤ 1/%d" % round(1 / limit) if limit else None
        yield Row(key, title, target, limit).measured(
            medians[language] / medians[bare], call=shown[language], bare=shown[bare],
            # What the way to a cell and back takes.
            reusedCell=shown[language + " reused"])


def first_calls(evaluator, functions):
    """The first call ever of functions that were registered a moment before, and their later ones."""
    for language, code, comment in [
        ("python", handlers.PYTHON, "#"), ("javascript", handlers.JAVASCRIPT, "//"),
    ]:
        first, same_code, later = [], [], []
        with Connection(evaluator) as connection:
            for _ in range(20):
                connection.invoke("py" if language == "python" else "js")
            for number in range(functions):
                # Every other one has code of its own; the rest share theirs with functions before.
                own = "%s %d\n" % (comment, number) if number % 2 == 0 else ""
                name = "first-%s-%d" % (language, number)
                evaluator.register(name, language, code + own)
                (first if own else same_code).append(milliseconds(lambda: connection.invoke(name)))
                for _ in range(5):
                    later.append(milliseconds(lambda: connection.invoke(name)))
        ratio = statistics.median(first) / statistics.median(later)
        yield Row(
            "first-call-" + language,
            "first call of a new %s function / its later calls" % ("Python" if language == "python" else "JavaScript"),
            "≤ 1.5", 1.5).measured(
                ratio, first=summary(first), firstOfKnownCode=summary(same_code), later=summary(later))


def snapshots(evaluator, rounds):
    """A module that takes 300 ms to import, loaded once, beside a function with nothing to import."""
    evaluator.register("plain", "python", handlers.PYTHON)
    evaluator.register("plain-snapshot", "python", handlers.PYTHON, isolation="snapshot")
    evaluator.register("slow", "python", handlers.SLOW_IMPORT, isolation="snapshot", timeoutMs=10000)
    evaluator.register("slow-call", "python", handlers.SLOW_IMPORT, timeoutMs=10000)
    with Connection(evaluator) as connection:
        first = milliseconds(lambda: connection.invoke("slow"))
        fresh = statistics.median(milliseconds(lambda: connection.invoke("slow-call")) for _ in range(3))
        # Snapshots are made while calls come; then they are there.
        for _ in range(3):
            connection.invoke("slow"), connection.invoke("plain-snapshot")
        things = {
            "slow": lambda: connection.invoke("slow"), "plain": lambda: connection.invoke("plain"),
            "plain-snapshot": lambda: connection.invoke("plain-snapshot")}
        times = interleaved(things, rounds)
    medians = {name: statistics.median(t) for name, t in times.items()}
    return [Row(
        "snapshot", "`snapshot` with a module of 300 ms / `call` with nothing to import", "≤ 1.5", 1.5).measured(
            medians["slow"] / medians["plain"], snapshot=summary(times["slow"]), plain=summary(times["plain"]),
            plainAsSnapshot=summary(times["plain-snapshot"]), firstCallMs=round(first, 1),
            asCallMs=round(fresh, 1))]
