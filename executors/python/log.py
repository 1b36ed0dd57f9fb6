"""The log of handlers that were made for AWS Lambda, as Lambda's Python runtime has it: lines with level, time and request,
or JSON records where the function's log format is that."""

import json
import logging
import os
import sys
import time
import traceback

# Lambda's names of levels that Python has none for.
LEVELS = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}
# What every record has: whatever else is there was given as `extra`.
USUAL = {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime", "aws_request_id", "taskName"}


class JSONFormatter(logging.Formatter):
    converter = time.gmtime

    def __init__(self):
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")

    def format(self, record):
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        fields = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(error[2]) if error else None,
            "errorType": error[0].__name__ if error else None,
            "errorMessage": str(error[1]) if error else None,
            "requestId": record.aws_request_id or None,
            "location": "%s:%s:%d" % (record.pathname, record.funcName, record.lineno) if error else None,
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        for name, value in record.__dict__.items():
            if name not in USUAL:
                fields.setdefault(name, value)
        return json.dumps(fields, default=str, ensure_ascii=False)


class Handler(logging.Handler):
    """Writes to what is the output at the time, with the request that runs."""

    request_id = ""

    def emit(self, record):
        try:
            if not hasattr(record, "aws_request_id"):
                record.aws_request_id = self.request_id
            sys.stdout.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


handler = Handler()


def install():
    """Makes it the root logger's, in the format and from the level on that the environment names."""
    root = logging.getLogger()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        handler.setFormatter(JSONFormatter())
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        root.setLevel(LEVELS.get(level, level))
    else:
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    root.addHandler(handler)


def say(message):
    sys.stdout.write(str(message))
