"""Looks at the records of a bucket's events, as the bucket would send them."""
import json
import os
import urllib.parse

SUFFIXES = tuple(os.environ.get("SUFFIXES", ".jpg,.png").split(","))


def lambda_handler(event, context):
    accepted, ignored = [], 0
    for record in event["Records"]:
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        if record["eventName"].startswith("ObjectCreated:") and key.lower().endswith(SUFFIXES):
            accepted.append({"bucket": record["s3"]["bucket"]["name"], "key": key})
        else:
            ignored += 1
    print(json.dumps({"level": "info", "accepted": len(accepted), "ignored": ignored,
                      "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}))
    return {"accepted": accepted, "ignored": ignored}
