"""Bringing files to this machine: streamed, whole or not at all, and never out of the folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, NamedTuple

from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

from runyard.errors import InvalidParameter, Unavailable
from runyard.protocol.messages.artifacts import WireFile
from runyard.sdk.connection import Connection
from runyard.sdk.progress import Bars
from runyard.sdk.transport import Answer

_SHA256 = re.compile(r"(?:^|[,\s])sha-256=:([^:]*):")


class DownloadProgress(Bars):
    """A bar for each file that comes or goes, where a person watches."""

    def __init__(self, *, is_shown: bool = True) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        super().__init__(*columns, is_shown=is_shown)


class StoredFile(NamedTuple):
    """A file that a server keeps, and where it sends it from.

    Args:
        name: Its name in the run, with slashes between folders.
        address: The route that sends it.
        query: What is asked of the route.
        size_bytes: How long it is, if that is known.
    """

    name: str
    address: str
    query: tuple[tuple[str, str], ...]
    size_bytes: int | None


def download(connection: Connection, file: StoredFile, target: Path, progress: DownloadProgress) -> None:
    """Write one file to ``target``; it appears there when it is whole.

    Raises:
        NotFound: There is no such file any more.
        Unavailable: As :func:`fetch`.
    """
    fetch(connection, file.address, file.query, target, progress, file.name, file.size_bytes)


def download_from(
    connection: Connection,
    address: str,
    owner: Mapping[str, str],
    wanted: WireFile,
    target: Path,
    progress: DownloadProgress,
) -> None:
    """Write one file of a run or a model to ``target``; it appears there when it is whole.

    Args:
        connection: Reaches the workspace.
        address: The route that sends files.
        owner: What its query says beside the path.
        wanted: The file.
        target: Where to write it.
        progress: Shows how far it is.

    Raises:
        NotFound: Its owner has no such file any more.
        Unavailable: As :func:`fetch`.
    """
    query = (*owner.items(), ("path", wanted.path))
    fetch(connection, address, query, target, progress, wanted.path, wanted.file_size or None)


def fetch(
    connection: Connection,
    path: str,
    query: tuple[tuple[str, str], ...],
    target: Path,
    progress: DownloadProgress,
    name: str,
    size_bytes: int | None,
) -> int:
    """Write what lies at ``path`` to ``target``, where it appears when it is whole, and return its length.

    Raises:
        NotFound: There is no such file any more.
        Unavailable: The connection broke, fewer bytes came than the server had said, or others than its
            sender had declared.
    """
    with appearing(target) as opened, connection.open(path, query) as answer:
        return receive(answer, opened, progress, name, size_bytes)


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write to that appears as ``target`` when the block ends, and not at all if it raises."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
    try:
        with unfinished.open("xb") as opened:
            yield opened
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def receive(
    answer: Answer, opened: BinaryIO, progress: DownloadProgress, name: str, size_bytes: int | None
) -> int:
    """Write the file that a server answers with, look whether it is whole, and return its length.

    Raises:
        Unavailable: As :func:`fetch`.
    """
    task = progress.begin(name, size_bytes or None)
    try:
        declared = _SHA256.search(answer.headers.get("Repr-Digest", ""))
        received = hashlib.sha256()
        for chunk in answer.body:
            opened.write(chunk)
            if declared:
                received.update(chunk)
            progress.advance(task, len(chunk))
        written = opened.tell()
        _check_length(name, answer.headers.get("Content-Length"), written)
        if declared and base64.b64encode(received.digest()).decode() != declared[1]:
            raise Unavailable(f"{name!r} is not what its sender declared: its SHA-256 differs.")
        return written
    finally:
        progress.end(task)


def path_below(folder: Path, name: str) -> Path:
    """Return the path of ``name`` below ``folder``.

    Raises:
        InvalidParameter: The name is no text, absolute, has a ``..``, or leads out of the folder by a link.
    """
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    is_text = "\0" not in name and name.encode(errors="replace").decode() == name
    is_plain = bool(posix.parts) and is_text and ".." not in (*posix.parts, *windows.parts)
    if not is_plain or posix.is_absolute() or windows.is_absolute() or windows.drive:
        raise InvalidParameter(f"{name!r} is not a path below the folder to download to.")
    target = folder / posix
    if not target.resolve().is_relative_to(folder.resolve()):
        raise InvalidParameter(f"{name!r} leads out of {folder} by a link.")
    return target


def _check_length(name: str, announced: str | None, written: int) -> None:
    if announced is not None and int(announced) != written:
        raise Unavailable(f"{name!r} came incomplete: {written} of {announced} bytes.")
