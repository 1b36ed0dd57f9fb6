"""What stands in logs around the lines of a call."""

import base64
import json
import re

import pytest
from conftest import wait_for, zip_of


def tail(aws, name):
    answer = aws.invoke(FunctionName=name, LogType="Tail")
    answer["Payload"].read()
    return base64.b64decode(answer["LogResult"]).decode()


def events(logs, name):
    return [e["message"] for e in logs.filter_log_events(logGroupName="/aws/lambda/" + name)["events"]]


def test_a_python_error_has_its_traceback(aws, make):
    lines = tail(aws, make("def handler(e, c):\n    raise ValueError('no')")).splitlines()
    at = lines.index("[ERROR] ValueError: no")
    assert lines[at + 1] == "Traceback (most recent call last):"
    assert lines[at + 2].startswith('\xa0\xa0File "/var/task/app.py", line 2, in handler')


def test_a_node_error_is_an_invoke_error(aws, make):
    log = tail(aws, make(js="exports.handler = async () => { throw new TypeError('no'); };"))
    line = next(line for line in log.splitlines() if "\tERROR\t" in line)
    at, _, level, title, error = line.split("\t")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", at) and (level, title) == ("ERROR", "Invoke Error ")
    error = json.loads(error)
    assert (error["errorType"], error["errorMessage"], error["stack"][0]) == ("TypeError", "no", "TypeError: no")


def test_code_that_does_not_load_is_told_in_the_runtimes_words(aws, make):
    lines = tail(aws, make("import nothing_of_this_name")).splitlines()
    assert "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'nothing_of_this_name'" in (
        lines)


def test_each_attempt_is_in_the_log(aws, make, logs):
    name = make("def handler(e, c):\n    print('here')\n    raise ValueError('no')")
    aws.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    aws.invoke(FunctionName=name, InvocationType="Event")
    wait_for(lambda: sum(m.startswith("REPORT") for m in events(logs, name)) == 2)
    kinds = [re.match(r"[\[\w\]]+", message).group() for message in events(logs, name)]
    assert kinds == ["START", "here", "[ERROR]", "END", "REPORT"] * 2
    assert len({m.split()[2] for m in events(logs, name) if m.startswith(("START", "END", "REPORT"))}) == 1


def test_streams_are_new_after_a_change(aws, make, logs):
    code = "def handler(e, c):\n    return c.log_stream_name"
    name = make(code)

    def called():
        return json.loads(aws.invoke(FunctionName=name, LogType="Tail")["Payload"].read())
    first = called()
    assert called() == first
    aws.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": code + "\n"}))
    aws.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    second = called()
    aws.update_function_configuration(FunctionName=name, Timeout=9)
    aws.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    third = called()
    names = {first, second, third}
    found = logs.describe_log_streams(logGroupName="/aws/lambda/" + name)["logStreams"]
    assert len(names) == 3 and {s["logStreamName"] for s in found} == names
    for stream in names:
        lines = logs.get_log_events(logGroupName="/aws/lambda/" + name, logStreamName=stream)["events"]
        assert sum(e["message"].startswith("START") for e in lines) == (2 if stream == first else 1)


def test_the_version_is_told_of_calls_that_ran(aws, make):
    name = make()
    for kind in "Event", "DryRun":
        assert "ExecutedVersion" not in aws.invoke(FunctionName=name, InvocationType=kind)
    headers = aws.invoke(FunctionName=name)["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-executed-version"] == "$LATEST" and headers["x-amzn-trace-id"].startswith("Root=1-")


def test_who_is_missing_or_throttled(aws, make):
    name = make()
    with pytest.raises(aws.exceptions.ResourceNotFoundException) as error:
        aws.invoke(FunctionName=name + "-none")
    assert error.value.response["Error"]["Message"].endswith(name + "-none:$LATEST")
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(aws.exceptions.TooManyRequestsException) as error:
        aws.invoke(FunctionName=name)
    assert "retryAfterSeconds" not in error.value.response
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
