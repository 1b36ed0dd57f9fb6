"""What is done beside a neighbour, one kind a function: started by `neighbours.py` as a process of its own
(`python3 -m measures.neighbour_loads KIND ADDRESS`), so that its work does not hold up the client that measures.

A load prints one line when it is under way and, at the end of its input, one of JSON: what it got for answers.
"""

import collections
import http.client
import json
import multiprocessing
import selectors
import socket
import sys
import threading
import time

FOLLOWERS, IDLE, UPLOADS, STREAMS = 100, 500, 14, 25
UPLOAD_BYTES = 69 << 20
EVENT = b'[' + b'[1,"\\u0041"],' * 460_000 + b"1]"

LOTS = """
import os


def handler(event, context):
    for i in range(2000):
        print(os.urandom(60).hex())
"""
TINY = """
import os


def handler(event, context):
    os.write(1, b"a\\n" * 9900)
"""
FLOOD = """
def handler(event, context):
    line = '{"level":"info","msg":"' + "\\u00e9a" * 150 + '"}'
    for i in range(600):
        print(line)
"""
STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const piece = Buffer.alloc(1 << 20, 120);
  for (let i = 0; i < 19; i++) if (!stream.write(piece)) await new Promise((go) => stream.once('drain', go));
  stream.end();
});
"""


class Answers:
    """Counts of answers by status, from any thread; what broke instead counts by its name."""

    def __init__(self):
        self.counts, self.lock = collections.Counter(), threading.Lock()

    def add(self, status):
        with self.lock:
            self.counts[str(status)] += 1


class Load:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.host, self.port = host, int(port)
        self.answers, self.over, self.callers = Answers(), threading.Event(), []

    def threads(self, count, work):
        """Repeats some work on connections of their own, until the end."""
        def repeat():
            connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
            while not self.over.is_set():
                try:
                    answer = work(connection)
                    answer.read()
                    self.answers.add(answer.status)
                    if answer.status >= 429:
                        time.sleep(0.02)
                except (OSError, http.client.HTTPException) as error:
                    self.answers.add(type(error).__name__)
                    connection.close()
                    time.sleep(0.05)
        started = [threading.Thread(target=repeat, daemon=True) for _ in range(count)]
        for thread in started:
            thread.start()
        self.callers += started

    def get(self, path):
        def work(connection):
            connection.request("GET", path)
            return connection.getresponse()
        return work

    def post(self, path, body, **headers):
        def work(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            return connection.getresponse()
        return work

    def connect(self, buffer=None):
        one = socket.socket()
        if buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        one.settimeout(10)
        one.connect((self.host, self.port))
        return one

    def connections(self, count, text, buffer=None):
        opened = []
        for number in range(count):
            try:
                one = self.connect(buffer)
                one.sendall(text(number))
                opened.append(one)
            except OSError as error:
                self.answers.add(type(error).__name__)
        return opened

    # ---- the kinds ----

    def searchers(self):
        self.threads(8, self.get("/v1/logs?text=zzqqzz"))

    def followers(self):
        ask = b"GET /v1/logs?text=zzqzz HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
        opened = self.connections(FOLLOWERS, lambda _: ask)
        def read():
            with selectors.DefaultSelector() as poll:
                heads = set()
                for one in opened:
                    one.setblocking(False)
                    poll.register(one, selectors.EVENT_READ)
                while not self.over.is_set():
                    for key, _ in poll.select(0.2):
                        try:
                            got = key.fileobj.recv(65536)
                        except OSError:
                            got = b""
                        if got and key.fd not in heads:
                            heads.add(key.fd)
                            self.answers.add(got[9:12].decode())
                        if not got:
                            poll.unregister(key.fileobj)
        threading.Thread(target=read, daemon=True).start()
        def flood(connection):
            time.sleep(0.05)
            return self.post("/v1/functions/flood/invoke", "1")(connection)
        self.threads(1, flood)
        return opened

    def log_events(self):
        group = "/aws/lambda/tiny"
        def ask(operation, **fields):
            return self.post(
                "/", json.dumps({"logGroupName": group, **fields}), **{
                    "X-Amz-Target": "Logs_20140328." + operation, "Content-Type": "application/x-amz-json-1.1"})
        answer = ask("DescribeLogStreams")(http.client.HTTPConnection(self.host, self.port, timeout=60))
        streams = json.loads(answer.read())["logStreams"]
        self.threads(8, ask("GetLogEvents", logStreamName=streams[0]["logStreamName"], limit=1))

    def idle(self):
        return self.connections(IDLE, lambda _: b"")

    def uploads(self):
        head = "PUT /v1/functions/big%d HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        opened = self.connections(UPLOADS, lambda n: (head % (n, UPLOAD_BYTES)).encode())
        def send(one):
            rest = UPLOAD_BYTES - 1
            piece = b"x" * (1 << 20)
            try:
                while rest:
                    rest -= one.send(piece[:rest])
                self.answers.add("sent but for a byte")
            except OSError:
                try:
                    self.answers.add(one.recv(64)[9:12].decode() or "closed")
                except OSError as error:
                    self.answers.add(type(error).__name__)
        senders = [threading.Thread(target=send, args=(one,), daemon=True) for one in opened]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(20)
        return opened

    def streams(self):
        ask = b"POST /2021-11-15/functions/stream/response-streaming-invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
        opened = self.connections(STREAMS, lambda _: ask, buffer=4096)
        for one in opened:
            try:
                self.answers.add(one.recv(64)[9:12].decode())
            except OSError as error:
                self.answers.add(type(error).__name__)
        return opened

    def events(self):
        self.threads(3, self.post("/v1/functions/none/invoke", EVENT))

    def busy(self, count):
        def spin():
            while True:
                pass
        started = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
        for process in started:
            process.start()
        return started


# What each is called in the table.
KINDS = {
    "searchers": "8 searchers of 38 MB of logs",
    "followers": "100 followers with filters, and a function that prints",
    "log_events": "8 callers of GetLogEvents for one line",
    "idle": "500 idle connections",
    "uploads": "14 uploads of 69 MB that stop a byte short",
    "streams": "25 unread streamed results of 19 MB",
    "events": "3 senders of 6 MB events to no function",
    "busy-3": "3 busy processes (control: no request at all)",
    "busy-8": "8 busy processes (control)",
}


def main(kind, address):
    load = Load(address)
    name, _, count = kind.partition("-")
    held = getattr(load, name)(*([int(count)] if count else []))
    print("under way", flush=True)
    sys.stdin.read()
    load.over.set()
    # What was asked for last is answered, so that nothing of it goes on beside the next load.
    deadline = time.monotonic() + 30
    for caller in load.callers:
        caller.join(max(0, deadline - time.monotonic()))
    print(json.dumps(load.answers.counts), flush=True)
    for one in held or []:
        one.terminate() if isinstance(one, multiprocessing.Process) else one.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
