"""Prices in cents."""
PRICES = {"tea": 250, "cake": 390}


def total(items):
    return sum(PRICES[name] * count for name, count in items.items())
