"""Adding to a spool: what is in it when a call returns survives the death of the process."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import threading
import time
from collections import deque
from pathlib import Path

import msgspec

from runyard.sdk.spool.folder import RESERVE_BYTES, FileLock, SpoolFolder
from runyard.sdk.spool.records import FileLogged, Record, encode
from runyard.sdk.spool.segments import HEADER_BYTES, framed, header

SEGMENT_BYTES = 16 * 1024 * 1024
MEASURED_EVERY_BYTES = 8 * 1024 * 1024
MEASURED_AT_MOST_EVERY_S = 1.0
COPIED_AT_ONCE_BYTES = 1 << 20
HELD_BYTES = 16 * 1024 * 1024
TRIED_AGAIN_AT_MOST_EVERY_S = 0.25

_FULL = "it has reached its size limit"

_log = logging.getLogger("runyard.spool")


class SpoolWriter:
    """Writes the spool of this process, from any of its threads; what does not fit is dropped and counted.

    It makes its folder when the first record comes. Nothing about the disk makes it raise: while that is
    full, records wait in memory, up to ``HELD_BYTES``, and are written in their order once there is room.

    Args:
        root: The folder of all spools.
        tracking_uri: Where the records go.
        max_bytes: How much all spools below ``root`` may hold together.
        is_synced: Whether to wait, each time, until the disk itself has it: then it outlives a power cut too.
    """

    def __init__(self, root: Path, tracking_uri: str, max_bytes: int, *, is_synced: bool = False) -> None:
        self.added = self.dropped = 0
        self._root = root
        self._tracking_uri = tracking_uri
        self._max_bytes = max_bytes
        self._is_synced = is_synced
        self._lock = threading.Lock()
        self._folder: SpoolFolder | None = None
        self._writer_lock: FileLock | None = None
        self._descriptor: int | None = None
        self._number = self._offset = 0
        self._used_bytes, self._measured_bytes = 0, -MEASURED_EVERY_BYTES - 1
        self._measured_s = self._refused_s = float("-inf")
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._has_warned = False

    @property
    def is_holding(self) -> bool:
        """Whether records wait in memory for room on the disk."""
        return bool(self._held)

    @property
    def folder(self) -> SpoolFolder | None:
        """The spool, once something was added to it."""
        return self._folder

    def add(self, record: Record) -> bool:
        """Add a record; return whether it is in the spool now, and not in memory or lost."""
        content = framed(encode(record))
        with self._lock:
            return self._append(content)

    def try_again(self) -> None:
        """Write what waits in memory, if the disk takes it now."""
        if self._held:
            with self._lock:
                self._write_held()

    def give_up(self) -> None:
        """Write what waits in memory for the last time; what the disk does not take is lost and counted."""
        with self._lock:
            self._refused_s = float("-inf")
            self._write_held()
            self.dropped += len(self._held)
            self._forget_held()

    def add_file(self, local: Path, record: FileLogged) -> bool:
        """Keep a file as it is now, and a record of it; return whether it is kept.

        It is copied and not linked: the script may write on in its own file right after.

        Raises:
            OSError: There is no such file to read, which is the script's own fault.
        """
        with local.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            name = secrets.token_hex(16)
            with self._lock:
                try:
                    if not self._has_room(size):
                        return self._drop(_FULL)
                    target = self._opened().file(name)
                except OSError as error:
                    return self._drop(str(error))
                self._used_bytes += size
            try:
                with target.open("xb") as copy:
                    shutil.copyfileobj(source, copy, COPIED_AT_ONCE_BYTES)
                    copy.flush()
                    self._sync(copy.fileno())
                self._sync_folders(target.parent)
            except OSError as error:
                target.unlink(missing_ok=True)
                return self._drop(str(error))
        return self.add(msgspec.structs.replace(record, content=name, size_bytes=size))

    def close(self) -> None:
        """End the spool; others may send it from now on. A later record begins another one."""
        with self._lock:
            self._let_go()

    def after_fork(self) -> None:
        """Forget, in a forked child, the spool of the parent."""
        self.added = self.dropped = 0
        # The parent's other threads may have held the lock: in the child nobody would ever release it.
        self._lock = threading.Lock()
        self._forget_held()
        self._let_go()

    def _append(self, content: bytes) -> bool:
        if not self._has_room(len(content)):
            return self._drop(_FULL)
        if self._held and not self._write_held():
            # It may not overtake those that wait: a later value of a tag must stay the later one.
            return self._hold(content, "there is no room for what came before")
        try:
            self._put(content)
        except OSError as error:
            self._refused_s = time.monotonic()
            return self._hold(content, str(error))
        return True

    def _put(self, content: bytes) -> None:
        self._opened()
        if self._offset + len(content) > SEGMENT_BYTES and self._offset > HEADER_BYTES:
            self._begin_segment(self._number + 1)
        self._write(content)
        self.added += 1

    def _write_held(self) -> bool:
        """Write what waits, the oldest first; return whether all of it is written."""
        now_s = time.monotonic()
        if now_s - self._refused_s < TRIED_AGAIN_AT_MOST_EVERY_S:
            return False
        try:
            while self._held:
                self._put(self._held[0])
                self._held_bytes -= len(self._held.popleft())
        except OSError:
            self._refused_s = now_s
            return False
        return True

    def _hold(self, content: bytes, reason: str) -> bool:
        """Let a record wait in memory, if there is room for it there."""
        if self._held_bytes + len(content) > HELD_BYTES:
            return self._drop(reason)
        self._held.append(content)
        self._held_bytes += len(content)
        self._warn(reason, f"waits in memory, and beyond {HELD_BYTES >> 20} MB it is lost,")
        return False

    def _forget_held(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def _write(self, content: bytes) -> None:
        assert self._descriptor is not None
        written = os.write(self._descriptor, content)
        if written < len(content):
            # Half a record would hide all that come after it.
            os.ftruncate(self._descriptor, self._offset)
            raise OSError(f"only {written} of {len(content)} bytes could be written")
        self._sync(self._descriptor)
        self._offset += written
        self._used_bytes += written

    def _opened(self) -> SpoolFolder:
        if self._folder is None:
            self._folder, self._writer_lock = SpoolFolder.make(self._root, self._tracking_uri)
            self._used_bytes += RESERVE_BYTES
        if self._descriptor is None:
            self._begin_segment(1)
        return self._folder

    def _begin_segment(self, number: int) -> None:
        assert self._folder is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._folder.segment(number), flags, 0o600)
        if os.write(descriptor, header()) < HEADER_BYTES:
            os.close(descriptor)
            raise OSError(f"{self._folder.segment(number)} could not be begun")
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._number, self._offset = descriptor, number, HEADER_BYTES
        self._sync_folders(self._folder.path, self._root)

    def _sync(self, descriptor: int) -> None:
        if self._is_synced:
            os.fsync(descriptor)

    def _sync_folders(self, *folders: Path) -> None:
        """Let the disk have the names of new files too."""
        for folder in folders if self._is_synced else ():
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _has_room(self, new_bytes: int) -> bool:
        is_full = self._used_bytes + new_bytes > self._max_bytes
        if is_full or self._used_bytes - self._measured_bytes > MEASURED_EVERY_BYTES:
            now_s = time.monotonic()
            if now_s - self._measured_s > MEASURED_AT_MOST_EVERY_S:
                # What was sent meanwhile is gone from the disk: only a look there tells what is left.
                self._measured_bytes = self._used_bytes = _size_below(self._root)
                self._measured_s = now_s
        return self._used_bytes + new_bytes <= self._max_bytes

    def _drop(self, reason: str) -> bool:
        self.dropped += 1
        self._warn(reason, "is lost")
        return False

    def _warn(self, reason: str, becomes: str) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        _log.warning(
            "Runyard's spool in %s takes no more: %s. From now on what is logged %s until there is "
            "room again. RUNYARD_SPOOL_MAX_MB sets its limit, RUNYARD_SPOOL_DIR where it lies.",
            self._root,
            reason,
            becomes,
        )

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        if self._writer_lock is not None:
            self._writer_lock.release()
        self._folder = self._writer_lock = self._descriptor = None
        self._number = self._offset = 0
        self._used_bytes, self._measured_bytes = 0, -MEASURED_EVERY_BYTES - 1
        self._measured_s = self._refused_s = float("-inf")
        self._has_warned = False


def _size_below(root: Path) -> int:
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # sent and removed meanwhile
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
