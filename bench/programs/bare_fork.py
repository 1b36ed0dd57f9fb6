"""What a fresh process from a warm interpreter costs at least: forks, does in the child what a call does
to an interpreter, ends it. No confinement, no socket, no limits.

Arguments: the executor, whose modules are imported here too, and a handler's file. Reads a number a
line from standard input, forks so often, and writes the CPU and wall time of one fork as JSON.
"""

import ast
import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
import time

EVENT = b'{"a":1}'


def import_as(executor):
    """Imports what the executor imports, without running the rest of it."""
    with open(executor) as file:
        tree = ast.parse(file.read())
    names = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.For):
            names += ast.literal_eval(node.iter.func.value).split()
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    return names


def touch(path):
    spec = importlib.util.spec_from_file_location("index", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["index"] = module
    spec.loader.exec_module(module)
    json.dumps(module.handler(json.loads(EVENT), None)).encode()


def cpu_seconds():
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def forks(times, handler):
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in range(times):
        child = os.fork()
        if child == 0:
            try:
                touch(handler)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    return {
        "cpuMs": (cpu_seconds() - cpu) * 1000 / times,
        "wallMs": (time.perf_counter() - wall) * 1000 / times}


def main():
    executor, handler = sys.argv[1:]
    if len(import_as(executor)) < 20:
        sys.exit("the executor's imports were not found")
    # Once here, so that what a handler uses is warm, as after the executor's rehearsal.
    touch(handler)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(forks(int(line), handler)), flush=True)


main()
