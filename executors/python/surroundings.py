"""What handlers that were made for AWS Lambda find around them, as Lambda's Python runtime has it."""

import decimal
import importlib
import json
import os
import pwd
import sys

# Where what Lambda's runtime brings along is, such as boto3.
RUNTIME = "/var/runtime"

is_lambda = False
encoder = None
# The module of that name here; what starts this sets it.
log = None


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


def tell(context, told):
    """Puts on a context what the service told of the call."""
    context.aws_request_id = log.handler.request_id = told["requestId"]
    context.function_name = told["functionName"]
    context.function_version = told["functionVersion"]
    context.invoked_function_arn = told["invokedFunctionArn"]
    context.log_group_name = told["logGroupName"]
    context.log_stream_name = told["logStreamName"]
    context.memory_limit_in_mb = str(context.memory_limit_in_mb)
    context.identity = Identity()
    context.log = log.say
    if "traceId" in told:
        os.environ["_X_AMZN_TRACE_ID"] = told["traceId"]
    client = told.get("clientContext")
    if isinstance(client, dict):
        context.client_context = ClientContext(client)


def prepare():
    """Before the code is loaded: the log and the results are as Lambda has them.
    Returns the folders of the layers' modules."""
    global is_lambda, encoder
    is_lambda = True
    minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition(".")[2]
    # Since Python 3.12 Lambda's runtime leaves text as it is.
    encoder = json.JSONEncoder(ensure_ascii=not minor.isdigit() or int(minor) < 12, default=say)
    log.install()
    version = "python%d.%d" % sys.version_info[:2]
    folders = "/opt/python/lib/%s/site-packages" % version, "/opt/python"
    return [folder for folder in folders if os.path.isdir(folder)]


def encode(result):
    """The JSON that Lambda's runtime makes of a result."""
    try:
        result = plain(result)
    except RecursionError:
        # The encoder finds out what it is.
        pass
    return encoder.encode(result)


def say(value):
    if isinstance(value, decimal.Decimal):
        is_whole = value.is_finite() and value.as_tuple().exponent >= 0
        return int(value) if is_whole else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def plain(value):
    """The same value where it has no named tuples, which become objects, and no bytes, which become text."""
    if isinstance(value, dict):
        found = {plain(key): plain(item) for key, item in value.items()}
        same = all(key is other for key, other in zip(found, value)) and all(
            item is other for item, other in zip(found.values(), value.values()))
        return value if same else found
    if isinstance(value, (list, tuple)):
        if hasattr(value, "_asdict"):
            return plain(value._asdict())
        found = [plain(item) for item in value]
        return value if all(item is other for item, other in zip(found, value)) else found
    return value.decode() if isinstance(value, bytes) else value


class Fault(Exception):
    """What Lambda's runtime says of code that it cannot load. Its name is what is told of it."""

    place = None


def places(error):
    """What the stack of an error begins with: where the code is that is no Python."""
    place = error.place if isinstance(error, Fault) else None
    if place is None or not place.filename:
        return []
    return ['File "%s" Line %s\n    %s' % (place.filename, place.lineno, (place.text or "").rstrip("\n"))]


def fault(name, message):
    return type(name, (Fault,), {})(message)


def load(handler):
    """Imports the handler's module and returns the function, or fails in the words of Lambda's runtime."""
    path, dot, name = handler.rpartition(".")
    if not dot:
        raise fault("Runtime.MalformedHandlerName",
                    "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % handler)
    module_name = path.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise fault("Runtime.MalformedHandlerName", "Cannot use built-in module %s as a handler module" % path)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (path, error)) from None
    except SyntaxError as error:
        made = fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (path, error))
        made.place = error
        raise made from None
    try:
        return getattr(module, name)
    except AttributeError:
        raise fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, path)) from None


def replace_user():
    """The cell's user has no name; what asks for its home or name gets an answer all the same."""
    known = pwd.getpwuid

    def getpwuid(uid):
        try:
            return known(uid)
        except KeyError:
            if uid != os.getuid():
                raise
            return pwd.struct_passwd(("function", "x", uid, os.getgid(), "", "/tmp", "/sbin/nologin"))

    pwd.getpwuid = getpwuid
