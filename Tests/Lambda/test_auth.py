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
    client.update_function_url_config(FunctionName="f", AuthType="NONE")
    assert unsigned(guarded, path)[0] == 200


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
