"""Bringing files of this machine to the server: each whole or not at all, with a bar on a screen."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from rich.progress import TaskID

from runyard.errors import InvalidParameter, InvalidState, RunyardError
from runyard.sdk.arguments import text
from runyard.sdk.connection import Connection
from runyard.sdk.downloads import DownloadProgress
from runyard.sdk.many_files import transfer_all
from runyard.sdk.spool.calls import PROXIED_SCHEME

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

Content = Path | BinaryIO


class Watched(io.RawIOBase):
    """A file that moves a bar on as it is read.

    Args:
        content: The file.
        progress: Has the bar.
        task: Which one.
    """

    def __init__(self, content: BinaryIO, progress: DownloadProgress, task: TaskID) -> None:
        self._content = content
        self._progress = progress
        self._task = task

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        piece = self._content.read(size)
        self._progress.advance(self._task, len(piece))
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere; what was sent from there counts anew."""
        before = self._content.tell()
        place = self._content.seek(offset, whence)
        if whence == os.SEEK_SET and place < before:
            self._progress.advance(self._task, place - before)
        return place

    def tell(self) -> int:
        """Tell where it is."""
        return self._content.tell()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read again."""
        return True


def proxied_folder(owner: str, artifact_uri: str) -> str:
    """Return where the files of a run or a model lie below the workspace.

    Raises:
        InvalidState: They lie in a store that the server does not open.
    """
    scheme, _, folder = artifact_uri.partition(":/")
    if scheme != PROXIED_SCHEME:
        raise InvalidState(f"The files of {owner} lie at {artifact_uri}, not with the server.")
    return folder.strip("/")


def upload(connection: Connection, folder: str, files: Sequence[tuple[str, Content]]) -> None:
    """Upload files, several at once; the first that fails stops the others that have not begun.

    Args:
        connection: Reaches the workspace.
        folder: Where they go, below the workspace.
        files: The path of each below that folder, and its content.

    Raises:
        OSError: A file can't be read.
        RunyardError: What the server raised.
    """
    transfer_all(lambda file, progress: _put(connection, folder, *file, progress), files)


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of a local folder and of those in it, by their path below it, sorted.

    Raises:
        InvalidParameter: It is no folder, or one with nothing in it.
    """
    if not folder.is_dir():
        raise InvalidParameter(f"path={str(folder)!r} is no folder of this machine.")
    found = [
        ((Path(below) / name).relative_to(folder).as_posix(), Path(below) / name)
        for below, _, names in os.walk(folder)
        for name in names
    ]
    if not found:
        raise InvalidParameter(f"The folder path={str(folder)!r} has no files.")
    return sorted(found)


def checked_name(name: str) -> str:
    """Return the name of a file in a run, without a slash around it or a ``./`` before it.

    Raises:
        InvalidParameter: It can't be a file's name.
    """
    plain = text(name, "name").removeprefix("./").strip("/")
    if not plain or not {"", ".", ".."}.isdisjoint(plain.split("/")) or "\0" in plain or "\\" in plain:
        raise InvalidParameter(
            f"name={name!r} can't name a file of a run: it is a path as 'plots/roc.png', without '..'."
        )
    return plain


def _put(
    connection: Connection, folder: str, name: str, content: Content, progress: DownloadProgress
) -> None:
    address = f"{ARTIFACTS}/{quote(f'{folder}/{name}')}"
    if isinstance(content, Path):
        with content.open("rb") as opened:
            _put_opened(connection, address, name, opened, progress)
    else:
        _put_opened(connection, address, name, content, progress)


def _put_opened(
    connection: Connection, address: str, name: str, content: BinaryIO, progress: DownloadProgress
) -> None:
    size_bytes = content.seek(0, os.SEEK_END)
    content.seek(0)
    task = progress.begin(name, size_bytes)
    try:
        connection.put_open_file(address, cast(BinaryIO, Watched(content, progress, task)), size_bytes)
    except RunyardError as error:
        raise type(error)(f"{name!r} was not uploaded: {error}") from error
    finally:
        progress.end(task)
