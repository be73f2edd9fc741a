"""A small picture that the demonstration's customers can send, drawn here so that none has to be shipped."""

import struct
import zlib


def lemonade(width: int = 320, height: int = 240) -> bytes:
    """A PNG: a glass of sea-buckthorn lemonade against the evening."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += _pixel(x / width, y / height)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + _chunk(b"IEND", b"")


def _pixel(x: float, y: float) -> bytes:
    glass = 0.36 + 0.05 * y < x < 0.64 - 0.05 * y and 0.2 < y < 0.86
    if glass and y > 0.34:
        return bytes((255, int(200 - 110 * (y - 0.34)), 40))
    if glass:
        return bytes((236, 244, 246))
    return bytes((int(120 + 100 * y), int(160 + 60 * y), int(210 - 60 * y)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
