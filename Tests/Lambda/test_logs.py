"""CloudWatch Logs, read only."""

import time

import pytest
from conftest import refusal

INVALID = ("InvalidParameterException", 400)
MISSING = ("ResourceNotFoundException", 400)


@pytest.fixture(scope="module")
def group(aws, make):
    name = make("def handler(e, c):\n    print('line', e)\n    print('error:' if e == 2 else 'fine')",
                Publish=True)
    for number in range(4):
        aws.invoke(FunctionName=name, Payload=str(number), LogType="Tail")
    aws.invoke(FunctionName=name, Payload="9", Qualifier="1", LogType="Tail")
    return "/aws/lambda/" + name


def test_groups(logs, group):
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [g["logGroupName"] for g in found] == [group]
    assert found[0]["arn"].endswith(":log-group:" + group + ":*")
    assert logs.describe_log_groups(logGroupNamePrefix="/none")["logGroups"] == []
    assert refusal(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b") == INVALID


def test_streams_are_of_versions_and_days(logs, group):
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    names = [s["logStreamName"] for s in streams]
    today = time.strftime("%Y/%m/%d", time.gmtime())
    assert len(names) == 2 and all(n.startswith(today) for n in names)
    assert "[$LATEST]" in names[0] and "[1]" in names[1]
    newest = logs.describe_log_streams(
        logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
    assert "[1]" in newest["logStreams"][0]["logStreamName"] and newest["nextToken"]
    prefixed = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=today + "/[1]")
    assert len(prefixed["logStreams"]) == 1
    assert refusal(logs.describe_log_streams, logGroupName="/aws/lambda/none") == MISSING


def test_events_are_filtered(logs, group):
    def found(**more):
        return [e["message"].strip() for e in logs.filter_log_events(logGroupName=group, **more)["events"]]
    whole = found()
    assert [m for m in whole if m.startswith("line")] == ["line %d" % n for n in (0, 1, 2, 3, 9)]
    assert sum(m.startswith("START") for m in whole) == sum(m.startswith("REPORT") for m in whole) == 5
    assert found(filterPattern="error") == ["error:"]
    assert found(filterPattern='"line 3"') == ["line 3"]
    assert found(filterPattern="line -9 -0") == ["line 1", "line 2", "line 3"]
    assert found(filterPattern="?error ?9") == ["error:", "line 9"] or "line 9" in found(filterPattern="?error ?9")
    assert found(endTime=1000) == []
    assert found(startTime=int(time.time() * 1000) + 1000) == []
    assert refusal(logs.filter_log_events, logGroupName=group, filterPattern="{ $.x = 1 }") == INVALID


def test_events_have_pages(logs, group):
    pages = list(logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="line", PaginationConfig={"PageSize": 2}))
    assert [len(p["events"]) for p in pages] == [2, 2, 1]
    assert [e["message"] for p in pages for e in p["events"]] == ["line %d\n" % n for n in (0, 1, 2, 3, 9)]


def test_the_events_of_a_stream(logs, group):
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    of = {"logGroupName": group, "logStreamName": stream}
    lines = [e["message"] for e in logs.get_log_events(startFromHead=True, **of)["events"]]
    assert [l for l in lines if l.startswith("line")] == ["line %d\n" % n for n in range(4)]
    first = logs.get_log_events(startFromHead=True, limit=3, **of)
    assert [e["message"] for e in first["events"]] == lines[:3]
    second = logs.get_log_events(nextToken=first["nextForwardToken"], limit=100, **of)
    assert [e["message"] for e in second["events"]] == lines[3:]
    end = logs.get_log_events(nextToken=second["nextForwardToken"], **of)
    assert end["events"] == [] and end["nextForwardToken"] == second["nextForwardToken"]
    assert [e["message"] for e in logs.get_log_events(limit=2, **of)["events"]] == lines[-2:]
    assert refusal(logs.get_log_events, logGroupName=group, logStreamName="none") == MISSING
    assert refusal(logs.get_log_events, nextToken="x/1", **of) == INVALID


def test_the_handler_knows_its_group_and_stream(aws, make, logs):
    name = make("def handler(e, c):\n    return [c.log_group_name, c.log_stream_name]")
    import json
    group, stream = json.loads(aws.invoke(FunctionName=name)["Payload"].read())
    assert group == "/aws/lambda/" + name
    found = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert [s["logStreamName"] for s in found] == [stream]


def test_nothing_can_be_written(logs):
    assert refusal(logs.create_log_group, logGroupName="g") == ("UnknownOperationException", 400)
