"""Turns CSV with a header into a list of objects; numbers and booleans become such."""

import csv
import io
import re

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
WORDS = {"": None, "true": True, "false": False}


def value(cell):
    text = cell.strip()
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    # Not float(): "007" is a code and "1e5" a part number more often than they are numbers.
    if match := NUMBER.fullmatch(text):
        return float(text) if match[2] else int(text)
    return cell


def handler(event, context):
    reader = csv.reader(io.StringIO(event["csv"]), delimiter=event.get("delimiter", ","), strict=True)
    header = next(reader, None)
    if not header:
        raise ValueError("the CSV has no header line")
    rows = []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise ValueError(f"line {reader.line_num} has {len(cells)} cells, and the header has {len(header)}")
        rows.append(dict(zip(header, map(value, cells))))
    return {"columns": header, "rows": rows}
