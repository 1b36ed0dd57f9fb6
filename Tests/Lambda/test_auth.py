"""Signatures and access keys."""

import json
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from conftest import BUILD, Evaluator, refusal, zip_of, ROLE


@pytest.fixture(scope="module")
def guarded():
    made = Evaluator("--log-level", "notice")
    yield made
    made.stop()


def fnctl(evaluator, *arguments):
    done = subprocess.run(
        [BUILD / "fnctl", *arguments, "--endpoint", evaluator.endpoint], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def key(guarded):
    """A key's id and secret; from the first one on, signatures are asked for."""
    assert "asks for no signatures" in guarded.complaint()
    guarded.client().list_functions()
    made = json.loads(fnctl(guarded, "keys", "create", "--description", "of a test", "--output", "json"))
    return made["id"], made["secret"]


def test_web_pages_are_not_let_in(evaluator):
    for headers in {"origin": "https://a.example"}, {"host": "a.example"}:
        assert unsigned(evaluator, "/2015-03-31/functions", headers=headers) == (403, "AccessDeniedException")
        assert unsigned(evaluator, "/v1/keys", "POST", headers)[0] == 403
        assert unsigned(evaluator, "/v1/functions", "GET", headers)[0] == 403
    assert unsigned(evaluator, "/2015-03-31/functions")[0] == 200


def test_a_signed_request_is_let_in(guarded, key):
    client = guarded.client(key=key[0], secret=key[1])
    assert client.list_functions()["Functions"] == []
    made = client.create_function(
        FunctionName="f", Role=ROLE, Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({"app.py": "handler = lambda e, c: e"})})
    # Names that have to be escaped, queries of several values, bodies.
    client.tag_resource(Resource=made["FunctionArn"], Tags={"a b": "c"})
    client.untag_resource(Resource=made["FunctionArn"], TagKeys=["a b", "x/y"])
    assert client.invoke(FunctionName=made["FunctionArn"], Payload=b'"body"')["Payload"].read() == b'"body"'
    assert guarded.client("logs", key=key[0], secret=key[1]).describe_log_groups()["logGroups"]


@pytest.mark.parametrize("service", ["lambda", "logs"])
def test_others_are_not_let_in(guarded, key, service):
    def code(client):
        operation = client.list_functions if service == "lambda" else client.describe_log_groups
        return refusal(operation)[0]
    assert code(guarded.client(service, key=key[0], secret="wrong")) == "InvalidSignatureException"
    assert code(guarded.client(service, key="CLSTNOBODY", secret=key[1])) == "UnrecognizedClientException"


def unsigned(guarded, path, method="GET", headers=None, body=None):
    request = urllib.request.Request(guarded.endpoint + path, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["x-amzn-ErrorType"]


def test_an_unsigned_request_is_refused(guarded, key):
    assert unsigned(guarded, "/2015-03-31/functions") == (403, "MissingAuthenticationTokenException")
    assert unsigned(guarded, "/2015-03-31/functions", headers={
        "authorization": "AWS4-HMAC-SHA256 nonsense"}) == (400, "IncompleteSignatureException")


def signed(guarded, key, method="GET", path="/2015-03-31/functions", body=b"", service="lambda"):
    """A request with a right signature."""
    request = botocore.awsrequest.AWSRequest(
        method=method, url=guarded.endpoint + path, data=body, headers={"host": "127.0.0.1:%d" % guarded.port})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*key), service, "us-east-1").add_auth(request)
    return dict(request.headers)


def test_a_signature_is_of_one_request(guarded, key):
    path = "/2015-03-31/functions/f/invocations"
    headers = signed(guarded, key, "POST", path, b"1")
    assert unsigned(guarded, path, "POST", headers, b"1")[0] == 200
    refused = (403, "InvalidSignatureException")
    assert unsigned(guarded, path, "POST", headers, b"2") == refused
    assert unsigned(guarded, path + "?Qualifier=1", "POST", headers, b"1") == refused
    assert unsigned(guarded, "/2015-03-31/functions/g/invocations", "POST", headers, b"1") == refused
    assert unsigned(guarded, path, "PUT", headers, b"1")[0] in (403, 404)


def test_a_signature_is_of_one_service(guarded, key):
    headers = signed(guarded, key, service="s3")
    assert unsigned(guarded, "/2015-03-31/functions", headers=headers) == (403, "InvalidSignatureException")


def resigned(guarded, key, method, path, body, headers, unsigned_headers=()):
    """A request with a right signature over these headers, and others beside it."""
    request = botocore.awsrequest.AWSRequest(
        method=method, url=guarded.endpoint + path, data=body,
        headers={"host": "127.0.0.1:%d" % guarded.port, **headers})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*key), "lambda", "us-east-1").add_auth(request)
    return {**dict(request.headers), **dict(unsigned_headers)}


def test_what_changes_a_request_has_to_be_signed(guarded, key):
    path, refused = "/2015-03-31/functions/f/invocations", (403, "InvalidSignatureException")
    for name, value in {"X-Amz-Invocation-Type": "Event", "X-Amz-Client-Context": "e30=",
                        "x-amz-log-type": "Tail", "X-AMZ-ANYTHING": "x"}.items():
        added = resigned(guarded, key, "POST", path, b"1", {}, {name: value})
        assert unsigned(guarded, path, "POST", added, b"1") == refused
    signed_too = resigned(guarded, key, "POST", path, b"1", {"X-Amz-Log-Type": "Tail"})
    assert unsigned(guarded, path, "POST", signed_too, b"1")[0] == 200
    url = guarded.client(key=key[0], secret=key[1]).generate_presigned_url("invoke", Params={"FunctionName": "f"})
    presigned = url.removeprefix(guarded.endpoint)
    assert unsigned(guarded, presigned, "POST")[0] == 200
    assert unsigned(guarded, presigned, "POST", {"X-Amz-Invocation-Type": "Event"}) == refused


def test_the_body_has_to_be_signed(guarded, key):
    path = "/2015-03-31/functions/f/invocations"
    class Unsigned(botocore.auth.SigV4Auth):
        def payload(self, request):
            return "UNSIGNED-PAYLOAD"
    request = botocore.awsrequest.AWSRequest(
        method="POST", url=guarded.endpoint + path, data=b"1",
        headers={"host": "127.0.0.1:%d" % guarded.port, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"})
    Unsigned(botocore.credentials.Credentials(*key), "lambda", "us-east-1").add_auth(request)
    assert unsigned(guarded, path, "POST", dict(request.headers), b"1") == (403, "InvalidSignatureException")


def test_what_is_signed_is_what_is_read(guarded, key):
    """A plus in a query is a space, for both, and a path is read in the form that is signed."""
    functions = "/2015-03-31/functions"
    encoded = signed(guarded, key, path=functions + "?Marker=a%2Bb")
    # It is let in: the marker is none, which is another matter.
    assert unsigned(guarded, functions + "?Marker=a%2Bb", headers=encoded) == (400, "InvalidParameterValueException")
    assert unsigned(guarded, functions + "?Marker=a+b", headers=encoded) == (403, "InvalidSignatureException")
    twice = signed(guarded, key, path="/2015-03-31//functions")
    assert unsigned(guarded, "/2015-03-31//functions", headers=twice)[0] == 200


def test_an_old_signature_is_refused(guarded, key, monkeypatch):
    import datetime
    real = botocore.auth.get_current_datetime
    for hours in (-1, 1):
        monkeypatch.setattr(
            botocore.auth, "get_current_datetime", lambda *a, **k: real(*a, **k) + datetime.timedelta(hours=hours))
        headers = signed(guarded, key)
        assert unsigned(guarded, "/2015-03-31/functions", headers=headers) == (
            403, "InvalidSignatureException")


def test_presigned_requests(guarded, key):
    client = guarded.client(key=key[0], secret=key[1])
    url = client.generate_presigned_url("list_functions", Params={"MaxItems": 5}, ExpiresIn=60)
    assert urllib.request.urlopen(url).status == 200
    path = url.removeprefix(guarded.endpoint)
    assert unsigned(guarded, path.replace("MaxItems=5", "MaxItems=6")) == (403, "InvalidSignatureException")
    short = client.generate_presigned_url("list_functions", ExpiresIn=1).removeprefix(guarded.endpoint)
    time.sleep(2.1)
    assert unsigned(guarded, short) == (403, "InvalidSignatureException")


def test_a_url_of_the_type_aws_iam_asks_for_a_signature(guarded, key):
    client = guarded.client(key=key[0], secret=key[1])
    made = client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    path = made["FunctionUrl"].removeprefix(guarded.endpoint)
    assert unsigned(guarded, path)[0] == 403
    assert unsigned(guarded, path, headers=signed(guarded, key, path=path))[0] == 200
    request = urllib.request.Request(guarded.endpoint + path, headers=signed(guarded, key, path=path))
    with urllib.request.urlopen(request) as answer:
        event = json.loads(answer.read())
    identity = event["requestContext"]["authorizer"]["iam"]
    assert identity["accessKey"] == key[0] and identity["accountId"] == event["requestContext"]["accountId"]
    # The handler would see another path than the one that was signed.
    for other in path + "/x", path + "a/../", path + "./":
        assert unsigned(guarded, other, headers=signed(guarded, key, path=other))[0] == 403
    client.update_function_url_config(FunctionName="f", AuthType="NONE")
    assert unsigned(guarded, path)[0] == 200
    assert unsigned(guarded, path + "/x")[0] == 200


def test_keys_are_made_in_the_data_folder_only(guarded, key):
    folder = guarded.folder + "/data"
    listed = subprocess.run(
        [BUILD / "fnctl", "keys", "--data-dir", folder], text=True, capture_output=True, timeout=60)
    assert listed.returncode == 0 and key[0] in listed.stdout, listed.stderr
    for path, method in ("/v1/keys", "GET"), ("/v1/keys", "POST"), ("/v1/keys/" + key[0], "DELETE"):
        assert unsigned(guarded, path, method)[0] == 403
    missing = subprocess.run(
        [BUILD / "fnctl", "keys", "--data-dir", "/nowhere"], text=True, capture_output=True, timeout=60)
    assert missing.returncode != 0 and "/nowhere/control/keys.sock" in missing.stderr
    answer = subprocess.run(
        ["curl", "-s", "--unix-socket", folder + "/control/keys.sock", "http://localhost/v1/keys"],
        text=True, capture_output=True, timeout=60)
    assert key[0] in answer.stdout


def test_keys_of_a_deep_data_folder(tmp_path):
    """A socket's address has 108 bytes at most, a path more."""
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    made = Evaluator(folder=str(folder))
    try:
        assert json.loads(fnctl(made, "keys", "create", "--output", "json"))["secret"]
    finally:
        made.stop()


def test_keys_are_listed_without_secrets_and_deleted(guarded, key):
    second = json.loads(fnctl(guarded, "keys", "create", "--output", "json"))
    listed = fnctl(guarded, "keys", "list")
    assert key[0] in listed and "of a test" in listed and key[1] not in listed
    client = guarded.client(key=second["id"], secret=second["secret"])
    client.list_functions()
    fnctl(guarded, "keys", "delete", second["id"])
    assert refusal(client.list_functions) == ("UnrecognizedClientException", 403)


def test_keys_outlive_the_evaluator_and_its_log_does_not_know_them(tmp_path):
    first = Evaluator(folder=str(tmp_path))
    made = json.loads(fnctl(first, "keys", "create", "--output", "json"))
    first.stop()
    second = Evaluator("--log-level", "notice", folder=str(tmp_path))
    try:
        assert refusal(second.client().list_functions) == ("UnrecognizedClientException", 403)
        second.client(key=made["id"], secret=made["secret"]).list_functions()
        assert made["secret"] not in second.complaint()
        for file in (tmp_path / "data").glob("registry.sqlite*"):
            assert made["secret"].encode() not in file.read_bytes()
    finally:
        second.stop()


def test_without_a_key_only_this_machine_is_let_in():
    made = Evaluator("--host", "0.0.0.0")
    try:
        client = made.client(endpoint="http://127.0.0.1:%d" % made.port)
        assert refusal(client.list_functions) == ("UnrecognizedClientException", 403)
        assert "asks for no signatures" not in made.complaint()
    finally:
        made.stop()
