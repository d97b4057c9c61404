"""The code of a job: an archive that is what its hash says, taken apart without leaving its folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

READ_AT_ONCE_BYTES = 1 << 20
MAX_NAME_BYTES = 4_096
MAX_SEGMENT_BYTES = 255
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)


# What taking apart something else raises; headers that name one another are read by recursion.
_NO_ARCHIVE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, RecursionError)


class UnsafeArchive(Exception):
    """It isn't a compressed tar, or there is something in it that no code of a job needs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold.

    Args:
        archive_bytes: As it is sent.
        content_bytes: All files together.
        members: How many files and folders.
    """

    archive_bytes: int = 2_000_000_000
    content_bytes: int = 10_000_000_000
    members: int = 200_000


LIMITS = Limits()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while piece := opened.read(READ_AT_ONCE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def unpack(archive: Path, target: Path, limits: Limits = LIMITS) -> int:
    """Make a folder of what is in an archive; return how many files. Files and folders alone are taken.

    The folder is there in the end with all that belongs into it, or it is not there.

    Raises:
        UnsafeArchive: Names the member, and what is wrong with it.
        OSError: A file can't be written.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        count = _unpack(archive, unfinished, limits)
    except _NO_ARCHIVE as error:
        raise UnsafeArchive(f"it is no tar compressed by gzip: {error}") from None
    unfinished.rename(target)
    return count


def _unpack(archive: Path, target: Path, limits: Limits) -> int:
    files = members = 0
    room = limits.content_bytes
    with gzip.open(archive) as opened:
        bounded = cast(BinaryIO, _Bounded(cast(BinaryIO, opened), limits))
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            for member in _members(tar):
                members += 1
                if members > limits.members:
                    raise UnsafeArchive(f"it has more than {limits.members} members")
                if member.size < 0:
                    raise UnsafeArchive(f"{member.name!r} has {member.size} bytes")
                path = target.joinpath(*_segments(member.name))
                if member.isdir():
                    _make_folder(path, member)
                    continue
                if member.type not in _FILES:
                    raise UnsafeArchive(f"{member.name!r} is neither a file nor a folder")
                room -= member.size
                if room < 0:
                    raise UnsafeArchive(f"it holds more than {limits.content_bytes} bytes")
                _write(tar, member, path)
                files += 1
    return files


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        # Else each one that was is kept in memory.
        tar.members = []  # type: ignore[attr-defined] # as the standard library's documentation has it


def _segments(name: str) -> list[str]:
    parts = name.removesuffix("/").split("/")
    # `tar -C folder .` writes each name with this before it.
    segments = parts[1:] if parts[0] == "." else parts
    is_plain = all(part not in ("", ".", "..") and "\0" not in part for part in segments)
    if not is_plain or _size(name) > MAX_NAME_BYTES:
        raise UnsafeArchive(f"{name[:200]!r} is no plain path below the folder")
    if max(map(_size, segments), default=0) > MAX_SEGMENT_BYTES:
        raise UnsafeArchive(f"{name[:200]!r} has a name of more than {MAX_SEGMENT_BYTES} bytes in it")
    return segments


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))


def _make_folder(path: Path, member: tarfile.TarInfo) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UnsafeArchive(f"{member.name!r} is there twice") from None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    mode = 0o700 if member.mode & 0o100 else 0o600
    _make_folder(path.parent, member)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except (FileExistsError, NotADirectoryError):
        raise UnsafeArchive(f"{member.name!r} is there twice") from None
    content = tar.extractfile(member)
    assert content is not None, "of a plain file there is a content"
    with os.fdopen(descriptor, "wb") as opened, content:
        shutil.copyfileobj(content, opened, READ_AT_ONCE_BYTES)
        if opened.tell() != member.size:
            raise UnsafeArchive(f"{member.name!r} is cut off")


class _Bounded:
    """Reads no more than an archive may hold, and not much at once: a header may claim any length."""

    def __init__(self, opened: BinaryIO, limits: Limits) -> None:
        self._opened = opened
        # A member's headers, its padding.
        self._max_bytes = limits.content_bytes + limits.members * 16_384 + tarfile.RECORDSIZE

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= READ_AT_ONCE_BYTES:
            raise UnsafeArchive(f"a header in it has {size} bytes")
        return self._opened.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or offset > self._max_bytes:
            raise UnsafeArchive(f"it holds more than {self._max_bytes} bytes")
        return self._opened.seek(offset, whence)

    def tell(self) -> int:
        return self._opened.tell()
