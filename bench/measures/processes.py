"""Memory and CPU time of a server with all its descendants, from /proc (proc(5))."""

import os

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, pid):
        with open("/proc/%d/stat" % pid) as file:
            text = file.read()
        # The name is in parentheses and may have any in it.
        fields = text[text.rindex(")") + 2:].split()
        self.pid = pid
        self.name = text[text.index("(") + 1:text.rindex(")")]
        self.parent = int(fields[1])
        self.threads = int(fields[17])
        # Its own, and that of children it has waited for: a template waits for its cells.
        self.cpu_seconds = sum(int(f) for f in fields[11:15]) / TICKS


def processes():
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = Process(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def tree(pid):
    """A process and all below it that are there now, the process itself first."""
    everything = processes()
    children = {}
    for process in everything.values():
        children.setdefault(process.parent, []).append(process)
    found, index = [everything[pid]], 0
    while index < len(found):
        found += children.get(found[index].pid, [])
        index += 1
    return found


def cpu_seconds(pid):
    """CPU time of a process, all below it, and all those that they have waited for."""
    return sum(process.cpu_seconds for process in tree(pid))


def memory_bytes(pid):
    """RSS and PSS of one process; None when it is gone."""
    sums = {"Rss": 0, "Pss": 0}
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in sums:
                    sums[name] = int(value.split()[0]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return None
    return sums["Rss"], sums["Pss"]


class Memory:
    """What an evaluator's processes hold, by what they are."""

    def __init__(self, evaluator_pid):
        self.pss = {"evaluator": 0, "python": 0, "javascript": 0}
        self.rss = dict(self.pss)
        self.processes = dict(self.pss)
        self.cells = {"python": 0, "javascript": 0}
        self.count = self.threads = 0
        kinds = {}
        for process in tree(evaluator_pid):
            memory = memory_bytes(process.pid)
            if memory is None:
                continue
            if process.pid == evaluator_pid:
                kind = "evaluator"
            elif process.parent in kinds and kinds[process.parent] != "evaluator":
                kind = kinds[process.parent]
                self.cells[kind] += 1
            else:
                kind = language(process.pid)
            kinds[process.pid] = kind
            self.rss[kind] += memory[0]
            self.pss[kind] += memory[1]
            self.processes[kind] += 1
            self.count += 1
            self.threads += process.threads

    @property
    def total_pss(self):
        return sum(self.pss.values())


def language(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return "javascript" if b"executor.js" in file.read() else "python"
    except OSError:
        return "python"


def start_peak(pid):
    """Lets the process's peak of resident memory begin anew (clear_refs in proc(5))."""
    with open("/proc/%d/clear_refs" % pid, "w") as file:
        file.write("5")


def status_bytes(pid, field):
    """A field of /proc/PID/status that is given in kB, such as VmHWM or VmRSS."""
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise KeyError(field)
