"""Business days: how many lie between two dates, or which date is so many days away."""

from datetime import date, timedelta

SATURDAY = 5


def handler(event, context):
    start = date.fromisoformat(event["from"])
    holidays = {date.fromisoformat(day) for day in event.get("holidays", [])}

    def works(day):
        return day.weekday() < SATURDAY and day not in holidays

    if "to" in event:
        end = date.fromisoformat(event["to"])
        if end < start:
            raise ValueError(f"{end} is before {start}")
        # The first day does not count and the last one does, as with delivery times.
        days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
        return {"days": sum(map(works, days))}

    left = event["add"]
    step = timedelta(days=1 if left >= 0 else -1)
    day = start
    while left:
        day += step
        if works(day):
            left -= step.days
    return {"date": day.isoformat(), "weekday": day.strftime("%A")}
