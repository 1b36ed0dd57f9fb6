"""The functions that are called."""

PYTHON = 'def handler(event, context):\n    return {"got": event}\n'
JAVASCRIPT = "exports.handler = async (event) => ({ got: event });\n"
PYTHON_ECHO = "def handler(event, context):\n    return event\n"
JAVASCRIPT_ECHO = "exports.handler = async (event) => event;\n"

# Takes 300 ms to import, of computing, and leaves a table behind that the handler reads.
SLOW_IMPORT = '''
import time

began = time.perf_counter()
table = {}
while time.perf_counter() - began < 0.3:
    for n in range(1000):
        table[n] = str(n * n)


def handler(event, context):
    return {"got": event, "square": table[7]}
'''
