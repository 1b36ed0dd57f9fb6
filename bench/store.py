"""Fills the database that an evaluator has made with functions and calls, as years of use would."""

import hashlib
import json
import os
import random
import sqlite3
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DAY_MS = 86_400_000
TEAMS = "billing search media orders users mail stock pricing reports fraud".split()
VERBS = "import export resize render notify sync score parse merge archive".split()
THINGS = "invoice image thumbnail order profile address feed page label event".split()

# Per thousand calls that did not complete: cause, state, what the record says.
CAUSES = [
    (520, "handler_error", "failed", "no such colour: 'blurple'", "KeyError"),
    (210, "wall_timeout", "timed_out", "the handler did not finish within 3000 ms, the function's time limit", None),
    (90, "out_of_memory", "failed", "the call needed more than its 128 MB of memory (127.9 MB were in use)", None),
    (60, "init_error", "failed", "the code did not load: No module named 'requests'", "ModuleNotFoundError"),
    (40, "cancelled", "cancelled", "the call was cancelled", None),
    (30, "exited", "failed", "the process exited with code 2 before the handler gave a result", None),
    (25, "crashed", "failed", "the process was ended by SIGSEGV: it touched memory that is not its own", None),
    (15, "evaluator_lost", "failed", "the evaluator stopped while the call ran", None),
    (10, "response_invalid", "failed", "the result is not JSON: $.at is a value of type datetime", None),
]
STACK = json.dumps(['File "/function/index.py", line %d, in handler\n    return paint(event["colour"])' % n for n in (7, 12)])

CALL_COLUMNS = """id function version runtime state cause message errorType stack queuedAtMs startedAtMs
    endedAtMs queueMs startMs initMs runMs cpuMs peakMemoryBytes bytesIn bytesOut logBytes logTruncated
    timeoutMs memoryMB tmpMB template async isDead""".split()


def base32(value, length):
    text = ""
    for _ in range(length):
        text = ALPHABET[value & 31] + text
        value >>= 5
    return text


def call_id(milliseconds):
    return base32(milliseconds, 10) + base32(random.getrandbits(80), 16)


def function_names(count):
    return sorted({
        "%s-%s-%s-%d" % (TEAMS[n % 10], VERBS[n // 10 % 10], THINGS[n // 100 % 10], n // 1000 + 1)
        for n in range(count)})


def ranking(names):
    """Places in `names`, of the function that is called most often first."""
    return random.Random(7).sample(range(len(names)), len(names))


def insert(db, table, columns, rows):
    db.executemany("INSERT INTO %s (%s) VALUES (%s)" % (
        table, ", ".join(columns), ", ".join("?" * len(columns))), rows)


def fill(folder, functions, calls):
    """Adds functions and calls to FOLDER/registry.sqlite and FOLDER/bundles."""
    random.seed(7)
    db = sqlite3.connect(folder + "/registry.sqlite", isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000", "temp_store = MEMORY"):
        db.execute("PRAGMA " + pragma)
    names = function_names(functions)
    db.execute("BEGIN")
    add_functions(db, folder, names)
    if calls:
        add_calls(db, names, calls)
    # The queue's counts follow from the rows, by a trigger that sees letters die.
    db.execute("UPDATE usage SET deadBytes = (SELECT coalesce(sum(bytes), 0) FROM asyncCall WHERE isDead = 1)")
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return names


def add_functions(db, folder, names):
    now = int(time.time() * 1000)
    versions = []
    for number, name in enumerate(names):
        source = "def handler(event, context):\n    return {'function': %r, 'event': event}\n" % name
        digest = hashlib.sha256(source.encode()).hexdigest()
        os.makedirs("%s/bundles/%s" % (folder, digest), exist_ok=True)
        with open("%s/bundles/%s/index.py" % (folder, digest), "w") as file:
            file.write(source)
        for version in range(1, 2 + number % 3):
            versions.append((
                name, version, "python", "index.handler", digest, len(source), 3000, 128, 16,
                '{"REGION":"eu","LEVEL":"info"}', "does what %s says" % name, now - 90 * DAY_MS + number * 1000))
    insert(db, "function", ["name", "lastVersion"], ((n, 1 + i % 3) for i, n in enumerate(names)))
    insert(db, "functionVersion", """name version runtime handler codeSha256 codeBytes timeoutMs memoryMB tmpMB
        environment description createdAtMs""".split(), versions)


def add_calls(db, names, count):
    # A few functions have most of the calls: the share falls with the rank. Some always fail.
    order = ranking(names)
    ranks = [1 / (rank + 3) for rank in range(len(names))]
    failing = set(order[5::97])
    end = int(time.time() * 1000) - 60_000
    step = 10 * DAY_MS / count
    chunk = 50_000
    for first in range(0, count, chunk):
        size = min(chunk, count - first)
        chosen = random.choices(order, ranks, k=size)
        rows = [
            call(names[function], 1 + function % 3, int(end - (count - first - index) * step), function in failing)
            for index, function in enumerate(chosen)]
        insert(db, "call", CALL_COLUMNS, [row[0] for row in rows])
        insert(db, "callLog", "id attempt function timeMs bytes lines".split(), [r[1] for r in rows if r[1]])
        insert(db, "callResult", "id bytes result".split(), [r[2] for r in rows if r[2]])
        insert(db, "asyncCall", "id dueAtMs expiresAtMs isDead bytes event".split(), [r[3] for r in rows if r[3]])
        insert(db, "webhook", "id url state attempts dueAtMs".split(), [r[4] for r in rows if r[4]])


def call(function, version, queued, fails):
    """The rows of one call: its record, log, result, event and webhook, where it has them."""
    identifier = call_id(queued)
    failed = random.random() < (0.9 if fails else 0.03)
    weight, cause, state, message, kind = (
        random.choices(CAUSES, [c[0] for c in CAUSES])[0] if failed else (0, None, "completed", None, None))
    run = 3000.0 if cause == "wall_timeout" else round(random.expovariate(1 / 40), 2)
    ended = queued + int(run) + 2
    is_async = random.random() < 0.1
    is_dead = is_async and failed and cause != "cancelled"
    state_json = '{"attempt":%d,"maxAttempts":3,"attempts":[]}' % (3 if is_dead else 1) if is_async else None
    log = log_of(failed, queued) if random.random() < 0.3 else None
    record = (
        identifier, function, version, "python", state, cause, message, kind,
        STACK if cause == "handler_error" else None, queued, queued, ended,
        0.02, 0.31, 0.9, run, run / 2, random.randrange(3 << 20, 60 << 20), random.randrange(2, 4000),
        0 if failed else random.randrange(4, 9000), len(log or ""), 0, 3000, 128, 16, "python-1", state_json,
        int(is_dead))
    return (
        record,
        log and (identifier, 1, function, ended, len(log), log.encode()),
        (identifier, 60, b'{"ok": true}' * 5) if is_async and not failed else None,
        (identifier, queued, queued + DAY_MS, 1, 200, b'{"id": 1}' * 20) if is_dead else None,
        (identifier, "https://example.org/hook", "delivered", 1, ended) if is_async and random.random() < 0.1 else None)


def log_of(failed, queued):
    lines = [[queued + n, "stdout", "INFO: step %d of the work on item %d" % (n, random.randrange(10**6))]
             for n in range(random.randrange(1, 8))]
    if failed:
        lines.append([queued + 9, "stderr", "ERROR: it did not work out as it should have"])
    return json.dumps(lines, separators=(",", ":"))
