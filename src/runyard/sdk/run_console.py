"""Reading along with what a script prints, which is kept with its run in pieces."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from runyard.errors import NotFound
from runyard.protocol.messages.artifacts import ListArtifacts, ListArtifactsAnswer, WireFile
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.job_records import GOING_ON
from runyard.sdk.patience import Patience

POLL_S = 1.0
FOLDER = "console"

_PIECE = re.compile(r"console/(?:attempt-(\d+)/)?(setup|stdout|stderr)\.(\d+)\.log")
_ATTEMPT = re.compile(r"console/attempt-\d+")
_FIRST = ("setup", "stdout", "stderr")


class Printed(NamedTuple):
    r"""Something that was printed.

    Args:
        stream: ``stdout`` or ``stderr`` of the script; ``setup`` for what was said while it was prepared.
        content: The bytes.

    Example:
        >>> next(each for each in job.console().new() if each.stream == "stdout")
        Printed(stream='stdout', content=b'trained\n')
    """

    stream: str
    content: bytes


@names_arguments
class Console:
    r"""What a run's script has printed, and prints.

    Args:
        connection: Reaches the run's workspace.
        run_id: The run.
        get_status: Asks where the run is now.

    Example:
        >>> console = job.console()
        >>> [(each.stream, each.content) for each in console.new() if each.stream == "stdout"]
        [('stdout', b'trained\n')]
    """

    def __init__(self, connection: Connection, run_id: str, get_status: Callable[[], str]) -> None:
        self._connection = connection
        self._run_id = run_id
        self._get_status = get_status
        self._read: dict[str, int] = {}

    def new(self) -> Iterator[Printed]:
        """Yield what came since the last call.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> console = job.console()
            >>> printed = list(console.new())
            >>> list(console.new())
            []
        """
        for piece in self._grown():
            yield self._rest_of(piece)

    def follow(self, pause: Callable[[float], object] = time.sleep) -> Iterator[Printed]:
        r"""Yield what is there and what comes, until the run has ended.

        A server that is away meanwhile is waited for, ten minutes at most.

        Args:
            pause: Waits between two looks.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> [each.content for each in job.console().follow() if each.stream == "stdout"]
            [b'trained\n']
        """
        patience = Patience(pause)
        while True:
            # Asked before the last look: what is printed until the end is there when the end is.
            is_over = patience.ask(self._get_status) not in GOING_ON
            for piece in patience.ask(self._grown):
                yield patience.ask(partial(self._rest_of, piece))
            if is_over:
                return
            pause(POLL_S)

    def read(self, path: str) -> bytes:
        r"""Return what a file of the run holds; nothing if it is removed meanwhile.

        Example:
            >>> job.console().read("console/stdout.000001.log")
            b'trained\n'
        """
        try:
            with self._connection.open(
                "/get-artifact", (("run_uuid", self._run_id), ("path", path))
            ) as answer:
                return answer.read()
        except NotFound:
            return b""

    def _grown(self) -> list[_Piece]:
        return sorted(each for each in self._pieces() if each.size_bytes > self._read.get(each.path, 0))

    def _rest_of(self, piece: _Piece) -> Printed:
        known = self._read.get(piece.path, 0)
        content = self.read(piece.path)[known:]
        self._read[piece.path] = known + len(content)
        return Printed(_FIRST[piece.stream], content)

    def _pieces(self) -> Iterator[_Piece]:
        for file in self._listed(FOLDER):
            if file.is_dir and _ATTEMPT.fullmatch(file.path):
                yield from _pieces_among(self._listed(file.path))
            else:
                yield from _pieces_among([file])

    def _listed(self, folder: str) -> list[WireFile]:
        query = ListArtifacts(run_id=self._run_id, path=folder)
        answer = self._connection.get(f"{MLFLOW}/artifacts/list", ListArtifactsAnswer, query)
        return list(answer.files or ())


def whole_lines(printed: Iterable[Printed]) -> Iterator[tuple[str, str]]:
    """Yield streams and text, so that lines of several streams do not get into one another.

    What is not ended by a line's end, or by the carriage return of a bar, waits for its rest, or for the end.
    """
    decoders: dict[str, codecs.IncrementalDecoder] = {}
    waiting: dict[str, str] = {}
    for stream, content in printed:
        decoder = decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
        text = waiting.pop(stream, "") + decoder.decode(content)
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        if end:
            yield stream, text[:end]
        waiting[stream] = text[end:]
    for stream, decoder in decoders.items():
        if rest := waiting[stream] + decoder.decode(b"", final=True):
            yield stream, rest


class _Piece(NamedTuple):
    """A file of the console, in the order in which they are read."""

    attempt: int
    stream: int
    number: int
    path: str
    size_bytes: int


def _pieces_among(files: list[WireFile]) -> Iterator[_Piece]:
    for file in files:
        matched = _PIECE.fullmatch(file.path)
        if matched is not None:
            attempt, stream, number = matched.groups()
            place = (int(attempt or 1), _FIRST.index(stream), int(number))
            yield _Piece(*place, file.path, file.file_size or 0)
