"""AWS's own Python runtime client as a peer: one warm process that serves calls one after the other, the
way `reuse` does. It is given calls by a server here that speaks the runtime API, and nothing more."""

import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import time

from . import handlers, programs
from .figures import Row, summary
from .servers import BUILD, end_with_parent

CLIENT = "awslambdaric"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def environment():
    """The interpreter of a virtual environment that has the client; it is made when it is not there.
    Raises RuntimeError with the reason when that fails."""
    folder = os.path.join(BUILD, "lambda-peer")
    python = folder + "/bin/python"
    if programs.output(python, "-c", "import " + CLIENT) is None:
        for command in [
            [programs.PATH_INTERPRETER, "-m", "venv", folder],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", CLIENT],
        ]:
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise RuntimeError("%s cannot be installed: %s" % (CLIENT, error)) from error
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or ["no reason given"]
                raise RuntimeError("%s cannot be installed: %s" % (CLIENT, lines[-1]))
    return python


class RuntimeAPI:
    """Hands events to a runtime: the two requests that matter, in one thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.received = {}
        self.waiting = None
        self.result = None

    def invoke(self, event):
        """One call: the time from handing over the event to having the result, in ms."""
        self.pump(lambda: self.waiting is not None)
        connection, self.waiting, self.result = self.waiting, None, None
        start = time.perf_counter()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
            "Lambda-Runtime-Deadline-Ms: %d\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu:1:function:f\r\n"
            "Content-Length: %d\r\n\r\n" % (time.time() * 1000 + 10000, len(event)))
        connection.sendall(head.encode() + event)
        self.pump(lambda: self.result is not None)
        return (time.perf_counter() - start) * 1000

    def pump(self, is_done):
        deadline = time.monotonic() + 20
        while not is_done():
            if time.monotonic() > deadline:
                raise RuntimeError("the runtime client does not answer")
            for key, _ in self.selector.select(1):
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.received[connection] = b""
                    self.selector.register(connection, selectors.EVENT_READ)
                else:
                    self.read(key.fileobj)

    def read(self, connection):
        piece = connection.recv(65536)
        if not piece:
            self.selector.unregister(connection)
            del self.received[connection]
            connection.close()
            return
        data = self.received[connection] + piece
        head, separator, body = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        self.received[connection] = data
        if not separator or len(body) < (int(length.group(1)) if length else 0):
            return
        self.received[connection] = b""
        path = head.split(b" ", 2)[1]
        if path.endswith(b"/invocation/next"):
            self.waiting = connection
        else:
            if path.endswith(b"/error"):
                raise RuntimeError("the runtime client reports: %s" % body[:200].decode())
            self.result = body
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    def close(self):
        for connection in [self.listener, *self.received]:
            connection.close()
        self.selector.close()


def warm_process(rounds, folder):
    """The peer's row. `folder` takes the handler's file."""
    row = Row("peer-lambda", "awslambdaric, a warm process of AWS's Python runtime client, without a front", unit="ms")
    try:
        python = environment()
    except RuntimeError as error:
        return row.not_measured(str(error))
    with open(folder + "/app.py", "w") as file:
        file.write(handlers.PYTHON)
    server = RuntimeAPI()
    process = subprocess.Popen(
        [python, "-m", CLIENT, "app.handler"], cwd=folder, preexec_fn=end_with_parent,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": server.address, "LAMBDA_TASK_ROOT": folder,
             "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"})
    try:
        for _ in range(30):
            server.invoke(b'{"a":1}')
        if json.loads(server.result) != {"got": {"a": 1}}:
            raise RuntimeError("the runtime client answers %s" % server.result[:200])
        times = [server.invoke(b'{"a":1}') for _ in range(rounds)]
        version = programs.output(python, "-c", "import importlib.metadata as m; print(m.version('%s'))" % CLIENT)
        return row.measured(statistics.median(times), times=summary(times), version=version)
    except RuntimeError as error:
        return row.not_measured(str(error))
    finally:
        process.terminate()
        process.wait()
        server.close()
