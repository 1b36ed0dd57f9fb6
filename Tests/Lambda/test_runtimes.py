"""How handlers are found, called and answered for, as AWS's runtimes for Python and Node do it."""

import json

import pytest
from conftest import zip_of

WRAPPED = """
const wrap = (inner) => (...all) => inner(...all);
exports.rest = wrap((event, context, callback) => { setTimeout(() => callback(null, 'ok'), 2); });
exports.all = function () { const callback = arguments[2]; setTimeout(() => callback(null, 'ok'), 2); };
exports.fallback = (event, context, callback = () => {}) => { setTimeout(() => callback(null, 'ok'), 2); };
exports.returned = (event, context) => 'dropped';
exports.thenable = () => ({ then: (tell) => setTimeout(() => tell('ok'), 2) });
exports.error = (event, context, callback) => { setInterval(() => {}, 1000); callback(new RangeError('no')); };
exports.waits = (event, context, callback) => { const all = []; setTimeout(() => all.push('late'), 20); callback(null, all); };
exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  callback(null, 'at once');
};
exports.derived = (event, context, callback) => {
  const own = Object.create(context);
  own.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  callback(null, own.getRemainingTimeInMillis() > 0 && { ...context }.getRemainingTimeInMillis() > 0);
};
exports.nothing = async () => await new Promise(() => {});
exports.failed = (event, context) => context.fail();
exports.object = async () => { throw { a: 1 }; };
exports.map = async () => ({ m: new Map([[1, 2]]), u: undefined, n: NaN, f() {}, d: new Date(0) });
exports.circle = async () => { const all = []; all.push(all); return all; };
exports.places = async () => [__filename, process.cwd(), require('os').homedir().length > 0, require('os').cpus().length > 0];
"""


def result(aws, name, event=None):
    answer = aws.invoke(FunctionName=name, Payload=json.dumps(event or {}))
    return json.loads(answer["Payload"].read())


@pytest.mark.parametrize("handler, expected", [
    ("rest", "ok"), ("all", "ok"), ("fallback", "ok"), ("returned", None), ("thenable", "ok"), ("waits", ["late"]),
    ("hurries", "at once"), ("derived", True), ("nothing", None), ("map", {"m": {}, "n": None, "d": "1970-01-01T00:00:00.000Z"}),
    ("places", ["/var/task/index.js", "/var/task", True, True]),
])
def test_what_a_javascript_handler_gives(aws, make, handler, expected):
    assert result(aws, make(js=WRAPPED, Handler="index." + handler, Timeout=5)) == expected


@pytest.mark.parametrize("handler, kind, message", [
    ("error", "RangeError", "no"), ("failed", "string", "handled"), ("object", "object", "[object Object]"),
    ("circle", "Error", "Unable to stringify response body"),
])
def test_how_a_javascript_handler_fails(aws, make, handler, kind, message):
    body = result(aws, make(js=WRAPPED, Handler="index." + handler, Timeout=5))
    assert (body["errorType"], body["errorMessage"]) == (kind, message)


def test_listeners_do_not_pile_up(aws, make):
    name = make(js="exports.handler = (e, c) => { setTimeout(() => c.succeed(process.listenerCount('beforeExit')), 1); };")
    seen = [result(aws, name) for _ in range(12)]
    assert seen[0] == seen[-1]


@pytest.mark.parametrize("handler, expected", [
    ("plain.handler", "index"), ("packed.handler", "main"), ("./lib/deep.a.b", "nested"), ("lib/deep.a.b", "nested"),
    ("/opt/nodejs/node_modules/wrapper-pkg/index.handler", "layer"), ("wrapper-pkg.handler", "layer"),
])
def test_where_javascript_handlers_are_found(aws, make, handler, expected):
    layer = aws.publish_layer_version(LayerName="wrapper", Content={"ZipFile": zip_of({
        "nodejs/node_modules/wrapper-pkg/index.js": "exports.handler = async () => 'layer';"})})["LayerVersionArn"]
    files = {
        "plain/index.js": "exports.handler = async () => 'index';",
        "packed/package.json": '\ufeff{"main": "lib/run.js"}',
        "packed/lib/run.js": "exports.handler = async () => 'main';",
        "lib/deep.js": "\ufeffexports.a = { b: async () => 'nested' };",
    }
    assert result(aws, make(js=files, Handler=handler, Layers=[layer])) == expected


UNUSUAL = """
import collections, decimal, os, sys
Point = collections.namedtuple('Point', 'x y')
def handler(event, context):
    return {'d': [decimal.Decimal('19.90'), decimal.Decimal(3)], 'p': Point(1, (2,)), 'b': b'abc', 'u': '\\u00e9', 1: None,
        'places': [__file__, os.getcwd(), sys.path[0]]}
"""


def test_what_a_python_handler_gives(aws, make):
    assert result(aws, make(UNUSUAL)) == {
        "d": [19.9, 3], "p": {"x": 1, "y": [2]}, "b": "abc", "u": "\u00e9", "1": None,
        "places": ["/var/task/app.py", "/var/task", "/var/task"]}


@pytest.mark.parametrize("value, said", [
    ("{1}", "Object of type set is not JSON serializable"), ("print", "Object of type builtin_function_or_method"),
    ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"), ("circle", "Circular reference detected"),
])
def test_results_that_python_cannot_write(aws, make, value, said):
    body = result(aws, make("circle = []\ncircle.append(circle)\ndef handler(e, c):\n    return %s" % value))
    assert body["errorType"] == "Runtime.MarshalError"
    assert body["errorMessage"].startswith("Unable to marshal response: " + said)


@pytest.mark.parametrize("isolation", ["call", "reuse", "snapshot"])
def test_modules_of_ones_own_come_before_the_library(aws, make, isolation):
    name = make({
        "random.py": "WORD = 'own'", "uuid/__init__.py": "from .word import WORD", "uuid/word.py": "WORD = 'package'",
        "vendor/parcel.py": "WORD = 'vendored'",
        "app.py": "import json, random, uuid, parcel, time\n"
                  "def handler(e, c):\n    return [random.WORD, uuid.WORD, parcel.WORD, time.tzname[0]]",
    }, Environment={"Variables": {"PYTHONPATH": "/var/task/vendor", "TZ": "Asia/Tokyo"}},
        Tags={"cloister:isolation": isolation})
    assert result(aws, name) == ["own", "package", "vendored", "JST"]


@pytest.mark.parametrize("isolation", ["call", "reuse", "snapshot"])
def test_the_time_zone_is_the_functions(aws, make, isolation):
    name = make(js="exports.handler = async () => new Date(0).getHours();",
                Environment={"Variables": {"TZ": "Asia/Tokyo"}}, Tags={"cloister:isolation": isolation})
    assert result(aws, name) == 9


def test_output_without_a_newline_is_in_the_log(aws, make):
    import base64
    for code in ("time.sleep(9)", "os._exit(1)", "sys.exit(0)", "ctypes.string_at(0)"):
        name = make("import ctypes, os, sys, time\ndef handler(e, c):\n    print('step', 3, end='')\n    " + code, Timeout=1)
        answer = aws.invoke(FunctionName=name, LogType="Tail")
        assert "step 3" in base64.b64decode(answer["LogResult"]).decode(), code


def test_what_was_registered_to_run_at_the_exit_runs(aws, make):
    import base64
    name = make("import atexit, sys\natexit.register(print, 'good', 'bye')\ndef handler(e, c):\n    sys.exit(2)")
    assert "good bye" in base64.b64decode(aws.invoke(FunctionName=name, LogType="Tail")["LogResult"]).decode()


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_environment_is_lambdas(aws, make, language):
    if language == "python":
        name = make("import os\ndef handler(e, c):\n    return dict(os.environ)")
    else:
        name = make(js="exports.handler = async () => process.env;")
    variables = result(aws, name)
    assert variables["PWD"] == variables["LAMBDA_TASK_ROOT"] == "/var/task" and variables["SHLVL"] == "0"
    assert variables["PATH"].startswith("/var/lang/bin:")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= set(variables)
    if language == "javascript":
        assert variables["NODE_PATH"] == (
            "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:"
            "/var/runtime/node_modules:/var/runtime:/var/task")


def test_the_libraries_that_wheels_count_on_are_there(aws, make):
    name = make("import ctypes\ndef handler(e, c):\n    for n in e: ctypes.CDLL(n)\n    return len(e)")
    assert result(aws, name, [
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libgcc_s.so.1",
        "libstdc++.so.6", "libresolv.so.2"]) == 9


def test_the_users_home_is_asked_for(aws, make):
    name = make("import getpass, pathlib\ndef handler(e, c):\n    return [str(pathlib.Path.home()), getpass.getuser()]")
    assert result(aws, name) == ["/tmp", "function"]


def test_a_result_of_the_very_limit(aws, make):
    name = make("def handler(e, c):\n    return 'x' * e['n']", MemorySize=512, Timeout=20)
    assert len(result(aws, name, {"n": 6291554})) == 6291554
    assert result(aws, name, {"n": 6291555})["errorType"] == "Function.ResponseSizeTooLarge"
