"""One spool on disk: which files it has, whose it is, how far it was sent, and who may send it now."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidState
from runyard.sdk.spool.records import Record, decode
from runyard.sdk.spool.segments import VERSION, read_records

_ORIGIN = "spool.json"
_PROGRESS = "progress.json"
_REFUSED = "refused.jsonl"
_FILES = "files"
_CONTENT = re.compile(r"[0-9a-f]{32}")
_WRITER_LOCK, _SENDER_LOCK = "writer.lock", "sender.lock"
_SUFFIX = ".log"
_RESERVE = ".reserve"
RESERVE_BYTES = 16 * 1024
_UNFINISHED = re.compile(r"\.\d{8}T\d{6}-.+")
UNFINISHED_FOR_S = 24 * 3600
"""How old a spool is that nobody finished making, when whoever made it is taken for dead."""


class SpoolOrigin(msgspec.Struct, kw_only=True):
    """Where a spool comes from and where it goes."""

    version: int = VERSION
    tracking_uri: str
    host: str
    pid: int
    created_ms: int


class _Made(msgspec.Struct):
    """What of a spool's origin is the same in all versions."""

    created_ms: int = 0


class Position(msgspec.Struct, frozen=True, order=True):
    """A place between two records."""

    segment: int = 1
    offset: int = 0


class Progress(msgspec.Struct, frozen=True):
    """How far a spool was sent, and the batch that may be on its way.

    Args:
        done: All before it is settled.
        batch_end: Behind the last record of the batch that was to be sent next, if one was.
        batch_id: The id that it was, or will be, sent under.
    """

    done: Position = Position()
    batch_end: Position | None = None
    batch_id: str = ""


class Refusal(msgspec.Struct):
    """A record that the server will never take, with its own words why."""

    refused_ms: int
    reason: str
    record: Any


class FileLock:
    """A lock that ends with its process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock unless another process, or another holder in this one, has it; return whether."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; in a forked child, only forget it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SpoolFolder:
    """The files of one spool.

    Args:
        path: The spool's folder.

    Raises:
        InvalidState: It is no spool, or one of a newer Runyard.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            content = (path / _ORIGIN).read_bytes()
            self.origin = msgspec.json.decode(content, type=learnt(SpoolOrigin))
        except (OSError, msgspec.MsgspecError) as error:
            raise InvalidState(f"{path} is no spool of Runyard: {error}") from None
        if self.origin.version > VERSION:
            raise InvalidState(f"{path} is a spool of a newer Runyard. Upgrade this one.")

    @classmethod
    def make(cls, root: Path, tracking_uri: str) -> tuple[SpoolFolder, FileLock]:
        """Make the folder of a new spool, for this person alone; return it and the writer's lock, taken.

        Raises:
            OSError: The disk is full, or nothing may be written there.
        """
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_unfinished(root)
        # The clock may have been set back; what was logged later must not be sent earlier.
        now_ms = max(time.time_ns() // 1_000_000, *(made_ms + 1 for made_ms, _ in _made(root)), 0)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ms / 1000))
        path = root / f"{stamp}-{os.getpid()}-{secrets.token_hex(4)}"
        hidden = root / f".{path.name}"
        (hidden / _FILES).mkdir(mode=0o700, parents=True)
        os.chmod(hidden, 0o700)
        origin = SpoolOrigin(
            tracking_uri=tracking_uri, host=os.uname().nodename, pid=os.getpid(), created_ms=now_ms
        )
        (hidden / _ORIGIN).write_bytes(msgspec.json.encode(origin))
        (hidden / _RESERVE).write_bytes(bytes(RESERVE_BYTES))
        # Nobody may see it without a writer: it would be taken for one that is settled, and removed.
        lock = FileLock(hidden / _WRITER_LOCK)
        lock.take()
        hidden.rename(path)
        return cls(path), lock

    @property
    def writer_lock(self) -> FileLock:
        """Held by the process that writes the spool."""
        return FileLock(self.path / _WRITER_LOCK)

    @property
    def sender_lock(self) -> FileLock:
        """Held by the process that sends it."""
        return FileLock(self.path / _SENDER_LOCK)

    def has_writer(self) -> bool:
        """Tell whether some process may still add to the spool."""
        lock = self.writer_lock
        if not lock.take():
            return True
        lock.release()
        return False

    def segment(self, number: int) -> Path:
        """Return the path of a segment."""
        return self.path / f"{number:06d}{_SUFFIX}"

    def segment_numbers(self) -> list[int]:
        """Return the numbers of the segments that are there, in order."""
        names = (entry.name for entry in os.scandir(self.path))
        return sorted(int(name.removesuffix(_SUFFIX)) for name in names if name.endswith(_SUFFIX))

    def file(self, content: str) -> Path:
        """Return where a logged file lies until it is uploaded.

        Raises:
            InvalidState: It is no name of a file in a spool: whoever wrote the record wants another file.
        """
        if not _CONTENT.fullmatch(content):
            raise InvalidState(f"{content!r} is no file of the spool.")
        return self.path / _FILES / content

    def read(self, start: Position) -> Iterator[tuple[Record, Position]]:
        """Yield the records behind ``start``, each with the place behind it.

        Raises:
            InvalidState: A newer Runyard wrote them.
        """
        for number in self.segment_numbers():
            if number < start.segment:
                continue
            offset = start.offset if number == start.segment else 0
            for content, end in read_records(self.segment(number), offset):
                yield _decoded(content, self.segment(number)), Position(number, end)

    def progress(self) -> Progress:
        """Return how far the spool was sent."""
        try:
            return msgspec.json.decode((self.path / _PROGRESS).read_bytes(), type=learnt(Progress))
        except FileNotFoundError:
            return Progress()

    def keep_progress(self, progress: Progress, *, is_synced: bool = False) -> None:
        """Remember how far the spool was sent, and remove the segments that nobody needs any more."""
        try:
            self._write_progress(progress, is_synced=is_synced)
        except OSError:
            # On a full disk nothing could be sent, and only what is sent makes room.
            (self.path / _RESERVE).unlink(missing_ok=True)
            self._write_progress(progress, is_synced=is_synced)
        else:
            self._make_reserve_again()
        for number in self.segment_numbers():
            if number < progress.done.segment:
                self.segment(number).unlink(missing_ok=True)

    def _make_reserve_again(self) -> None:
        """Have a reserve for the next full disk too, once there is room for it."""
        reserve = self.path / _RESERVE
        if not reserve.exists():
            try:
                reserve.write_bytes(bytes(RESERVE_BYTES))
            except OSError:
                reserve.unlink(missing_ok=True)

    def _write_progress(self, progress: Progress, *, is_synced: bool) -> None:
        beside = self.path / f".{_PROGRESS}"
        with beside.open("wb") as opened:
            opened.write(msgspec.json.encode(progress))
            if is_synced:
                opened.flush()
                os.fsync(opened.fileno())
        beside.rename(self.path / _PROGRESS)

    def refuse(self, record: Record, reason: str) -> None:
        """Put a record aside that the server will never take."""
        refusal = Refusal(time.time_ns() // 1_000_000, reason, record)
        with (self.path / _REFUSED).open("ab") as opened:
            opened.write(msgspec.json.encode(refusal) + b"\n")

    def refused_count(self) -> int:
        """Return how many records were put aside."""
        try:
            return (self.path / _REFUSED).read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def is_waiting(self) -> bool:
        """Tell whether a record still has to be sent."""
        return next(self.read(self.progress().done), None) is not None

    def waiting_count(self) -> int:
        """Return how many records still have to be sent."""
        return sum(1 for _ in self.read(self.progress().done))

    def size_bytes(self) -> int:
        """Return how much the spool holds."""
        return sum(
            entry.stat(follow_symlinks=False).st_size
            for folder in (self.path, self.path / _FILES)
            if folder.is_dir()
            for entry in os.scandir(folder)
            if entry.is_file(follow_symlinks=False)
        )

    def remove_if_settled(self) -> bool:
        """Remove a spool that is sent, has no writer and no refused record; return whether it is gone."""
        if self.has_writer() or self.refused_count() or self.is_waiting():
            return False
        shutil.rmtree(self.path, ignore_errors=True)
        return True


def _decoded(content: bytes, segment: Path) -> Record:
    try:
        return decode(content)
    except msgspec.MsgspecError as error:
        raise InvalidState(f"{segment} holds a record that this Runyard does not know: {error}") from None


def spool_paths(root: Path) -> list[Path]:
    """Return the folders of the spools below ``root``, the oldest first; none if there is no such folder."""
    if not root.is_dir():
        return []
    return [path for _, path in sorted(_made(root))]


def _made(root: Path) -> Iterator[tuple[int, Path]]:
    """Yield the spools below a folder with the times when they were made."""
    for entry in root.iterdir():
        if entry.name[0] != ".":
            try:
                origin = msgspec.json.decode((entry / _ORIGIN).read_bytes(), type=learnt(_Made))
            except OSError:
                continue
            except msgspec.MsgspecError:
                origin = _Made()
            yield origin.created_ms, entry


def _remove_unfinished(root: Path) -> None:
    """Remove what processes that died while they made a spool have left; nothing was logged to it."""
    for entry in root.iterdir():
        # Another process does the same, or it is somebody else's: no reason to make no spool.
        with contextlib.suppress(OSError):
            if _UNFINISHED.fullmatch(entry.name) and time.time() - entry.stat().st_mtime > UNFINISHED_FOR_S:
                shutil.rmtree(entry)


def find_spools(path: Path) -> list[SpoolFolder]:
    """Return the spool at ``path``, or all below it, the oldest first.

    Raises:
        InvalidState: One of them is not readable, or a newer Runyard made it.
    """
    if (path / _ORIGIN).is_file():
        return [SpoolFolder(path)]
    return [SpoolFolder(found) for found in spool_paths(path)]
