"""The log obeys LoggingConfig: its format, its levels and its group."""

import base64
import json
import re

import pytest
from conftest import refusal, settled, wait_for

PYTHON = """
import logging, os
log = logging.getLogger("own")
log.debug("while loading")
def handler(event, context):
    print("plain")
    log.debug("small")
    log.info("said %s", "so", extra={"more": {"a": 1}})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("caught")
    if event.get("fail"):
        raise ValueError("no")
    return [os.environ["AWS_LAMBDA_LOG_FORMAT"], os.environ.get("AWS_LAMBDA_LOG_LEVEL"), context.log_group_name,
            os.environ["AWS_LAMBDA_LOG_GROUP_NAME"], context.log_stream_name]
"""
NODE = """
console.info('while loading');
exports.handler = async (event) => {
  console.debug('small');
  console.log('two', {b: 2});
  console.warn({a: 1});
  console.error('bad', new TypeError('own'));
  process.stdout.write('plain\\n');
  if (event.fail) throw new RangeError('no');
};
"""


def lines(aws, name, event=b"{}"):
    answer = aws.invoke(FunctionName=name, LogType="Tail", Payload=event)
    answer["Payload"].read()
    return base64.b64decode(answer["LogResult"]).decode().splitlines()


def records(aws, name, event=b"{}"):
    """The lines that are JSON, by their type or level, and the others."""
    found, rest = [], []
    for line in lines(aws, name, event):
        found.append(json.loads(line)) if line.startswith("{") else rest.append(line)
    return found, rest


def json_format(application="DEBUG", system="DEBUG"):
    return {"LogFormat": "JSON", "ApplicationLogLevel": application, "SystemLogLevel": system}


def test_pythons_records(aws, make):
    found, rest = records(aws, make(PYTHON, LoggingConfig=json_format()))
    assert rest == ["plain"]
    request = found[0]["record"]["requestId"]
    assert found[0]["type"] == "platform.start" and found[0]["record"]["version"] == "$LATEST"
    loading, small, said, caught = found[1:5]
    assert loading["message"] == "while loading" and "requestId" not in loading
    assert (small["level"], small["message"], small["logger"], small["requestId"]) == ("DEBUG", "small", "own", request)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", small["timestamp"])
    assert said["message"] == "said so" and said["more"] == {"a": 1}
    assert (caught["level"], caught["errorType"], caught["errorMessage"]) == (
        "ERROR", "ZeroDivisionError", "division by zero")
    assert "/var/task/app.py" in caught["stackTrace"][0] and caught["location"].startswith("/var/task/app.py:handler:")
    done, report = found[5:]
    assert done["type"] == "platform.runtimeDone" and done["record"]["status"] == "success"
    assert report["type"] == "platform.report" and report["record"]["requestId"] == request
    assert set(report["record"]["metrics"]) >= {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"}


def test_pythons_failures_are_records(aws, make):
    found, _ = records(aws, make(PYTHON, LoggingConfig=json_format("ERROR", "WARN")), b'{"fail": true}')
    caught, error, done, report = found
    assert caught["message"] == "caught"
    assert (error["level"], error["errorType"], error["errorMessage"]) == ("ERROR", "ValueError", "no")
    assert error["stackTrace"] and error["requestId"] == report["record"]["requestId"]
    assert done["record"]["status"] == report["record"]["status"] == "error"


def test_nodes_records(aws, make):
    found, rest = records(aws, make(js=NODE, LoggingConfig=json_format("INFO", "INFO")), b'{"fail": true}')
    assert rest == ["plain"]
    start, loading, two, warned, bad, error, done, report = found
    assert start["type"] == "platform.start"
    assert loading["message"] == "while loading" and "requestId" not in loading
    assert (two["level"], two["message"]) == ("INFO", "two { b: 2 }")
    assert (warned["level"], warned["message"]) == ("WARN", {"a": 1})
    assert (bad["errorType"], bad["errorMessage"]) == ("TypeError", "own") and bad["stackTrace"][0] == "TypeError: own"
    assert two["requestId"] == start["record"]["requestId"]
    assert error["level"] == "ERROR" and error["message"]["errorType"] == "RangeError"
    assert done["record"]["status"] == report["record"]["status"] == "error"


def test_nodes_lines_have_time_request_and_level_in_front(aws, make):
    found = lines(aws, make(js=NODE))
    request = found[0].split()[2]
    parts = [line.split("\t") for line in found if "\t" in line and not line.startswith("REPORT")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", part[0]) for part in parts)
    assert [part[1:] for part in parts[:4]] == [
        ["undefined", "INFO", "while loading"], [request, "DEBUG", "small"], [request, "INFO", "two { b: 2 }"],
        [request, "WARN", "{ a: 1 }"]]
    assert "plain" in found


def test_levels_leave_lines_out(aws, make):
    name = make(PYTHON, LoggingConfig=json_format("WARN", "WARN"))
    found, rest = records(aws, name)
    assert [line["message"] for line in found] == ["caught"] and rest == ["plain"]
    node = make(js=NODE, LoggingConfig=json_format("FATAL", "WARN"))
    assert records(aws, node) == ([], ["plain"])
    own = make("def handler(e, c):\n    for l in 'debug', 'WARN':\n"
               "        print('{\"timestamp\": \"2026-01-01T00:00:00Z\", \"level\": \"%s\"}' % l)\n"
               "    print('{\"level\": \"debug\"}')", LoggingConfig=json_format("INFO", "WARN"))
    assert [line["level"] for line in records(aws, own)[0]] == ["WARN", "debug"]


def test_a_timeout_is_a_record(aws, make):
    found, _ = records(aws, make("import time\ndef handler(e, c):\n    time.sleep(9)", Timeout=1,
                                 LoggingConfig=json_format()))
    assert found[1]["message"].startswith("Task timed out after 1") and found[-1]["record"]["status"] == "timeout"


@pytest.mark.parametrize("isolation", ["call", "snapshot"])
def test_formats_hold_in_every_isolation(aws, make, isolation):
    tags = {"cloister:isolation": isolation}
    found, _ = records(aws, make(js=NODE, LoggingConfig=json_format(), Tags=tags))
    assert {line.get("level") for line in found} >= {"DEBUG", "INFO", "WARN", "ERROR"}
    requests = {line["requestId"] for line in found if line.get("message") == "small"}
    assert requests == {found[-1]["record"]["requestId"]}
    found, _ = records(aws, make(PYTHON, LoggingConfig=json_format(), Tags=tags))
    assert [line["requestId"] for line in found if line.get("message") == "small"] == [found[-1]["record"]["requestId"]]


def test_the_environment_says_what_is_set(aws, make):
    name = make(PYTHON)

    def call():
        return json.load(aws.invoke(FunctionName=name)["Payload"])
    assert call()[:4] == ["Text", None] + ["/aws/lambda/" + name] * 2
    settled(aws, name)
    aws.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON", "LogGroup": "cool_lambda"})
    assert call()[:4] == ["JSON", "INFO", "cool_lambda", "cool_lambda"]


def test_a_group_of_several_functions(aws, make, logs):
    config = {"LogFormat": "Text", "LogGroup": "shared_group"}
    names = [make(PYTHON, LoggingConfig=config) for _ in range(2)]
    streams = {json.load(aws.invoke(FunctionName=name)["Payload"])[4] for name in names}
    assert all("/%s[$LATEST]" % name in str(streams) for name in names)
    found = wait_for(lambda: [
        e for e in logs.filter_log_events(logGroupName="shared_group", filterPattern="plain")["events"]]
        if len(logs.filter_log_events(logGroupName="shared_group", filterPattern="REPORT")["events"]) == 2 else None)
    assert {e["logStreamName"] for e in found} == streams
    described = logs.describe_log_streams(logGroupName="shared_group")["logStreams"]
    assert {s["logStreamName"] for s in described} == streams
    for stream in streams:
        page = logs.get_log_events(logGroupName="shared_group", logStreamName=stream, startFromHead=True)["events"]
        assert sum(e["message"] == "plain\n" for e in page) == 1
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="shared_")["logGroups"]] == [
        "shared_group"]
    # Its own group is not there while it names another one.
    own = "/aws/lambda/" + names[0]
    assert refusal(logs.filter_log_events, logGroupName=own)[0] == "ResourceNotFoundException"
    assert logs.describe_log_groups(logGroupNamePrefix=own)["logGroups"] == []
    aws.delete_function(FunctionName=names[0])
    assert len(logs.filter_log_events(logGroupName="shared_group", filterPattern="plain")["events"]) == 1
    aws.delete_function(FunctionName=names[1])
    assert refusal(logs.filter_log_events, logGroupName="shared_group")[0] == "ResourceNotFoundException"
