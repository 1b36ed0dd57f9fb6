"""The table on the terminal, and docs/performance.json, .md and .svg."""

import datetime
import json
import os
import platform

from . import plot, programs
from .servers import ROOT

NOTES = os.path.join(ROOT, "bench/notes.json")


def notes():
    """What is to be said of rows, by their key: why one falls short, what its floor is."""
    with open(NOTES) as file:
        return json.load(file)


def machine():
    model = memory = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as file:
        memory = "%.0f GB" % (int(file.readline().split()[1]) / 2**20)
    return {"cpu": model, "cores": os.cpu_count(), "memory": memory, "kernel": platform.release(),
            "cgroups": "v2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "v1"}


def document(rows, run):
    said = notes()
    listed = []
    for row in rows:
        fields = row.json()
        if row.key in said:
            fields["note"] = said[row.key]
        listed.append(fields)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), **run,
        "machine": machine(), "versions": programs.versions(), "rows": listed}


def table(rows):
    width = max(len(row.title) for row in rows)
    lines = ["%-*s  %9s  %10s  %s" % (width, "", "measured", "target", "")]
    for row in rows:
        if row.limit is None and row.value is not None:
            lines.append("%-*s  %9s" % (width, row.title, row.shown()))
        else:
            lines.append("%-*s  %9s  %10s  %s" % (
                width, row.title, row.shown() if row.value is not None else "-", row.target or "",
                row.verdict if row.value is not None else "not measured: %s" % row.reason))
    return "\n".join(lines)


def figures(row):
    """The row's figures in a line of text."""
    def text(value):
        if isinstance(value, dict):
            return ", ".join("%s %s" % (k, text(v)) for k, v in value.items())
        if isinstance(value, list):
            return " ".join(text(v) for v in value)
        return str(value)
    return "; ".join("%s: %s" % (k, text(v)) for k, v in row.figures.items())


def markdown(rows, record):
    said, where = notes(), record["machine"]
    judged = [r for r in rows if r.limit is not None]
    others = [r for r in rows if r.limit is None]
    passed = sum(r.verdict == "pass" for r in judged)
    yield "# Performance\n"
    yield "`make bench` made this page on %s. %d of %d rows reach their target.\n" % (record["date"][:10], passed, len(judged))
    yield "| what | measured | target | |\n|---|---|---|---|"
    for row in judged:
        yield "| %s | %s | %s | %s |" % (
            row.title, row.shown() if row.value is not None else "-", row.target,
            {"pass": "pass", "falls short": "**falls short**"}.get(row.verdict, "not measured: %s" % row.reason))
    yield "\n![How far each row is from its target](performance.svg)\n"
    short = [r for r in judged if r.verdict == "falls short"]
    if short:
        yield "## What falls short, and why\n"
        for row in short:
            yield "- %s (%s of %s): %s" % (row.title, row.shown(), row.target, said.get(row.key, "not explained yet."))
        yield ""
    yield "## Beside it\n"
    yield "Rows without a target, and peers in the same run.\n"
    yield "| what | measured |\n|---|---|"
    for row in others:
        yield "| %s | %s |" % (row.title, row.shown() if row.value is not None else "not measured: %s" % row.reason)
    yield "\n## Figures\n"
    yield "Times are milliseconds unless their name says otherwise; `p50` is the median.\n"
    for row in rows:
        if row.figures:
            yield "- **%s**: %s" % (row.title, figures(row))
        if row.key in said and row not in short:
            yield "  (%s)" % said[row.key]
    yield "\n## How it was measured\n"
    yield "- %s, %d cores, %s of memory, Linux %s, cgroups %s. Load average %.2f before the run and %.2f after it; it took %d s." % (
        where["cpu"], where["cores"], where["memory"], where["kernel"], where["cgroups"],
        record["loadBefore"], record["loadAfter"], record["seconds"])
    yield "- " + "; ".join("%s: %s" % item for item in record["versions"].items()) + "."
    yield from said["method"]


def write(rows, run):
    record = document(rows, run)
    folder = os.environ.get("OUT", os.path.join(ROOT, "docs"))
    os.makedirs(folder, exist_ok=True)
    for name, text in [
        ("performance.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n"),
        ("performance.md", "\n".join(markdown(rows, record)) + "\n"),
        ("performance.svg", plot.svg(rows)),
    ]:
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return folder
