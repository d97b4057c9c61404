"""The code of a job: a folder as an archive that is the same wherever and whenever it is made."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from runyard.errors import InvalidParameter, NotFound, TooLarge
from runyard.protocol.messages.jobs import SnapshotAnswer
from runyard.sdk.artifact_uploads import Watched
from runyard.sdk.connection import Connection
from runyard.sdk.downloads import DownloadProgress
from runyard.sdk.script.git_state import tracked_files
from runyard.sdk.script.ignore_patterns import IgnoreFile, is_ignored

MAX_BYTES = 300 * 1024 * 1024
MAX_FILES = 50_000
LIMIT_VARIABLE = "RUNYARD_MAX_SNAPSHOT_BYTES"
NAMED_FILES = 5
GIT_IGNORE = ".gitignore"

_OWN_IGNORE_FILES = (".runyardignore", ".amlignore")
_ALWAYS_LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__"})
_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_PLAIN, _EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file of a snapshot.

    Args:
        name: Its path below the folder, with slashes.
        path: Where it lies.
        size_bytes: How large it is.
        is_executable: Whether its owner may execute it.
    """

    name: str
    path: Path
    size_bytes: int
    is_executable: bool


def snapshot_files(folder: Path) -> list[SnapshotFile]:
    """Return the files of a folder that go along with a job, by name.

    Those that ``.runyardignore``, else ``.amlignore`` of the folder names are left out; with neither, those
    that git ignores. ``.git``, ``__pycache__`` and virtual environments never go along. Links are followed.

    Raises:
        NotFound: There is no such folder.
        InvalidParameter: There are too many files, or a folder of it can't be read.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder source_directory={str(folder)!r}.")
    try:
        names = set(itertools.islice(_names(folder), MAX_FILES + 1))
    except OSError as error:
        raise InvalidParameter(f"source_directory={str(folder)!r} can't be read: {error}") from error
    if len(names) > MAX_FILES:
        raise InvalidParameter(
            f"source_directory={str(folder)!r} has more than {MAX_FILES} files. Name what the job does not "
            "need in .runyardignore."
        )
    found = (_described(folder, name) for name in names if _is_of_code(name))
    return sorted((file for file in found if file is not None), key=lambda file: os.fsencode(file.name))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An archive of code on this machine.

    Args:
        sha256: What the archive is known by.
        size_bytes: Its length.
        content: The archive.
        files: What is in it.
    """

    sha256: str
    size_bytes: int
    content: BinaryIO
    files: tuple[SnapshotFile, ...]

    def send(self, connection: Connection) -> None:
        """Bring the archive to the server, unless it is there.

        Raises:
            TooLarge: It is larger than the server takes; the largest files are named.
            RunyardError: What the server raised.
        """
        address = f"/api/v1/snapshots/{self.sha256}"
        if self._is_there(connection, address):
            return
        with DownloadProgress() as progress:
            task = progress.begin("code", self.size_bytes)
            try:
                watched = cast(BinaryIO, Watched(self.content, progress, task))
                connection.put_open_file(address, watched, self.size_bytes)
            except TooLarge as error:
                raise TooLarge(f"{error} {_largest(self.files)}") from error
            finally:
                progress.end(task)

    def _is_there(self, connection: Connection, address: str) -> bool:
        try:
            return connection.get(address, SnapshotAnswer).sha256 == self.sha256
        except NotFound:
            return False


@contextlib.contextmanager
def taken_snapshot(folder: Path) -> Iterator[Snapshot]:
    """Have the code of a folder as an archive for the block; the same code gives the same archive.

    Raises:
        NotFound: There is no such folder.
        InvalidParameter: There are too many files, none, or one that can't be read.
        TooLarge: The archive gets too large; the largest files are named.
    """
    files = tuple(snapshot_files(folder))
    if not files:
        raise InvalidParameter(f"source_directory={str(folder)!r} has no files that go along with a job.")
    with tempfile.TemporaryFile(prefix="runyard-code-") as content:
        digest = _written(files, cast(BinaryIO, content))
        yield Snapshot(digest, content.tell(), cast(BinaryIO, content), files)


def _written(files: tuple[SnapshotFile, ...], content: BinaryIO) -> str:
    counted = _Counted(content, _limit_bytes(), files)
    with (
        gzip.GzipFile("", "wb", fileobj=cast(IO[bytes], counted), mtime=0) as packed,
        # Its headers have no room for more than names, sizes and modes.
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for file in files:
            _add(archive, file)
    content.flush()
    return counted.digest.hexdigest()


def _add(archive: tarfile.TarFile, file: SnapshotFile) -> None:
    try:
        with file.path.open("rb") as opened:
            archive.addfile(_header(file), opened)
    except OSError as error:
        raise InvalidParameter(
            f"{file.name!r} of source_directory can't be read, or changed meanwhile: {error}"
        ) from error


class _Counted:
    """Passes an archive on to its file, and stops when it gets too large."""

    def __init__(self, content: BinaryIO, limit_bytes: int, files: tuple[SnapshotFile, ...]) -> None:
        self._content = content
        self._left_bytes = limit_bytes
        self._limit_bytes = limit_bytes
        self._files = files
        self.digest = hashlib.sha256()

    def write(self, piece: Any) -> int:
        """Write on."""
        self._left_bytes -= len(piece)
        if self._limit_bytes and self._left_bytes < 0:
            raise TooLarge(
                f"The code of source_directory is more than {self._limit_bytes} bytes, compressed. "
                f"{_largest(self._files)} Name what the job does not need in .runyardignore, keep data in a "
                f"datastore, or set {LIMIT_VARIABLE} here and at the server."
            )
        self.digest.update(piece)
        return self._content.write(piece)

    def flush(self) -> None:
        """Nothing is held back."""


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of all files that no ignore file leaves out."""
    own = next((name for name in _OWN_IGNORE_FILES if (folder / name).is_file()), None)
    if own is not None:
        yield from _Walk(folder, each="").below("", [(b"", IgnoreFile.read(folder / own))], ())
        return
    tree = _working_tree(folder)
    prefix = _path_from(tree, Path(os.path.realpath(folder)))
    yield from _Walk(folder, GIT_IGNORE, prefix).below("", _files_above(tree, prefix), ())
    # What is tracked is not ignored, whatever a pattern says.
    yield from tracked_files(folder) or ()


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk through a folder.

    Args:
        folder: The folder.
        each: How the ignore files of the folders below it are called; empty if they have none.
        prefix: How the folder is called where the paths in patterns begin.
    """

    folder: Path
    each: str
    prefix: bytes = b""

    def below(
        self, name: str, files: Sequence[tuple[bytes, IgnoreFile]], entered: tuple[str, ...]
    ) -> Iterator[str]:
        """Yield the files below one of the folders; ``entered`` are those that it lies in."""
        path = self.folder / name
        real = os.path.realpath(path)
        # A link to a folder above would never end; an environment is made anew where the job runs.
        if real in entered or (name and _is_environment(path)):
            return
        here = self.prefix + (os.fsencode(name) + b"/" if name else b"")
        if self.each:
            files = [*files, (here, IgnoreFile.read(path / self.each))]
        with os.scandir(path) as entries:
            found = [(entry.name, entry.is_dir()) for entry in entries]
        for each, is_folder in found:
            if each in _ALWAYS_LEFT_OUT or is_ignored(files, here + os.fsencode(each), is_folder=is_folder):
                continue
            if is_folder:
                yield from self.below(f"{name}/{each}" if name else each, files, (*entered, real))
            else:
                yield f"{name}/{each}" if name else each


def _working_tree(folder: Path) -> Path:
    """Return the top of the working tree that a folder lies in, or the folder itself."""
    real = Path(os.path.realpath(folder))
    return next((each for each in (real, *real.parents) if (each / ".git").exists()), real)


def _files_above(tree: Path, prefix: bytes) -> list[tuple[bytes, IgnoreFile]]:
    """Return the ignore files of the folders from a working tree down to the one above a folder of it."""
    steps = prefix.split(b"/")[:-1]
    above = [b"".join(step + b"/" for step in steps[:depth]) for depth in range(len(steps))]
    return [(at, IgnoreFile.read(tree / os.fsdecode(at) / GIT_IGNORE)) for at in above]


def _path_from(tree: Path, folder: Path) -> bytes:
    return b"" if folder == tree else os.fsencode(folder.relative_to(tree).as_posix()) + b"/"


def _described(folder: Path, name: str) -> SnapshotFile | None:
    path = folder / name
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):  # a link to nowhere, or tracked and not there any more
        return None
    except OSError as error:
        raise InvalidParameter(f"{name!r} of source_directory can't be read: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        return None
    return SnapshotFile(name, path, found.st_size, bool(found.st_mode & stat.S_IXUSR))


def _header(file: SnapshotFile) -> tarfile.TarInfo:
    header = tarfile.TarInfo(file.name)
    header.size = file.size_bytes
    header.mode = _EXECUTABLE if file.is_executable else _PLAIN
    return header


def _is_of_code(name: str) -> bool:
    return _ALWAYS_LEFT_OUT.isdisjoint(name.split("/"))


def _is_environment(path: Path) -> bool:
    return any((path / mark).exists() for mark in _ENVIRONMENT_MARKS)


def _limit_bytes() -> int:
    said = os.environ.get(LIMIT_VARIABLE, "")
    if not said:
        return MAX_BYTES
    if not said.isdecimal():
        raise InvalidParameter(f"{LIMIT_VARIABLE}={said!r} must be a number of bytes.")
    return int(said)


def _largest(files: tuple[SnapshotFile, ...]) -> str:
    largest = sorted(files, key=lambda file: -file.size_bytes)[:NAMED_FILES]
    return f"The largest files are {', '.join(f'{each.name} ({each.size_bytes} bytes)' for each in largest)}."
