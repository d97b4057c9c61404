"""The files that a spool's records lie in: written from their beginning to their end, cut where torn."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from runyard.errors import InvalidState

VERSION = 2
MAX_RECORD_BYTES = 64 * 1024 * 1024

_MAGIC = b"RYSPOOL\0"
_HEADER = struct.Struct("<8sI")
_FRAME = struct.Struct("<II")

HEADER_BYTES = _HEADER.size
FRAME_BYTES = _FRAME.size

Reader = Callable[[BinaryIO], Iterator[tuple[bytes, int]]]


def header() -> bytes:
    """Return what a segment begins with: what it is, and which version of the format."""
    return _HEADER.pack(_MAGIC, VERSION)


def framed(content: bytes) -> bytes:
    """Return a record with its length and its checksum before it."""
    return _FRAME.pack(len(content), zlib.crc32(content)) + content


def read_records(path: Path, offset: int = 0) -> Iterator[tuple[bytes, int]]:
    """Yield each whole record from ``offset`` on, with the offset behind it; end where a record is not whole.

    A record that a killed process had begun to write is not whole, and what follows one can't be read.

    Args:
        path: The segment.
        offset: Behind some record; 0 is before the first.

    Raises:
        InvalidState: A newer Runyard wrote the segment, or it is none.
    """
    with path.open("rb") as opened:
        reader = _reader_of(path, opened.read(HEADER_BYTES))
        if reader is None:
            return
        opened.seek(max(offset, HEADER_BYTES))
        yield from reader(opened)


def _reader_of(path: Path, begin: bytes) -> Reader | None:
    if len(begin) < HEADER_BYTES and (_MAGIC + VERSION.to_bytes(4, "little")).startswith(begin):
        return None
    magic, version = _HEADER.unpack(begin) if len(begin) == HEADER_BYTES else (b"", 0)
    if magic != _MAGIC:
        raise InvalidState(f"{path} is no segment of a spool.")
    if version not in _READERS:
        raise InvalidState(f"{path} was written by a newer Runyard (format {version}). Upgrade this one.")
    return _READERS[version]


def _read_frames(opened: BinaryIO) -> Iterator[tuple[bytes, int]]:
    offset = opened.tell()
    while len(frame := opened.read(FRAME_BYTES)) == FRAME_BYTES:
        length, checksum = _FRAME.unpack(frame)
        if length > MAX_RECORD_BYTES:
            return
        content = opened.read(length)
        if len(content) < length or zlib.crc32(content) != checksum:
            return
        offset += FRAME_BYTES + length
        yield content, offset


# A version that was ever released stays in here: a spool may be found years later.
# Version 2 has the frames of version 1, and kinds of records that a reader of version 1 does not know.
_READERS: dict[int, Reader] = {1: _read_frames, 2: _read_frames}
