"""Times, quantiles, and the rows of the table."""

import random
import statistics
import time


def milliseconds(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


BATCH = 5


def interleaved(things, rounds, warm_up=3):
    """Times in ms of each thing, in rounds, so that noise falls on all alike. Every round does each some
    times in a row, in an order of its own: what the kernel still has to do for the thing before (it takes
    down network namespaces and the like when their program has ended) is not always the same thing's."""
    times, order, chance = {name: [] for name in things}, list(things), random.Random(1)
    for _ in range(warm_up):
        for work in things.values():
            work()
    for _ in range(max(1, rounds // BATCH)):
        chance.shuffle(order)
        for name in order:
            times[name] += [milliseconds(things[name]) for _ in range(BATCH)]
    return times


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def summary(times):
    """Median, p95 and p99 of times in ms."""
    return {
        "p50": round(statistics.median(times), 3), "p95": round(quantile(times, 0.95), 3),
        "p99": round(quantile(times, 0.99), 3)}


class Row:
    """A line of the table: what was measured, and whether that is enough."""

    def __init__(self, key, title, target=None, limit=None, at_least=False, unit=""):
        # `limit` is the number in `target`; without one the row is information.
        self.key, self.title, self.target = key, title, target
        self.limit, self.at_least, self.unit = limit, at_least, unit
        self.value = None
        self.reason = None
        self.figures = {}

    def measured(self, value, **figures):
        self.value = value
        self.figures.update(figures)
        return self

    def not_measured(self, reason):
        self.reason = reason
        return self

    @property
    def verdict(self):
        if self.value is None:
            return "not measured"
        if self.limit is None:
            return "-"
        enough = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "pass" if enough else "falls short"

    def shown(self):
        """The measured value as the table has it."""
        if self.value is None:
            return self.reason
        text = "%.3g" % self.value if self.value < 100 else "%.0f" % self.value
        return text + (" " + self.unit if self.unit else "")

    def json(self):
        fields = {
            "key": self.key, "what": self.title, "target": self.target, "limit": self.limit,
            "sense": ">=" if self.at_least else "<=", "measured": self.value, "unit": self.unit,
            "verdict": self.verdict, "notMeasured": self.reason, "figures": self.figures}
        return {k: v for k, v in fields.items() if v not in (None, "", {})}
