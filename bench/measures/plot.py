"""The table as a picture: how far each row is from its target."""

import html
import math

WIDTH, LEFT, RIGHT, STEP, TOP = 860, 400, 70, 26, 60
GOOD, SHORT, TEXT, LINE = "#2a7f62", "#c2452d", "#222222", "#888888"


def distance(row):
    """Measured as part of what is allowed: 1 is the target, less is better."""
    if row.at_least:
        return row.limit / row.value if row.value else math.inf
    return row.value / row.limit


def short(title, length=62):
    title = title.replace("`", "")
    return title if len(title) <= length else title[:length - 1] + "…"


def svg(rows):
    rows = [r for r in rows if r.limit and r.value is not None and r.value > 0]
    values = [distance(r) for r in rows]
    low, high = min(values + [0.1]), max(values + [2])
    start, end = math.floor(math.log2(low)), math.ceil(math.log2(high))
    height = TOP + STEP * len(rows) + 30

    def x(value):
        return LEFT + (math.log2(value) - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (WIDTH, height),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="16" y="22" font-size="15" fill="%s">Measured, as a part of what the target allows (less is better)</text>' % TEXT]
    for power in range(start, end + 1):
        value = 2.0 ** power
        parts.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-width="%s"/>' % (
            x(value), TOP - 8, x(value), height - 24, "#444444" if power == 0 else "#dddddd", 1.5 if power == 0 else 1))
        label = "target" if power == 0 else "%g×" % value
        parts.append('<text x="%.1f" y="%d" fill="%s" text-anchor="middle">%s</text>' % (x(value), TOP - 14, LINE, label))
    for number, (row, value) in enumerate(zip(rows, values)):
        y = TOP + STEP * number
        colour = GOOD if row.verdict == "pass" else SHORT
        begin, finish = sorted((x(1), x(value)))
        parts.append('<text x="%d" y="%d" fill="%s" text-anchor="end">%s</text>' % (
            LEFT - 10, y + 13, TEXT, html.escape(short(row.title))))
        parts.append('<rect x="%.1f" y="%d" width="%.1f" height="14" fill="%s"/>' % (
            begin, y + 2, max(1.5, finish - begin), colour))
        beyond = x(value) + (6 if value >= 1 else -6)
        parts.append('<text x="%.1f" y="%d" fill="%s" text-anchor="%s">%.2f</text>' % (
            beyond, y + 13, colour, "start" if value >= 1 else "end", value))
    parts.append("</svg>\n")
    return "\n".join(parts)
