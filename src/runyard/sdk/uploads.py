"""Sending files from this machine: streamed, with the checksum that the server holds them to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from rich.progress import TaskID

from runyard.sdk.connection import BINARY, Connection
from runyard.sdk.downloads import DownloadProgress
from runyard.sdk.transport import CHUNK_BYTES, Request


def send_file(
    connection: Connection,
    path: str,
    query: tuple[tuple[str, str], ...],
    local: Path,
    progress: DownloadProgress,
) -> int:
    """Store the content of a file at ``path`` and return how large it is; what is stored is what was read.

    The file is read twice, first for its checksum: if it changes in between, nothing is kept of it.

    Raises:
        OSError: The file can't be read.
        RunyardError: What the server raised.
    """
    with local.open("rb") as opened:
        digest = hashlib.sha256()
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
        size_bytes = opened.tell()
        task = progress.begin(local.name, size_bytes or None)
        watched = _Watched(opened, size_bytes, progress, task)
        try:
            connection.send(
                Request(
                    "PUT",
                    path,
                    query=query,
                    # A stream of unknown length is what an empty file would become.
                    body=cast(BinaryIO, watched) if size_bytes else b"",
                    content_type=BINARY,
                    is_repeatable=True,
                    headers=(("Repr-Digest", f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"),),
                )
            )
        finally:
            progress.end(task)
    return size_bytes


class _Watched:
    """A file that moves a bar while it is read, and that can be read again."""

    def __init__(self, opened: BinaryIO, size_bytes: int, progress: DownloadProgress, task: TaskID) -> None:
        self._opened = opened
        self._size_bytes = size_bytes
        self._progress = progress
        self._task = task

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK_BYTES):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, never more than were counted for the checksum."""
        left = self._size_bytes - self._opened.tell()
        chunk = self._opened.read(left if size < 0 else min(size, left))
        self._progress.advance(self._task, len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place of the file."""
        return self._opened.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._opened.tell()
