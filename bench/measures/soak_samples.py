"""What an evaluator holds while nothing runs, sample after sample, and whether it grew."""

import os
import statistics

from . import processes
from .figures import quantile

MB = 2**20


class Bound:
    """How much a figure may be larger at the end than at the start."""

    def __init__(self, name, part=0.0, more=0, unit=""):
        self.name, self.part, self.more, self.unit = name, part, more, unit

    def limit(self, first):
        return first * (1 + self.part) + self.more


# Medians of the first and the last minutes, while no call runs. Which snapshots and reused cells are kept
# then depends on what was called last, so processes and descriptors are not the same number each time, and
# RSS, which counts what processes share in each of them, says something of one process only.
BOUNDS = [
    Bound("evaluator RSS", 0.15, 16, "MB"), Bound("evaluator PSS", 0.15, 16, "MB"),
    Bound("python RSS a process", 0.15, 1, "MB"), Bound("python PSS", 0.15, 8, "MB"),
    Bound("javascript RSS a process", 0.15, 1.5, "MB"), Bound("javascript PSS", 0.15, 16, "MB"),
    Bound("total PSS", 0.1, 24, "MB"), Bound("descriptors", 0.1, 24), Bound("template descriptors", 0.1, 4),
    Bound("threads", 0, 4), Bound("processes", 0, 10), Bound("zombies", 0, 1), Bound("mounts", 0, 0),
    Bound("template mounts", 0, 4), Bound("groups", 0, 0), Bound("bundles", 0.1, 4)]
# Latency: of each kind, as part of what it was and ms.
LATENCY = {"p50": Bound("p50", 0.5, 3), "p95": Bound("p95", 1.0, 15)}
FEWEST_CALLS = {"p50": 20, "p95": 200}
# Records, events, logs and results are kept: so many bytes a call.
STORE_BYTES_A_CALL = 8192


def lines(path):
    try:
        with open(path) as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def descriptors(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def groups(pid):
    """Control groups of an evaluator, in all hierarchies."""
    name, found = "cloister-%d" % pid, 0
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
        found += name in folder.split("/")
    return found


def store_bytes(folder):
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                pass
    return total


def is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False


def resources(evaluator):
    """Everything that could leak, by name."""
    pid = evaluator.pid
    memory = processes.Memory(pid)
    family = processes.tree(pid)
    templates = [p.pid for p in family if p.parent == pid]
    sample = {
        "descriptors": descriptors(pid), "template descriptors": sum(map(descriptors, templates)),
        "threads": family[0].threads, "processes": len(family),
        "zombies": sum(is_zombie(p.pid) for p in family), "mounts": lines("/proc/self/mountinfo"),
        "template mounts": sum(lines("/proc/%d/mountinfo" % t) for t in templates), "groups": groups(pid),
        "bundles": len(os.listdir(evaluator.data + "/bundles")), "store bytes": store_bytes(evaluator.data),
        "total PSS": round(memory.total_pss / MB, 1)}
    for kind, count in memory.processes.items():
        name = " RSS" if kind == "evaluator" else " RSS a process"
        sample[kind + name] = round(memory.rss[kind] / max(1, count) / MB, 1)
        sample[kind + " PSS"] = round(memory.pss[kind] / MB, 1)
    return sample


def latencies(times):
    return {kind: {
        "calls": len(t), "p50": round(statistics.median(t), 2), "p95": round(quantile(t, 0.95), 2),
        "p99": round(quantile(t, 0.99), 2)} for kind, t in sorted(times.items())}


def together(samples):
    """The times of several samples, by kind."""
    times = {}
    for sample in samples:
        for kind, some in sample["times"].items():
            times.setdefault(kind, []).extend(some)
    return times


def compare(samples, window):
    """The first and the last so many samples, line by line: name, first, last, limit, whether it is
    within that."""
    first, last = samples[:window], samples[-window:]
    rows = []
    for bound in BOUNDS:
        a, b = (statistics.median(s["resources"][bound.name] for s in side) for side in (first, last))
        title = bound.name + (", " + bound.unit if bound.unit else "")
        rows.append((title, a, b, bound.limit(a), b <= bound.limit(a)))
    before, after = latencies(together(first)), latencies(together(last))
    for kind in sorted(before.keys() & after.keys()):
        fewest = min(before[kind]["calls"], after[kind]["calls"])
        for name in ("p50", "p95", "p99"):
            a, b = before[kind][name], after[kind][name]
            # Of few calls, quantiles are chance. Those of the tail are shown and not judged.
            judged = name in LATENCY and fewest >= FEWEST_CALLS[name]
            limit = LATENCY[name].limit(a) if judged else None
            rows.append(("%s, %s, ms" % (kind, name), a, b, limit, limit is None or b <= limit))
    return rows
