"""Functions, layers and logs of two regions, which do not meet, and an account of one's own."""

import io
import json
import urllib.error
import urllib.request

import pytest
from conftest import ROLE, Evaluator, refusal, zip_of

CODE = """
import os
def handler(event, context):
    print("in", os.environ["AWS_REGION"])
    return {"word": "%s", "arn": context.invoked_function_arn, "name": context.function_name,
            "env": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "group": context.log_group_name,
            "region": [os.environ["AWS_REGION"], os.environ["AWS_DEFAULT_REGION"]]}
"""
MISSING = ("ResourceNotFoundException", 404)
DENIED = ("AccessDeniedException", 403)


@pytest.fixture(scope="module")
def abroad(evaluator):
    return evaluator.client(region="eu-west-1")


def create(client, name, word="home", **more):
    return client.create_function(**{
        "FunctionName": name, "Role": ROLE, "Runtime": "python3.11", "Handler": "app.handler",
        "Code": {"ZipFile": zip_of({"app.py": CODE % word})}, **more})


def call(client, name):
    return json.load(client.invoke(FunctionName=name)["Payload"])


def names(client):
    return {item["FunctionName"] for page in client.get_paginator("list_functions").paginate(
        PaginationConfig={"PageSize": 2}) for item in page["Functions"]}


def test_functions_of_two_regions_do_not_meet(aws, abroad, evaluator):
    here = create(aws, "both-regions")
    there = create(abroad, "both-regions", "abroad")
    assert here["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:both-regions"
    assert there["FunctionArn"] == "arn:aws:lambda:eu-west-1:000000000000:function:both-regions"
    assert there["FunctionName"] == "both-regions"
    assert ":eu-west-1::runtime:" in there["RuntimeVersionConfig"]["RuntimeVersionArn"]
    assert refusal(create, client=abroad, name="both-regions") == ("ResourceConflictException", 409)
    answer = call(abroad, "both-regions")
    assert answer == {
        "word": "abroad", "arn": there["FunctionArn"], "name": "both-regions", "env": "both-regions",
        "group": "/aws/lambda/both-regions", "region": ["eu-west-1", "eu-west-1"]}
    assert call(aws, "both-regions")["word"] == "home"
    assert call(abroad, there["FunctionArn"])["word"] == "abroad"
    assert refusal(aws.get_function, FunctionName=there["FunctionArn"]) == MISSING
    assert refusal(abroad.delete_function, FunctionName=here["FunctionArn"]) == MISSING
    assert refusal(abroad.get_function, FunctionName="us-east-1:000000000000:function:both-regions") == MISSING
    create(aws, "at-home")
    create(abroad, "away")
    assert "away" not in names(aws) and names(abroad) == {"away", "both-regions"}
    assert {item["FunctionName"] for item in abroad.list_functions(FunctionVersion="ALL")["Functions"]} == {
        "away", "both-regions"}
    assert refusal(abroad.invoke, FunctionName="at-home") == MISSING
    # The evaluator's own API has both, under names that tell them apart.
    own = "%s/v1/functions/%s" % (evaluator.endpoint, "eu-west-1.both-regions")
    assert json.load(urllib.request.urlopen(own))["name"] == "eu-west-1.both-regions"
    # ...which are no way from one region into another.
    assert refusal(aws.get_function, FunctionName="eu-west-1.both-regions") == MISSING
    abroad.delete_function(FunctionName="both-regions")
    assert call(aws, "both-regions")["word"] == "home"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(own)


def test_a_region_without_the_form_of_one_is_the_evaluators_own(evaluator, aws):
    create(aws, "anywhere")
    for region in "local", "x" * 60, "eu-west-12":
        assert call(evaluator.client(region=region), "anywhere")["region"][0] == "us-east-1"


def test_versions_aliases_and_destinations_stay_in_their_region(abroad, aws):
    create(abroad, "numbered", Publish=True)
    assert abroad.create_alias(FunctionName="numbered", Name="live", FunctionVersion="1")["AliasArn"] == (
        "arn:aws:lambda:eu-west-1:000000000000:function:numbered:live")
    assert call(abroad, "numbered:live")["arn"].endswith("eu-west-1:000000000000:function:numbered:live")
    assert [v["Version"] for v in abroad.list_versions_by_function(FunctionName="numbered")["Versions"]] == [
        "$LATEST", "1"]
    create(aws, "told-at-home")
    assert refusal(abroad.put_function_event_invoke_config, FunctionName="numbered", DestinationConfig={
        "OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:told-at-home"}}) == (
            "InvalidParameterValueException", 400)
    create(abroad, "told")
    abroad.put_function_event_invoke_config(FunctionName="numbered", DestinationConfig={
        "OnSuccess": {"Destination": "arn:aws:lambda:eu-west-1:000000000000:function:told"}})
    tags = "arn:aws:lambda:eu-west-1:000000000000:function:numbered"
    abroad.tag_resource(Resource=tags, Tags={"a": "b"})
    assert abroad.list_tags(Resource=tags)["Tags"] == {"a": "b"}
    assert refusal(aws.list_tags, Resource=tags) == MISSING


def test_a_url_is_in_the_region_of_its_function(abroad, evaluator):
    create(abroad, "by-url")
    made = abroad.create_function_url_config(FunctionName="by-url", AuthType="NONE")
    answer = json.load(urllib.request.urlopen(made["FunctionUrl"]))
    assert answer["region"][0] == "eu-west-1"
    named = evaluator.client(region="eu-west-1", endpoint="http://localhost:%d" % evaluator.port)
    assert named.get_function_url_config(FunctionName="by-url")["FunctionUrl"].split(".", 1)[1].startswith(
        "lambda-url.eu-west-1.localhost:")


def publish(client, name, text="x"):
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of({"python/lib.py": text})})


def test_layers_of_other_places_are_not_the_local_ones(aws, abroad):
    here, there = publish(aws, "shared"), publish(abroad, "shared")
    assert publish(abroad, "shared")["Version"] == 2
    assert [v["Version"] for v in aws.list_layer_versions(LayerName="shared")["LayerVersions"]] == [1]
    assert there["LayerVersionArn"] == "arn:aws:lambda:eu-west-1:000000000000:layer:shared:1"
    assert [x["LayerName"] for x in abroad.list_layers()["Layers"]] == ["shared"]
    assert abroad.get_layer_version_by_arn(Arn=there["LayerVersionArn"])["Version"] == 1
    foreign = "arn:aws:lambda:us-east-1:111111111111:layer:shared"
    assert refusal(aws.get_layer_version_by_arn, Arn=foreign + ":1") == DENIED
    assert refusal(aws.get_layer_version_by_arn, Arn=there["LayerVersionArn"]) == MISSING
    assert refusal(aws.get_layer_version, LayerName=foreign, VersionNumber=1) == DENIED
    for arn in foreign, there["LayerArn"]:
        refusal(aws.delete_layer_version, LayerName=arn, VersionNumber=1)
        assert refusal(publish, client=aws, name=arn) in (DENIED, MISSING)
    assert aws.get_layer_version(LayerName="shared", VersionNumber=1)["LayerVersionArn"] == here["LayerVersionArn"]
    assert refusal(create, client=aws, name="layered", Layers=[foreign + ":1"]) == DENIED
    assert refusal(create, client=aws, name="layered", Layers=[there["LayerVersionArn"]]) == (
        "InvalidParameterValueException", 400)
    made = create(abroad, "layered", Layers=[there["LayerVersionArn"]])
    assert made["Layers"][0]["Arn"] == there["LayerVersionArn"]
    assert call(abroad, "layered")["word"] == "home"


def test_logs_are_those_of_their_region(evaluator, aws, abroad):
    create(aws, "logged")
    create(abroad, "logged")
    call(aws, "logged")
    call(abroad, "logged")
    for region in "us-east-1", "eu-west-1":
        logs = evaluator.client("logs", region=region)
        lines = [e["message"] for e in logs.filter_log_events(
            logGroupName="/aws/lambda/logged", filterPattern="in")["events"]]
        assert lines == ["in %s\n" % region]
        group, = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/logged")["logGroups"]
        assert group["logGroupArn"] == "arn:aws:logs:%s:000000000000:log-group:/aws/lambda/logged" % region
    create(abroad, "only-abroad")
    assert refusal(evaluator.client("logs").filter_log_events, logGroupName="/aws/lambda/only-abroad")[0] == (
        "ResourceNotFoundException")
    assert refusal(evaluator.client("logs").filter_log_events, logGroupName="/aws/lambda/eu-west-1.only-abroad")[
        0] == "ResourceNotFoundException"


def test_the_account_and_the_own_region_can_be_set():
    evaluator = Evaluator("--lambda-account", "123456789012", "--lambda-region", "eu-central-1")
    try:
        aws = evaluator.client(region="eu-central-1")
        made = create(aws, "mine")
        assert made["FunctionArn"] == "arn:aws:lambda:eu-central-1:123456789012:function:mine"
        assert call(aws, made["FunctionArn"])["arn"] == made["FunctionArn"]
        assert refusal(aws.get_function, FunctionName="arn:aws:lambda:eu-central-1:000000000000:function:mine") == (
            DENIED)
        # Without a signature, and in the own API, it is the evaluator's own region.
        path = evaluator.endpoint + "/2015-03-31/functions/mine"
        unsigned = json.load(urllib.request.urlopen(path))
        assert unsigned["Configuration"]["FunctionArn"] == made["FunctionArn"]
        assert json.load(urllib.request.urlopen(evaluator.endpoint + "/v1/functions/mine"))["name"] == "mine"
    finally:
        evaluator.stop()
