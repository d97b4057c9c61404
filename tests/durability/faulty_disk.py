"""A disk that fails at the Nth write, for SQLite and for Python's own file calls in this process.

SQLite reaches the disk through a table of functions (its VFS). A copy of the real one is registered as the
default, with the functions that change files replaced by ones that count, and fail when told to. So it is the
real engine on real files that meets the fault, in whatever it happens to be doing, and no compiler is needed.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE, IOERR_SHMSIZE = 778, 1034, 1546, 4874
FULL = 13
LIBRARY = ctypes.CDLL(_sqlite3.__file__)  # the very SQLite that Python's module calls
_int, _pointer, _i64 = ctypes.c_int, ctypes.c_void_p, ctypes.c_int64

_X_OPEN = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)
_X_DELETE = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int)
_X_WRITE = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, _i64)
_X_TRUNCATE = ctypes.CFUNCTYPE(_int, _pointer, _i64)
_X_SYNC = ctypes.CFUNCTYPE(_int, _pointer, _int)
_X_SHM_MAP = ctypes.CFUNCTYPE(_int, _pointer, _int, _int, _int, _pointer)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", _int),
        ("file_size", _int),
        ("longest_path", _int),
        ("next", _pointer),
        ("name", ctypes.c_char_p),
        ("app_data", _pointer),
        ("open", _pointer),
        ("delete", _pointer),
        *((f"rest_{number}", _pointer) for number in range(14)),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", _int),
        ("close", _pointer),
        ("read", _pointer),
        ("write", _pointer),
        ("truncate", _pointer),
        ("sync", _pointer),
        *((f"rest_{number}", _pointer) for number in range(7)),
        ("shm_map", _pointer),
        *((f"more_{number}", _pointer) for number in range(5)),
    )


class FaultyDisk:
    """Counts what changes files, and lets the Nth such call fail, and all after it if ``stays`` is set."""

    def __init__(self) -> None:
        self.count = 0
        self._fails_at: int | None = None
        self._stays = False
        self._is_full = False
        self.was_hit = False

    def fail_at(self, number: int, *, stays: bool, is_full: bool) -> None:
        """Let the call with this number from now on fail; as if the disk were full, or broken."""
        self.count, self._fails_at, self._stays, self._is_full = 0, number, stays, is_full
        self.was_hit = False

    def heal(self) -> None:
        """Let no call fail any more."""
        self._fails_at = None

    def fails(self) -> bool:
        """Count a call, and tell whether it has to fail."""
        self.count += 1
        at = self._fails_at
        is_due = at is not None and (self.count == at or (self._stays and self.count > at))
        self.was_hit = self.was_hit or is_due
        return is_due

    def result(self, code: int) -> int:
        """SQLite's code for the fault."""
        return FULL if self._is_full else code

    def error(self) -> OSError:
        """Python's error for the fault."""
        number = errno.ENOSPC if self._is_full else errno.EIO
        return OSError(number, os.strerror(number))


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """Put a disk that can fail under all files that are opened within the block."""
    disk = FaultyDisk()
    with _under_sqlite(disk), _under_python(disk):
        yield disk


@contextmanager
def _under_sqlite(disk: FaultyDisk) -> Iterator[None]:
    LIBRARY.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    real = LIBRARY.sqlite3_vfs_find(None).contents
    copy = _Vfs()
    ctypes.pointer(copy)[0] = real
    open_really, delete_really = _X_OPEN(real.open), _X_DELETE(real.delete)
    tables: dict[int, _Methods] = {}
    kept: list[Any] = []

    def open_file(vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code = open_really(vfs, name, file, flags, out)
        methods = ctypes.cast(file, ctypes.POINTER(_pointer))
        if code == 0 and methods[0]:
            if methods[0] not in tables:
                tables[methods[0]] = _failing(disk, _Methods.from_address(methods[0]), kept)
            methods[0] = ctypes.addressof(tables[methods[0]])
        return int(code)

    def delete_file(vfs: int, name: int, sync: int) -> int:
        return disk.result(IOERR_WRITE) if disk.fails() else int(delete_really(vfs, name, sync))

    copy.name = b"faulty"
    copy.open, copy.delete = (
        ctypes.cast(_held(kept, kind, function), _pointer)
        for kind, function in ((_X_OPEN, open_file), (_X_DELETE, delete_file))
    )
    LIBRARY.sqlite3_vfs_register(ctypes.byref(copy), 1)
    try:
        yield
    finally:
        LIBRARY.sqlite3_vfs_unregister(ctypes.byref(copy))
        LIBRARY.sqlite3_vfs_register(ctypes.byref(real), 1)
        # A connection that is still open goes on calling these.
        _FOR_EVER.append((copy, tables, kept))


_FOR_EVER: list[Any] = []


def _failing(disk: FaultyDisk, real: _Methods, kept: list[Any]) -> _Methods:
    made = _Methods()
    ctypes.pointer(made)[0] = real
    write, truncate, sync = _X_WRITE(real.write), _X_TRUNCATE(real.truncate), _X_SYNC(real.sync)

    def write_half(file: int, data: int, size: int, offset: int) -> int:
        if not disk.fails():
            return int(write(file, data, size, offset))
        write(file, data, size // 2, offset)  # as a disk does that fills up in the middle
        return disk.result(IOERR_WRITE)

    def cut(file: int, size: int) -> int:
        return disk.result(IOERR_TRUNCATE) if disk.fails() else int(truncate(file, size))

    def flush(file: int, flags: int) -> int:
        return IOERR_FSYNC if disk.fails() else int(sync(file, flags))

    made.write = ctypes.cast(_held(kept, _X_WRITE, write_half), _pointer)
    made.truncate = ctypes.cast(_held(kept, _X_TRUNCATE, cut), _pointer)
    made.sync = ctypes.cast(_held(kept, _X_SYNC, flush), _pointer)
    if real.version >= 2 and real.shm_map:
        shm_map = _X_SHM_MAP(real.shm_map)

        def map_shared(file: int, page: int, size: int, extend: int, out: int) -> int:
            if extend and disk.fails():
                return IOERR_SHMSIZE
            return int(shm_map(file, page, size, extend, out))

        made.shm_map = ctypes.cast(_held(kept, _X_SHM_MAP, map_shared), _pointer)
    return made


def _held(kept: list[Any], kind: Any, function: Callable[..., int]) -> Any:
    kept.append(kind(function))
    return kept[-1]


@contextmanager
def _under_python(disk: FaultyDisk) -> Iterator[None]:
    real = {name: getattr(os, name) for name in ("write", "rename", "mkdir", "fsync", "replace", "unlink")}

    def failing(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if disk.fails():
                if name == "write":
                    real["write"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise disk.error()
            return real[name](*arguments, **options)

        return call

    for name in real:
        setattr(os, name, failing(name))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)
