"""Counts what is in a text: words, sentences, the most frequent words."""

import re
from collections import Counter

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")


def handler(event, context):
    text = event.get("text")
    if not isinstance(text, str):
        raise TypeError("text must be a string")
    words = [word.lower() for word in WORD.findall(text)]
    # Counter keeps the order of first appearance, so equal counts have a fixed order.
    top = Counter(words).most_common(event.get("top", 3))
    return {
        "characters": len(text),
        "words": len(words),
        "unique": len(set(words)),
        "sentences": len(SENTENCE_END.findall(text)),
        "longest": max(words, key=len, default=None),
        "top": [{"word": word, "count": count} for word, count in top],
    }
