"""docs/lambda.md has every operation of botocore's model, and what it says of refusals is true."""

import re

import botocore.session
import pytest
from conftest import ROOT, refusal

TABLE = {
    name: (kind, text) for name, kind, text in re.findall(
        r"^\| (\w+) \| (full|partial|refused) \|(.*)\|$", (ROOT / "docs/lambda.md").read_text(), re.M)}
MODEL = botocore.session.get_session().get_service_model("lambda")


def test_the_table_has_the_operations_of_the_model():
    assert set(TABLE) == set(MODEL.operation_names)


def test_what_is_missing_is_said():
    assert [name for name, (kind, text) in TABLE.items() if (kind == "full") != (not text.strip())] == []


def example(shape, name=""):
    """A value that a shape takes."""
    if name in ("FunctionName",):
        return "echo-of-all"
    if shape.type_name == "structure":
        return {m: example(shape.members[m], m) for m in shape.required_members}
    if shape.type_name == "list":
        return [example(shape.member)] * max(1, shape.metadata.get("min", 0))
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        if getattr(shape, "enum", None):
            return shape.enum[0]
        pattern = shape.metadata.get("pattern", "")
        if "role" in pattern:
            return "arn:aws:iam::000000000000:role/any"
        if "code-signing-config" in pattern:
            return "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"
        if "durable-execution" in pattern:
            return "arn:aws:lambda:us-east-1:000000000000:function:echo-of-all:1/durable-execution/n/i"
        if "signing-profiles" in pattern or "signer" in pattern:
            return "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p"
        if "capacity-provider" in pattern:
            return "provider"
        return "a" * max(3, shape.metadata.get("min", 0))
    if shape.type_name in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if shape.type_name == "blob":
        return b"{}"
    if shape.type_name == "timestamp":
        return 0
    return True


def method(client, name):
    return getattr(client, botocore.xform_name(name))


@pytest.mark.parametrize("name", [n for n, (kind, _) in sorted(TABLE.items()) if kind == "refused"])
def test_a_refused_operation_says_so(raw, echo, name):
    code, status = refusal(method(raw, name), **example(MODEL.operation_model(name).input_shape))
    # Where the example is no good by the model, that is said first.
    assert code in (TABLE[name][1].strip(), "ValidationException"), code
    assert 400 <= status < 500


@pytest.mark.parametrize("name", [n for n, (kind, _) in sorted(TABLE.items()) if kind != "refused"])
def test_no_other_operation_is_refused_or_fails(raw, echo, make, name):
    parameters = example(MODEL.operation_model(name).input_shape)
    if "FunctionName" in parameters:
        parameters["FunctionName"] = "of-nobody"
    code, status = refusal(lambda **p: method(raw, name)(**p), **parameters)
    assert status < 500 and code != "UnknownOperationException"


def test_the_checked_model_is_botocores():
    """What scripts/lambda-model wrote is what it would write now."""
    text = (ROOT / "Sources/Evaluator/LambdaAPI/Model/LambdaModel+Operations.swift").read_text()
    written = dict(re.findall(r'^[{]?"(\w+)":.*"p":"([^"]+)"', text, re.M))
    assert written == {
        name: MODEL.operation_model(name).http["requestUri"].partition("?")[0]
        for name in MODEL.operation_names}
