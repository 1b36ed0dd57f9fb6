"""Roman numerals, to and from numbers."""

NUMERALS = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]


def to_roman(number):
    if not 1 <= number <= 3999:
        raise ValueError(f"{number} has no Roman numeral; it must be from 1 to 3999")
    text = ""
    for value, numeral in NUMERALS:
        count, number = divmod(number, value)
        text += numeral * count
    return text


def from_roman(text):
    rest, number = text, 0
    for value, numeral in NUMERALS:
        while rest.startswith(numeral):
            rest = rest[len(numeral) :]
            number += value
    # Writing it again refuses IIII, VX and the like.
    if rest or not text or to_roman(number) != text:
        raise ValueError(f'"{text}" is not a Roman numeral')
    return number


def handler(event, context):
    if "roman" in event:
        return {"number": from_roman(event["roman"].strip().upper())}
    return {"roman": to_roman(event["number"])}
