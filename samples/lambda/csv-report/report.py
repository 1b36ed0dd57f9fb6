"""Sums a CSV by one of its columns; the kind of job that a schedule starts."""
import collections
import csv
import io
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def handler(event, context):
    column, amount = os.environ["GROUP_BY"], os.environ["AMOUNT"]
    totals = collections.Counter()
    path = "/tmp/input.csv"
    with open(path, "w", newline="") as file:
        file.write(event["csv"])
    with open(path, newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                totals[row[column]] += float(row[amount])
            except (KeyError, ValueError) as error:
                logger.warning("line %d is left out: %s", number, error)
    report = io.StringIO()
    writer = csv.writer(report, lineterminator="\n")
    writer.writerow([column, amount])
    writer.writerows(sorted(totals.items()))
    logger.info("%d groups", len(totals))
    return {"report": report.getvalue(), "remaining": context.get_remaining_time_in_millis() > 0}
