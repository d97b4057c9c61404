"""What a script leaves in ``outputs/`` and ``logs/`` of its folder is kept with the run, as Azure does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runyard.agent.orders import Orders
from runyard.agent.server import Away, GivenUp, Refused, Server, patiently

FOLDERS = ("outputs", "logs")
AT_ONCE = 4
UNANSWERED_TRIES = 5
NO_PLACE = "the files of this run lie where only its clients write"


def make_folders(code: Path) -> None:
    """Make the folders, so that a script need not."""
    for name in FOLDERS:
        folder = code / name
        if not folder.exists():
            folder.mkdir(mode=0o700)


def files_left(code: Path, leave_out: Callable[[str, str], None]) -> Iterator[tuple[str, Path]]:
    """Yield each file to keep, with its path below the run's artifacts.

    Args:
        code: The folder of the script.
        leave_out: Told the path of what is not kept, and why.
    """
    root = os.path.realpath(code)
    for name in FOLDERS:
        if (code / name).is_symlink():
            leave_out(name, "it is a link to a folder")
            continue
        for below, folders, files in os.walk(code / name):
            for each in sorted(folders):
                if os.path.islink(os.path.join(below, each)):
                    leave_out(_named(Path(below, each), code), "it is a link to a folder")
            for each in sorted(files):
                path = Path(below, each)
                resolved = os.path.realpath(path)
                if not os.path.isfile(resolved):
                    leave_out(_named(path, code), "it is no file")
                elif not resolved.startswith(f"{root}{os.sep}"):
                    leave_out(_named(path, code), "it is a link that leads out of the script's folder")
                else:
                    yield path.relative_to(code).as_posix(), path


def _named(path: Path, code: Path) -> str:
    return path.relative_to(code).as_posix()


class Outputs:
    """Sends what a script has left.

    Args:
        server: Where to.
        path: Where the run's artifacts lie; empty where the server does not keep them.
        orders: Tell when there is no need any more.
        say: Told what is not kept, a line each.
    """

    def __init__(self, server: Server, path: str, orders: Orders, say: Callable[[str], None]) -> None:
        self._server = server
        self._path = path
        self._orders = orders
        self._say = say
        self._left_out: list[str] = []

    def send(self, code: Path) -> str:
        """Send all files and return what is to be said of those that could not be; it may take days."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outputs") as pool:
            for each in [pool.submit(self._send, name, path) for name, path in files_left(code, self._leave)]:
                each.result()
        if not self._left_out:
            return ""
        more = len(self._left_out) - 1
        return f"not kept: {min(self._left_out)}" + (f", and {more} more" if more else "")

    def _send(self, name: str, path: Path) -> None:
        if not self._path:
            self._leave(name, NO_PLACE)
            return
        tries = _Tries(self._orders)
        try:
            patiently(
                lambda: tries.count(lambda: self._put(name, path)),
                lambda: self._orders.is_over,
                self._orders.count_answers,
            )
        except GivenUp:
            self._leave(name, "there was no time for it")
        except (Refused, OSError) as error:
            self._leave(name, str(error))

    def _put(self, name: str, path: Path) -> None:
        with path.open("rb") as opened:
            size_bytes = os.fstat(opened.fileno()).st_size
            content = opened if size_bytes else b""
            self._server.put_artifact(f"{self._path}/{name}", content, size_bytes)

    def _leave(self, name: str, why: str) -> None:
        self._left_out.append(f"{name} ({why})")
        self._say(f"{name} is not kept: {why}")


class _Tries:
    """Counts how often a file was broken off by a server that answers else: it does not want the file."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._beats = orders.answered_beats
        self._count = 0

    def count(self, put: Callable[[], None]) -> None:
        try:
            put()
        except Away as away:
            if not away.is_answer and self._orders.answered_beats > self._beats:
                self._count, self._beats = self._count + 1, self._orders.answered_beats
            if self._count >= UNANSWERED_TRIES:
                raise OSError(str(away)) from None
            raise
