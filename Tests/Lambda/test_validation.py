"""What is refused, by the exact code and status."""

import json
import urllib.error
import urllib.request

import pytest
from conftest import ECHO, ROLE, refusal, zip_of

CODE = {"ZipFile": zip_of({"app.py": ECHO})}
INVALID = ("InvalidParameterValueException", 400)
VALIDATION = ("ValidationException", 400)
GOOD = {"FunctionName": "never-made", "Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE,
        "Code": CODE}


@pytest.mark.parametrize("change, expected", [
    ({"FunctionName": ""}, VALIDATION),
    ({"FunctionName": "a b"}, VALIDATION),
    ({"FunctionName": "ü"}, VALIDATION),
    ({"FunctionName": "a" * 65}, INVALID),
    ({"FunctionName": "a" * 141}, VALIDATION),
    ({"FunctionName": "never-made:1"}, INVALID),
    ({"Role": "no-arn"}, VALIDATION),
    ({"Role": None}, VALIDATION),
    ({"Runtime": None}, INVALID),
    ({"Runtime": "cobol85"}, INVALID),
    ({"Runtime": "python3.7"}, INVALID),
    ({"Runtime": "python2.7"}, INVALID),
    ({"Runtime": "java21"}, INVALID),
    ({"Runtime": "nodejs8.10"}, INVALID),
    ({"Runtime": "provided.al2023"}, INVALID),
    ({"Handler": None}, INVALID),
    ({"Handler": "a b.c"}, VALIDATION),
    ({"Handler": "x" * 129}, VALIDATION),
    ({"Description": "d" * 257}, VALIDATION),
    ({"Timeout": 0}, VALIDATION),
    ({"Timeout": 901}, VALIDATION),
    ({"MemorySize": 127}, VALIDATION),
    ({"MemorySize": 10241}, INVALID),
    ({"EphemeralStorage": {"Size": 511}}, VALIDATION),
    ({"EphemeralStorage": {"Size": 10241}}, VALIDATION),
    ({"EphemeralStorage": {}}, VALIDATION),
    ({"Code": {}}, INVALID),
    ({"Code": {"ZipFile": b"not a zip"}}, INVALID),
    ({"Code": {"S3Bucket": "bucket", "S3Key": "key"}}, INVALID),
    ({"Code": {"ImageUri": "image"}}, INVALID),
    ({"PackageType": "Image"}, INVALID),
    ({"PackageType": "Tar"}, VALIDATION),
    ({"Architectures": ["mips"]}, VALIDATION),
    ({"Architectures": ["arm64", "x86_64"]}, VALIDATION),
    ({"Environment": {"Variables": {"1K": "v"}}}, VALIDATION),
    ({"Environment": {"Variables": {"AWS_REGION": "v"}}}, INVALID),
    ({"Environment": {"Variables": {"KEY": "v" * 4096}}}, INVALID),
    ({"Tags": {"aws:x": "v"}}, INVALID),
    ({"Tags": {"cloister:isolation": "none"}}, INVALID),
    ({"Layers": ["no-arn"]}, VALIDATION),
    ({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:none:1"]}, INVALID),
    ({"FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/x"}]}, VALIDATION),
])
def test_create_refuses(raw, change, expected):
    parameters = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    assert refusal(raw.create_function, **parameters) == expected
    assert refusal(raw.get_function, FunctionName="never-made")[0] == "ResourceNotFoundException"


def test_messages_name_the_member_and_the_constraint(raw):
    with pytest.raises(raw.exceptions.ClientError) as error:
        raw.create_function(**{**GOOD, "MemorySize": 1})
    message = error.value.response["Error"]["Message"]
    assert "'memorySize'" in message and "greater than or equal to 128" in message


def send(evaluator, method, path, body=None, headers=None):
    """The status, error type and body of an answer to a request that no client would make."""
    request = urllib.request.Request(
        evaluator.endpoint + path, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, None, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["x-amzn-ErrorType"], error.read()


@pytest.mark.parametrize("method, path, body, status, code", [
    ("GET", "/2015-03-31/nothing", None, 404, "UnknownOperationException"),
    ("PATCH", "/2015-03-31/functions", b"{}", 404, "UnknownOperationException"),
    ("GET", "/2042-01-01/functions/", None, 404, "UnknownOperationException"),
    ("POST", "/2015-03-31/functions", b"{", 400, "InvalidRequestContentException"),
    ("POST", "/2015-03-31/functions", b"[]", 400, "SerializationException"),
    ("POST", "/2015-03-31/functions", b'{"Timeout":"x"}', 400, "SerializationException"),
    ("PUT", "/2015-03-31/functions/echo-of-all/configuration", b'{"Timeout":"x"}', 400,
     "SerializationException"),
    ("PUT", "/2015-03-31/functions/echo-of-all/configuration", b'{"Nonsense":1}', 400,
     "InvalidParameterValueException"),
    ("GET", "/2015-03-31/functions?Nonsense=1", None, 400, "InvalidParameterValueException"),
    ("GET", "/2015-03-31/functions?MaxItems=x", None, 400, "SerializationException"),
    ("GET", "/2015-03-31/functions?MaxItems=0", None, 400, "ValidationException"),
    ("GET", "/2015-03-31/functions/a%20b", None, 400, "ValidationException"),
    ("GET", "/2015-03-31/functions/%ff", None, 400, "InvalidParameterValueException"),
])
def test_requests_that_no_client_makes(evaluator, echo, method, path, body, status, code):
    answer = send(evaluator, method, path, body, {"content-type": "application/json"})
    assert answer[:2] == (status, code)
    text = json.loads(answer[2])
    assert text["message"] == text["Message"] and text["Type"] == "User"


def test_every_answer_has_a_request_id(aws, echo):
    shown = aws.get_function(FunctionName=echo)
    assert len(shown["ResponseMetadata"]["RequestId"]) == 36


def test_too_large_a_body_is_refused_before_it_is_read(evaluator, echo):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", evaluator.port)
    connection.putrequest("POST", "/2015-03-31/functions/%s/invocations" % echo)
    connection.putheader("content-length", str(7 << 20))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (413, "RequestTooLargeException")
    connection.close()


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udfff": 1}', '[["x\\ud800y"]]', "1e999"])
def test_text_that_is_none_is_the_clients_fault(evaluator, text):
    """Half of a surrogate pair is JSON, and no text."""
    for path, headers in {
        ("/2015-03-31/functions", ()), ("/2015-03-31/functions/echo-of-all/aliases", ()),
        ("/2018-10-31/layers/l/versions", ()),
        ("/", (("X-Amz-Target", "Logs_20140328.FilterLogEvents"),)),
    }:
        for body in text, '{"x": %s}' % text, '{"FunctionName": %s}' % text:
            request = urllib.request.Request(
                evaluator.endpoint + path, method="POST", data=body.encode(), headers=dict(headers))
            with pytest.raises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(request)
            with raised.value as error:
                assert error.code == 400, (path, body)
