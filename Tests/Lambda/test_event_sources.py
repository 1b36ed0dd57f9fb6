"""Event source mappings: kept, shown and refused as AWS does, though nothing is read from a source."""

import uuid

import pytest
from conftest import refusal, wait_for
from test_answers import said

INVALID = ("InvalidParameterValueException", 400)
PLACE = "us-east-1:000000000000:"
FUNCTION = "arn:aws:lambda:%sfunction:" % PLACE
SOURCES = {
    "sqs": "arn:aws:sqs:%s%%s" % PLACE,
    "kinesis": "arn:aws:kinesis:%sstream/%%s" % PLACE,
    "dynamodb": "arn:aws:dynamodb:%stable/%%s/stream/2026-01-31T09:15:02.123" % PLACE,
    "kafka": "arn:aws:kafka:%scluster/%%s/8d6c2b1e" % PLACE,
    "mq": "arn:aws:mq:%sbroker:%%s:b-1" % PLACE,
    "sns": "arn:aws:sns:%s%%s" % PLACE,
}


def source(service):
    """The ARN of one that nobody has named yet."""
    return SOURCES[service] % uuid.uuid4().hex


@pytest.fixture
def mapping(aws, echo):
    """Makes a disabled mapping to the function of all."""
    def mapping(service="sqs", **more):
        if service in ("kinesis", "dynamodb"):
            more.setdefault("StartingPosition", "LATEST")
        return aws.create_event_source_mapping(**{
            "FunctionName": echo, "EventSourceArn": source(service), "Enabled": False, **more})
    return mapping


def settled_mapping(aws, made):
    return wait_for(lambda: (m := aws.get_event_source_mapping(UUID=made["UUID"]))["State"] == "Disabled" and m)


def shape(answer):
    """Without what is another one each time."""
    hidden = {
        "ResponseMetadata", "UUID", "EventSourceArn", "EventSourceMappingArn", "FunctionArn", "LastModified", "State"}
    return {k: v for k, v in answer.items() if k not in hidden}


STREAM = {
    "BatchSize": 100, "BisectBatchOnFunctionError": False, "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [], "LastProcessingResult": "No records processed", "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1, "ParallelizationFactor": 1,
    "StartingPosition": "LATEST", "StateTransitionReason": "User action", "TumblingWindowInSeconds": 0}
QUEUE = {
    "BatchSize": 10, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0,
    "StateTransitionReason": "USER_INITIATED"}
BROKER = {
    "BatchSize": 100, "LastProcessingResult": "No records processed", "StateTransitionReason": "USER_INITIATED"}


@pytest.mark.parametrize("service, expected", [
    ("sqs", QUEUE), ("dynamodb", STREAM), ("kinesis", STREAM), ("kafka", BROKER), ("mq", BROKER)])
def test_a_mapping_shows_what_its_kind_of_source_has(aws, echo, mapping, service, expected):
    made = mapping(service)
    assert shape(made) == expected
    assert made["State"] == "Creating" and made["FunctionArn"] == FUNCTION + echo
    assert made["EventSourceMappingArn"] == "arn:aws:lambda:%sevent-source-mapping:%s" % (PLACE, made["UUID"])
    assert shape(settled_mapping(aws, made)) == expected


def test_brokers_of_ones_own_have_no_arn(aws, echo):
    own = {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092"]}}, "Topics": ["topic"]}
    made = aws.create_event_source_mapping(FunctionName=echo, Enabled=False, **own)
    assert shape(made) == {**BROKER, **own} and "EventSourceArn" not in made


def test_what_is_given_is_shown(aws, mapping):
    given = {
        "BatchSize": 5, "MaximumRetryAttempts": 2, "MaximumRecordAgeInSeconds": 60, "ParallelizationFactor": 3,
        "BisectBatchOnFunctionError": True, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": SOURCES["sqs"] % "lost"}},
        "FilterCriteria": {"Filters": [{"Pattern": '{"data": {"kind": ["a", {"prefix": "b"}]}, "$or": [{"x": [1]}]}'}]}}
    assert shape(mapping("kinesis", **given)) == {**STREAM, **given}


def test_a_mapping_is_changed_and_passes_through_its_states(aws, mapping, make):
    made = mapping(BatchSize=5)
    assert aws.get_event_source_mapping(UUID=made["UUID"])["State"] == "Creating"
    settled_mapping(aws, made)
    other = make()
    changed = aws.update_event_source_mapping(UUID=made["UUID"], BatchSize=7, FunctionName=other)
    assert (changed["State"], changed["BatchSize"], changed["FunctionArn"]) == ("Updating", 7, FUNCTION + other)
    settled = settled_mapping(aws, made)
    assert shape(settled) == {**QUEUE, "BatchSize": 7}
    gone = aws.delete_event_source_mapping(UUID=made["UUID"])
    assert gone["State"] == "Deleting" and shape(gone) == shape(settled)
    # It is there for a moment, and cannot be brought back.
    assert aws.get_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    for operation, verb in ((aws.update_event_source_mapping, "update"), (aws.delete_event_source_mapping, "delete")):
        with pytest.raises(aws.exceptions.ResourceInUseException) as error:
            operation(UUID=made["UUID"])
        assert str(error.value).endswith("Cannot %s the event source mapping because it is in use." % verb)
    missing = ("ResourceNotFoundException", 404)
    wait_for(lambda: refusal(aws.get_event_source_mapping, UUID=made["UUID"]) == missing)
    for operation in aws.update_event_source_mapping, aws.delete_event_source_mapping:
        assert refusal(operation, UUID=made["UUID"]) == missing
    assert refusal(aws.list_tags, Resource=made["EventSourceMappingArn"]) == missing
    assert made["UUID"] not in [m["UUID"] for m in aws.list_event_source_mappings()["EventSourceMappings"]]


def test_mappings_are_listed_and_tagged(aws, make, mapping):
    name = make()
    made = mapping(FunctionName=name, Tags={"a": "b"})
    assert aws.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {"a": "b"}
    listed = aws.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert [m["UUID"] for m in listed] == [made["UUID"]]
    listed = aws.list_event_source_mappings(EventSourceArn=made["EventSourceArn"])["EventSourceMappings"]
    assert [m["UUID"] for m in listed] == [made["UUID"]]
    assert said(aws.create_event_source_mapping, FunctionName=name, EventSourceArn=source("sqs"), Enabled=False, Tags={
        str(i): "" for i in range(51)}) == "Number of tags exceeds resource tag limit."


@pytest.mark.parametrize("service, text", [
    ("sqs", 'An event source mapping with SQS arn (" %s ") and function (" %s ") already exists.'),
    ("kinesis", 'The event source arn (" %s ") and function (" %s ") provided mapping already exists.'),
    ("dynamodb", 'The event source arn (" %s ") and function (" %s ") provided mapping already exists.')])
def test_a_source_leads_to_a_function_once(aws, echo, mapping, service, text):
    made = mapping(service)
    # Told before that nothing can be read from it.
    again = {"FunctionName": echo, "EventSourceArn": made["EventSourceArn"], "StartingPosition": "LATEST"}
    assert said(aws.create_event_source_mapping, **again) == (
        text % (made["EventSourceArn"], echo)
        + " Please update or delete the existing mapping with UUID " + made["UUID"])
    assert refusal(aws.create_event_source_mapping, **again) == ("ResourceConflictException", 409)
    mapping(service, FunctionName=echo + ":$LATEST", EventSourceArn=made["EventSourceArn"])


NULL = ("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not "
        "be null.")
DESTINATIONS = "Unsupported DestinationConfig parameter for given event source mapping type."
LOST = {"Destination": SOURCES["sqs"] % "lost"}


@pytest.mark.parametrize("service, given, text", [
    (None, {}, "Unrecognized event source."),
    ("sns", {}, "Unrecognized event source, must be kinesis, dynamodb stream or sqs. Unsupported source arn : "),
    ("kinesis", {}, NULL),
    ("dynamodb", {}, NULL),
    ("dynamodb", {"StartingPosition": "AT_TIMESTAMP"}, "Unsupported starting position for arn type: "),
    ("sqs", {"DestinationConfig": {"OnFailure": LOST}}, DESTINATIONS),
    ("sqs", {"DestinationConfig": {"OnSuccess": LOST}}, DESTINATIONS),
    ("mq", {"DestinationConfig": {"OnFailure": LOST}}, DESTINATIONS),
    ("kinesis", {"StartingPosition": "LATEST", "DestinationConfig": {"OnSuccess": LOST}}, DESTINATIONS),
    ("sqs", {"BatchSize": 11},
     "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": '{"a": []}'}]}}, "Invalid filter pattern definition."),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": '{"a": {"b": 1}}'}]}}, "Invalid filter pattern definition."),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": '[{"a": [1]'}]}}, "Invalid filter pattern definition."),
    ("sqs", {"FilterCriteria": {"Filters": [{"Pattern": "null"}]}}, "Invalid filter pattern definition."),
])
def test_mappings_that_cannot_be(aws, echo, service, given, text):
    """All of it is told before that nothing can be read from a source."""
    arn = {"EventSourceArn": source(service)} if service else {}
    for enabled in {}, {"Enabled": False}:
        message = said(aws.create_event_source_mapping, FunctionName=echo, **arn, **given, **enabled)
        assert message == text + (arn["EventSourceArn"] if text.endswith(": ") else "")
        assert refusal(aws.create_event_source_mapping, FunctionName=echo, **arn, **given, **enabled) == INVALID
    assert not arn or aws.list_event_source_mappings(**arn)["EventSourceMappings"] == []


def test_mappings_to_nothing(aws, echo, mapping):
    missing = {"FunctionName": "nope", "EventSourceArn": source("sqs")}
    assert said(aws.create_event_source_mapping, **missing) == "Function does not exist"
    assert refusal(aws.create_event_source_mapping, **missing) == INVALID
    assert refusal(aws.create_event_source_mapping, **{**missing, "FunctionName": echo + ":7"})[0] == (
        "ResourceNotFoundException")
    made = mapping()
    assert said(aws.update_event_source_mapping, UUID=made["UUID"], FunctionName="nope") == "Function does not exist"
    assert said(
        aws.update_event_source_mapping, UUID=made["UUID"], DestinationConfig={"OnFailure": LOST}) == DESTINATIONS
    assert shape(settled_mapping(aws, made)) == QUEUE


def test_positions_are_told_in_the_order_that_aws_has(raw, echo):
    given = {"FunctionName": echo, "EventSourceArn": source("kinesis"), "StartingPosition": "x"}
    assert said(raw.create_event_source_mapping, **given) == (
        "1 validation error detected: Value 'x' at 'startingPosition' failed to satisfy constraint: Member must "
        "satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]")


def test_mappings_that_would_read_are_refused(aws, echo, mapping):
    text = "No event source can be reached from here; a mapping can be kept with Enabled=false"
    for given in {}, {"Enabled": True}:
        arn = source("sqs")
        assert said(aws.create_event_source_mapping, FunctionName=echo, EventSourceArn=arn, **given) == text
        assert aws.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"] == []
    made = mapping()
    assert said(aws.update_event_source_mapping, UUID=made["UUID"], Enabled=True, BatchSize=3) == text
    assert shape(settled_mapping(aws, made)) == QUEUE
