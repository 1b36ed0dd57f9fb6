"""A stand-in for a handler, run while a cell is parked."""

import json
import re


class Counter:
    def __init__(self):
        self.words = {}

    def add(self, word):
        self.words[word] = self.words.get(word, 0) + 1


def handler(event, context):
    counter = Counter()
    for word in re.findall(r"\w+", event["text"]):
        counter.add(word)
    return {
        "words": sorted(counter.words.items()),
        "sum": sum(n for n in event["numbers"] if isinstance(n, (int, float))),
        "text": json.dumps(event, sort_keys=True),
        "left": context.get_remaining_time_in_millis(),
    }


def fail(event, context):
    raise ValueError("rehearsed: %s" % "failure")
