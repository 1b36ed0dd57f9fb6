"""Versions, aliases and tags."""

import collections
import json

import pytest
from conftest import refusal, settled, zip_of

INVALID = ("InvalidParameterValueException", 400)
MISSING = ("ResourceNotFoundException", 404)


def returns(aws, name, value):
    aws.update_function_code(
        FunctionName=settled(aws, name), ZipFile=zip_of({"app.py": "handler = lambda e, c: %r" % value}))


@pytest.fixture
def two(aws, make):
    """A function with two versions that answer 'one' and 'two'; `$LATEST` answers 'three'."""
    name = make()
    for value in "one", "two":
        returns(aws, name, value)
        aws.publish_version(FunctionName=name, Description="the " + value)
    returns(aws, name, "three")
    return name


def answer(aws, name, **more):
    got = aws.invoke(FunctionName=name, **more)
    return json.loads(got["Payload"].read()), got["ExecutedVersion"]


def test_versions_keep_what_they_were(aws, two):
    assert answer(aws, two) == ("three", "$LATEST")
    assert answer(aws, two, Qualifier="1") == ("one", "1")
    assert answer(aws, two + ":2") == ("two", "2")


def test_versions_are_listed_in_order(aws, two):
    versions = aws.list_versions_by_function(FunctionName=two)["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "1", "2"]
    assert [v["Description"] for v in versions] == ["", "the one", "the two"]
    assert versions[1]["FunctionArn"].endswith(":%s:1" % two)
    pages = list(aws.get_paginator("list_versions_by_function").paginate(
        FunctionName=two, PaginationConfig={"PageSize": 1}))
    assert [v["Version"] for page in pages for v in page["Versions"]] == ["$LATEST", "1", "2"]
    assert len(pages) == 3


def test_nothing_new_is_not_published_again(aws, two):
    first = aws.publish_version(FunctionName=two)
    again = aws.publish_version(FunctionName=two)
    assert first["Version"] == again["Version"] == "3"
    assert first["RevisionId"] == again["RevisionId"]


def test_a_published_version_is_the_code_that_was_meant(aws, two):
    assert refusal(aws.publish_version, FunctionName=two, CodeSha256="x") == INVALID
    latest = aws.get_function_configuration(FunctionName=two)["CodeSha256"]
    assert aws.publish_version(FunctionName=two, CodeSha256=latest)["CodeSha256"] == latest


def test_a_version_knows_its_number(aws, make):
    name = make("import os\ndef handler(e, c):\n"
                "    return [c.function_version, os.environ['AWS_LAMBDA_FUNCTION_VERSION'],"
                " c.invoked_function_arn]")
    aws.publish_version(FunctionName=name)
    aws.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:" + name
    assert answer(aws, name)[0] == ["$LATEST", "$LATEST", arn]
    assert answer(aws, name, Qualifier="1")[0] == ["1", "1", arn + ":1"]
    assert answer(aws, name, Qualifier="live")[0] == ["1", "1", arn + ":live"]


def test_one_version_can_be_deleted(aws, two):
    aws.delete_function(FunctionName=two, Qualifier="1")
    assert refusal(aws.invoke, FunctionName=two, Qualifier="1") == MISSING
    assert answer(aws, two, Qualifier="2")[0] == "two"
    assert [v["Version"] for v in aws.list_versions_by_function(FunctionName=two)["Versions"]] == [
        "$LATEST", "2"]
    returns(aws, two, "four")
    assert aws.publish_version(FunctionName=two)["Version"] == "3"
    aws.delete_function(FunctionName=two, Qualifier="3")
    assert refusal(aws.get_function, FunctionName=two, Qualifier="3") == MISSING
    assert answer(aws, two) == ("four", "$LATEST")


def test_versions_do_not_change(aws, two):
    assert refusal(aws.update_function_configuration, FunctionName=two + ":1", Timeout=4) == INVALID


# Aliases

def test_an_alias_is_made_moved_and_removed(aws, two):
    made = aws.create_alias(FunctionName=two, Name="live", FunctionVersion="1", Description="d")
    assert made["AliasArn"].endswith(":%s:live" % two) and made["FunctionVersion"] == "1"
    assert "RoutingConfig" not in made
    assert answer(aws, two, Qualifier="live") == ("one", "1")
    moved = aws.update_alias(FunctionName=two, Name="live", FunctionVersion="2")
    assert moved["Description"] == "d" and moved["RevisionId"] != made["RevisionId"]
    assert answer(aws, two + ":live") == ("two", "2")
    assert aws.get_function(FunctionName=two, Qualifier="live")["Configuration"]["Version"] == "2"
    aws.delete_alias(FunctionName=two, Name="live")
    assert refusal(aws.get_alias, FunctionName=two, Name="live") == MISSING
    assert refusal(aws.invoke, FunctionName=two, Qualifier="live") == MISSING
    assert aws.delete_alias(FunctionName=two, Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_an_alias_of_latest(aws, two):
    aws.create_alias(FunctionName=two, Name="dev", FunctionVersion="$LATEST")
    assert answer(aws, two, Qualifier="dev") == ("three", "$LATEST")


def test_an_alias_with_weights_divides_calls(aws, two):
    made = aws.create_alias(
        FunctionName=two, Name="half", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    counts = collections.Counter(answer(aws, two, Qualifier="half")[1] for _ in range(60))
    # Fewer than 12 of 60 of either: once in two million.
    assert min(counts["1"], counts["2"]) >= 12
    cleared = aws.update_alias(FunctionName=two, Name="half", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in cleared


def test_aliases_that_cannot_be(aws, raw, two):
    def create(**more):
        return refusal(raw.create_alias, **{"FunctionName": two, "Name": "a", "FunctionVersion": "1", **more})
    assert create(FunctionVersion="9") == MISSING
    assert create(FunctionName="nope") == MISSING
    assert create(Name="7") == ("ValidationException", 400)
    assert create(Name="a b") == ("ValidationException", 400)
    assert create(FunctionVersion="") == ("ValidationException", 400)
    assert create(RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}}) == INVALID
    assert create(RoutingConfig={"AdditionalVersionWeights": {"2": 1.5}}) == ("ValidationException", 400)
    assert create(
        FunctionVersion="$LATEST", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}}) == INVALID
    assert create()[0] == "accepted"
    assert create() == ("ResourceConflictException", 409)
    assert refusal(raw.update_alias, FunctionName=two, Name="a", RevisionId="x") == (
        "PreconditionFailedException", 412)
    assert refusal(raw.update_alias, FunctionName=two, Name="none", FunctionVersion="1") == MISSING
    assert refusal(raw.delete_function, FunctionName=two, Qualifier="1") == ("ResourceConflictException", 409)
    assert refusal(raw.delete_function, FunctionName=two, Qualifier="a")[0] == "InvalidParameterValueException"


def test_aliases_are_listed(aws, two):
    for name, version in ("a", "1"), ("b", "2"), ("c", "2"):
        aws.create_alias(FunctionName=two, Name=name, FunctionVersion=version)
    def listed(**more):
        return [a["Name"] for a in aws.list_aliases(FunctionName=two, **more)["Aliases"]]
    assert listed() == ["a", "b", "c"]
    assert listed(FunctionVersion="2") == ["b", "c"]
    pages = list(aws.get_paginator("list_aliases").paginate(
        FunctionName=two, PaginationConfig={"PageSize": 2}))
    assert [[a["Name"] for a in page["Aliases"]] for page in pages] == [["a", "b"], ["c"]]


# Tags

def test_tags_come_and_go(aws, make):
    name = make(Tags={"a": "1"})
    arn = aws.get_function_configuration(FunctionName=name)["FunctionArn"]
    aws.tag_resource(Resource=arn, Tags={"b": "2", "c": "3"})
    assert aws.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2", "c": "3"}
    aws.untag_resource(Resource=arn, TagKeys=["a", "c"])
    assert aws.list_tags(Resource=arn)["Tags"] == {"b": "2"}


def test_tags_that_cannot_be(aws, raw, make, echo):
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    assert refusal(raw.list_tags, Resource=arn + "nope") == MISSING
    assert refusal(raw.tag_resource, Resource=arn + echo + ":1", Tags={"a": "b"}) == INVALID
    assert refusal(raw.tag_resource, Resource=arn + echo, Tags={"aws:a": "b"}) == INVALID
    assert refusal(raw.tag_resource, Resource=arn + echo, Tags={"k" * 129: "b"}) == INVALID
    assert refusal(
        raw.tag_resource, Resource=arn + echo, Tags={"k%d" % i: "v" for i in range(51)}) == INVALID
    assert refusal(raw.tag_resource, Resource="no-arn", Tags={"a": "b"})[0] in (
        "ValidationException", "InvalidParameterValueException")


def test_a_tag_sets_the_isolation(aws, make, evaluator):
    import urllib.request
    name = make()
    arn = aws.get_function_configuration(FunctionName=name)["FunctionArn"]

    def isolation():
        with urllib.request.urlopen(evaluator.endpoint + "/v1/functions/" + name) as shown:
            return json.loads(shown.read())["isolation"]

    assert isolation() == "reuse"
    aws.tag_resource(Resource=arn, Tags={"cloister:isolation": "call"})
    assert isolation() == "call"
    assert refusal(aws.tag_resource, Resource=arn, Tags={"cloister:isolation": "x"}) == INVALID
    aws.untag_resource(Resource=arn, TagKeys=["cloister:isolation"])
    assert isolation() == "reuse"
