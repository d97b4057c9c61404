"""A picture of what a network has learned, written as PNG without an imaging library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from runyard.cli.demo_training import Network, Sample

SIDE_PX = 360
CELL_PX = 3

Colour = tuple[int, int, int]
_BLUE, _WHITE, _ORANGE = (66, 118, 199), (250, 250, 250), (232, 139, 58)
_DARK_BLUE, _DARK_ORANGE = (22, 58, 120), (150, 75, 10)
_LEFT, _BOTTOM, _SPAN = -1.7, -1.7, 4.2


def decision_image(network: Network, samples: Sequence[Sample]) -> bytes:
    """Return the plane coloured by the network's probabilities, with the samples on it."""
    rows = [
        [_blend(network.probability(*_place(column, row))) for column in range(0, SIDE_PX, CELL_PX)]
        for row in range(0, SIDE_PX, CELL_PX)
    ]
    pixels = [[cell for cell in rows[row // CELL_PX] for _ in range(CELL_PX)] for row in range(SIDE_PX)]
    for sample in samples:
        column = round((sample.x - _LEFT) / _SPAN * SIDE_PX)
        row = SIDE_PX - round((sample.y - _BOTTOM) / _SPAN * SIDE_PX)
        _dot(pixels, column, row, _DARK_ORANGE if sample.label else _DARK_BLUE)
    return png(pixels)


def png(pixels: Sequence[Sequence[Colour]]) -> bytes:
    """Return rows of colours as a PNG of 8 bits a channel."""
    height, width = len(pixels), len(pixels[0])
    # Each row begins with the number of its filter: 0, none.
    raw = b"".join(b"\0" + bytes(channel for colour in row for channel in colour) for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _part(b"IHDR", header)
        + _part(b"IDAT", zlib.compress(raw, 9))
        + _part(b"IEND", b"")
    )


def _part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _place(column: int, row: int) -> tuple[float, float]:
    return _LEFT + column / SIDE_PX * _SPAN, _BOTTOM + (SIDE_PX - row) / SIDE_PX * _SPAN


def _blend(probability: float) -> Colour:
    share = abs(probability - 0.5) * 2
    end = _ORANGE if probability > 0.5 else _BLUE
    red, green, blue = (
        round(white + (full - white) * share) for white, full in zip(_WHITE, end, strict=True)
    )
    return red, green, blue


def _dot(pixels: list[list[Colour]], column: int, row: int, colour: Colour) -> None:
    for y in range(row - 2, row + 3):
        for x in range(column - 2, column + 3):
            if 0 <= x < SIDE_PX and 0 <= y < SIDE_PX and (x - column) ** 2 + (y - row) ** 2 <= 5:
                pixels[y][x] = colour
