"""Function URLs: their settings, and web requests to them."""

import base64
import http.client
import json

import pytest
from conftest import refusal

MISSING = ("ResourceNotFoundException", 404)
WEB = """
import json
def handler(event, context):
    if event["rawPath"] == "/echo":
        return event
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    if event["rawPath"] == "/binary":
        return {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "AAEC", "isBase64Encoded": True}
    if event["rawPath"] == "/plain":
        return "just text"
    return {"statusCode": 201, "headers": {"x-own": "1", "content-type": "text/html"},
            "cookies": ["a=1; Path=/", "b=2"], "body": "<p>"}
"""


class Web:
    """Requests to one function URL, by its path or by its host name."""

    def __init__(self, evaluator, name, url):
        self.port = evaluator.port
        self.id = url.rstrip("/").rpartition("/")[2]

    def __call__(self, method="GET", path="/", body=None, headers=None, by_host=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if by_host:
            headers["host"] = self.id + ".lambda-url.us-east-1.localhost:%d" % self.port
        else:
            path = "/lambda-url/" + self.id + path
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read()
        connection.close()
        return result


@pytest.fixture(scope="module")
def web(aws, make, evaluator):
    name = make(WEB)
    made = aws.create_function_url_config(FunctionName=name, AuthType="NONE", Cors={
        "AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-h"],
        "ExposeHeaders": ["x-own"], "MaxAge": 60, "AllowCredentials": True})
    return Web(evaluator, name, made["FunctionUrl"])


def test_a_url_is_made_changed_and_removed(aws, make):
    name = make()
    of = {"FunctionName": name}
    assert refusal(aws.get_function_url_config, **of) == MISSING
    made = aws.create_function_url_config(AuthType="NONE", **of)
    assert made["FunctionUrl"].startswith("http://127.0.0.1:") and "InvokeMode" not in made
    assert made["FunctionArn"].endswith(name) and "Cors" not in made
    assert refusal(aws.create_function_url_config, AuthType="NONE", **of) == (
        "ResourceConflictException", 409)
    changed = aws.update_function_url_config(AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]}, **of)
    assert changed["AuthType"] == "AWS_IAM" and changed["FunctionUrl"] == made["FunctionUrl"]
    assert aws.get_function_url_config(**of)["Cors"] == {"AllowOrigins": ["*"]}
    listed = aws.list_function_url_configs(**of)["FunctionUrlConfigs"]
    assert [u["FunctionUrl"] for u in listed] == [made["FunctionUrl"]]
    aws.delete_function_url_config(**of)
    assert refusal(aws.get_function_url_config, **of) == MISSING
    assert refusal(aws.delete_function_url_config, **of) == MISSING


def test_urls_that_cannot_be(aws, raw, echo):
    create = raw.create_function_url_config
    assert refusal(create, FunctionName="nope", AuthType="NONE") == MISSING
    assert refusal(create, FunctionName=echo, AuthType="x") == ("ValidationException", 400)
    assert refusal(create, FunctionName=echo, AuthType="NONE", Qualifier="7") == ("ValidationException", 400)
    assert refusal(create, FunctionName=echo, AuthType="NONE", Qualifier="none") == MISSING
    assert refusal(create, FunctionName=echo, AuthType="NONE", Cors={"MaxAge": 86401}) == (
        "ValidationException", 400)
    for origins in ["*"], ["https://a.example", "*"]:
        assert refusal(create, FunctionName=echo, AuthType="NONE", Cors={
            "AllowOrigins": origins, "AllowCredentials": True}) == ("InvalidParameterValueException", 400)


@pytest.mark.parametrize("by_host", [False, True])
def test_the_event_is_of_the_format_2_0(web, by_host):
    status, _, body = web(
        "POST", "/echo?a=1&a=2&b=%20", b'{"x":1}',
        {"content-type": "application/json", "x-h": "v", "cookie": "c=1; d=2"}, by_host=by_host)
    event = json.loads(body)
    assert status == 200 and event["version"] == "2.0" and event["routeKey"] == "$default"
    assert event["rawPath"] == "/echo" and event["rawQueryString"] == "a=1&a=2&b=%20"
    assert event["queryStringParameters"] == {"a": "1,2", "b": " "}
    assert event["headers"]["x-h"] == "v" and "cookie" not in event["headers"]
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["body"] == '{"x":1}' and event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["http"]["method"] == "POST" and context["http"]["path"] == "/echo"
    assert context["http"]["sourceIp"] == "127.0.0.1" and context["domainPrefix"] == web.id
    assert context["accountId"] == "anonymous" and context["timeEpoch"] > 0


def test_bodies_that_are_no_text_come_in_base64(web):
    event = json.loads(web("PUT", "/echo", b"\0\1\2", {"content-type": "image/png"})[2])
    assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == b"\0\1\2"


def test_the_answer_is_what_the_handler_says(web):
    status, headers, body = web()
    assert (status, headers["x-own"], headers["content-type"], body) == (201, "1", "text/html", b"<p>")
    assert headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert web(path="/binary")[2] == b"\0\1\2"
    status, headers, body = web(path="/plain")
    assert (status, headers["content-type"], body) == (200, "application/json", b"just text")


@pytest.mark.parametrize("result, expected", [
    ("12", (200, b"12")), ("1.5", (200, b"1.5")), ("True", (200, b"true")), ("None", (200, b"null")),
    ("['hello', 3, {'b': ' \"', 'a': 1}]", (200, b'["hello",3,{"b":" \\"","a":1}]')),
    ("{'statusCode': '418', 'body': 'tea'}", (418, b"tea")), ("{'statusCode': 200}", (200, b"")),
    ("{'statusCode': 'x'}", (502, b"Internal Server Error")), ("{'statusCode': 99}", (502, b"Internal Server Error")),
    ("{'statusCode': 200, 'isBase64Encoded': True, 'body': 'AAEC\\nAw=='}", (200, b"\0\1\2\3")),
    ("{'statusCode': 200, 'isBase64Encoded': True, 'body': '?'}", (502, b"Internal Server Error")),
    ("{'statusCode': 200, 'body': None, 'headers': {'x': None, 'connection': 'close'}}", (200, b"")),
])
def test_odd_answers(aws, make, evaluator, result, expected):
    name = make("def handler(e, c):\n    return " + result)
    made = aws.create_function_url_config(FunctionName=name, AuthType="NONE")
    status, _, body = Web(evaluator, name, made["FunctionUrl"])()
    assert (status, body) == expected


def test_what_a_proxy_would_say_is_in_the_event(aws, make, evaluator):
    name = make("def handler(e, c):\n    return e")
    web = Web(evaluator, name, aws.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"])
    event = json.loads(web("GET", "//echo/pa%2Fth//x", headers={"x-amzn-trace-id": "Root=1-5-a"})[2])
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/echo/pa/th/x"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1" and event["headers"]["x-forwarded-proto"] == "http"
    assert int(event["headers"]["x-forwarded-port"]) > 0 and event["headers"]["x-amzn-trace-id"] == "Root=1-5-a"
    assert json.loads(web("GET", "/echo")[2])["headers"]["x-amzn-trace-id"].startswith("Root=1-")


def test_the_url_of_an_alias_waits_for_the_alias(aws, make, evaluator):
    name = make("def handler(e, c):\n    return c.invoked_function_arn")
    alias = {"FunctionName": name, "Name": "live", "FunctionVersion": "$LATEST"}
    aws.create_alias(**alias)
    of = {"FunctionName": name, "Qualifier": "live"}
    web = Web(evaluator, name, aws.create_function_url_config(AuthType="NONE", **of)["FunctionUrl"])
    assert web()[0] == 200
    aws.delete_alias(FunctionName=name, Name="live")
    for by_host in False, True:
        status, headers, body = web(by_host=by_host)
        assert (status, headers["x-amzn-ErrorType"], json.loads(body)) == (
            403, "AccessDeniedException", {"Message": None})
    assert aws.get_function_url_config(**of)["FunctionUrl"].rstrip("/").endswith(web.id)
    assert refusal(aws.update_function_url_config, AuthType="AWS_IAM", **of) == MISSING
    aws.create_alias(**alias)
    assert web()[0] == 200 and web()[2].endswith(b":live")
    aws.delete_alias(FunctionName=name, Name="live")
    aws.delete_function_url_config(**of)
    assert refusal(aws.get_function_url_config, **of) == MISSING
    assert b"Forbidden" in web()[2]


def test_bytes_that_are_no_text_come_in_base64_whatever_their_type(web):
    for body, headers in ((b"caf\xe9", {"content-type": "text/plain; charset=iso-8859-1"}),
                          (b"\x1f\x8b", {"content-type": "application/json", "content-encoding": "gzip"})):
        event = json.loads(web("POST", "/echo", body, headers)[2])
        assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == body


def test_a_stream_that_fails_is_broken_off(aws, make, evaluator):
    import socket
    name = make(js="""exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        stream.write('the first half');
        throw new Error('the second is missing');
    });""")
    made = aws.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    path = "/lambda-url/" + made["FunctionUrl"].rstrip("/").split("/")[-1] + "/"
    with socket.create_connection(("127.0.0.1", evaluator.port), 10) as connection:
        connection.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path).encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert b"the first half" in received and not received.endswith(b"0\r\n\r\n")


def test_a_failure_is_a_502(web):
    status, _, body = web(path="/fail")
    assert (status, body) == (502, b"Internal Server Error")


def test_browsers_of_other_origins(web):
    asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
    status, headers, _ = web("OPTIONS", headers=asked)
    assert status == 200 and headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-allow-methods"] == "GET,POST" and headers["access-control-max-age"] == "60"
    assert headers["access-control-allow-headers"] == "x-h"
    assert headers["access-control-allow-credentials"] == "true"
    _, headers, _ = web(headers={"origin": "https://a.example"})
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-expose-headers"] == "x-own"
    _, headers, _ = web(headers={"origin": "https://b.example"})
    assert headers["access-control-allow-origin"] is None


def test_an_address_that_is_nobodys(web):
    other = Web.__new__(Web)
    other.port, other.id = web.port, "x" * 32
    status, headers, body = other()
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"].startswith("Forbidden. For troubleshooting")


def test_a_url_of_an_alias_runs_its_version(aws, make, evaluator):
    from conftest import zip_of
    name = make("def handler(e, c):\n    return c.function_version", Publish=True)
    aws.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    made = aws.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE")
    assert made["FunctionArn"].endswith(name + ":live")
    assert Web(evaluator, name, made["FunctionUrl"])()[2] == b"1"


STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream = awslambda.HttpResponseStream.from(stream, {statusCode: 203, headers: {'content-type': 'text/plain', 'x-own': '1'}});
  for (const word of ['one ', 'two ', 'three']) {
    stream.write(word);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  stream.end();
});
"""


def test_a_streamed_answer_comes_in_pieces(aws, make, evaluator):
    import time
    name = make(js=STREAM)
    made = aws.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    web = Web(evaluator, name, made["FunctionUrl"])
    connection = http.client.HTTPConnection("127.0.0.1", evaluator.port, timeout=30)
    connection.request("GET", "/lambda-url/%s/" % web.id)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-own"], answer.headers["content-type"]) == (203, "1", "text/plain")
    pieces, times = [], []
    while piece := answer.read1(100):
        pieces.append(piece)
        times.append(time.monotonic())
    connection.close()
    assert b"".join(pieces) == b"one two three"
    assert len(pieces) == 3 and times[-1] - times[0] > 0.4


def test_a_streamed_result_of_invoke_comes_in_pieces(aws, make):
    name = make(js="""
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream.setContentType('text/plain');
          stream.write('one ');
          await new Promise((resolve) => setTimeout(resolve, 100));
          stream.write('two');
          if (event.fails) throw new Error('later');
          stream.end();
        });""")
    def events(**event):
        answer = aws.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event))
        return list(answer["EventStream"])
    got = events()
    assert [e["PayloadChunk"]["Payload"] for e in got[:-1]] == [b"one ", b"two"]
    assert "ErrorCode" not in got[-1]["InvokeComplete"]
    got = events(fails=True)
    assert b"".join(e["PayloadChunk"]["Payload"] for e in got[:-1]) == b"one two"
    assert got[-1]["InvokeComplete"]["ErrorCode"] == "Error"
    # Who takes no stream gets it whole.
    assert aws.invoke(FunctionName=name)["Payload"].read() == b'"one two"'
