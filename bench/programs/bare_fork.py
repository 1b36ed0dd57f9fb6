"""What a fresh process from a warm interpreter costs at least: forks, does in the child what a call does
to an interpreter, ends it. No confinement, no socket, no limits.

Arguments: the executor, whose modules are imported here too, and a handler's file. Reads commands from
standard input, a line of JSON each: {"forks": N} forks so often, one after the other, and writes the CPU
and wall time of one; {"perSecond": R, "seconds": S} forks at random moments, whether earlier ones have
ended or not, and writes the time from each moment to its child's result.
"""

import ast
import gc
import importlib
import importlib.util
import json
import os
import random
import resource
import select
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


def forks_at_random(per_second, seconds, handler):
    chance = random.Random(1)
    times, waiting, children = [], {}, 0
    moment = time.perf_counter()
    end = moment + seconds
    while moment < end or waiting:
        now = time.perf_counter()
        if now >= moment and moment < end:
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    touch(handler)
                    os.write(writer, b"1")
                finally:
                    os._exit(0)
            os.close(writer)
            waiting[reader] = moment
            children += 1
            moment += chance.expovariate(per_second)
            continue
        for reader in select.select(list(waiting), [], [], moment - now if moment < end else None)[0]:
            begin = waiting.pop(reader)
            if os.read(reader, 1) != b"1":
                sys.exit("a child failed")
            times.append((time.perf_counter() - begin) * 1000)
            os.close(reader)
        while children and os.waitpid(-1, os.WNOHANG)[0]:
            children -= 1
    for _ in range(children):
        os.wait()
    return {"times": times}


def main():
    executor, handler = sys.argv[1:]
    if len(import_as(executor)) < 20:
        sys.exit("the executor's imports were not found")
    # Once here, so that what a handler uses is warm, as after the executor's rehearsal.
    touch(handler)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        command = json.loads(line)
        if "forks" in command:
            result = forks(command["forks"], handler)
        else:
            result = forks_at_random(command["perSecond"], command["seconds"], handler)
        print(json.dumps(result), flush=True)


main()
