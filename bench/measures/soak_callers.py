"""Callers of the mixed load. Each call has one right answer, and every answer is checked."""

import collections
import json
import random
import threading
import time

from .connection import Connection, invocation
from .soak_functions import LANGUAGES, MODES, SETTINGS, name_of


# Nothing here takes longer, but on a machine that is much too slow.
LONGEST_SECONDS = 30


class Wrong(Exception):
    """An answer that is not the right one."""


def problem(status, body, wanted_status, cause, **fields):
    """Checks that a call ended for the cause that it was meant to end for."""
    said = json.loads(body)
    if status != wanted_status or said.get("cause") != cause:
        raise Wrong("%d %s instead of %d %s: %s" % (
            status, said.get("cause"), wanted_status, cause, said.get("detail")))
    for name, value in fields.items():
        if said.get(name) != value:
            raise Wrong("%s is %r instead of %r" % (name, said.get(name), value))


def completed(status, body, mode):
    """The result of a call that has to complete, with its count of calls in its process checked."""
    said = json.loads(body)
    if status != 200:
        raise Wrong("%d %s: %s" % (status, said.get("cause"), said.get("detail")))
    if mode != "reuse" and said["calls"] != 1:
        raise Wrong("a %s cell had served %d calls" % (mode, said["calls"]))
    return said


def expect(value, wanted):
    if value != wanted:
        raise Wrong("%.200r instead of %.200r" % (value, wanted))


class Gate:
    """Lets callers work, or has them wait between two calls while memory is read."""

    def __init__(self):
        self.condition = threading.Condition()
        self.open, self.inside, self.over = True, 0, False

    def enter(self):
        """False when the load is over."""
        with self.condition:
            while not self.open and not self.over:
                self.condition.wait()
            self.inside += not self.over
            return not self.over

    def leave(self):
        with self.condition:
            self.inside -= 1
            self.condition.notify_all()

    def close(self):
        """Returns when nobody is inside."""
        with self.condition:
            self.open = False
            self.condition.wait_for(lambda: self.inside == 0)

    def reopen(self):
        with self.condition:
            self.open = True
            self.condition.notify_all()

    def finish(self):
        with self.condition:
            self.over = True
            self.condition.notify_all()


class Pauses(threading.Thread):
    """Notices when the whole machine stands still, as virtual ones do at times: time limits that are
    reached meanwhile say nothing of the evaluator."""

    STEP_SECONDS, LEAST_SECONDS = 0.05, 1.0

    def __init__(self):
        super().__init__(name="pauses", daemon=True)
        self.seen = []

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(self.STEP_SECONDS)
            now = time.monotonic()
            if now - last > self.LEAST_SECONDS:
                self.seen.append((last, now))
            last = now

    def overlap(self, start, end):
        # One that still goes on is noted a moment after its end.
        time.sleep(2 * self.STEP_SECONDS)
        return any(a < end and start < b for a, b in list(self.seen))


class Tally:
    """What all callers saw since the last time it was asked: times by kind, and what was wrong."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = collections.defaultdict(list)
        # `paused` is what went wrong while the machine stood still.
        self.wrong, self.paused, self.busy, self.calls = [], [], 0, 0
        self.pauses = Pauses()

    def add(self, kind, milliseconds):
        with self.lock:
            self.times[kind].append(milliseconds)
            self.calls += 1

    def complain(self, text, start):
        """`start` is when the work began that went wrong, by the monotonic clock."""
        paused = self.pauses.overlap(start, time.monotonic())
        with self.lock:
            (self.paused if paused else self.wrong).append(text)

    def take_times(self):
        with self.lock:
            times, self.times = self.times, collections.defaultdict(list)
            return times


class Caller(threading.Thread):
    """Makes calls of random kinds over a connection of its own until the gate is over."""

    # How often each kind comes. Those that take long by their nature come seldom.
    WEIGHTS = {
        "echo": 50, "compute": 10, "log": 8, "file": 6, "error": 8, "large": 2, "timeout": 1, "memory": 1,
        "crash": 2, "exit": 2, "broken": 2, "async": 4, "async-error": 1, "cancel": 1, "hang-up": 1, "register": 3}

    def __init__(self, number, evaluator, gate, tally, pause_ms):
        super().__init__(name="caller-%d" % number, daemon=True)
        self.number, self.evaluator, self.gate, self.tally, self.pause_ms = number, evaluator, gate, tally, pause_ms
        self.random = random.Random(number)
        self.connection = None
        self.serial = 0

    def run(self):
        while self.gate.enter():
            kind = self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
            language, mode = self.random.choice(LANGUAGES), self.random.choice(MODES)
            start = time.monotonic()
            try:
                self.one(kind, language, mode)
            except Exception as error:  # noqa: BLE001, any of them is a finding
                self.tally.complain("%s %s %s at %s: %s: %s" % (
                    kind, language, mode, time.strftime("%H:%M:%S"), type(error).__name__, error), start)
                self.disconnect()
            finally:
                self.gate.leave()
            time.sleep(self.random.expovariate(1) * self.pause_ms / 1000)
        self.disconnect()

    def one(self, kind, language, mode):
        start = time.perf_counter()
        getattr(self, "do_" + kind.replace("-", "_"))(language, mode)
        # Kinds are the same work in every mode; the mode and the language are what differs.
        label = "%s %s" % (language, mode) if kind == "echo" else kind
        taken = time.perf_counter() - start
        self.tally.add(label, taken * 1000)
        if taken > LONGEST_SECONDS:
            raise Wrong("right, but it took %.1f s" % taken)

    def disconnect(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def send(self, request):
        if self.connection is None:
            self.connection = Connection(self.evaluator)
        return self.connection.send(request)

    def request(self, method, path, body=b""):
        return self.send(("%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (
            method, path, len(body))).encode() + body)

    def invoke(self, name, headers="", **event):
        """Status, head and body; waits and asks again while the evaluator says that it is busy."""
        self.serial += 1
        event.setdefault("text", "%d-%d" % (self.number, self.serial))
        data = json.dumps(event).encode()
        while True:
            status, head, body = self.send(invocation(name, data, headers))
            if status != 429:
                return event["text"], status, head, body
            self.tally.busy += 1
            time.sleep(0.2)

    # MARK: calls that complete

    def do_echo(self, language, mode):
        text, status, _, body = self.invoke(name_of(language, mode), kind="echo")
        expect(completed(status, body, mode)["got"], text)

    def do_compute(self, language, mode):
        count = self.random.randrange(1, 20_000)
        _, status, _, body = self.invoke(name_of(language, mode), kind="compute", count=count)
        expect(completed(status, body, mode)["sum"], (count - 1) * count * (2 * count - 1) // 6)

    def do_file(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode), kind="file")
        seen = completed(status, body, mode)["seen"]
        if mode != "reuse":
            expect(seen, [])

    def do_large(self, language, mode):
        text = self.random.choice("abcdef") * self.random.randrange(100_000, 4_000_000)
        _, status, _, body = self.invoke(name_of(language, mode), kind="echo", text=text)
        expect(completed(status, body, mode)["got"], text)

    def do_log(self, language, mode):
        lines = self.random.randrange(1, 30)
        text, status, head, body = self.invoke(name_of(language, mode), kind="log", lines=lines)
        expect(completed(status, body, mode)["got"], text)
        # Reading the record waits for the report, with which the log is complete.
        path = "/v1/calls/" + header(head, "Cloister-Call-Id")
        self.request("GET", path)
        printed = [line["text"] for line in json.loads(self.request("GET", path + "/logs")[2])["lines"]]
        expect(printed, ["line %d of %s" % (n, text) for n in range(lines)])

    # MARK: calls that do not

    def do_error(self, language, mode):
        text, status, _, body = self.invoke(name_of(language, mode), kind="error")
        problem(status, body, 502, "handler_error", message=text)

    def do_broken(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode, "broken"), kind="echo")
        problem(status, body, 502, "init_error")

    def do_timeout(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode, "hasty"), kind="sleep", seconds=4)
        problem(status, body, 504, "wall_timeout")

    def do_memory(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode), kind="memory")
        problem(status, body, 502, "out_of_memory")

    def do_crash(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode), kind="crash")
        problem(status, body, 502, "crashed", signal="SIGSEGV" if language == "python" else "SIGABRT")

    def do_exit(self, language, mode):
        _, status, _, body = self.invoke(name_of(language, mode), kind="exit", code=7)
        problem(status, body, 502, "exited", exitCode=7)

    # MARK: calls that nobody waits for, and those that are ended

    def do_async(self, language, mode):
        text, status, _, body = self.invoke(name_of(language, mode), "Prefer: respond-async\r\n", kind="echo")
        expect(status, 202)
        status, _, body = self.request("GET", "/v1/calls/%s/result?wait=30s" % json.loads(body)["id"])
        expect(completed(status, body, mode)["got"], text)

    def do_async_error(self, language, mode):
        text, status, _, body = self.invoke(name_of(language, mode), "Prefer: respond-async\r\n", kind="error")
        expect(status, 202)
        record = json.loads(self.request("GET", "/v1/calls/%s?wait=30s" % json.loads(body)["id"])[2])
        expect((record["state"], record["cause"], record["attempt"]), ("failed", "handler_error", 2))
        expect(record["message"], text)

    def do_cancel(self, language, mode):
        _, status, _, body = self.invoke(
            name_of(language, mode), "Prefer: respond-async\r\n", kind="sleep", seconds=4)
        expect(status, 202)
        path = "/v1/calls/" + json.loads(body)["id"]
        time.sleep(self.random.random() / 10)
        status, _, body = self.request("DELETE", path)
        expect((status, json.loads(body).get("state")), (200, "cancelled"))

    def do_hang_up(self, language, mode):
        """Leaves while the call runs, which cancels it."""
        with Connection(self.evaluator) as connection:
            connection.socket.sendall(invocation(
                name_of(language, mode), b'{"kind":"sleep","seconds":4,"text":""}'))
            time.sleep(0.05)

    def do_register(self, language, mode):
        """A function of the caller's own: made, called, changed, called, deleted, called in vain."""
        name = "own-%d-%d" % (self.number, self.random.randrange(5))
        for number in range(2):
            value = self.random.randrange(1000)
            code = "def handler(event, context):\n    return %d\n" if language == "python" else "exports.handler = () => %d;\n"
            status, _, body = self.request("PUT", "/v1/functions/" + name, json.dumps(
                {"runtime": language, "code": code % value, "isolation": mode, "timeoutMs": SETTINGS["timeoutMs"]}).encode())
            if status not in (200, 201):
                raise Wrong("registering: %d %s" % (status, bytes(body).decode()))
            _, status, _, body = self.invoke(name)
            expect((status, json.loads(body)), (200, value))
        expect(self.request("DELETE", "/v1/functions/" + name)[0], 204)
        expect(self.invoke(name)[1], 404)


def header(head, name):
    for line in head.decode("latin-1").split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    raise Wrong("the answer has no " + name)
