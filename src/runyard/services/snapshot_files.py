"""What is in the code of a job: the names of its files, and one of them to look at."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from runyard.errors import InvalidParameter, InvalidState, NotFound, TooLarge
from runyard.services.call import Call
from runyard.services.code_looks import CodeFile, CodeListing, CodeLooks
from runyard.services.snapshots import get_snapshot, open_snapshot
from runyard.stores.artifacts.base import ArtifactDownload, ArtifactFile
from runyard.stores.artifacts.paths import resolve_artifact_path

MAX_LISTED_FILES = 5_000
MAX_SHOWN_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 200_000_000
"""How much of an archive is unpacked at most to find something in it; the rest is only in the download."""

_READ_AT_ONCE_BYTES = 1 << 20
_NO_ARCHIVE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, RecursionError)


def list_code(call: Call, sha256: str) -> CodeListing:
    """Return what is in an archive; the first time a server is asked for that, it reads the archive.

    Raises:
        NotFound: The workspace has none of this hash.
        InvalidState: It is no tar compressed by gzip.
        Unavailable: Others take too long to look into theirs.
    """
    get_snapshot(call, sha256)
    looks = _looks_of(call)
    found = looks.find(sha256)
    if found is None:
        with looks.turn():
            # Who had the turn before may have been asked for the same.
            found = looks.find(sha256) or _listing_of(call, sha256)
        looks.keep(sha256, found)
    return found


def open_code(call: Call, sha256: str, path: str) -> ArtifactDownload:
    """Open a file of an archive, which is in memory then; the archive is read up to it, and no further.

    Raises:
        NotFound: There is no such archive, or no such file in it.
        InvalidParameter: It is no path of a file.
        TooLarge: It is too large to be looked at, or lies too far back.
        InvalidState: It is no tar compressed by gzip.
        Unavailable: Others take too long to look into theirs.
    """
    wanted = str(resolve_artifact_path(path))
    get_snapshot(call, sha256)
    known = _looks_of(call).find(sha256)
    listed = next((each for each in known.files if each.path == wanted), None) if known else None
    if listed is not None:
        _check_size(listed)
    if known is None or known.is_cut or listed is not None:
        with _looks_of(call).turn():
            found = _found(call, sha256, wanted)
        if found is not None:
            return found
    raise NotFound(f"Snapshot {sha256} has no file {path[:200]!r}.")


def _looks_of(call: Call) -> CodeLooks:
    return call.operation.code_looks


def _listing_of(call: Call, sha256: str) -> CodeListing:
    files: list[CodeFile] = []
    try:
        for _, _, file in _files_in(call, sha256):
            files.append(file)
            if len(files) > MAX_LISTED_FILES:
                break
    except _ReadEnough:
        return _listing(files, is_cut=True)
    return _listing(files)


def _listing(files: Sequence[CodeFile], *, is_cut: bool = False) -> CodeListing:
    return CodeListing(tuple(files[:MAX_LISTED_FILES]), is_cut or len(files) > MAX_LISTED_FILES)


def _found(call: Call, sha256: str, path: str) -> ArtifactDownload | None:
    """Return a file of an archive; if the archive is read in vain, what is in it is remembered."""
    passed: list[CodeFile] = []
    is_cut = False
    try:
        for tar, member, file in _files_in(call, sha256):
            if file.path == path:
                return _InMemory(_content_of(tar, member, file))
            if len(passed) <= MAX_LISTED_FILES:
                passed.append(file)
    except _ReadEnough:
        is_cut = True
    _looks_of(call).keep(sha256, _listing(passed, is_cut=is_cut))
    if is_cut:
        raise TooLarge(
            f"{path[:200]!r} is not in the first {MAX_UNPACKED_BYTES} bytes of the code; no more is read. "
            "Download the archive."
        )
    return None


def _check_size(file: CodeFile) -> None:
    if file.size_bytes > MAX_SHOWN_BYTES:
        raise TooLarge(
            f"{file.path!r} has {file.size_bytes} bytes, and files of up to {MAX_SHOWN_BYTES} are shown. "
            "Download the archive."
        )


class _ReadEnough(Exception):
    """So much was unpacked that the rest is left alone."""


class _InMemory(ArtifactDownload):
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.file = ArtifactFile(len(content), 0, "")
        self.preferred_read_bytes = _READ_AT_ONCE_BYTES

    def read(self, offset_bytes: int, length_bytes: int) -> bytes:
        return self._content[offset_bytes : offset_bytes + length_bytes]

    def close(self) -> None:
        """Nothing is held open."""


def _files_in(call: Call, sha256: str) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, CodeFile]]:
    """Yield the plain files of an archive; each one can be read until the next is asked for."""
    with open_snapshot(call, sha256) as download:
        try:
            with gzip.open(io.BufferedReader(_Reading(download), _READ_AT_ONCE_BYTES)) as opened:
                bounded = cast(BinaryIO, _Bounded(cast(BinaryIO, opened)))
                with tarfile.open(fileobj=bounded, mode="r:") as tar:
                    while (member := tar.next()) is not None:
                        # Else each one that was is kept in memory.
                        tar.members = []  # type: ignore[attr-defined] # as the documentation has it
                        path = _shown_path(member)
                        if path:
                            yield tar, member, CodeFile(path, member.size, bool(member.mode & 0o100))
        except _NO_ARCHIVE as error:
            raise InvalidState(f"Snapshot {sha256} is no tar compressed by gzip: {error}") from None


def _shown_path(member: tarfile.TarInfo) -> str:
    """Return where a file lies below the folder; empty for what is none, or lies elsewhere."""
    if not member.isreg() or member.size < 0:
        return ""
    name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "?")
    with contextlib.suppress(InvalidParameter):
        return str(resolve_artifact_path(name))
    return ""


def _content_of(tar: tarfile.TarFile, member: tarfile.TarInfo, file: CodeFile) -> bytes:
    _check_size(file)
    content = tar.extractfile(member)
    assert content is not None, "of a plain file there is a content"
    return content.read()


class _Reading(io.RawIOBase):
    """An open artifact as a file."""

    def __init__(self, download: ArtifactDownload) -> None:
        self._download = download
        self._offset = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # that is what it is given
        piece = self._download.read(self._offset, len(buffer))
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)


class _Bounded:
    """Unpacks no more than it may, and not much at once: a header may claim any length."""

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_SHOWN_BYTES:
            raise tarfile.ReadError(f"a header in it has {size} bytes")
        if self._opened.tell() + size > MAX_UNPACKED_BYTES:
            raise _ReadEnough
        return self._opened.read(size)

    def seek(self, offset: int) -> int:
        if offset > MAX_UNPACKED_BYTES:
            raise _ReadEnough
        return self._opened.seek(offset)

    def tell(self) -> int:
        return self._opened.tell()
