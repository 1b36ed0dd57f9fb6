"""The handlers in samples/lambda, as they are."""

import base64
import hashlib
import json
import subprocess
import sys

import pytest
from conftest import ROLE, ROOT, zip_of

FOLDERS = sorted(path.parent for path in (ROOT / "samples/lambda").glob("*/sample.json"))


def files(folder, sample):
    """What is in the archive: the folder, and packages that its requirements name."""
    found = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "sample.json" and "__pycache__" not in path.parts}
    if "requirements" in sample:
        listed = folder / sample["requirements"]
        target = ROOT / ".build/lambda-packages" / hashlib.sha256(listed.read_bytes()).hexdigest()[:16]
        if not target.is_dir():
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--no-compile", "--target", str(target), "-r", str(listed)], check=True, timeout=300)
        for path in sorted(target.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[str(path.relative_to(target))] = path.read_bytes()
    return found


def test_there_are_ten_and_more():
    assert len(FOLDERS) >= 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_sample(aws, folder):
    sample = json.loads((folder / "sample.json").read_text())
    name = "sample-" + folder.name
    settings = {"Environment": {"Variables": sample["environment"]}} if "environment" in sample else {}
    aws.create_function(
        FunctionName=name, Role=ROLE, Runtime=sample["runtime"], Handler=sample["handler"],
        MemorySize=sample.get("memory", 128), Timeout=sample.get("timeout", 10),
        Code={"ZipFile": zip_of(files(folder, sample))}, **settings)
    for case in sample["cases"]:
        payload = json.dumps(case["event"])
        if case.get("stream"):
            events = list(aws.invoke_with_response_stream(FunctionName=name, Payload=payload)["EventStream"])
            text = b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e).decode()
            assert len(events) > 2 and text == case["expect"]
            continue
        answer = aws.invoke(FunctionName=name, Payload=payload, LogType="Tail")
        result = json.loads(answer["Payload"].read())
        log = base64.b64decode(answer["LogResult"]).decode()
        assert result.get("errorType") == case.get("error"), (result, log)
        assert ("FunctionError" in answer) == ("error" in case)
        if "expect" in case:
            assert result == case["expect"]
        if "contains" in case:
            assert case["contains"] in json.dumps(result)
        for text in case.get("log", []):
            assert text in log, log
