"""Policies, concurrency, asynchronous settings and what clients insist on reading."""

import json

import pytest
from conftest import refusal, wait_for

MISSING = ("ResourceNotFoundException", 404)
INVALID = ("InvalidParameterValueException", 400)
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def permit(aws, name, sid="s", **more):
    return aws.add_permission(
        FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        **more)


def test_a_policy_grows_and_shrinks(aws, make):
    name = make()
    assert refusal(aws.get_policy, FunctionName=name) == MISSING
    made = json.loads(permit(aws, name, SourceArn="arn:aws:s3:::b", SourceAccount="000000000000")["Statement"])
    assert made == {
        "Sid": "s", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction", "Resource": ARN + name,
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                      "StringEquals": {"AWS:SourceAccount": "000000000000"}}}
    permit(aws, name, "t")
    shown = aws.get_policy(FunctionName=name)
    policy = json.loads(shown["Policy"])
    assert policy["Version"] == "2012-10-17" and [s["Sid"] for s in policy["Statement"]] == ["s", "t"]
    assert refusal(permit, aws=aws, name=name) == ("ResourceConflictException", 409)
    assert refusal(aws.remove_permission, FunctionName=name, StatementId="x") == MISSING
    assert refusal(aws.remove_permission, FunctionName=name, StatementId="s", RevisionId="x") == (
        "PreconditionFailedException", 412)
    aws.remove_permission(FunctionName=name, StatementId="s", RevisionId=shown["RevisionId"])
    aws.remove_permission(FunctionName=name, StatementId="t")
    assert refusal(aws.get_policy, FunctionName=name) == MISSING


def test_policies_of_aliases_are_their_own(aws, make):
    name = make(Publish=True)
    aws.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    permit(aws, name, Qualifier="live")
    assert refusal(aws.get_policy, FunctionName=name) == MISSING
    assert ":live" in aws.get_policy(FunctionName=name, Qualifier="live")["Policy"]
    assert refusal(permit, aws=aws, name=name, Qualifier="none") == MISSING


@pytest.mark.parametrize("principal, shown", [
    ("*", "*"), ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
    ("arn:aws:iam::123456789012:user/u", {"AWS": "arn:aws:iam::123456789012:user/u"}),
])
def test_principals(aws, make, principal, shown):
    name = make()
    made = aws.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunctionUrl", Principal=principal,
        FunctionUrlAuthType="NONE")
    statement = json.loads(made["Statement"])
    assert statement["Principal"] == shown
    assert statement["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}


def test_policies_that_cannot_be(raw, echo):
    good = {"FunctionName": echo, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    for change in ({"StatementId": "a b"}, {"Action": "s3:Get"}, {"Principal": ""}, {"StatementId": "s" * 101}):
        assert refusal(raw.add_permission, **{**good, **change}) == ("ValidationException", 400)
    assert refusal(raw.add_permission, **{**good, "FunctionName": "nope"}) == MISSING


def test_reserved_concurrency(aws, raw, make):
    name = make()
    assert "ReservedConcurrentExecutions" not in aws.get_function_concurrency(FunctionName=name)
    assert aws.put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=4)["ReservedConcurrentExecutions"] == 4
    assert aws.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 4
    aws.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in aws.get_function_concurrency(FunctionName=name)
    assert refusal(raw.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=-1) == (
        "ValidationException", 400)
    assert refusal(raw.put_function_concurrency, FunctionName="nope", ReservedConcurrentExecutions=1) == MISSING


def test_provisioned_concurrency(aws, make):
    name = make(Publish=True)
    of = {"FunctionName": name, "Qualifier": "1"}
    none = ("ProvisionedConcurrencyConfigNotFoundException", 404)
    assert refusal(aws.get_provisioned_concurrency_config, **of) == none
    made = aws.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=2, **of)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    wait_for(lambda: aws.get_provisioned_concurrency_config(**of)["Status"] == "READY")
    shown = aws.get_provisioned_concurrency_config(**of)
    assert shown["AllocatedProvisionedConcurrentExecutions"] == 2
    listed = aws.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    assert [c["FunctionArn"] for c in listed] == [ARN + name + ":1"]
    aws.delete_provisioned_concurrency_config(**of)
    assert refusal(aws.get_provisioned_concurrency_config, **of) == none
    assert refusal(
        aws.put_provisioned_concurrency_config, FunctionName=name, Qualifier="$LATEST",
        ProvisionedConcurrentExecutions=1) == INVALID
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert refusal(aws.put_provisioned_concurrency_config, ProvisionedConcurrentExecutions=2, **of) == INVALID


def test_event_invoke_configurations(aws, raw, make, echo):
    name = make(Publish=True)
    assert refusal(aws.get_function_event_invoke_config, FunctionName=name) == MISSING
    assert refusal(
        aws.update_function_event_invoke_config, FunctionName=name, MaximumRetryAttempts=1) == MISSING
    made = aws.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=100,
        DestinationConfig={"OnFailure": {"Destination": ARN + echo}})
    assert made["FunctionArn"] == ARN + name + ":$LATEST"
    changed = aws.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 100)
    assert changed["DestinationConfig"]["OnFailure"] == {"Destination": ARN + echo}
    put = aws.put_function_event_invoke_config(FunctionName=name, Qualifier="1", MaximumRetryAttempts=2)
    assert "MaximumEventAgeInSeconds" not in put
    listed = aws.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [c["FunctionArn"] for c in listed] == [ARN + name + ":$LATEST", ARN + name + ":1"]
    aws.delete_function_event_invoke_config(FunctionName=name)
    assert refusal(aws.delete_function_event_invoke_config, FunctionName=name) == MISSING
    put = raw.put_function_event_invoke_config
    assert refusal(put, FunctionName=name, MaximumRetryAttempts=3) == ("ValidationException", 400)
    assert refusal(put, FunctionName=name, MaximumEventAgeInSeconds=59) == ("ValidationException", 400)
    for arn in ("arn:aws:sqs:us-east-1:000000000000:q", ARN + name):
        assert refusal(
            put, FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}) == INVALID
    assert refusal(
        put, FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": ARN + "nope"}}) == INVALID


@pytest.mark.parametrize("fails", [False, True])
def test_destinations_are_told(aws, make, logs, fails):
    told = make("import json\ndef handler(e, c):\n    print(json.dumps(e))")
    name = make("def handler(e, c):\n    if e['fails']: raise ValueError('no')\n    return 'yes'")
    aws.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={
            "OnSuccess": {"Destination": ARN + told}, "OnFailure": {"Destination": ARN + told}})
    sent = aws.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"fails": fails}))
    found = wait_for(lambda: logs.filter_log_events(
        logGroupName="/aws/lambda/" + told, filterPattern="requestContext")["events"])
    record = json.loads(found[0]["message"])
    context = record["requestContext"]
    assert context["requestId"] == sent["ResponseMetadata"]["RequestId"]
    assert context["condition"] == ("RetriesExhausted" if fails else "Success")
    assert context["functionArn"] == ARN + name + ":$LATEST" and context["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"fails": fails}
    if fails:
        payload = record["responsePayload"]
        assert (payload["errorType"], payload["errorMessage"], payload["requestId"]) == (
            "ValueError", "no", context["requestId"])
        assert "/var/task/app.py" in payload["stackTrace"][0]
        assert record["responseContext"]["functionError"] == "Unhandled"
    else:
        assert record["responsePayload"] == "yes"


def test_retries_are_as_many_as_asked_for(aws, make, logs):
    name = make("def handler(e, c):\n    print('tried')\n    raise ValueError('no')")
    aws.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    aws.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

    def tried():
        return logs.filter_log_events(logGroupName="/aws/lambda/" + name, filterPattern="tried")["events"]

    wait_for(lambda: len(tried()) == 2)


def test_recursion(aws, raw, echo):
    assert aws.get_function_recursion_config(FunctionName=echo)["RecursiveLoop"] == "Terminate"
    assert aws.put_function_recursion_config(
        FunctionName=echo, RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert aws.get_function_recursion_config(FunctionName=echo)["RecursiveLoop"] == "Allow"
    assert refusal(raw.put_function_recursion_config, FunctionName=echo, RecursiveLoop="x") == (
        "ValidationException", 400)


def test_runtime_management(aws, raw, echo):
    assert aws.get_runtime_management_config(FunctionName=echo)["UpdateRuntimeOn"] == "Auto"
    aws.put_runtime_management_config(FunctionName=echo, UpdateRuntimeOn="FunctionUpdate")
    assert aws.get_runtime_management_config(FunctionName=echo)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert refusal(raw.put_runtime_management_config, FunctionName=echo, UpdateRuntimeOn="Manual") == INVALID


def test_account_settings(aws, echo):
    settings = aws.get_account_settings()
    assert settings["AccountLimit"]["ConcurrentExecutions"] >= 8
    assert settings["AccountUsage"]["FunctionCount"] >= 1


def test_code_signing_is_none(aws, echo):
    assert aws.get_function_code_signing_config(FunctionName=echo)["FunctionName"] == echo
    assert refusal(aws.get_function_code_signing_config, FunctionName="nope") == MISSING
    aws.delete_function_code_signing_config(FunctionName=echo)
