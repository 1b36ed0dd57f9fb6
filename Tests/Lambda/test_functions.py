"""Functions: made, shown, changed, listed, deleted."""

import base64
import hashlib
import urllib.request

import pytest
from conftest import ECHO, ROLE, refusal, settled, zip_of

CODE = {"ZipFile": zip_of({"app.py": ECHO})}


def create(aws, name, **more):
    settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Code": CODE}
    return aws.create_function(FunctionName=name, **{**settings, **more})


def test_create_answers_with_the_whole_configuration(aws):
    made = create(
        aws, "Whole_Function-1", Description="d", Timeout=7, MemorySize=256,
        EphemeralStorage={"Size": 1024}, Environment={"Variables": {"KEY": "v"}}, Tags={"team": "x"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionName"] == "Whole_Function-1"
    assert made["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:Whole_Function-1"
    assert (made["Runtime"], made["Handler"], made["Role"]) == ("python3.11", "app.handler", ROLE)
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]) == (7, 256, {"Size": 1024})
    assert made["Environment"] == {"Variables": {"KEY": "v"}}
    assert made["Version"] == "$LATEST" and made["State"] == "Pending"
    assert made["StateReasonCode"] == "Creating" and "LastUpdateStatus" not in made and made["PackageType"] == "Zip"
    shown = aws.get_function_configuration(FunctionName="Whole_Function-1")
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    assert shown["RevisionId"] != made["RevisionId"]
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(CODE["ZipFile"]).digest()).decode()
    assert made["CodeSize"] == len(CODE["ZipFile"])
    assert made["Architectures"] and made["RevisionId"] and made["LastModified"].endswith("+0000")
    assert made["LoggingConfig"]["LogGroup"] == "/aws/lambda/Whole_Function-1"


def test_defaults_are_those_of_lambda(aws):
    made = create(aws, "defaults")
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]["Size"]) == (3, 128, 512)
    assert made["Description"] == "" and "Environment" not in made


def test_a_name_is_taken_once(aws):
    create(aws, "taken")
    assert refusal(create, aws=aws, name="taken") == ("ResourceConflictException", 409)


def test_create_with_publish_answers_with_version_1(aws):
    made = create(aws, "published-at-once", Publish=True)
    assert made["Version"] == "1" and made["FunctionArn"].endswith(":published-at-once")
    assert [v["Version"] for v in aws.list_versions_by_function(
        FunctionName="published-at-once")["Versions"]] == ["$LATEST", "1"]


def test_the_waiters_of_boto3_are_content(aws):
    create(aws, "waited-for")
    for waiter in "function_exists", "function_active_v2", "function_updated_v2":
        aws.get_waiter(waiter).wait(FunctionName="waited-for", WaiterConfig={"Delay": 1, "MaxAttempts": 2})


def test_get_function_has_code_tags_and_concurrency(aws):
    create(aws, "shown", Tags={"a": "b"})
    aws.put_function_concurrency(FunctionName="shown", ReservedConcurrentExecutions=3)
    shown = aws.get_function(FunctionName="shown")
    assert shown["Tags"] == {"a": "b"}
    assert shown["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    assert shown["Code"]["RepositoryType"] == "S3"
    assert shown["Configuration"]["FunctionName"] == "shown"


def test_the_code_can_be_fetched_as_it_was_sent(aws):
    create(aws, "fetched")
    location = aws.get_function(FunctionName="fetched")["Code"]["Location"]
    assert urllib.request.urlopen(location).read() == CODE["ZipFile"]
    broken = location[:-1] + ("0" if location[-1] != "0" else "1")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(broken)
    assert error.value.code == 403


@pytest.mark.parametrize("form", [
    "named", "arn:aws:lambda:us-east-1:000000000000:function:named", "000000000000:function:named",
    "function:named", "named:$LATEST",
])
def test_a_function_has_several_names(aws, form):
    if refusal(aws.get_function, FunctionName="named")[0] == "ResourceNotFoundException":
        create(aws, "named")
    assert aws.get_function_configuration(FunctionName=form)["FunctionName"] == "named"


def test_qualifiers_that_differ_are_refused(aws, echo):
    assert refusal(aws.get_function, FunctionName=echo + ":1", Qualifier="2") == (
        "InvalidParameterValueException", 400)


def test_what_is_not_there_is_not_found(aws, echo):
    missing = ("ResourceNotFoundException", 404)
    assert refusal(aws.get_function, FunctionName="nope") == missing
    assert refusal(aws.get_function_configuration, FunctionName="nope") == missing
    assert refusal(aws.delete_function, FunctionName="nope") == missing
    assert refusal(aws.get_function, FunctionName=echo, Qualifier="77") == missing
    assert refusal(aws.get_function, FunctionName=echo, Qualifier="noalias") == missing
    assert refusal(aws.update_function_configuration, FunctionName="nope", Timeout=4) == missing
    assert refusal(aws.update_function_code, FunctionName="nope", ZipFile=CODE["ZipFile"]) == missing


def test_a_changed_configuration_is_in_force(aws, make):
    name = make()
    before = aws.get_function_configuration(FunctionName=name)
    changed = aws.update_function_configuration(
        FunctionName=name, Timeout=9, MemorySize=192, Description="new",
        Environment={"Variables": {"K": "changed"}})
    assert (changed["Timeout"], changed["MemorySize"], changed["Description"]) == (9, 192, "new")
    assert changed["RevisionId"] != before["RevisionId"]
    assert changed["CodeSha256"] == before["CodeSha256"]
    assert b'"changed"' in aws.invoke(FunctionName=name)["Payload"].read()
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    assert refusal(aws.update_function_configuration, FunctionName=name, Timeout=4) == ("ResourceConflictException", 409)
    cleared = aws.update_function_configuration(FunctionName=settled(aws, name), Environment={"Variables": {}})
    assert cleared["Environment"] == {"Variables": {}} and cleared["Timeout"] == 9


def test_changed_code_is_in_force(aws, make):
    name = make()
    new = zip_of({"app.py": "handler = lambda event, context: 'new'"})
    changed = aws.update_function_code(FunctionName=name, ZipFile=new)
    assert changed["CodeSha256"] == base64.b64encode(hashlib.sha256(new).digest()).decode()
    assert aws.invoke(FunctionName=name)["Payload"].read() == b'"new"'


def test_a_dry_run_changes_no_code(aws, make):
    name = make()
    before = aws.get_function_configuration(FunctionName=name)
    new = zip_of({"app.py": "handler = lambda event, context: 'new'"})
    shown = aws.update_function_code(FunctionName=name, ZipFile=new, DryRun=True)
    assert shown["CodeSha256"] != before["CodeSha256"]
    assert aws.get_function_configuration(FunctionName=name)["CodeSha256"] == before["CodeSha256"]
    assert refusal(aws.update_function_code, FunctionName=name, ZipFile=b"no zip", DryRun=True) == (
        "InvalidParameterValueException", 400)


def test_update_code_with_publish(aws, make):
    name = make()
    new = zip_of({"app.py": "handler = lambda event, context: 'new'"})
    assert aws.update_function_code(FunctionName=name, ZipFile=new, Publish=True)["Version"] == "1"


def test_revisions_guard_changes(aws, make):
    name = make()
    failed = ("PreconditionFailedException", 412)
    revision = aws.get_function_configuration(FunctionName=name)["RevisionId"]
    assert refusal(aws.update_function_configuration, FunctionName=name, Timeout=4, RevisionId="x") == failed
    assert refusal(
        aws.update_function_code, FunctionName=name, ZipFile=CODE["ZipFile"], RevisionId="x") == failed
    assert refusal(aws.publish_version, FunctionName=name, RevisionId="x") == failed
    aws.update_function_configuration(FunctionName=name, Timeout=4, RevisionId=revision)
    assert refusal(
        aws.update_function_configuration, FunctionName=settled(aws, name), Timeout=5, RevisionId=revision) == failed


def test_lists_have_pages(aws):
    for index in range(5):
        create(aws, "listed-%d" % index)
    pages = list(aws.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["Functions"]) <= 2 for page in pages)
    found = [f["FunctionName"] for page in pages for f in page["Functions"]]
    assert [n for n in found if n.startswith("listed-")] == ["listed-%d" % i for i in range(5)]
    assert len(found) == len(set(found))
    assert refusal(aws.list_functions, Marker="nonsense") == ("InvalidParameterValueException", 400)


def test_lists_can_have_all_versions(aws):
    create(aws, "all-versions", Publish=True)
    versions = [
        f["Version"] for page in aws.get_paginator("list_functions").paginate(FunctionVersion="ALL")
        for f in page["Functions"] if f["FunctionName"] == "all-versions"]
    assert versions == ["$LATEST", "1"]


def test_a_deleted_function_is_gone_and_its_name_free(aws, make):
    name = make()
    aws.publish_version(FunctionName=name)
    assert aws.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(aws.get_function, FunctionName=name)[0] == "ResourceNotFoundException"
    assert refusal(aws.invoke, FunctionName=name)[0] == "ResourceNotFoundException"
    make(name=name)
    assert [v["Version"] for v in aws.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST"]


def test_latest_cannot_be_deleted_alone(aws, echo):
    assert refusal(aws.delete_function, FunctionName=echo, Qualifier="$LATEST") == (
        "InvalidParameterValueException", 400)


def test_functions_of_the_other_api_are_seen_too(aws, evaluator):
    body = b'{"runtime":"python","code":"def handler(event, context):\\n    return 5","timeoutMs":2500}'
    request = urllib.request.Request(
        evaluator.endpoint + "/v1/functions/of-the-other-api", data=body, method="PUT",
        headers={"content-type": "application/json"})
    urllib.request.urlopen(request).close()
    shown = aws.get_function_configuration(FunctionName="of-the-other-api")
    assert shown["Timeout"] == 3 and shown["Runtime"].startswith("python3")
    assert aws.invoke(FunctionName="of-the-other-api")["Payload"].read() == b"5"
    aws.tag_resource(Resource=shown["FunctionArn"], Tags={"a": "b"})
    assert aws.update_function_configuration(FunctionName="of-the-other-api", Timeout=5)["Timeout"] == 5
    assert aws.invoke(FunctionName="of-the-other-api")["Payload"].read() == b"5"


def test_functions_of_this_api_are_seen_by_the_other(aws, make, evaluator):
    name = make(Environment={"Variables": {"K": "w"}})
    request = urllib.request.Request(
        evaluator.endpoint + "/v1/functions/%s/invoke" % name, data=b"{}", method="POST")
    assert b'"w"' in urllib.request.urlopen(request).read()


def test_everything_outlives_the_evaluator(tmp_path):
    from conftest import Evaluator
    first = Evaluator(folder=str(tmp_path))
    client = first.client()
    create(client, "kept", Publish=True, Tags={"a": "b"})
    client.create_alias(FunctionName="kept", Name="live", FunctionVersion="1")
    first.stop()
    second = Evaluator(folder=str(tmp_path))
    try:
        client = second.client()
        assert client.get_function(FunctionName="kept")["Tags"] == {"a": "b"}
        assert client.get_alias(FunctionName="kept", Name="live")["FunctionVersion"] == "1"
        location = client.get_function(FunctionName="kept", Qualifier="live")["Code"]["Location"]
        assert urllib.request.urlopen(location).read() == CODE["ZipFile"]
        assert client.invoke(FunctionName="kept", Qualifier="live")["ExecutedVersion"] == "1"
    finally:
        second.stop()
