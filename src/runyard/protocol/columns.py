"""The binary form of answers that consist of columns; ``docs/reference/columns.md`` describes it for readers.

Sixteen bytes (``RUNYARD``, the number of the format, the length of the header, zeros), the header as
JSON, padded to a multiple of 8, and the columns one after the other, 8 little-endian bytes a number.
A column's offset counts from the end of the header.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Mapping
from typing import Any

import msgspec

from runyard.protocol import wire

CONTENT_TYPE = "application/vnd.runyard.columns"

_HEAD = struct.Struct("<7sBII")
_MAGIC, _FORMAT = b"RUNYARD", 1
_ALIGNMENT = 8
_INTS, _FLOATS = "<i8", "<f8"
_CODES = {_INTS: "q", _FLOATS: "d"}


class Column(msgspec.Struct):
    """Where a column lies, and of what it is."""

    dtype: str
    offset: int
    length: int


class ColumnWriter:
    """Takes columns, then writes them all behind a header that says where each is."""

    def __init__(self) -> None:
        self._columns: list[bytes] = []
        self._length = 0

    def add(self, columns: Mapping[str, Any]) -> dict[str, Column]:
        """Take buffers of whole numbers or floats of 8 bytes; return what the header is to say of each."""
        return {name: self._add(memoryview(column)) for name, column in columns.items()}

    def _add(self, column: memoryview) -> Column:
        assert column.itemsize == _ALIGNMENT
        placed = Column(_FLOATS if column.format == "d" else _INTS, self._length, len(column))
        self._columns.append(_little_endian(column))
        self._length += column.nbytes
        return placed

    def written(self, header: Any) -> bytes:
        """Return the whole answer."""
        encoded = wire.encode(header)
        encoded += b" " * (-len(encoded) % _ALIGNMENT)
        return b"".join((_HEAD.pack(_MAGIC, _FORMAT, len(encoded), 0), encoded, *self._columns))


class ColumnReader:
    """Reads what a :class:`ColumnWriter` has written.

    Raises:
        ValueError: It is something else, or cut off.
    """

    def __init__(self, answer: bytes) -> None:
        if len(answer) < _HEAD.size:
            raise ValueError("This is too short for columns.")
        magic, number, length, _ = _HEAD.unpack_from(answer)
        if (magic, number) != (_MAGIC, _FORMAT):
            raise ValueError(f"These are no columns of format {_FORMAT}.")
        self._columns = memoryview(answer)[_HEAD.size + length :]
        self.header = bytes(answer[_HEAD.size : _HEAD.size + length])
        """JSON, to be decoded as whatever was asked for."""

    def read(self, column: Column) -> array[Any]:
        """Return one column."""
        if column.dtype not in _CODES:
            raise ValueError(f"A column is of the unknown type {column.dtype!r}.")
        found: array[Any] = array(_CODES[column.dtype])
        found.frombytes(self._columns[column.offset : column.offset + _ALIGNMENT * column.length])
        if len(found) != column.length:
            raise ValueError("A column is cut off.")
        if sys.byteorder == "big":
            found.byteswap()
        return found


def is_accepted(accept: str | None) -> bool:
    """Say whether a request's ``Accept`` names the binary form."""
    return accept is not None and any(
        each.split(";")[0].strip().lower() == CONTENT_TYPE for each in accept.split(",")
    )


def _little_endian(column: memoryview) -> bytes:
    if sys.byteorder == "little":
        return column.tobytes()
    swapped = array("q", column.tobytes())
    swapped.byteswap()
    return swapped.tobytes()
