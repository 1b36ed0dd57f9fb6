"""Calls in both languages, and how they fail."""

import base64
import concurrent.futures
import json

import pytest
from conftest import ECHO, ECHO_JS, refusal, wait_for


def call(aws, name, event=None, **more):
    payload = {} if event is None else {"Payload": json.dumps(event)}
    answer = aws.invoke(FunctionName=name, **payload, **more)
    body = answer["Payload"].read()
    return answer, json.loads(body) if body else None


@pytest.fixture(scope="module", params=["python", "javascript"])
def either(request, make):
    variables = {"Environment": {"Variables": {"K": "v"}}}
    return make(ECHO, **variables) if request.param == "python" else make(js=ECHO_JS, **variables)


def test_a_call_has_its_event_version_and_environment(aws, either):
    answer, result = call(aws, either, {"a": [1, 2.5, None, "ü"]})
    assert result == {"event": {"a": [1, 2.5, None, "ü"]}, "version": "$LATEST", "env": "v"}
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer and "LogResult" not in answer


def test_without_a_payload_the_event_is_an_empty_object(aws, either):
    assert call(aws, either)[1]["event"] == {}


def test_by_arn_and_with_a_qualifier(aws, either):
    arn = aws.get_function_configuration(FunctionName=either)["FunctionArn"]
    assert call(aws, arn, 1)[1]["event"] == 1
    assert call(aws, arn + ":$LATEST", 1)[1]["event"] == 1
    assert call(aws, either, 1, Qualifier="$LATEST")[0]["ExecutedVersion"] == "$LATEST"


def test_the_tail_of_the_log(aws, make):
    name = make("def handler(e, c):\n    print('printed')\n    return c.aws_request_id")
    answer, request_id = call(aws, name, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert lines[0] == "START RequestId: %s Version: $LATEST" % request_id
    assert "printed" in lines
    assert lines[-2] == "END RequestId: " + request_id
    assert lines[-1].startswith("REPORT RequestId: %s\tDuration: " % request_id)
    assert "Memory Size: 128 MB\tMax Memory Used: " in lines[-1]
    assert answer["ResponseMetadata"]["RequestId"] == request_id


def test_the_tail_has_4_kilobytes_at_most(aws, make):
    name = make("def handler(e, c):\n    print('x' * 10000)")
    answer, _ = call(aws, name, LogType="Tail")
    assert len(base64.b64decode(answer["LogResult"])) == 4096


def test_a_dry_run_runs_nothing(aws, echo):
    assert aws.invoke(FunctionName=echo, InvocationType="DryRun")["StatusCode"] == 204
    assert refusal(aws.invoke, FunctionName="nope", InvocationType="DryRun")[1] == 404


def test_the_client_context_reaches_the_handler(aws, make):
    name = make("def handler(e, c):\n    return [c.client_context.custom, c.client_context.client.app_title,"
                " c.client_context.env]")
    given = {"custom": {"a": 1}, "client": {"app_title": "t"}, "env": {"l": "de"}}
    encoded = base64.b64encode(json.dumps(given).encode()).decode()
    assert call(aws, name, ClientContext=encoded)[1] == [{"a": 1}, "t", {"l": "de"}]
    js = make(js="exports.handler = async (e, c) => c.clientContext.custom")
    assert call(aws, js, ClientContext=encoded)[1] == {"a": 1}
    assert refusal(aws.invoke, FunctionName=name, ClientContext="%%%") == (
        "InvalidRequestContentException", 400)


def test_results_up_to_6_megabytes_and_no_more(aws, make):
    name = make("def handler(e, c):\n    return 'x' * e", MemorySize=512)
    assert len(call(aws, name, 6_000_000)[1]) == 6_000_000
    answer, failure = call(aws, name, 7_000_000)
    assert answer["FunctionError"] == "Unhandled"
    assert failure["errorType"] == "Function.ResponseSizeTooLarge"


def test_events_up_to_6_megabytes_and_no_more(aws, make):
    name = make("def handler(e, c):\n    return len(e)", MemorySize=512)
    assert call(aws, name, "x" * 6_000_000)[1] == 6_000_000
    assert refusal(aws.invoke, FunctionName=name, Payload=json.dumps("x" * 6_500_000)) == (
        "RequestTooLargeException", 413)
    assert refusal(
        aws.invoke, FunctionName=name, InvocationType="Event", Payload=json.dumps("x" * 262_144)) == (
        "RequestTooLargeException", 413)


def test_an_event_that_is_not_json(aws, echo):
    assert refusal(aws.invoke, FunctionName=echo, Payload=b"{") == ("InvalidRequestContentException", 400)


def failure(aws, name, **more):
    answer, body = call(aws, name, **more)
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled"
    return body


def test_a_python_error(aws, make):
    body = failure(aws, make("def handler(e, c):\n    raise ValueError('no')"))
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "no")
    assert 'File "/var/task/app.py", line 2, in handler' in body["stackTrace"][0]
    assert len(body["requestId"]) == 36


def test_a_javascript_error(aws, make):
    body = failure(aws, make(js="exports.handler = async () => { throw new TypeError('no'); };"))
    assert (body["errorType"], body["errorMessage"]) == ("TypeError", "no")
    assert body["trace"][0] == "TypeError: no" and "/var/task/index.js:1" in body["trace"][1]


@pytest.mark.parametrize("settings, expected", [
    ({"code": "import nothing_of_this_name"},
     ("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing_of_this_name'")),
    ({"code": "def handler(:"}, ("Runtime.UserCodeSyntaxError", "Syntax error in module 'app'")),
    ({"code": "x = 1"}, ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'")),
    ({"Handler": "other.handler"}, ("Runtime.ImportModuleError", "Unable to import module 'other'")),
    ({"js": "require('nothing-of-this-name')"},
     ("Runtime.ImportModuleError", "Cannot find module 'nothing-of-this-name'")),
    ({"js": "exports.other = 1"}, ("Runtime.HandlerNotFound", "index.handler is undefined or not exported")),
    ({"js": "exports.handler = async ( => 1"}, ("Runtime.UserCodeSyntaxError", "SyntaxError")),
    ({"js": "", "Handler": "other.handler"}, ("Runtime.ImportModuleError", "Cannot find module 'other'")),
    ({"code": "raise KeyError('at the start')"}, ("KeyError", "at the start")),
    ({"code": "def handler(e, c):\n    import os; os._exit(3)"},
     ("Runtime.ExitError", "Runtime exited with error: exit status 3")),
    ({"code": "def handler(e, c):\n    import os; os._exit(0)"},
     ("Runtime.ExitError", "Runtime exited without providing a reason")),
    ({"code": "def handler(e, c):\n    import ctypes; ctypes.string_at(0)"},
     ("Runtime.ExitError", "Runtime exited with error: signal: segmentation fault")),
    ({"code": "def handler(e, c):\n    x = []\n    while 1: x.append(bytearray(1 << 20))", "Timeout": 20},
     ("Runtime.ExitError", "signal: killed")),
    ({"js": "exports.handler = async () => { process.exit(4); };"},
     ("Runtime.ExitError", "exit status 4")),
    ({"code": "def handler(e, c):\n    import time; time.sleep(9)", "Timeout": 1},
     ("Sandbox.Timedout", "Task timed out after 1.00 seconds")),
    ({"js": "exports.handler = () => new Promise(() => setTimeout(() => {}, 9e6))", "Timeout": 1},
     ("Sandbox.Timedout", "Task timed out after 1.00 seconds")),
    ({"code": "def handler(e, c):\n    return {1, 2}"}, ("Runtime.MarshalError", "Unable to marshal response")),
    ({"js": "exports.handler = async () => 1n"}, ("Error", "Unable to stringify response body")),
    ({"Handler": "nodot"}, ("Runtime.MalformedHandlerName", "Bad handler 'nodot'")),
    ({"js": "", "Handler": "nodot"}, ("Runtime.MalformedHandlerName", "Bad handler")),
])
def test_how_calls_fail(aws, make, settings, expected):
    body = failure(aws, make(**settings))
    assert body["errorType"] == expected[0]
    assert expected[1] in body["errorMessage"]


def test_an_event_that_nobody_waits_for_is_run(aws, make, logs):
    name = make("def handler(e, c):\n    print('got', e['n'])")
    answer = aws.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n":7}')
    assert answer["StatusCode"] == 202 and answer["Payload"].read() == b""
    wait_for(lambda: logs.filter_log_events(
        logGroupName="/aws/lambda/" + name, filterPattern='"got 7"')["events"])


def test_the_old_way_to_send_an_event(aws, make, logs):
    name = make("def handler(e, c):\n    print('got', e['n'])")
    assert aws.invoke_async(FunctionName=name, InvokeArgs=b'{"n":8}')["Status"] == 202
    wait_for(lambda: logs.filter_log_events(
        logGroupName="/aws/lambda/" + name, filterPattern='"got 8"')["events"])


def test_reserved_concurrency_of_none_throttles(aws, make):
    name = make()
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(aws.exceptions.TooManyRequestsException) as error:
        aws.invoke(FunctionName=name)
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    aws.delete_function_concurrency(FunctionName=name)
    assert call(aws, name, 1)[1]["event"] == 1


def test_reserved_concurrency_bounds_calls_at_once(aws, make):
    name = make("import time\ndef handler(e, c):\n    time.sleep(1)")
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: refusal(aws.invoke, FunctionName=name)[0], range(3)))
    assert results.count("accepted") >= 1 and results.count("TooManyRequestsException") >= 1


def test_a_stream_of_one_result(aws, echo):
    answer = aws.invoke_with_response_stream(FunctionName=echo, Payload=b"[1]", LogType="Tail")
    events = list(answer["EventStream"])
    body = b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e)
    assert json.loads(body)["event"] == [1]
    end = events[-1]["InvokeComplete"]
    assert "ErrorCode" not in end and b"START RequestId" in base64.b64decode(end["LogResult"])


def test_a_stream_of_a_failure(aws, make):
    name = make("def handler(e, c):\n    raise ValueError('no')")
    events = list(aws.invoke_with_response_stream(FunctionName=name)["EventStream"])
    assert events[-1]["InvokeComplete"]["ErrorCode"] == "ValueError"
    assert "no" in events[-1]["InvokeComplete"]["ErrorDetails"]


def test_a_reuse_function_keeps_its_module_and_a_call_function_does_not(aws, make):
    code = "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n"
    for isolation, expected in ("call", [1, 1, 1]), ("snapshot", [1, 1, 1]), ("reuse", [1, 2, 3]):
        name = make(code, Tags={"cloister:isolation": isolation})
        assert [call(aws, name)[1] for _ in range(3)] == expected, isolation
    assert [call(aws, make(code))[1] for _ in range(2)] == [1, 1]
    kept = make(code)
    assert [call(aws, kept)[1] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("isolation", ["call", "snapshot", "reuse"])
def test_every_isolation_has_layers_and_a_context_of_each_call(aws, make, isolation):
    import conftest
    arn = aws.publish_layer_version(
        LayerName="of-" + isolation,
        Content={"ZipFile": conftest.zip_of({"python/words.py": "HELLO = 'hello'",
                                             "nodejs/node_modules/words/index.js": "exports.HELLO = 'hello'"})})
    more = {"Tags": {"cloister:isolation": isolation}, "Layers": [arn["LayerVersionArn"]], "Publish": True}
    python = make("import words, os\nE = os.environ['AWS_LAMBDA_FUNCTION_VERSION']\n"
                  "def handler(e, c):\n    return [words.HELLO, E, c.aws_request_id, c.invoked_function_arn[-2:]]", **more)
    js = make(js="const words = require('words'); const E = process.env.AWS_LAMBDA_FUNCTION_VERSION;"
              "exports.handler = async (e, c) => [words.HELLO, E, c.awsRequestId, c.invokedFunctionArn.slice(-2)];", **more)
    for name in python, js:
        answers = [call(aws, name, Qualifier="1") for _ in range(3)]
        for answer, result in answers:
            assert result == ["hello", "1", answer["ResponseMetadata"]["RequestId"], ":1"]
        assert len({result[2] for _, result in answers}) == 3
