"""Artifacts as plain files in a folder of this machine.

Every name is opened relative to the directory above it, which is held open, and never through a link
(``openat`` with ``O_NOFOLLOW``), so that nothing on the way can be swapped for something outside the
folder. Directories are for their owner alone (0700), and so are files (0600).

An upload is a file with a random name in ``.incoming`` that is renamed when it is committed. The process
that writes it holds a lock on it: what is there without a lock was left by a process that died, and is
removed the next time that the store is opened, or is asked to.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from runyard.errors import InvalidParameter, NotFound, RunyardError, StorageFull, Unavailable
from runyard.settings import Durability
from runyard.stores.artifacts.base import (
    NOTHING_DECLARED,
    ArtifactDownload,
    ArtifactEntry,
    ArtifactFile,
    ArtifactStore,
    ArtifactUpload,
    Declared,
)
from runyard.stores.artifacts.paths import ArtifactPath, is_plain_name

INCOMING = ".incoming"
PREFERRED_READ_BYTES = 1024 * 1024
SHA256_ATTRIBUTE = "user.runyard.sha256"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk without room answers."""
_BROKEN = frozenset({errno.EIO, errno.EROFS})
_NOT_A_PLAIN_DIRECTORY = frozenset({errno.ENOTDIR, errno.ELOOP})
_LEFT_BEHIND_AFTER_S = 60  # a new upload is locked well before that
_RACES = 100  # how often a directory may be removed under an upload that is about to land in it


class FolderArtifactStore(ArtifactStore):
    """A folder, made if need be; several processes may share it."""

    has_directories = True
    is_at_hand = True

    def __init__(self, root: Path, durability: Durability = Durability.COMMIT) -> None:
        self._root = root
        self._waits_for_disk = durability is Durability.FULL
        self._incoming = root / INCOMING
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        self.remove_left_behind()

    def create(self, path: ArtifactPath, declared: Declared = NOTHING_DECLARED) -> ArtifactUpload:
        """Begin to write the file at ``path``."""
        _check_not_own(path)
        if not path.segments:
            raise InvalidParameter("The root of the artifacts is a directory, not a file.")
        return _FolderUpload(self, path, declared.sha256)

    def open(self, path: ArtifactPath) -> ArtifactDownload:
        """Open the file at ``path`` for reading."""
        return _FolderDownload(self._opened(path), path)

    def stat(self, path: ArtifactPath) -> ArtifactFile:
        """Return what is known of the file at ``path``."""
        with self.open(path) as download:
            return download.file

    def list(self, path: ArtifactPath) -> Sequence[ArtifactEntry]:
        """Return what lies directly in the directory at ``path``."""
        if _is_own(path):
            return ()
        try:
            with self.directory(path) as folder, os.scandir(folder) as found:
                entries = [entry for item in found if (entry := _entry_of(item)) is not None]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        if not path.segments:
            entries = [entry for entry in entries if entry.name != INCOMING]
        return sorted(entries, key=lambda entry: entry.name)

    def delete(self, path: ArtifactPath) -> None:
        """Remove the file or directory at ``path``, and the directories that it leaves empty."""
        _check_not_own(path)
        if not path.segments:
            for entry in self.list(path):
                self.delete(ArtifactPath((entry.name,)))
            return
        try:
            removed = self._move_out(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        # Another process that opens the store may take it for left behind, and remove it all meanwhile.
        if removed.is_dir():
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(removed)
        else:
            removed.unlink(missing_ok=True)
        self._remove_empty_above(path)

    @contextlib.contextmanager
    def directory(self, path: ArtifactPath, *, is_made: bool = False) -> Iterator[int]:
        """Hold the directory at ``path`` open and give its descriptor, making it first if asked to.

        Raises:
            NotFound: A link is in the way.
            NotADirectoryError: A file is in the way.
            FileNotFoundError: It is not there, or was removed meanwhile.
        """
        held = os.open(self._root, _DIRECTORY & ~os.O_NOFOLLOW)  # a person's home may well be a link
        try:
            for segment in path.segments:
                try:
                    below = _open_below(segment, _DIRECTORY, held, path)
                except FileNotFoundError:
                    if not is_made:
                        raise
                    self._make_directory(segment, held)
                    below = _open_below(segment, _DIRECTORY, held, path)
                os.close(held)
                held = below
            yield held
        finally:
            os.close(held)

    def _make_directory(self, name: str, above: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
            self.flush(above)

    def flush(self, descriptor: int) -> None:
        """Wait until a file, or the names in a directory, are on the disk, if that is what was promised."""
        if self._waits_for_disk:
            os.fsync(descriptor)

    def _opened(self, path: ArtifactPath) -> int:
        _check_not_own(path)
        try:
            with self.directory(path.parent) as folder:
                return _open_below(path.name or ".", _READ, folder, path)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENXIO}:
                raise NotFound(f"No such artifact: '{path}'") from None
            raise

    def land(self, staged: Path, path: ArtifactPath) -> None:
        """Move a finished upload to its path, making the directories above."""
        try:
            self._move_in(staged, path)
        except (OSError, RunyardError):
            self._remove_empty_above(path)
            raise

    def _move_in(self, staged: Path, path: ArtifactPath) -> None:
        for _ in range(_RACES):
            if self._has_moved_in(staged, path):
                return
        raise Unavailable(f"The directory of '{path}' is being deleted.")

    def _has_moved_in(self, staged: Path, path: ArtifactPath) -> bool:
        try:
            with self.directory(path.parent, is_made=True) as folder:
                os.rename(staged, path.name, dst_dir_fd=folder)
                self.flush(folder)
        except FileNotFoundError:  # a deletion took an empty directory between our making and using it
            return False
        except IsADirectoryError:
            raise InvalidParameter(f"A directory has the path '{path}' already.") from None
        except NotADirectoryError:
            raise InvalidParameter(f"A file is in the way of the path '{path}'.") from None
        return True

    def staged(self) -> Path:
        """Return a new place for what is not, or no longer, to be seen."""
        return self._incoming / secrets.token_hex(16)

    def _move_out(self, path: ArtifactPath) -> Path:
        """Make ``path`` vanish in one step and return where it is now."""
        with self.directory(path.parent) as folder:
            kind = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                raise NotFound(f"No such artifact: '{path}'")
            target = self.staged()
            os.rename(path.name, target, src_dir_fd=folder)
            return target

    def _remove_empty_above(self, path: ArtifactPath) -> None:
        above = path.parent
        while above.segments:
            try:
                with self.directory(above.parent) as folder:
                    os.rmdir(above.name, dir_fd=folder)
            except OSError:  # not empty, or gone already
                return
            above = above.parent

    def remove_left_behind(self) -> None:
        """Remove what processes that died have left."""
        for item in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if item.is_dir() and not item.is_symlink():
                    shutil.rmtree(item, ignore_errors=True)
                elif time.time() - item.lstat().st_mtime > _LEFT_BEHIND_AFTER_S and not _is_locked(item):
                    item.unlink()


class _FolderUpload(ArtifactUpload):
    def __init__(self, store: FolderArtifactStore, path: ArtifactPath, sha256: str | None) -> None:
        self._store = store
        self._path = path
        self._sha256 = sha256
        self._staged = store.staged()
        self._descriptor: int | None = None
        with _full_disk_said():
            self._descriptor = os.open(self._staged, _WRITE, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def write(self, piece: bytes | memoryview) -> None:
        rest = memoryview(piece)
        with _full_disk_said():
            while rest:
                rest = rest[os.write(self._open_descriptor(), rest) :]

    def commit(self) -> ArtifactFile:
        if self._sha256 is not None:
            _keep_sha256(self._open_descriptor(), self._sha256)
        file = _described(self._open_descriptor(), os.fstat(self._open_descriptor()))
        with _full_disk_said():
            self._store.flush(self._open_descriptor())
            self._store.land(self._staged, self._path)
        self._release()
        return file

    def close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # what a broken disk leaves here goes at the next start
                self._staged.unlink(missing_ok=True)
            self._release()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("The upload is over.")
        return self._descriptor

    def _release(self) -> None:
        os.close(self._open_descriptor())
        self._descriptor = None


class _FolderDownload(ArtifactDownload):
    preferred_read_bytes = PREFERRED_READ_BYTES

    def __init__(self, descriptor: int, path: ArtifactPath) -> None:
        self._descriptor: int | None = descriptor
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            self.file = _described(descriptor, found)
            return
        self.close()
        if stat.S_ISDIR(found.st_mode):
            raise InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'")
        raise NotFound(f"No such artifact: '{path}'")

    def read(self, offset_bytes: int, length_bytes: int) -> bytes:
        if self._descriptor is None:
            raise ValueError("The download is over.")
        piece = os.pread(self._descriptor, length_bytes, offset_bytes)
        while 0 < len(piece) < length_bytes:
            more = os.pread(self._descriptor, length_bytes - len(piece), offset_bytes + len(piece))
            if not more:
                break
            piece += more
        return piece

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open_below(name: str, flags: int, folder: int, path: ArtifactPath) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in _NOT_A_PLAIN_DIRECTORY and _is_link(name, folder):
            raise NotFound(f"No such artifact: '{path}'") from None
        raise


def _is_link(name: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _is_locked(staged: Path) -> bool:
    descriptor = os.open(staged, _READ)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _entry_of(item: os.DirEntry[str]) -> ArtifactEntry | None:
    if not is_plain_name(item.name):
        return None
    if item.is_dir(follow_symlinks=False):
        return ArtifactEntry(item.name, None)
    if item.is_file(follow_symlinks=False):
        try:
            return ArtifactEntry(item.name, item.stat(follow_symlinks=False).st_size)
        except FileNotFoundError:  # deleted while we looked
            return None
    return None


def _described(descriptor: int, found: os.stat_result) -> ArtifactFile:
    return ArtifactFile(
        size_bytes=found.st_size,
        modified_ms=found.st_mtime_ns // 1_000_000,
        etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
        sha256=_kept_sha256(descriptor, found.st_mtime_ns),
    )


if sys.platform == "linux":

    def _keep_sha256(descriptor: int, sha256: str) -> None:
        kept = f"{sha256} {os.fstat(descriptor).st_mtime_ns}"  # of no worth once a person edits the file
        with contextlib.suppress(OSError):  # not every file system has room for attributes
            os.setxattr(descriptor, SHA256_ATTRIBUTE, kept.encode())

    def _kept_sha256(descriptor: int, mtime_ns: int) -> str | None:
        try:
            sha256, _, kept_ns = os.getxattr(descriptor, SHA256_ATTRIBUTE).decode().partition(" ")
        except OSError:
            return None
        return sha256 if kept_ns == str(mtime_ns) else None

else:  # Python reads and writes the attributes of files on Linux alone

    def _keep_sha256(descriptor: int, sha256: str) -> None:
        pass

    def _kept_sha256(descriptor: int, mtime_ns: int) -> str | None:
        return None


def _is_own(path: ArtifactPath) -> bool:
    # Some file systems don't tell capitals from small letters.
    return bool(path.segments) and path.segments[0].casefold() == INCOMING


def _check_not_own(path: ArtifactPath) -> None:
    if _is_own(path):
        raise NotFound(f"No such artifact: '{path}'")


@contextlib.contextmanager
def _full_disk_said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("The server has no room left for artifacts; nothing was written.") from None
        if error.errno in _BROKEN:
            raise Unavailable("The disk that holds the artifacts fails; nothing was written.") from error
        raise
