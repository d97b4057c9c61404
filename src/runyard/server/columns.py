"""The binary form of an answer that consists of columns; ``docs/reference/columns.md`` is its description.

Sixteen bytes (``RUNYARD``, the format's number, the length of the header, zeros), the header as JSON,
padded so that its end is a multiple of 8, and the columns one after the other, 8 bytes a number, all
little-endian. A column's offset counts from the end of the header.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from runyard.protocol import wire

CONTENT_TYPE = "application/vnd.runyard.columns"

_HEAD = struct.Struct("<7sBII")
_MAGIC, _FORMAT = b"RUNYARD", 1
_ALIGNMENT = 8


class ColumnWriter:
    """Takes columns, then writes them all behind a header that says where each is."""

    def __init__(self) -> None:
        self._columns: list[bytes] = []
        self._length = 0

    def add(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
        """Take columns of whole numbers or floats of 8 bytes; return what the header says of each."""
        return {name: self._add(column) for name, column in columns.items()}

    def _add(self, column: NDArray[Any]) -> dict[str, Any]:
        little = column.astype(column.dtype.newbyteorder("<"), copy=False)
        placed = {"dtype": little.dtype.newbyteorder("<").str, "offset": self._length, "length": len(column)}
        self._columns.append(little.tobytes())
        self._length += little.nbytes
        return placed

    def written(self, header: Any) -> bytes:
        """Return the whole answer."""
        encoded = wire.encode(header)
        encoded += b" " * (-len(encoded) % _ALIGNMENT)
        return b"".join((_HEAD.pack(_MAGIC, _FORMAT, len(encoded), 0), encoded, *self._columns))


def is_asked_for(accept: str | None) -> bool:
    """Say whether a request's ``Accept`` names the binary form."""
    return accept is not None and any(
        each.split(";")[0].strip().lower() == CONTENT_TYPE for each in accept.split(",")
    )
