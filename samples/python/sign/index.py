"""Signs JSON documents with an expiry, and checks such signatures (HMAC-SHA256)."""

import base64
import hashlib
import hmac
import json
import os


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(text):
    key = os.environ["SIGNING_KEY"].encode()
    return encode(hmac.new(key, text.encode(), hashlib.sha256).digest())


def sign(event):
    # Sorted and without spaces: the same document always has the same signature.
    document = {"data": event["data"], "expires": event["expires"]}
    text = encode(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    return {"token": f"{text}.{signature(text)}"}


def verify(event):
    text, _, given = event["token"].partition(".")
    if not hmac.compare_digest(signature(text), given):
        raise PermissionError("the signature does not fit the document")
    document = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if event["now"] > document["expires"]:
        raise PermissionError(f"the token expired at {document['expires']}")
    return document


ACTIONS = {"sign": sign, "verify": verify}


def handler(event, context):
    if event["action"] not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}")
    return ACTIONS[event["action"]](event)
