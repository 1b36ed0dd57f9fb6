"""A mixed load on a real evaluator for MINUTES (60), after a warm-up of two: both languages, every
isolation mode, results, errors, time-outs, memory kills, crashes, large events, logs, asynchronous and
cancelled calls, registrations and deletes. Checks every answer, reads every minute what the evaluator
holds, and fails when an answer was wrong or when something grew. Latency is compared too, so the machine
has to be as quiet at the end as at the start.

BUILD names another folder of release builds, OUT a file for all samples as JSON, CALLERS how many callers
there are (8), PAUSE how long one pauses between calls on average, in ms (20).
"""

import datetime
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measures import report, servers, soak_callers, soak_functions, soak_samples  # noqa: E402

MINUTES = float(os.environ.get("MINUTES", "60"))
OUT = os.environ.get("OUT")
CALLERS = int(os.environ.get("CALLERS", "8"))
PAUSE_MS = float(os.environ.get("PAUSE", "20"))
MOST_COMPLAINTS = 20


class Soak:
    def __init__(self, evaluator):
        self.evaluator = evaluator
        self.gate, self.tally = soak_callers.Gate(), soak_callers.Tally()
        self.callers = [
            soak_callers.Caller(n, evaluator, self.gate, self.tally, PAUSE_MS) for n in range(CALLERS)]
        self.samples = []
        # A short run has a sample more often, so that there is a first and a last part of it.
        self.step = min(60, MINUTES * 60 / 8)
        self.warm_up = min(120, MINUTES * 60 / 2)

    def run(self):
        soak_functions.register_all(self.evaluator)
        self.tally.pauses.start()
        for caller in self.callers:
            caller.start()
        # Allocators and caches grow to what the load needs first: the start is after that.
        time.sleep(self.warm_up)
        self.tally.take_times()
        began = time.monotonic()
        while len(self.samples) * self.step < MINUTES * 60:
            time.sleep(self.step)
            self.sample(time.monotonic() - began)
        self.gate.finish()
        for caller in self.callers:
            caller.join(60)

    def sample(self, seconds):
        """Reads everything while no call runs, and says it in a line."""
        self.gate.close()
        # Cells of cancelled calls are taken down, and parked ones forked.
        self.evaluator.wait_ready(parked=4)
        time.sleep(2)
        held = soak_samples.resources(self.evaluator)
        times = self.tally.take_times()
        self.gate.reopen()
        self.samples.append({
            "seconds": round(seconds), "calls": self.tally.calls, "resources": held, "times": times})
        print("%5.1f min  %8d calls  %3d wrong  evaluator %6.1f MB  all %6.1f MB PSS  %4d fds  %3d processes  store %7.1f MB" % (
            seconds / 60, self.tally.calls, len(self.tally.wrong), held["evaluator RSS"], held["total PSS"],
            held["descriptors"], held["processes"], held["store bytes"] / 2**20), flush=True)

    @property
    def window(self):
        """Samples of five minutes, or of a quarter of a short run."""
        return max(1, min(round(300 / self.step), len(self.samples) // 4))

    def verdict(self):
        """Prints the comparison and returns what is wrong."""
        rows = soak_samples.compare(self.samples, self.window)
        first, last = self.samples[0], self.samples[-1]
        calls = max(1, last["calls"] - first["calls"])
        grown = (last["resources"]["store bytes"] - first["resources"]["store bytes"]) / calls
        rows.append(("store, bytes a call", 0, grown, soak_samples.STORE_BYTES_A_CALL,
                     grown <= soak_samples.STORE_BYTES_A_CALL))
        minutes = self.window * self.step / 60
        print("\n%-34s %12s %12s %12s" % ("", "first %.2g min" % minutes, "last %.2g min" % minutes, "at most"))
        for title, a, b, limit, is_fine in rows:
            print("%-34s %12.1f %12.1f %12s  %s" % (
                title, a, b, "-" if limit is None else "%.1f" % limit, "" if is_fine else "GREW"))
        wrong = ["%s grew from %.1f to %.1f" % row[:3] for row in rows if not row[4]]
        for text in self.tally.wrong[:MOST_COMPLAINTS]:
            print("wrong: " + text)
        for text in self.tally.paused[:MOST_COMPLAINTS]:
            print("while the machine stood still: " + text)
        if self.tally.wrong:
            wrong.append("%d answers were wrong" % len(self.tally.wrong))
        return rows, wrong

    def write(self, rows, wrong, load_before):
        if not OUT:
            return
        record = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": report.machine(), "minutes": MINUTES, "warmUpSeconds": self.warm_up, "callers": CALLERS,
            "pauseMs": PAUSE_MS,
            "loadBefore": load_before, "loadAfter": os.getloadavg()[0], "calls": self.tally.calls,
            "busyAnswers": self.tally.busy, "wrongAnswers": self.tally.wrong,
            "machinePausesSeconds": [round(b - a, 2) for a, b in self.tally.pauses.seen],
            "wrongWhileTheMachineStoodStill": self.tally.paused, "failures": wrong,
            "compared": [
                {"what": title, "first": a, "last": b, "atMost": limit, "fine": fine}
                for title, a, b, limit, fine in rows],
            "samples": [
                {**{k: v for k, v in s.items() if k != "times"}, "latency": soak_samples.latencies(s["times"])}
                for s in self.samples]}
        with open(OUT, "w") as file:
            json.dump(record, file, indent=1)
            file.write("\n")
        print("written to " + OUT)


def main():
    servers.end_on_signals()
    load_before = os.getloadavg()[0]
    with servers.Evaluator() as evaluator:
        soak = Soak(evaluator)
        soak.run()
        rows, wrong = soak.verdict()
    soak.write(rows, wrong, load_before)
    pauses = [b - a for a, b in soak.tally.pauses.seen]
    print("%d calls, %d of them asked again because of a 429; load average %.2f before and %.2f after" % (
        soak.tally.calls, soak.tally.busy, load_before, os.getloadavg()[0]))
    print("the machine stood still %d times, %.1f s in all; %d answers were wrong meanwhile" % (
        len(pauses), sum(pauses), len(soak.tally.paused)))
    if wrong:
        sys.exit("not as at the start: " + "; ".join(wrong))
    print("nothing grew, and every answer was right")


main()
