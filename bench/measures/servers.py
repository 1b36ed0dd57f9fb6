"""Server processes that end with the program that started them, however that ends."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, ".build/release")))

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def end_with_parent():
    """Runs in the child before its program: the kernel ends it with this process (prctl(2))."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_on_signals():
    """Makes the signals that ask a program to end raise, so that `with` blocks end what they began."""
    def leave(number, frame):
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


class Server:
    """A program whose first line of output ends in its URL."""

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent,
            env={**os.environ, **(environment or {})})
        try:
            line = self.process.stdout.readline()
            if not line.startswith("listening on "):
                raise RuntimeError("%s did not start" % command[0])
            self.url = line.split()[-1]
            self.address = self.url.removeprefix("http://")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def close(self):
        """Ends it. What is in the way of that is not waited for."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class EchoServer(Server):
    """A bare Hummingbird server (bench/EchoServer)."""

    def __init__(self):
        super().__init__(BUILD + "/EchoServer")


class Evaluator(Server):
    """An evaluator with a data folder of its own, ready for calls."""

    def __init__(self, *options, data=None, environment=None, programs=BUILD):
        self.owned = None if data else tempfile.mkdtemp(prefix="cloister-bench-")
        self.data = data or self.owned
        super().__init__(
            programs + "/evaluator", "--port", "0", "--data-dir", self.data, "--log-level", "error",
            "--drain-seconds", "5", *options, environment=environment)
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def request(self, method, path, body=None, headers=None):
        """Status and body of one request on a connection of its own."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.url + path, data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path):
        status, body = self.request("GET", path)
        if status != 200:
            raise RuntimeError("%s answers %d: %s" % (path, status, body.decode()))
        return json.loads(body)

    def wait_ready(self, parked=None):
        """Waits until every template can serve and, when told so, has so many parked cells."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status, body = self.request("GET", "/readyz")
            templates = json.loads(body)["templates"]
            if status == 200 and (parked is None or all(t["parked"] >= parked for t in templates)):
                return
            time.sleep(0.05)
        raise RuntimeError("the evaluator did not get ready: %s" % body.decode())

    def register(self, name, runtime, code, **settings):
        status, body = self.request(
            "PUT", "/v1/functions/" + name, {"runtime": runtime, "code": code, **settings})
        if status not in (200, 201):
            raise RuntimeError("%s cannot be registered: %s" % (name, body.decode()))
        return json.loads(body)

    def close(self):
        super().close()
        if self.owned:
            shutil.rmtree(self.owned, ignore_errors=True)
