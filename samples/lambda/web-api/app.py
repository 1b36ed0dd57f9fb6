"""A small web API behind a function URL or an HTTP API: routes, parameters, JSON bodies."""
import base64
import json

NOTES = {"1": {"id": "1", "text": "buy milk"}}


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def lambda_handler(event, context):
    http = event["requestContext"]["http"]
    method, path = http["method"], event["rawPath"].rstrip("/")
    if method == "GET" and path == "/notes":
        wanted = (event.get("queryStringParameters") or {}).get("q", "")
        return answer(200, [note for note in NOTES.values() if wanted in note["text"]])
    if method == "GET" and path.startswith("/notes/"):
        note = NOTES.get(path.rpartition("/")[2])
        return answer(200, note) if note else answer(404, {"message": "no such note"})
    if method == "POST" and path == "/notes":
        body = event.get("body") or ""
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body).decode()
        try:
            text = json.loads(body)["text"]
        except (ValueError, KeyError, TypeError):
            return answer(400, {"message": "the body has to be JSON with a text"})
        return answer(201, {"id": context.aws_request_id, "text": text})
    return answer(404, {"message": "no route for %s %s" % (method, path)})
