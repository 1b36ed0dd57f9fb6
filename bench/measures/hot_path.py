"""The steps of a call, found in a trace of system calls."""

import statistics
from dataclasses import dataclass, field

READ, WRITEV, RECVFROM, SENDMSG, RECVMSG, CHDIR = 0, 20, 45, 46, 47, 80
SECCOMP, LANDLOCK = 317, 446
# What a parked cell is handed first, at the least: struct cw_call.
ORDER_BYTES = 300


@dataclass
class Event:
    """The begin of a system call, or its end when it has a result. Times are microseconds."""
    thread: int
    time: float
    number: int
    result: int | None
    arguments: list = field(default_factory=list)


@dataclass
class Step:
    """What leads to a moment, and how that moment is found after the one before."""
    name: str
    who: str
    find: object


class Missing(Exception):
    """The trace of a call is not whole."""


def numbers(one_or_more):
    return one_or_more if isinstance(one_or_more, tuple) else (one_or_more,)


class Call:
    """One call's events and the moments that were found in them."""

    def __init__(self, events, began, ended):
        self.events = [e for e in events if began <= e.time <= ended]
        self.at, self.moment = 0, began
        self.threads = {}

    def seek(self, wanted):
        for index in range(self.at, len(self.events)):
            if wanted(self.events[index]):
                self.at, self.moment = index, self.events[index].time
                return self.events[index]
        raise Missing

    def end_of(self, number, thread=None, least=0, remember=None):
        """The next end of a system call that brought so many bytes."""
        found = self.seek(lambda e: e.number in numbers(number) and e.result is not None and e.result >= least
                          and (thread is None or e.thread == self.threads[thread]))
        if remember:
            self.threads[remember] = found.thread

    def end_of_send(self, least, thread):
        self.end_of(SENDMSG, thread, least)


def elsewhere(call, number, least, remember, *others):
    taken = [call.threads[name] for name in others]
    found = call.seek(lambda e: e.number in numbers(number) and e.result is not None and e.result >= least
                      and e.thread not in taken)
    call.threads[remember] = found.thread


ARRIVE = [
    Step("the request reaches the evaluator", "client, kernel, event loop",
         lambda c: c.end_of(READ, least=60, remember="loop")),
    Step("HTTP is parsed, the function found, the event checked, the call recorded and given a cell, which is sent it",
         "event loop", lambda c: c.end_of_send(ORDER_BYTES, "loop")),
]
CONFINE = [
    Step("the cell wakes and has read the call", "kernel, cell",
         lambda c: (elsewhere(c, (RECVFROM, RECVMSG), ORDER_BYTES, "cell", "loop"), c.end_of((RECVFROM, RECVMSG), "cell"))),
    Step("its bundle is bound on /function, and /tmp sized", "cell", lambda c: c.end_of(CHDIR, "cell")),
    Step("limits, user, capabilities, Landlock", "cell", lambda c: c.end_of(LANDLOCK, "cell")),
    Step("the seccomp filter is on", "cell", lambda c: c.end_of(SECCOMP, "cell")),
]
SERVE = [
    Step("code is loaded, the event parsed, the handler run, its result encoded and sent", "cell",
         lambda c: c.end_of(SENDMSG, "cell", least=9)),
]
AGAIN = [
    Step("the cell wakes and has read the call", "kernel, cell",
         lambda c: (elsewhere(c, (RECVFROM, RECVMSG), ORDER_BYTES, "cell", "loop"), c.end_of((RECVFROM, RECVMSG), "cell"))),
    Step("the event is parsed, the handler run, its result encoded and sent", "cell",
         lambda c: c.end_of(SENDMSG, "cell", least=9)),
]
ANSWER = [
    Step("the supervisor wakes and has read the answer", "kernel, supervisor",
         lambda c: elsewhere(c, READ, 9, "supervisor", "loop", "cell")),
    Step("the answer's frame and JSON are checked, the call settled, the event loop woken, the response written",
         "supervisor, event loop", lambda c: elsewhere(c, WRITEV, 60, "writer", "cell")),
    Step("the client has it", "kernel, client", None),
]


def steps(calls, events):
    """Medians of the steps, as (name, who, microseconds, system calls); and how many calls were whole."""
    events.sort(key=lambda e: e.time)
    rows, whole = None, 0
    for began, ended in calls:
        try:
            found = measure([e for e in events if began <= e.time <= ended], began, ended)
        except Missing:
            continue
        whole += 1
        if rows is None:
            rows = [[step, [], []] for step, _, _ in found]
        if len(rows) == len(found):
            for row, (_, time, count) in zip(rows, found):
                row[1].append(time)
                row[2].append(count)
    if not rows:
        raise RuntimeError("no call could be followed through the trace of %d system calls" % len(events))
    return whole, [(s.name, s.who, statistics.median(t), statistics.median(n)) for s, t, n in rows], \
        statistics.median(ended - began for began, ended in calls)


def measure(events, began, ended):
    is_fresh = any(e.number == SECCOMP and e.result == 0 for e in events)
    call, found = Call(events, began, ended), []
    for step in ARRIVE + (CONFINE + SERVE if is_fresh else AGAIN) + ANSWER:
        before, index = call.moment, call.at
        if step.find is None:
            call.moment = ended
        else:
            step.find(call)
        mine = set(call.threads.values())
        last = call.at if step.find else len(call.events)
        count = sum(e.result is None and e.thread in mine for e in call.events[index:last])
        found.append((step, call.moment - before, count))
    return found


def page(traced, calls, machine, load):
    lines = [
        "# The hot path", "",
        "What happens between a request and its answer, on one kept-alive connection: every step, who does it, how long it",
        "takes and how many system calls that takes. `make trace` made this page from a trace of %d calls of each kind, 20 ms" % calls,
        "apart, with all that is traced slowed down by that: times are medians, in microseconds.", "",
    ]
    for name, (whole, rows, total) in traced.items():
        lines += ["## A %s call" % name, "", "| step | by | µs | system calls |", "|---|---|---|---|"]
        lines += ["| %s | %s | %.0f | %.0f |" % row for row in rows]
        lines += ["| **as the client sees it** | | **%.0f** | |" % total, "",
                  "%d of %d calls could be followed from end to end." % (whole, calls), ""]
    lines += [
        "## What is not on it", "",
        "- Forking: a cell is forked, placed in its cgroup, given its /tmp and rehearsed before its call is there. The refill",
        "  begins when a call has taken a parked cell, on another processor if one is idle.",
        "- The cell's end: its answer counts when its stream has ended, and the kernel takes down the process after that.",
        "- The disk: records are written in batches by a thread of their own, and no synchronous call waits for one.",
        "- Parsing: the event passes as bytes. Swift checks that it is JSON, once, and that the result is, once; it builds",
        "  no value of either and copies neither (the cell is sent the request's own buffer, the client the cell's).", "",
        "Measured on %s, %d cores, Linux %s; load average %.2f before." % (
            machine["cpu"], machine["cores"], machine["kernel"], load), "",
    ]
    return "\n".join(lines)
