"""What JavaScript handlers find around them, and how their callbacks, results and faults count, as in Lambda's runtime."""

import pytest
from test_invoke import call

RESULTS = {
    # The exported handler, and what the caller gets.
    "(...all) => all[2](null, 'rest')": "rest",
    "function () { arguments[2](null, 'arguments'); }": "arguments",
    "(event, context, callback = 1) => { setTimeout(() => callback(null, 'late'), 20); }": "late",
    "() => 'ignored'": None,
    "() => ({ then: (done) => done('thenable') })": "thenable",
    "async (event, context) => typeof { ...context }.getRemainingTimeInMillis()": "number",
    "async (event, { getRemainingTimeInMillis }) => getRemainingTimeInMillis() > 0": True,
    "(event, context) => context.done(null, 'done')": "done",
    "(event, context) => { context.succeed('first'); context.fail(new Error('second')); }": "first",
    "(e, context, callback) => { setInterval(() => {}, 1000); context.callbackWaitsForEmptyEventLoop = false;"
    " callback(null, 'at once'); }": "at once",
    "async () => new Map([[1, 2]])": {},
    "async () => ({ n: NaN, u: undefined, d: new Date(0) })": {"n": None, "d": "1970-01-01T00:00:00.000Z"},
    "async () => [process.cwd(), __dirname, process.env.TZ]": ["/var/task", "/var/task", ":UTC"],
    "async () => [require('os').homedir().length > 0, require('os').cpus().length > 0]": [True, True],
    "async () => process.env.NODE_PATH": "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:"
                                         "/var/runtime/node_modules:/var/runtime:/var/task",
    "async () => /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=/.test(process.env._X_AMZN_TRACE_ID)": True,
}

FAULTS = {
    "(e, c, callback) => { setInterval(() => {}, 1000); callback(new TypeError('no')); }": ("TypeError", "no"),
    "async () => { throw 'a text'; }": ("string", "a text"),
    "async () => { throw null; }": ("string", "handled"),
    "() => { throw null; }": ("string", "handled"),
    "(e, context) => context.fail()": ("string", "handled"),
    "async () => 1n": ("Error", "Unable to stringify response body"),
    "async () => { const a = {}; a.a = a; return a; }": ("Error", "Unable to stringify response body"),
    "async () => { throw new Error('half \\ud800 pair'); }": ("Error", "half \ufffd pair"),
    "async () => { Promise.reject(new RangeError('lost')); await new Promise(() => setInterval(() => {}, 99)); }":
        ("Runtime.UnhandledPromiseRejection", "RangeError: lost"),
    "async () => { setTimeout(() => { throw new RangeError('timer'); }, 5); await new Promise(() => setInterval(() => {}, 99)); }":
        ("RangeError", "timer"),
}


@pytest.mark.parametrize("handler", RESULTS)
def test_results(aws, make, handler):
    answer, result = call(aws, make(js="exports.handler = " + handler))
    assert "FunctionError" not in answer, result
    assert result == RESULTS[handler]


@pytest.mark.parametrize("handler", FAULTS)
def test_faults(aws, make, handler):
    answer, result = call(aws, make(js="exports.handler = " + handler, Timeout=5))
    assert answer["FunctionError"] == "Unhandled"
    assert (result["errorType"], result["errorMessage"]) == FAULTS[handler]


@pytest.mark.parametrize("handler, kind, message", [
    ("index", "Runtime.MalformedHandlerName", "Bad handler"),
    ("none.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'none'"),
    ("index.none", "Runtime.HandlerNotFound", "index.none is undefined or not exported"),
    ("index.number", "Runtime.HandlerNotFound", "index.number is not a function"),
])
def test_code_that_does_not_load(aws, make, handler, kind, message):
    answer, result = call(aws, make(js="exports.number = 1", Handler=handler))
    assert answer["FunctionError"] == "Unhandled"
    assert (result["errorType"], result["errorMessage"]) == (kind, message)


@pytest.mark.parametrize("handler", ["index.handler", "./index.handler", "a/b/c.handler", "a.handler", "index.deep.er.handler"])
def test_where_handlers_are_found(aws, make, handler):
    code = "exports.handler = async () => 'found'; exports.deep = { er: exports };"
    files = {"index.js": code, "a/b/c.js": code, "a/index.js": code}
    assert call(aws, make(js=files, Handler=handler))[1] == "found"


def test_an_earlier_call_does_not_answer_a_later_one(aws, make):
    name = make(js="""let calls = 0;
        exports.handler = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = false;
          if (++calls > 1) return void setTimeout(() => callback(null, 'own'), 60);
          setTimeout(() => callback(null, 'stale'), 20);
          callback(null, 'first');
        };""")
    assert call(aws, name)[1] == "first"
    assert call(aws, name)[1] == "own"
