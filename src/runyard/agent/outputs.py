"""What a script leaves in folders is kept: ``outputs/`` and ``logs/`` with the run, others in datastores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runyard.agent.assignment import DataOutput
from runyard.agent.data import result_address
from runyard.agent.orders import Orders
from runyard.agent.server import Away, GivenUp, Refused, Server, digest_of, patiently

FOLDERS = ("outputs", "logs")
AT_ONCE = 4
UNANSWERED_TRIES = 5
ALREADY_THERE = "RESOURCE_ALREADY_EXISTS"
NO_PLACE = "the files of this run lie where only its clients write"
NO_TEXT = "its name is no UTF-8"


def make_folders(code: Path) -> None:
    """Make the folders, so that a script need not."""
    for name in FOLDERS:
        folder = code / name
        if not folder.exists():
            folder.mkdir(mode=0o700)


def files_left(
    code: Path, leave_out: Callable[[str, str], None], names: Sequence[str] = FOLDERS
) -> Iterator[tuple[str, Path]]:
    """Yield each file to keep, with its path.

    Args:
        code: The folder that it is in, as that of the script.
        leave_out: Told the path of what is not kept, and why.
        names: The folders below it that are kept.
    """
    root = os.path.realpath(code)
    for name in names:
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


def _as_text(name: str) -> str:
    """Return a name with what is no UTF-8 in it written out: no server could be told of it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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

    def send(self, code: Path, names: Sequence[str] = FOLDERS) -> str:
        """Send all files and return what is to be said of those that could not be; it may take days."""
        files = list(files_left(code, self._leave, names))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outputs") as pool:
            for each in [pool.submit(self._send, name, path) for name, path in files]:
                each.result()
        if not self._left_out:
            return ""
        more = len(self._left_out) - 1
        return f"not kept: {min(self._left_out)}" + (f", and {more} more" if more else "")

    def _send(self, name: str, path: Path) -> None:
        if not self._has_place(name):
            self._leave(name, NO_PLACE)
            return
        if _as_text(name) != name:
            self._leave(name, NO_TEXT)
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

    def _has_place(self, name: str) -> bool:
        return bool(self._path)

    def _put(self, name: str, path: Path) -> None:
        with path.open("rb") as opened:
            size_bytes = os.fstat(opened.fileno()).st_size
            content = opened if size_bytes else b""
            self._server.put_artifact(f"{self._path}/{name}", content, size_bytes)

    def _leave(self, name: str, why: str) -> None:
        name = _as_text(name)
        self._left_out.append(f"{name} ({why})")
        self._say(f"{name} is not kept: {why}")


class Results(Outputs):
    """Sends what a script has left for datastores.

    Args:
        server: Where to.
        outputs: Which folder goes where.
        orders: Tell when there is no need any more.
        say: Told what is not kept, a line each.
    """

    def __init__(
        self, server: Server, outputs: Sequence[DataOutput], orders: Orders, say: Callable[[str], None]
    ) -> None:
        super().__init__(server, "", orders, say)
        self._by_name = {each.name: each for each in outputs}
        self._unanswered: set[str] = set()

    def _has_place(self, name: str) -> bool:
        return name.partition("/")[0] in self._by_name

    def _put(self, name: str, path: Path) -> None:
        folder, _, below = name.partition("/")
        address = result_address(self._by_name[folder], below)
        with path.open("rb") as opened:
            sha256 = hashlib.sha256()
            while piece := opened.read(1 << 20):
                sha256.update(piece)
            size_bytes = opened.tell()
            opened.seek(0)
            content = opened if size_bytes else b""
            try:
                self._server.put(address, content, size_bytes, digest_of(sha256.digest()))
            except Away:
                self._unanswered.add(name)
                raise
            except Refused as refused:
                # The answer was lost, not the file.
                if refused.code != ALREADY_THERE or name not in self._unanswered:
                    raise
        # An agent that is started after this one sends what is left.
        path.unlink()


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
