"""Files of events as TensorBoard reads them: records with checks, each a message of protocol buffers.

Both are few bytes that have not changed in ten years, so nothing is installed to write them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Final

_FIRST: Final = b"\x1a\x0dbrain.Event:2"
"""What says which version a file is of."""
_WALL_TIME, _STEP, _SUMMARY, _VALUE, _TAG, _SIMPLE_VALUE = (
    b"\x09",
    b"\x10",
    b"\x2a",
    b"\x0a",
    b"\x0a",
    b"\x15",
)
_CASTAGNOLI: Final = 0x82F63B78
_MASK_DELTA: Final = 0xA282EAD8
_ALL_32, _ALL_64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_GREATEST_FLOAT: Final = 3.4028234663852886e38


def first_event(wall_time_s: float) -> bytes:
    """Return the event that a file begins with."""
    return _WALL_TIME + struct.pack("<d", wall_time_s) + _FIRST


def scalar_event(wall_time_s: float, step: int, tag: str, value: float) -> bytes:
    """Return one point of a curve.

    Args:
        wall_time_s: When it was logged, in seconds since 1970.
        step: Its step.
        tag: The name of the curve.
        value: Its value; what is too great for four bytes becomes infinite.
    """
    named = _TAG + _sized(tag.encode()) + _SIMPLE_VALUE + struct.pack("<f", _of_four_bytes(value))
    when = _STEP + _varint(step & _ALL_64) if step else b""
    return _WALL_TIME + struct.pack("<d", wall_time_s) + when + _SUMMARY + _sized(_VALUE + _sized(named))


def records(events: Iterable[bytes]) -> Iterator[bytes]:
    """Yield events as they stand in a file: the length and the content, each with its check."""
    for event in events:
        length = struct.pack("<Q", len(event))
        yield length + _check(length) + event + _check(event)


def _of_four_bytes(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) > _GREATEST_FLOAT else value


def _sized(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _check(content: bytes) -> bytes:
    """Return the masked CRC-32C of some bytes."""
    crc = _ALL_32
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= _ALL_32
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ALL_32)


def _table() -> tuple[int, ...]:
    made = []
    for number in range(256):
        crc = number
        for _ in range(8):
            crc = crc >> 1 ^ _CASTAGNOLI if crc & 1 else crc >> 1
        made.append(crc)
    return tuple(made)


_TABLE: Final = _table()
