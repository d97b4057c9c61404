"""Uploading files of this machine to a run."""

from __future__ import annotations

import contextlib
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from runyard.errors import InvalidParameter, NotFound, RunyardError, Unavailable
from runyard.protocol.messages.trash import RemovedPartsAnswer
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed
from runyard.sdk.artifact_uploads import Content, checked_name, files_below, proxied_folder, upload
from runyard.sdk.connection import Connection
from runyard.sdk.run_sinks import RunSink
from runyard.sdk.script.code_files import find_code

PathText = str | os.PathLike[str]


@names_arguments
class RunUploads(ABC):
    """Files that a person sends to a run. It blocks until they are there, and shows how far it is.

    Several files appear all or not at all: if one fails, those of them that were not there before are taken
    away again.
    """

    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _own_file_names(self) -> list[str]:
        """Return the names of the run's files, without those of models that MLflow logged in it."""

    @abstractmethod
    def remove(self, *, files: Sequence[str]) -> RemovedPartsAnswer:
        """Remove files of the run."""

    @abstractmethod
    def _artifact_uri(self) -> str:
        """Return where the run keeps its files."""

    @abstractmethod
    def _open_sink(self) -> RunSink:
        """Return where to log to."""

    @abstractmethod
    def _flush_before(self) -> bool:
        """Send what was logged before; return whether it is sent."""

    def upload_file(
        self, name: str, path_or_stream: PathText | BinaryIO | TextIO, datastore_name: str | None = None
    ) -> None:
        """Upload one file; one of that name is replaced.

        Args:
            name: Its name in the run, as ``plots/roc.png``.
            path_or_stream: A file of this machine, or something that can be read.
            datastore_name: Taken for Azure's scripts; a run's files lie with the run.

        Raises:
            InvalidParameter: No file can have this name.
            FileNotFoundError: There is no such file.
            Unavailable: No server answers; nothing of the file is there.

        Example:
            >>> run.upload_file("plots/roc.png", "photos/1.png")
            >>> run.get_file_names()
            ['plots/roc.png']
        """
        self._upload([(checked_name(name), _content(path_or_stream))])

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[PathText],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> dict[str, str] | None:
        """Upload files, several at once.

        Args:
            names: Their names in the run.
            paths: The files of this machine, in the same order.
            return_artifacts: Whether to return the address of each name.
            timeout_seconds: Taken for Azure's scripts; an upload ends when the server answers no more.
            datastore_name: Taken for Azure's scripts; a run's files lie with the run.

        Raises:
            InvalidParameter: The two differ in length, or a name can't be.
            FileNotFoundError: There is no such file.
            Unavailable: No server answers; nothing of these files is there.

        Example:
            >>> run.upload_files(["a.png", "b.png"], ["photos/1.png", "photos/2.png"])
            >>> run.get_file_names()
            ['a.png', 'b.png']
        """
        names, paths = listed(names, "names"), listed(paths, "paths")
        if len(names) != len(paths):
            raise InvalidParameter(f"There are {len(names)} names, but {len(paths)} paths.")
        plain = [checked_name(name) for name in names]
        if len(set(plain)) < len(plain):
            raise InvalidParameter("names has one name twice.")
        self._upload([(name, _content(path)) for name, path in zip(plain, paths, strict=True)])
        if not return_artifacts:
            return None
        return {name: f"{self._artifact_uri()}/{name}" for name in plain}

    def upload_folder(self, name: str, path: PathText, datastore_name: str | None = None) -> None:
        """Upload a folder with all that is in it.

        Args:
            name: The folder's name in the run.
            path: A folder of this machine.
            datastore_name: Taken for Azure's scripts; a run's files lie with the run.

        Raises:
            InvalidParameter: It is no folder, has no files, or no folder can have this name.
            Unavailable: No server answers; nothing of these files is there.

        Example:
            >>> run.upload_folder("plots", "photos")
            >>> run.get_file_names()
            ['plots/1.png', 'plots/2.png']
        """
        prefix = checked_name(name)
        self._upload([(f"{prefix}/{below}", local) for below, local in files_below(Path(path))])

    def take_snapshot(self, file_or_folder_path: PathText) -> None:
        """Keep the sources of a folder, or one file, below ``code/files``: code and settings, not data.

        What git ignores, what looks like a secret, and what is larger than a source is, is left out.

        Args:
            file_or_folder_path: A folder or a file of this machine.

        Raises:
            InvalidParameter: There is no such folder or file.

        Example:
            >>> run.take_snapshot("training")
            >>> run.get_file_names()
            ['code/files/train.py']
        """
        path = Path(file_or_folder_path)
        if not path.exists():
            raise InvalidParameter(f"There is no file or folder {str(path)!r}.")
        names = [path.name] if path.is_file() else find_code(path).names
        folder = path.parent if path.is_file() else path
        for name in names:
            self._open_sink().keep_file(folder / name, f"code/files/{name}")

    def _upload(self, files: Sequence[tuple[str, Content]]) -> None:
        if not self._flush_before():
            raise Unavailable(
                f"Run {self.id!r} is not at the server yet, which does not answer; nothing was uploaded. "
                "What was logged waits, and is sent when it answers again."
            )
        before = set(self._own_file_names())
        try:
            upload(self._connection, proxied_folder(f"run {self.id!r}", self._artifact_uri()), files)
        except (RunyardError, OSError) as error:
            left = self._taken_away([name for name, _ in files if name not in before])
            if left and isinstance(error, RunyardError):
                raise type(error)(f"{error} These were uploaded before it: {', '.join(left)}.") from error
            raise

    def _taken_away(self, names: Sequence[str]) -> list[str]:
        """Remove those of the files that are there; return those that could not be removed."""
        try:
            there = set(self._own_file_names()) & set(names)
        except RunyardError:
            return []
        if there:
            with contextlib.suppress(NotFound):
                try:
                    self.remove(files=sorted(there))
                except RunyardError:
                    return sorted(there)
        return []


def _content(path_or_stream: PathText | BinaryIO | TextIO) -> Content:
    if isinstance(path_or_stream, str | os.PathLike):
        path = Path(path_or_stream)
        if path.is_dir():
            raise InvalidParameter(f"{str(path)!r} is a folder. Use upload_folder.")
        if not path.exists():
            raise FileNotFoundError(f"There is no file {str(path)!r} to upload.")
        return path
    if not hasattr(path_or_stream, "read"):
        raise InvalidParameter(f"path_or_stream is a {type(path_or_stream).__name__}, and must be a file.")
    content = path_or_stream.read()
    return io.BytesIO(content.encode() if isinstance(content, str) else content)
