"""The walk in docs/lambda.md, with the aws command line."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import Evaluator, ROOT

BLOCKS = re.findall(
    r"<!-- walkthrough: (.*?) -->\n```sh\n(.*?)```", (ROOT / "docs/lambda.md").read_text(), re.S)


def test_there_are_two_walks():
    assert [name for name, _ in BLOCKS] == ["aws lambda", "aws logs"]


def test_the_walks_go_as_they_are_written(tmp_path):
    if not shutil.which("aws"):
        pytest.fail("scripts/lambda-env installs the aws command line, and it is not there")
    evaluator = Evaluator()
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": evaluator.endpoint, "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
    try:
        for name, block in BLOCKS:
            script = "\n".join(line for line in block.splitlines() if not line.startswith("#> "))
            expected = [line[3:] for line in block.splitlines() if line.startswith("#> ")]
            done = subprocess.run(
                ["bash", "-eu", "-c", script], cwd=tmp_path, env=environment, text=True,
                capture_output=True, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
            assert [l for l in done.stdout.splitlines() if l] == expected, (name, done.stderr)
    finally:
        evaluator.stop()
