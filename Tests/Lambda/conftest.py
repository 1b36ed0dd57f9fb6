"""A real evaluator, clients of it, and functions to try them with."""

import io
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / ".build/debug"))
ROLE = "arn:aws:iam::000000000000:role/cloister"
names = itertools.count()

ECHO = """
import os
def handler(event, context):
    print("called with", event)
    return {"event": event, "version": context.function_version, "env": os.environ.get("K")}
"""
ECHO_JS = "exports.handler = async (event, context) => ({event, version: context.functionVersion, env: process.env.K});"


def zip_of(files):
    """A zip archive of texts or bytes by their paths; the same for the same files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content)
    return data.getvalue()


class Evaluator:
    """One in a process and a data folder of its own."""

    def __init__(self, *options, folder=None):
        self.owned = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="cloister-test-lambda-")
        self.log = open(os.path.join(self.folder, "log"), "a+")
        self.process = subprocess.Popen(
            [BUILD / "evaluator", "--port", "0", "--data-dir", self.folder + "/data", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=self.environment())
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.complaint()
        self.endpoint = line.removeprefix("listening on ").strip()
        self.port = int(self.endpoint.rpartition(":")[2])
        for _ in range(600):
            try:
                urllib.request.urlopen(self.endpoint + "/readyz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("not ready: " + self.complaint())

    @staticmethod
    def environment():
        """That of a machine on which nobody runs tests: the clients' own Python is not the functions'."""
        own = os.path.join(sys.prefix, "bin")
        path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != own)
        return {**{k: v for k, v in os.environ.items() if not k.startswith("CLOISTER_")}, "PATH": path}

    def complaint(self):
        self.log.seek(0)
        return self.log.read()

    def client(self, service="lambda", endpoint=None, key="test", secret="test", region="us-east-1", **config):
        config.setdefault("retries", {"max_attempts": 0})
        config.setdefault("read_timeout", 60)
        return boto3.client(
            service, endpoint_url=endpoint or self.endpoint, region_name=region,
            aws_access_key_id=key, aws_secret_access_key=secret,
            config=botocore.config.Config(**config))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        if self.owned:
            shutil.rmtree(self.folder, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """What takes longest begins first, as the others go on beside it."""
    items.sort(key=lambda item: item.path.name != "test_terraform.py")


@pytest.fixture(scope="session")
def evaluator():
    made = Evaluator("--log-level", "notice")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def aws(evaluator):
    return evaluator.client()


@pytest.fixture(scope="session")
def raw(evaluator):
    """A client that sends what it is told to, right or wrong."""
    return evaluator.client(parameter_validation=False)


@pytest.fixture(scope="session")
def logs(evaluator):
    return evaluator.client("logs")


@pytest.fixture(scope="session")
def make(aws):
    """Makes a function and returns its name."""

    def make(code=None, js=None, name=None, **settings):
        files = code if isinstance(code, dict) else {"app.py": code or ECHO}
        settings.setdefault("Runtime", "python3.11")
        settings.setdefault("Handler", "app.handler")
        if js is not None:
            files = js if isinstance(js, dict) else {"index.js": js}
            settings["Runtime"] = "nodejs20.x"
            if settings["Handler"] == "app.handler":
                settings["Handler"] = "index.handler"
        name = name or "f-%d" % next(names)
        aws.create_function(FunctionName=name, Role=ROLE, Code={"ZipFile": zip_of(files)}, **settings)
        return name

    return make


@pytest.fixture(scope="session")
def echo(make):
    """A function that nobody changes."""
    return make(name="echo-of-all", Environment={"Variables": {"K": "v"}})


def refusal(operation, **parameters):
    """The code and the status that an operation is refused with."""
    try:
        operation(**parameters)
    except Exception as error:
        response = getattr(error, "response", None)
        if response is None:
            raise
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    return "accepted", 200


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come about in %s s" % seconds)


def settled(aws, name):
    """Waits until the last change of a function is done, as clients do before the next one."""
    aws.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 50})
    return name
