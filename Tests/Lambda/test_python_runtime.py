"""What Python handlers find around them, and what becomes of their results and faults, as in Lambda's runtime."""

import base64
import json
import pathlib
import re
import urllib.error
import urllib.request

import boto3
import pytest
from conftest import Evaluator, ROLE, wait_for, zip_of
from test_invoke import call

CASES = {
    # The body of a handler, and what the caller gets.
    "import decimal; return {'price': decimal.Decimal('19.90'), 'count': decimal.Decimal(3)}": {"price": 19.9, "count": 3},
    "import collections; return collections.namedtuple('Row', 'a b')(1, (2, 3))": {"a": 1, "b": [2, 3]},
    "return {2: 'a', None: 'b', True: 'c'}": {"2": "a", "null": "b", "true": "c"},
    "import os; return [os.getcwd(), __file__, os.environ['PWD'], os.environ['SHLVL']]":
        ["/var/task", "/var/task/app.py", "/var/task", "0"],
    "import sys; return sys.path[0]": "/var/task",
    "import os, time; return [os.environ['TZ'], time.tzname[0]]": [":UTC", "UTC"],
    "import pathlib; return pathlib.Path.home().is_absolute()": True,
    "import os; return 'AWS_ACCESS_KEY_ID' in os.environ and 'AWS_SESSION_TOKEN' in os.environ": True,
}

FAULTS = {
    "import sys; sys.exit(0)": ("Runtime.ExitError", r"RequestId: \S+ Error: Runtime exited without providing a reason"),
    "import sys; sys.exit(3)": ("Runtime.ExitError", r"RequestId: \S+ Error: Runtime exited with error: exit status 3"),
    "return {1, 2}": ("Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable"),
    "import datetime; return datetime.date(2026, 1, 1)":
        ("Runtime.MarshalError", "Unable to marshal response: Object of type date is not JSON serializable"),
    "raise ValueError('half \\ud800 pair')": ("ValueError", "half \ufffd pair"),
    "class Odd(Exception): pass\n    raise Odd": ("Odd", ""),
    "return {1: {2, 3}}": ("Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable"),
}


@pytest.mark.parametrize("body", CASES)
def test_results(aws, make, body):
    answer, result = call(aws, make("def handler(event, context):\n    " + body))
    assert "FunctionError" not in answer, result
    assert result == CASES[body]


@pytest.mark.parametrize("body", FAULTS)
def test_faults(aws, make, body):
    answer, result = call(aws, make("def handler(event, context):\n    " + body))
    assert answer["FunctionError"] == "Unhandled"
    kind, message = FAULTS[body]
    assert result["errorType"] == kind
    assert result["errorMessage"] == message or re.fullmatch(message, result["errorMessage"])


@pytest.mark.parametrize("handler, files, kind, message", [
    ("app", {"app.py": ""}, "Runtime.MalformedHandlerName",
     "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
    ("none.handler", {"app.py": ""}, "Runtime.ImportModuleError", "Unable to import module 'none': No module named 'none'"),
    ("app.none", {"app.py": ""}, "Runtime.HandlerNotFound", "Handler 'none' missing on module 'app'"),
    ("app.handler", {"app.py": "import nowhere"}, "Runtime.ImportModuleError",
     "Unable to import module 'app': No module named 'nowhere'"),
    ("app.handler", {"app.py": "def ("}, "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
])
def test_code_that_does_not_load(aws, make, handler, files, kind, message):
    answer, result = call(aws, make(files, Handler=handler))
    assert answer["FunctionError"] == "Unhandled" and result["errorType"] == kind
    assert result["errorMessage"].startswith(message)
    assert result["requestId"] == ""


@pytest.mark.parametrize("name", ["token", "types", "random", "queue", "calendar", "statistics"])
def test_a_module_of_the_archive_comes_before_one_of_the_standard_library(aws, make, name):
    files = {"app.py": "import %s\ndef handler(e, c):\n    return %s.OWN" % (name, name), name + ".py": "OWN = 'own'"}
    for _ in range(2):
        assert call(aws, make(files))[1] == "own"


def test_what_was_printed_without_a_newline_is_in_the_log(aws, make):
    for end in "time.sleep(9)", "os._exit(1)", "os.kill(os.getpid(), 9)":
        name = make("import os, time\ndef handler(e, c):\n    print('step 3...', end='')\n    " + end, Timeout=1)
        answer, _ = call(aws, name, LogType="Tail")
        assert "step 3..." in base64.b64decode(answer["LogResult"]).decode(), end


def test_a_call_has_a_trace_of_its_own(aws, make):
    name = make("import os\ndef handler(e, c):\n    return os.environ['_X_AMZN_TRACE_ID']")
    traces = [call(aws, name)[1] for _ in range(2)]
    assert all(re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", t) for t in traces)
    assert traces[0] != traces[1]


def test_numbers_that_json_does_not_have_are_as_python_writes_them(aws, make, evaluator):
    name = make("def handler(e, c):\n    return eval(e)")
    for value, text in {"float('nan')": b"NaN", "[float('inf'), {'a': -float('inf')}, -1]": b'[Infinity, {"a": -Infinity}, -1]',
                        "__import__('decimal').Decimal('NaN')": b"NaN"}.items():
        answer = aws.invoke(FunctionName=name, Payload=json.dumps(value))
        assert "FunctionError" not in answer and answer["Payload"].read() == text
    request = urllib.request.Request("%s/v1/functions/%s/invoke" % (evaluator.endpoint, name), b'"float(\'nan\')"')
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert json.load(error.value)["cause"] == "response_invalid"
    assert aws.invoke(FunctionName=name, Payload=b'"float(\'nan\')"')["Payload"].read() == b"NaN"


def test_errors_have_their_own_frames_and_no_cause(aws, make):
    code = ("def inner():\n    exec('1 / 0')\n"
            "def handler(e, c):\n    try:\n        inner()\n    except ZeroDivisionError as error:\n"
            "        raise ValueError('outer') from error")
    answer, result = call(aws, make(code), LogType="Tail")
    assert result.pop("requestId") and result == {
        "errorType": "ValueError", "errorMessage": "outer",
        "stackTrace": ['  File "/var/task/app.py", line 7, in handler\n    raise ValueError(\'outer\') from error\n']}
    log = base64.b64decode(answer["LogResult"]).decode()
    assert ('[ERROR] ValueError: outer\nTraceback (most recent call last):\n'
            '\xa0\xa0File "/var/task/app.py", line 7, in handler\n'
            "\xa0\xa0\xa0\xa0raise ValueError('outer') from error\nEND ") in log


@pytest.mark.parametrize("code, text", [
    ("def handler(e, c):\n    return {1}", "[ERROR] Runtime.MarshalError: Unable to marshal response: "
     "Object of type set is not JSON serializable\nTraceback (most recent call last):\nEND "),
    ("import nowhere", "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'nowhere'\n"
     "Traceback (most recent call last):\nEND "),
    ("def handler(e, c):\n    raise SystemError", '[ERROR] SystemError\nTraceback (most recent call last):\n\xa0\xa0File '),
    ("if True:\n    def (", "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax (app.py, line 2)"
     '\nTraceback (most recent call last):\n\xa0\xa0File "/var/task/app.py" Line 2\n\xa0\xa0\xa0\xa0\xa0\xa0\xa0\xa0def (\nEND '),
])
def test_faults_in_the_log(aws, make, code, text):
    answer, result = call(aws, make(code), LogType="Tail")
    assert text in base64.b64decode(answer["LogResult"]).decode()
    assert set(result) == {"errorType", "errorMessage", "requestId", "stackTrace"}
    assert result["stackTrace"] == [] or "File" in text


def test_attempts_of_a_call_nobody_waits_for_have_its_trace(aws, make, logs, evaluator):
    name = make("import os\ndef handler(e, c):\n    print('trace', os.environ['_X_AMZN_TRACE_ID'])\n    raise ValueError")
    told = make("import os\ndef handler(e, c):\n    print('trace', os.environ['_X_AMZN_TRACE_ID'])")
    aws.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1, DestinationConfig={
        "OnFailure": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:" + told}})
    trace = "Root=1-65b0f1a2-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"

    def traces(name):
        events = logs.filter_log_events(logGroupName="/aws/lambda/" + name, filterPattern="trace")["events"]
        return [e["message"].split()[1] for e in events]

    for given in {"X-Amzn-Trace-Id": trace}, {}:
        request = urllib.request.Request(
            "%s/2015-03-31/functions/%s/invocations" % (evaluator.endpoint, name), b"{}",
            {"X-Amz-Invocation-Type": "Event", **given})
        with urllib.request.urlopen(request) as answer:
            used = answer.headers["X-Amzn-Trace-Id"]
        assert not given or used == trace
        wait_for(lambda: traces(name).count(used) == 2 and traces(told).count(used) == 1)


def test_a_trace_that_the_caller_names_is_handed_on(make, evaluator):
    name = make("import os\ndef handler(e, c):\n    return os.environ['_X_AMZN_TRACE_ID']")
    trace = "Root=1-65b0f1a2-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
    request = urllib.request.Request(
        "%s/2015-03-31/functions/%s/invocations" % (evaluator.endpoint, name), b"{}", {"X-Amzn-Trace-Id": trace})
    assert json.load(urllib.request.urlopen(request)) == trace


def test_a_wrapper_is_refused(aws, make):
    with pytest.raises(aws.exceptions.InvalidParameterValueException, match="AWS_LAMBDA_EXEC_WRAPPER"):
        make(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}})


def test_boto3_is_there_when_the_node_has_it():
    evaluator = Evaluator("--lambda-runtime", str(pathlib.Path(boto3.__file__).parents[1]))
    try:
        templates = json.load(urllib.request.urlopen(evaluator.endpoint + "/readyz"))["templates"]
        version, = [t["interpreter"] for t in templates if t["runtime"] == "python"]
        if int(version.split(".")[1]) < 10:
            pytest.skip("this boto3 is not for Python " + version)
        aws = evaluator.client()
        code = ("import boto3, botocore\ndef handler(e, c):\n"
                "    return [boto3.client('s3').meta.service_model.service_name, boto3.__file__]")
        aws.create_function(FunctionName="f", Role=ROLE, Code={"ZipFile": zip_of({"app.py": code})},
                            Runtime="python3.11", Handler="app.handler", Timeout=60, MemorySize=256)
        assert call(aws, "f")[1] == ["s3", "/var/runtime/boto3/__init__.py"]
    finally:
        evaluator.stop()
