"""Compares two JSON documents: a list of changes, each with its JSON Pointer."""

from jsondiff.compare import changes


def handle(event, context):
    missing = [name for name in ("before", "after") if name not in event]
    if missing:
        raise KeyError(f"the event has no {' and no '.join(missing)}")
    found = list(changes(event["before"], event["after"]))
    return {"equal": not found, "changes": found}
