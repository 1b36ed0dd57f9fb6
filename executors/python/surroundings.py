"""What handlers that were made for AWS Lambda find around them, as Lambda's Python runtime has it."""

import logging
import os
import sys
import time


class Client:
    def __init__(self, fields):
        for name in "installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name":
            setattr(self, name, fields.get(name))


class ClientContext:
    def __init__(self, fields):
        client = fields.get("client")
        self.client = Client(client) if isinstance(client, dict) else None
        self.custom = fields.get("custom")
        self.env = fields.get("env")


class Identity:
    cognito_identity_id = cognito_identity_pool_id = None


class LogHandler(logging.Handler):
    """Writes [LEVEL], the time, the request and the message between tabs."""

    request_id = ""

    def emit(self, record):
        try:
            if not hasattr(record, "aws_request_id"):
                record.aws_request_id = self.request_id
            sys.stdout.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


log_handler = LogHandler()
log_handler.setFormatter(logging.Formatter(
    "[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"))
log_handler.formatter.converter = time.gmtime


def log(message):
    sys.stdout.write(str(message))


def tell(context, told):
    """Puts on a context what the service told of the call."""
    context.aws_request_id = log_handler.request_id = told["requestId"]
    context.function_version = told["functionVersion"]
    context.invoked_function_arn = told["invokedFunctionArn"]
    context.log_group_name = told["logGroupName"]
    context.log_stream_name = told["logStreamName"]
    context.memory_limit_in_mb = str(context.memory_limit_in_mb)
    context.identity = Identity()
    context.log = log
    client = told.get("clientContext")
    if isinstance(client, dict):
        context.client_context = ClientContext(client)


def prepare():
    """Before the code is loaded: the time zone, the layers' modules, the log."""
    time.tzset()
    version = "python%d.%d" % sys.version_info[:2]
    for folder in "/opt/python/lib/%s/site-packages" % version, "/opt/python":
        if os.path.isdir(folder):
            sys.path.insert(1, folder)
    logging.getLogger().addHandler(log_handler)
