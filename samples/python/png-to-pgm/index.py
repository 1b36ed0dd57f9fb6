"""Turns a PNG (8 bits a channel, not interlaced) into a grayscale PGM, in plain Python."""

import base64
import struct
import zlib

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type → channels; palettes are not supported


def chunks(png):
    at = 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", png, at + 8 + length)
        if zlib.crc32(kind + body) != crc:
            raise ValueError(f"the checksum of the chunk {kind.decode('latin-1')} is wrong")
        yield kind, body
        at += 12 + length


def paeth(left, up, corner):
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]


def unfilter(data, width, height, channels):
    """Yields the rows of pixels (PNG specification, section 9)."""
    stride = width * channels
    above = bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + stride])
        for x in range(stride):
            left = row[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            up = above[x]
            add = (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]
            row[x] = (row[x] + add) & 0xFF
        yield row
        above = row


def gray(row, channels):
    if channels < 3:
        return bytes(row[::channels])
    # Luma of ITU-R BT.601, in thousandths.
    return bytes(
        (299 * row[x] + 587 * row[x + 1] + 114 * row[x + 2] + 500) // 1000
        for x in range(0, len(row), channels)
    )


def handler(event, context):
    png = base64.b64decode(event["png"], validate=True)
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("this is not a PNG")
    data = b""
    for kind, body in chunks(png):
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if depth != 8 or colour not in CHANNELS or interlaced:
                raise ValueError("only 8 bits a channel, no palette and no interlacing are supported")
        elif kind == b"IDAT":
            data += body
    channels = CHANNELS[colour]
    rows = unfilter(zlib.decompress(data), width, height, channels)
    pixels = b"".join(gray(row, channels) for row in rows)
    pgm = b"P5\n%d %d\n255\n" % (width, height) + pixels
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "mean": round(sum(pixels) / len(pixels), 2),
        "pgm": base64.b64encode(pgm).decode(),
    }
