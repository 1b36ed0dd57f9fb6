"""What AWS answers, to the letter, where clients and other projects' suites look at it."""

import json
import re

import pytest
from conftest import ROLE, refusal, settled, wait_for, zip_of

CODE = {"ZipFile": zip_of({"app.py": "def handler(e, c):\n    return e"})}


def said(operation, **parameters):
    """The message of an error."""
    try:
        operation(**parameters)
    except Exception as error:
        return error.response["Error"]["Message"]
    raise AssertionError("it was accepted")


def create(client, name, **more):
    return client.create_function(**{
        "FunctionName": name, "Role": ROLE, "Runtime": "python3.12", "Handler": "app.handler", "Code": CODE, **more})


def test_patterns_are_printed_as_aws_has_them(raw):
    pattern = (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
        r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?")
    assert said(raw.get_function, FunctionName="a b") == (
        "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: " + pattern)


def test_all_violations_are_told_and_values_are_whole(raw):
    text = said(raw.get_function, FunctionName="f!" * 150, Qualifier="a b")
    assert text.startswith("3 validation errors detected: Value 'a b' at 'qualifier' failed")
    assert "; Value '%s' at 'functionName' failed" % ("f!" * 150) in text
    assert said(raw.create_function, **{
        "FunctionName": "x", "Role": ROLE, "Runtime": "python3.12", "Handler": "a.b", "Code": CODE,
        "Architectures": ["X86_64"]}) == (
        "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must "
        "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")


def test_runtimes_that_are_none_any_more_or_never_were(raw):
    assert said(create, client=raw, name="r", Runtime="python3.7").startswith(
        "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions.")
    assert said(create, client=raw, name="r", Runtime="non-existent").startswith(
        "Value non-existent at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, ")
    # Not those that there is no such number of either, though an interpreter could be had.
    for runtime in "python3.99", "python3.12.1", "nodejs99.x", "nodejs20":
        text = said(create, client=raw, name="r", Runtime=runtime)
        assert text.startswith("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy" % runtime)


def test_sets_are_told_in_the_order_that_aws_has(raw, echo):
    assert said(raw.put_function_recursion_config, FunctionName=echo, RecursiveLoop="x").endswith(
        "enum value set: [Terminate, Allow]")
    assert said(raw.create_function_url_config, FunctionName=echo, AuthType="NONE", InvokeMode="x").endswith(
        "enum value set: [RESPONSE_STREAM, BUFFERED]")


def test_code_signing_that_is_not_there(aws, echo):
    arn = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"
    text = ("The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
            + arn + ".")
    missing = ("CodeSigningConfigNotFoundException", 404)
    for operation, given in (
            (create, {"client": aws, "name": "signed"}),
            (aws.put_function_code_signing_config, {"FunctionName": echo})):
        assert said(operation, CodeSigningConfigArn=arn, **given) == text
        assert refusal(operation, CodeSigningConfigArn=arn, **given) == missing
    assert refusal(aws.get_function, FunctionName="signed")[0] == "ResourceNotFoundException"


def test_functions_of_other_places_are_not_touched(aws, make):
    name = make()
    arn = "arn:aws:lambda:%s:%s:function:" + name
    for operation in aws.delete_function, aws.get_function, aws.invoke, aws.get_policy:
        assert said(operation, FunctionName=arn % ("eu-west-1", "000000000000")) == (
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
        assert refusal(operation, FunctionName=arn % ("us-east-1", "111111111111")) == ("AccessDeniedException", 403)
    assert refusal(aws.list_tags, Resource=arn % ("eu-west-1", "000000000000"))[0] == "ResourceNotFoundException"
    aws.get_function(FunctionName=arn % ("us-east-1", "000000000000"))
    assert said(aws.get_function, FunctionName="arn:aws:lambda:us-east-1:000000000000:function") == (
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:function")


def test_names_that_are_too_long(aws, raw):
    long = "n" * 65
    assert said(create, client=raw, name=long) == (
        "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length "
        "less than or equal to 64" % long)
    assert said(aws.get_function, FunctionName=long).startswith("Function not found: arn:aws:lambda:us-east-1:")
    assert said(aws.invoke, FunctionName="never-there").endswith(":function:never-there:$LATEST")


def test_the_view_of_a_function_through_its_life(aws):
    made = create(aws, "life", Environment={"Variables": {}})
    assert made["State"] == "Pending" and made["StateReason"] == "The function is being created."
    assert re.fullmatch(r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}", made["RuntimeVersionConfig"]["RuntimeVersionArn"])
    assert made["Environment"] == {"Variables": {}}
    first = aws.get_function_configuration(FunctionName="life")
    aws.update_function_configuration(FunctionName="life", Description="changed")
    during = aws.get_function_configuration(FunctionName="life")
    assert (during["LastUpdateStatus"], during["LastUpdateStatusReasonCode"]) == ("InProgress", "Creating")
    assert said(aws.update_function_configuration, FunctionName="life", Timeout=4) == (
        "The operation cannot be performed at this time. An update is in progress for resource: " + made["FunctionArn"])
    settled(aws, "life")
    after = aws.get_function_configuration(FunctionName="life")
    assert len({made["RevisionId"], first["RevisionId"], during["RevisionId"], after["RevisionId"]}) == 4
    assert aws.publish_version(FunctionName="life")["Version"] == "1"
    assert aws.get_function_configuration(FunctionName="life")["RevisionId"] != after["RevisionId"]
    assert aws.publish_version(FunctionName="life", Description="another")["Version"] == "1"
    aws.update_function_configuration(FunctionName="life", Description="again")
    assert aws.publish_version(FunctionName="life")["Version"] == "2"
    listed = aws.list_versions_by_function(FunctionName="life")["Versions"]
    for view in listed + aws.list_functions()["Functions"]:
        assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & set(view)
    # Not there, and gone all the same.
    assert aws.delete_function(FunctionName="life", Qualifier="77")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_version_that_is_published_with_its_code_is_pending_at_first(aws, make):
    name = settled(aws, make())
    made = aws.update_function_code(
        FunctionName=name, ZipFile=zip_of({"app.py": "def handler(e, c):\n    return 2"}), Publish=True)
    qualified = {"FunctionName": name, "Qualifier": made["Version"]}
    life = ("State", "StateReason", "StateReasonCode", "LastUpdateStatus", "RevisionId")
    shown = aws.get_function(**qualified)["Configuration"]
    assert [shown.get(k) for k in life] == [made.get(k) for k in life]
    assert [made.get(k) for k in life[:4]] == ["Pending", "The function is being created.", "Creating", None]
    # It answers already.
    assert aws.invoke(**qualified)["Payload"].read() == b"2"
    aws.get_waiter("published_version_active").wait(**qualified, WaiterConfig={"Delay": 0.1, "MaxAttempts": 50})
    shown = aws.get_function_configuration(**qualified)
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in shown and shown["RevisionId"] != made["RevisionId"]


def test_how_logs_are_written_is_kept(aws):
    made = create(aws, "logging", LoggingConfig={"LogFormat": "JSON"})
    assert made["LoggingConfig"] == {
        "LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": "/aws/lambda/logging"}
    changed = aws.update_function_configuration(
        FunctionName="logging", LoggingConfig={"ApplicationLogLevel": "DEBUG", "LogGroup": "cool_lambda"})
    assert changed["LoggingConfig"] == {
        "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO", "LogGroup": "cool_lambda"}
    changed = aws.update_function_configuration(
        FunctionName=settled(aws, "logging"), LoggingConfig={"LogFormat": "Text"})
    assert changed["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "cool_lambda"}


def test_limits(raw):
    text = said(create, client=raw, name="e", Environment={"Variables": {"LARGE_VAR": "x" * 4090}})
    assert text.endswith('exceeded the 4KB limit. String measured: {"LARGE_VAR":"%s"}' % ("x" * 4090))
    assert said(create, client=raw, name="z", Code={"ZipFile": b"no zip"}) == (
        "Could not unzip uploaded file. Please check your file, then try to upload again.")
    assert refusal(raw.create_function, FunctionName="z", Role=ROLE, Runtime="python3.12", Handler="a.b", Code={
        "ZipFile": b"x" * 52_428_801}) == ("RequestEntityTooLargeException", 413)


def test_answers_to_calls(aws, echo):
    for kind in "Event", "DryRun":
        headers = aws.invoke(FunctionName=echo, InvocationType=kind)["ResponseMetadata"]["HTTPHeaders"]
        assert "x-amz-executed-version" not in headers


def test_urls(aws, make):
    missing = "arn:aws:lambda:us-east-1:000000000000:function:nope"
    assert said(aws.create_function_url_config, FunctionName=missing, AuthType="NONE") == "Function does not exist"
    assert said(aws.update_function_url_config, FunctionName="nope", AuthType="NONE") == "Function does not exist"
    assert said(aws.list_function_url_configs, FunctionName="nope") == "Function does not exist"
    for operation in aws.get_function_url_config, aws.delete_function_url_config:
        assert said(operation, FunctionName="nope") == "The resource you requested does not exist."
    name = make()
    made = aws.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert "InvokeMode" not in made and aws.get_function_url_config(FunctionName=name)["InvokeMode"] == "BUFFERED"
    assert said(aws.create_function_url_config, FunctionName=name, AuthType="NONE") == (
        "Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this "
        "Lambda function" % made["FunctionArn"])


def test_tags_and_policies(aws, make):
    name = make()
    arn = aws.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert said(aws.tag_resource, Resource=arn, Tags={}) == "An error occurred and the request cannot be processed."
    assert said(aws.tag_resource, Resource=arn, Tags={str(n): "" for n in range(51)}) == (
        "Number of tags exceeds resource tag limit.")
    assert said(aws.list_tags, Resource=arn + ":$LATEST") == (
        "Tags on function aliases and versions are not supported. Please specify a function ARN.")
    before = aws.get_function_configuration(FunctionName=name)["RevisionId"]
    aws.tag_resource(Resource=arn, Tags={"a": "b"})
    assert aws.get_function_configuration(FunctionName=name)["RevisionId"] != before
    grant = {"FunctionName": name, "StatementId": "s", "Action": "lambda:InvokeFunction"}
    assert said(aws.add_permission, Principal="invalid.nonaws.com", **grant) == (
        "The provided principal was invalid. Please check the principal and try again.")
    assert said(aws.add_permission, Principal="*", Qualifier="$LATEST", **grant) == (
        "We currently do not support adding policies for $LATEST.")
    assert "GetPolicy API" in said(aws.add_permission, Principal="*", RevisionId="x", **grant)
    assert said(aws.remove_permission, FunctionName=name, StatementId="s") == (
        "No policy is associated with the given resource.")
    assert said(aws.get_policy, FunctionName="nope") == "The resource you requested does not exist."


def test_event_invoke_configurations(aws, make):
    assert said(aws.put_function_event_invoke_config, FunctionName="nope", MaximumRetryAttempts=1) == (
        "The function doesn't exist.")
    assert said(aws.put_function_event_invoke_config, FunctionName="nope") == (
        "You must specify at least one of error handling or destination setting.")
    assert said(aws.get_function_event_invoke_config, FunctionName="nope") == (
        "The function arn:aws:lambda:us-east-1:000000000000:function:nope:$LATEST doesn't have an EventInvokeConfig")
    name = make()
    arn = aws.get_function_configuration(FunctionName=name)["FunctionArn"]
    for target, text in ((arn, "You can't specify the function as a destination for itself."),
                         (arn + "-none", "The destination ARN %s-none is invalid." % arn)):
        assert said(aws.put_function_event_invoke_config, FunctionName=name, DestinationConfig={
            "OnSuccess": {"Destination": target}}) == text


def test_layers_and_aliases(aws, raw, make):
    content = {"ZipFile": zip_of({"python/a.py": "x = 1"})}
    one, two = (aws.publish_layer_version(LayerName="answers", Content=content) for _ in range(2))
    assert "LicenseInfo" not in one
    name, arns = make(), [one["LayerVersionArn"], two["LayerVersionArn"]]
    assert said(aws.update_function_configuration, FunctionName=name, Layers=arns) == (
        "Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are "
        "versions of the same layer." % tuple(arns))
    assert said(aws.update_function_configuration, FunctionName=name, Layers=arns * 3) == (
        "Cannot reference more than 5 layers.")
    assert said(raw.get_layer_version, LayerName="answers", VersionNumber=0) == "Layer Version Cannot be less than 1"
    assert said(aws.get_layer_version_policy, LayerName="answers", VersionNumber=1) == (
        "No policy is associated with the given resource.")
    assert said(aws.update_alias, FunctionName=name, Name="none") == (
        "Alias not found: arn:aws:lambda:us-east-1:000000000000:function:%s:none" % name)
    assert said(aws.create_alias, FunctionName="nope", Name="a", FunctionVersion="1").endswith(":function:nope:1")
    aws.publish_version(FunctionName=name)
    assert said(aws.create_alias, FunctionName=name, Name="a", FunctionVersion="1", RoutingConfig={
        "AdditionalVersionWeights": {"1": 0.5}}) == (
        "Invalid function version 1. Function version 1 is already included in routing configuration.")
    assert said(raw.create_alias, FunctionName=name, Name="a", FunctionVersion="1", RoutingConfig={
        "AdditionalVersionWeights": {"2": 2.0}}) == (
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must "
        "have value greater than or equal to 0.0, Member must not be null]")


def test_concurrency(aws, make):
    name = make()
    aws.publish_version(FunctionName=name)
    assert said(aws.put_function_concurrency, FunctionName="nope", ReservedConcurrentExecutions=1).endswith(":nope:$LATEST")
    assert said(aws.put_function_concurrency, FunctionName=name + ":1", ReservedConcurrentExecutions=1).startswith(
        "This operation is permitted on Lambda functions only.")
    assert said(aws.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=1000).endswith(
        "below its minimum value of [100].")
    made = aws.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=2)
    assert (made["Status"], made["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    wait_for(lambda: aws.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")["Status"] == "READY")
    assert aws.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000


def test_policies_of_what_is_not_there(aws, make):
    name = make()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    assert said(aws.remove_permission, FunctionName="nope", StatementId="s") == "No policy found for: %snope" % arn
    for operation, more in (aws.add_permission, permission), (aws.get_policy, {}), (
            aws.remove_permission, {"StatementId": "s"}):
        assert said(operation, FunctionName=name, Qualifier="none", **more) == (
            "Cannot find alias arn: %s%s:none" % (arn, name))
        assert said(operation, FunctionName=name, Qualifier="7", **more) == (
            "Function not found: %s%s:7" % (arn, name))


@pytest.mark.parametrize("principal, shown", [
    ("*", "*"), ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
    ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}), ("s3.amazonaws.com.cn", {"Service": "s3.amazonaws.com.cn"}),
    ("arn:aws:iam::123456789012:user/u", {"AWS": "arn:aws:iam::123456789012:user/u"}),
    ("arn:garbage", None), ("arn:aws:s3:::bucket", None), ("invalid.nonaws.com", None), (".amazonaws.com", None),
    ("12345678901", None), ("arn:aws:iam::123456789012:", None)])
def test_principals(aws, echo, principal, shown):
    permission = {"FunctionName": echo, "StatementId": "principal", "Action": "lambda:InvokeFunction"}
    if shown is None:
        assert said(aws.add_permission, Principal=principal, **permission) == (
            "The provided principal was invalid. Please check the principal and try again.")
        return
    made = json.loads(aws.add_permission(Principal=principal, **permission)["Statement"])
    assert made["Principal"] == shown
    aws.remove_permission(FunctionName=echo, StatementId="principal")


def test_permissions_of_layers(aws):
    layer = aws.publish_layer_version(LayerName="permitted", Content={"ZipFile": zip_of({"python/p.py": ""})})
    of = {"LayerName": "permitted", "StatementId": "s"}
    given = {"Action": "lambda:GetLayerVersion", "Principal": "*"}
    missing = "Layer version %s:7 does not exist." % layer["LayerArn"]
    assert said(aws.add_layer_version_permission, VersionNumber=7, **of, **given) == missing
    assert said(aws.remove_layer_version_permission, VersionNumber=7, **of) == missing
    stale = "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the " \
        "latest Revision Id"
    aws.add_layer_version_permission(VersionNumber=1, **of, **given)
    assert said(aws.add_layer_version_permission, VersionNumber=1, RevisionId="no", **{**of, "StatementId": "t"},
                **given) == stale
    assert said(aws.remove_layer_version_permission, VersionNumber=1, RevisionId="no", **of) == stale


def test_tags_of_what_is_not_there(aws):
    arn = "arn:aws:lambda:us-east-1:000000000000:"
    mapping = arn + "event-source-mapping:" + "0" * 8 + "-0000-4000-8000-" + "0" * 12
    provider = arn + "capacity-provider:p"
    for call in (aws.list_tags, {}), (aws.tag_resource, {"Tags": {"a": "b"}}), (aws.untag_resource, {"TagKeys": ["a"]}):
        assert said(call[0], Resource=mapping, **call[1]) == "Event source mapping not found: " + mapping
        assert said(call[0], Resource=provider, **call[1]) == "Capacity provider not found: " + provider


def test_destinations_of_other_services(aws, echo):
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    text = said(aws.put_function_event_invoke_config, FunctionName=echo, DestinationConfig={
        "OnSuccess": {"Destination": queue}})
    assert text.startswith(
        "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=%s), onFailure=null) is "
        "invalid. " % queue)


def test_the_accounts_code_is_all_archives(aws, evaluator):
    def used():
        return aws.get_account_settings()["AccountUsage"]["TotalCodeSize"]
    before = used()
    made = create(aws, "weighed")
    size = len(CODE["ZipFile"])
    assert made["CodeSize"] == size and used() == before + size
    aws.publish_version(FunctionName="weighed")
    assert used() == before + 2 * size
    layer = aws.publish_layer_version(LayerName="weighed", Content={"ZipFile": zip_of({"python/w.py": "x" * 9})})
    assert used() == before + 2 * size + layer["Content"]["CodeSize"]
    aws.delete_function(FunctionName="weighed")
    aws.delete_layer_version(LayerName="weighed", VersionNumber=1)
    assert used() == before


def test_what_is_reserved_is_reserved_of_one_account(evaluator, make, aws):
    def unreserved():
        return aws.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    free = unreserved()
    one, other = make(), make()
    aws.put_function_concurrency(FunctionName=one, ReservedConcurrentExecutions=500)
    assert unreserved() == free - 500
    too_much = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution " \
        "below its minimum value of [100]."
    assert said(aws.put_function_concurrency, FunctionName=other, ReservedConcurrentExecutions=free - 599) == too_much
    aws.put_function_concurrency(FunctionName=other, ReservedConcurrentExecutions=free - 600)
    # Its own share is not counted against it.
    aws.put_function_concurrency(FunctionName=one, ReservedConcurrentExecutions=499)
    aws.delete_function_concurrency(FunctionName=one)
    aws.delete_function(FunctionName=other)
    assert unreserved() == free
    aws.publish_version(FunctionName=one)
    of = {"FunctionName": one, "Qualifier": "1"}
    assert said(aws.put_provisioned_concurrency_config, ProvisionedConcurrentExecutions=free + 1, **of) == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d]." % free)
    assert said(aws.put_provisioned_concurrency_config, ProvisionedConcurrentExecutions=free, **of) == (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100].")
    aws.put_provisioned_concurrency_config(ProvisionedConcurrentExecutions=5, **of)
    assert unreserved() == free - 5
    assert said(aws.put_function_concurrency, FunctionName=one, ReservedConcurrentExecutions=4) == (
        " ReservedConcurrentExecutions  4 should not be lower than function's total provisioned concurrency [5].")
    aws.delete_function(FunctionName=one)


def test_provisioned_versions_and_aliases(aws, make):
    name = make("import os\ndef handler(e, c):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    aws.publish_version(FunctionName=name)
    aws.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def put(qualifier, name=name, count=1):
        return aws.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count)

    def invoke(qualifier):
        return json.load(aws.invoke(FunctionName=name, Qualifier=qualifier)["Payload"])
    assert said(put, qualifier="none") == "Cannot find alias arn: %s%s:none" % (arn, name)
    assert said(put, qualifier="none", name="nope") == "Cannot find alias arn: %snope:none" % arn
    assert said(put, qualifier="7") == "Function not found: %s%s:7" % (arn, name)
    assert said(aws.get_provisioned_concurrency_config, FunctionName=name, Qualifier="$LATEST") == (
        "The function resource provided must be an alias or a published version.")
    assert invoke("1") == "on-demand"
    put("1")
    assert said(put, qualifier="live") == (
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
    assert invoke("1") == "provisioned-concurrency"
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert invoke("1") == "provisioned-concurrency"
    with pytest.raises(aws.exceptions.TooManyRequestsException) as error:
        aws.invoke(FunctionName=name)
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    aws.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    put("live")
    assert said(put, qualifier="1") == "Version is pointed by a Provisioned Concurrency alias"
    assert invoke("live") == "provisioned-concurrency"
    aws.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert invoke("$LATEST") == invoke("1") == "on-demand"
