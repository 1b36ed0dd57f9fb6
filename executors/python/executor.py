"""Cloister's Python executor: warm up, become a template, serve one call in each forked cell."""

import _posixsubprocess
import atexit
import codecs
import ctypes
import errno
import gc
import importlib
import importlib.util
import io
import json
import math
import os
import random
import sys
import time
import traceback
import types

# Imported here so that handlers get them for free; none keeps state that differs between calls
# or starts a thread. `random` is seeded anew in every cell.
for name in """
    asyncio base64 bisect calendar collections contextlib copy csv dataclasses datetime decimal
    difflib enum fractions functools hashlib heapq hmac html inspect itertools logging math operator
    pathlib random re secrets sqlite3 statistics string struct tempfile textwrap typing unicodedata
    urllib.parse uuid zlib zoneinfo
""".split():
    try:
        importlib.import_module(name)
    except ImportError:
        # An interpreter built without it; a handler that wants it is told so.
        pass

OUR_FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"
# Where the bundle is: /var/task for functions that came through Lambda's API.
FUNCTION, TASK = "/function", "/var/task"


class Call(ctypes.Structure):
    _fields_ = [
        ("meta", ctypes.c_void_p), ("meta_bytes", ctypes.c_size_t),
        ("event", ctypes.c_void_p), ("event_bytes", ctypes.c_size_t),
        ("keeps", ctypes.c_int),
    ]

    def texts(self):
        return (decode(ctypes.string_at(self.meta, self.meta_bytes)),
                ctypes.string_at(self.event, self.event_bytes))

    @classmethod
    def holding(cls, *texts):
        """One with texts of this process's own."""
        meta, event = map(ctypes.create_string_buffer, texts)
        call = cls(ctypes.addressof(meta), len(texts[0]), ctypes.addressof(event), len(texts[1]))
        call.held = meta, event
        return call


# PyDLL keeps the interpreter's lock: the process must be forked by the thread that holds it.
cell = ctypes.PyDLL("/cloister/cell.so")
cell.cloister_serve.argtypes = [ctypes.c_char_p]
cell.cloister_park.argtypes = [ctypes.POINTER(Call)]
cell.cloister_log.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
cell.cloister_answer.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
cell.cloister_answer_and_wait.argtypes = cell.cloister_answer.argtypes + [ctypes.POINTER(Call)]
cell.cloister_answer_and_wait.restype = None
cell.cloister_denied.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_char_p]
for function in "branch denied find_generators renew_generators loaded log answer park".split():
    getattr(cell, "cloister_" + function).restype = None
cell.cloister_is_snapshot.restype = ctypes.c_int
# Sending may block on a slow reader: other threads of the handler must be able to run then.
unlocked_log = ctypes.CDLL("/cloister/cell.so").cloister_log
unlocked_log.argtypes, unlocked_log.restype = cell.cloister_log.argtypes, None

PIECE = 1 << 16
# More runs than the interpreter watches before it settles on how to run something.
WARMINGS = 24
REHEARSED = Call.holding(
    b'{"callId":"01J00000000000000000000000","function":"rehearsal","version":1,"handler":"index.handler",'
    b'"memoryMB":128,"deadlineNs":0,"environment":{"LANG":"C.UTF-8","REHEARSAL":"1"}}',
    b'{"text": "a b", "numbers": [1, 2.5, null, true]}')
SYS_VFORK = 58

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
decode = json.loads


# Halves of surrogate pairs, which UTF-8 cannot say, become U+FFFD.
codecs.register_error("cloister.printable", lambda error: (b"\xef\xbf\xbd" * (error.end - error.start), error.end))


class Output(io.RawIOBase):
    """One of the call's two output streams, in order with the other."""

    def __init__(self, stream):
        self.stream = stream

    def writable(self):
        return True

    def fileno(self):
        return self.stream

    def write(self, data):
        # In pieces: a copy of all of it could be more than the call has memory for.
        for start in range(0, len(data), PIECE):
            piece = bytes(data[start:start + PIECE])
            unlocked_log(self.stream, piece, len(piece))
        return len(data)


class Buffer(io.BufferedWriter):
    """Keeps nothing: what was printed is told at once, as nobody knows when the process is ended."""

    def write(self, data):
        return self.raw.write(memoryview(data).cast("B"))


def make_output():
    return [
        io.TextIOWrapper(Buffer(Output(stream)), "utf-8", "cloister.printable", write_through=True)
        for stream in (1, 2)
    ]


def use_output(text):
    sys.stdout = sys.__stdout__ = text[0]
    sys.stderr = sys.__stderr__ = text[1]


class Context:
    """What a handler is told of its call. The names are AWS Lambda's."""

    identity = client_context = tenant_id = None
    invoked_function_arn = log_group_name = log_stream_name = ""

    def __init__(self, meta):
        self.call_id = self.aws_request_id = meta["callId"]
        self.function_name = meta["function"]
        self.function_version = str(meta["version"])
        self.memory_limit_in_mb = meta["memoryMB"]
        self._deadline_ns = meta["deadlineNs"]
        if "context" in meta:
            surroundings.tell(self, meta["context"])

    def get_remaining_time_in_millis(self):
        return max(0, (self._deadline_ns - time.monotonic_ns()) // 1_000_000)


def own_module(name):
    spec = importlib.util.spec_from_file_location(name, "%s%s.py" % (OUR_FOLDER, name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


surroundings = own_module("surroundings")
surroundings.log = own_module("log")


def look_first_in(folders):
    """Puts folders before the standard library's. What is in them comes before modules of the same name, also those
    that are loaded already; what the interpreter has built in comes before all, as ever."""
    sys.path[0:1] = folders
    for folder in folders:
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries:
            name, dot, ending = entry.partition(".")
            if name not in sys.modules or name in NEVER_OWN:
                continue
            if ending in ("py", "so") or ending.endswith(".so") or (
                    not dot and os.path.isfile("%s/%s/__init__.py" % (folder, name))):
                for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
                    del sys.modules[loaded]


# Found by other importers than that of files, what every interpreter has at its start, and what this program is.
NEVER_OWN = {*sys.builtin_module_names, "__main__", "abc", "codecs", "encodings", "genericpath", "io", "os", "posixpath",
             "site", "stat", "zipimport", "_collections_abc"} | {
    name for name, module in sys.modules.items()
    if getattr(getattr(module, "__spec__", None), "origin", None) in ("frozen", "built-in")}


def named_folders():
    """Those of the variable PYTHONPATH, which the interpreter has not seen when it started."""
    return [os.path.abspath(folder) for folder in os.environ.get("PYTHONPATH", "").split(":") if folder]


def load(handler):
    """Imports the handler's file, `folder/file.function`, and returns the function."""
    path, _, name = handler.rpartition(".")
    if "/" in path:
        module = importlib.import_module(path.replace("/", "."))
    else:
        # By its file and not by its name, so that a file called json.py is the function's own.
        file = "%s/%s.py" % (FUNCTION, path)
        if not os.path.exists(file):
            file = "%s/%s/__init__.py" % (FUNCTION, path)
        module = load_file(path, file)
    function = getattr(module, name, None)
    if not callable(function):
        raise AttributeError("%s.py has no function named %r" % (path, name))
    return function


def load_file(name, file):
    # As importlib.util.spec_from_file_location and module_from_spec do, for a file that is known to be one.
    module = types.ModuleType(name)
    loader = importlib.machinery.SourceFileLoader(name, file)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=file, is_package=loader.is_package(name))
    spec.has_location = True
    module.__spec__, module.__loader__, module.__file__ = spec, loader, file
    module.__package__ = spec.parent
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(os.path.dirname(file))
        module.__path__ = spec.submodule_search_locations
    with io.FileIO(file) as source:
        text = source.readall()
    sys.modules[name] = module
    # What its loader would do, without looking for a cache that a bundle does not have.
    exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)
    return module


def own(frame):
    return frame.filename.startswith(OUR_FOLDER) or frame.filename.startswith("<frozen importlib")


def describe(error, kind):
    """An exception as the supervisor takes it, with the user's frames only."""
    stack = []
    seen = set()
    current = error
    while current is not None and id(current) not in seen and len(seen) < 5:
        seen.add(id(current))
        if current is not error:
            stack.append("caused by %s: %s" % (type(current).__name__, text_of(current)))
        if surroundings.is_lambda:
            stack += surroundings.places(current)
        elif isinstance(current, SyntaxError) and current.filename:
            stack.append('File "%s", line %s\n    %s' % (
                current.filename, current.lineno, (current.text or "").strip()))
        for frame in traceback.extract_tb(current.__traceback__, 100):
            if not own(frame):
                stack.append('File "%s", line %s, in %s\n    %s' % (
                    frame.filename, frame.lineno, frame.name, (frame.line or "").strip()))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return {"kind": kind, "type": str(type(error).__name__), "message": text_of(error), "stack": stack}


def text_of(error):
    try:
        return str.__str__(str(error))[:8192]
    except BaseException as second:
        return "(its text could not be made: %s)" % type(second).__name__


def not_json(value, path="$", above=()):
    """The path to the first part of a value that is not JSON, and what it is; or None."""
    if value is None or isinstance(value, (str, bool, int)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else (path, "the number %r" % value)
    if id(value) in above:
        return path, "a reference back to a value that contains it"
    if len(above) > 900:
        return path, "nested more than 900 levels deep"
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                return path, "a key of type %s" % type(key).__name__
            found = not_json(item, "%s.%s" % (path, key), above + (id(value),))
            if found:
                return found
        return None
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            found = not_json(item, "%s[%d]" % (path, index), above + (id(value),))
            if found:
                return found
        return None
    return path, "a value of type %s" % type(value).__name__


def error_bytes(kind, type_name, message, stack=(), path=None):
    """An error as the supervisor takes it, of bounded length."""
    lines, room = [], 30000
    for line in stack[:100]:
        line = line[:2048]
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    error = {"kind": kind, "type": type_name[:256], "message": message[:8192], "stack": lines}
    if path is not None:
        error["path"] = path[:1024]
    # Half of a surrogate pair is no character.
    return encode(error).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def error_answer(error, kind):
    if isinstance(error, MemoryError):
        kind = "memory"
    try:
        said = describe(error, kind)
        data = error_bytes(kind, said["type"], said["message"], said["stack"])
    except BaseException as second:
        data = error_bytes(kind, "", "an error that could not be described: %s" % text_of(second))
    return b"E", data


def result_answer(result):
    if surroundings.is_lambda:
        return lambda_answer(result)
    cannot_encode = "a value that cannot be turned into text: %s"
    try:
        text = encode(result)
    except MemoryError as error:
        return error_answer(error, "memory")
    except BaseException as error:
        try:
            path, what = not_json(result) or ("$", cannot_encode % text_of(error))
        except RecursionError:
            path, what = "$", "nested too deeply"
        except BaseException as second:
            path, what = "$", cannot_encode % text_of(second)
        return b"E", error_bytes("invalid", "", what, path=path)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair: JSON can say it only as an escape.
        data = json.dumps(result).encode()
    return b"R", data


def lambda_answer(result):
    try:
        return b"R", surroundings.encode(result).encode()
    except MemoryError as error:
        return error_answer(error, "memory")
    except BaseException as error:
        return b"E", error_bytes("invalid", "", "Unable to marshal response: %s" % text_of(error))


def answer_to(handler, event, context):
    """The answer to one call: whether it is a result or an error, and its bytes."""
    try:
        result = handler(decode(event), context)
    except SystemExit as leaving:
        leave(leaving)
    except BaseException as error:
        return error_answer(error, "handler")
    return result_answer(result)


def begin(call):
    meta, event = call.texts()
    os.environ.update(meta["environment"])
    return meta, event


def run(call):
    meta, event = begin(call)
    if "TZ" in os.environ:
        time.tzset()
    exits = atexit._ncallbacks()
    try:
        if "context" in meta:
            look_first_in([TASK, *surroundings.prepare(), *named_folders()])
            if surroundings.RUNTIME not in sys.path:
                sys.path.append(surroundings.RUNTIME)
            handler = surroundings.load(os.environ.get("_HANDLER", meta["handler"]))
        else:
            look_first_in([FUNCTION, *named_folders()])
            handler = load(meta["handler"])
    except SystemExit as leaving:
        leave(leaving)
    except BaseException as error:
        return finish(*error_answer(error, "init"))
    cell.cloister_loaded()
    if cell.cloister_is_snapshot():
        branch(call)
        again, event = call.texts()
        meta.update(again)
    while True:
        kind, data = answer_to(handler, event, Context(meta))
        if not call.keeps:
            # As at a regular end of a process. Lambda's stays and is stopped some day.
            if atexit._ncallbacks() > exits and not surroundings.is_lambda:
                atexit._run_exitfuncs()
            return finish(kind, data)
        flush()
        cell.cloister_answer_and_wait(ord(kind), data, len(data), ctypes.byref(call))
        again, event = call.texts()
        meta.update(again)


def branch(call):
    """Keeps this process, with its code loaded, as what calls are forked from. Returns in each of them."""
    flush()
    gc.collect()
    gc.freeze()
    ctypes.pythonapi.PyOS_BeforeFork()
    cell.cloister_find_generators()
    cell.cloister_branch()
    cell.cloister_renew_generators()
    # This seeds `random` anew, and does what modules have asked to be done after a fork.
    ctypes.pythonapi.PyOS_AfterFork_Child()
    try:
        renew_modules()
        rehearse(name="cloister rehearsal", has_loaded=True)
    except BaseException:
        # The function has changed what this uses.
        pass
    cell.cloister_park(ctypes.byref(call))


def renew_modules():
    """Seeds anew what modules keep that do not ask to be told of a fork."""
    if "uuid" in sys.modules:
        # Its library keeps a node and a clock sequence, and two calls may be at the same microsecond.
        uuid = sys.modules["uuid"]
        uuid._generate_time_safe, uuid._last_timestamp = None, None
        # As RFC 9562, 6.10 has it: a random node has the multicast bit.
        uuid._node = random.getrandbits(48) | 1 << 40
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def flush():
    sys.stdout.flush()
    sys.stderr.flush()


def finish(kind, data):
    flush()
    cell.cloister_answer(ord(kind), data, len(data))


def leave(leaving):
    """The handler called sys.exit: an end without a result, with the code that it named."""
    code = leaving.code
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    flush()
    os._exit((code or 0) & 0xFF)


def rehearse(fails=False, name="index", has_loaded=False):
    """Does what a call does. In a cell, the pages that it touches are the cell's own then; in the
    template, the interpreter learns what runs often. The environment of a function that has loaded is
    left as it is."""
    sys.path.insert(0, OUR_FOLDER + "rehearsal")
    meta, event = REHEARSED.texts() if has_loaded else begin(REHEARSED)
    context = Context(meta)
    module = load_file(name, OUR_FOLDER + "rehearsal/index.py")
    result_answer(module.handler(decode(event), context))
    if fails:
        answer_to(module.fail, b"{}", context)
    del sys.modules[name], sys.path[0]
    sys.path_importer_cache.clear()
    if not has_loaded:
        os.environ.clear()


def refuse_programs():
    """Other programs cannot be started. Where the attempt is made with all signals blocked, the
    kernel's refusal could not be told, so it is told here."""

    def refuse(*arguments, **options):
        cell.cloister_denied(SYS_VFORK, None, None)
        raise PermissionError(errno.EPERM, "a function cannot start other programs")

    _posixsubprocess.fork_exec = os.posix_spawn = os.posix_spawnp = refuse
    if "subprocess" in sys.modules:
        sys.modules["subprocess"]._fork_exec = refuse


def main():
    refuse_programs()
    surroundings.replace_user()
    os.environ.clear()
    sys.path.insert(0, FUNCTION)
    for _ in range(WARMINGS):
        rehearse(fails=True)
        random.seed()
    output = make_output()
    call = Call()
    gc.collect()
    gc.freeze()
    hurries = cell.cloister_serve(("%d.%d.%d" % sys.version_info[:3]).encode())
    # From here on in a cell. The interpreter's own hooks for a fork are left out: they make new
    # locks for those that other threads may have held, and a template has one thread.
    random.seed()
    use_output(output)
    if not hurries:
        rehearse()
    cell.cloister_park(ctypes.byref(call))
    run(call)


sys.argv = [FUNCTION]
main()
