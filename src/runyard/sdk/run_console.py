"""Reading along with what a script prints, which `runyard run` keeps with the run in pieces."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from runyard.errors import NotFound
from runyard.protocol.messages.artifacts import ListArtifacts, ListArtifactsAnswer
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.run import Run

POLL_S = 2.0
_PIECE = re.compile(r"console/(stdout|stderr)\.(\d+)\.log")


class Printed(NamedTuple):
    """Something that a script printed.

    Args:
        stream: ``stdout`` or ``stderr``.
        content: The bytes.
    """

    stream: str
    content: bytes


class Console:
    """What a run's script has printed, and prints.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._connection: Connection = run.experiment.workspace.connection
        self._read: dict[str, int] = {}

    def new(self) -> Iterator[Printed]:
        """Yield what came since the last call.

        Raises:
            NotFound: The run does not exist any more.
        """
        query = ListArtifacts(run_id=self._run.id, path="console")
        answer = self._connection.get(f"{MLFLOW}/artifacts/list", ListArtifactsAnswer, query)
        pieces = sorted((file.path, file.file_size or 0) for file in answer.files or ())
        for path, size_bytes in pieces:
            matched = _PIECE.fullmatch(path)
            if matched is None or size_bytes <= self._read.get(path, 0):
                continue
            content = self._content(path)[self._read.get(path, 0) :]
            self._read[path] = self._read.get(path, 0) + len(content)
            yield Printed(matched[1], content)

    def follow(self, pause: Callable[[float], object] = time.sleep) -> Iterator[Printed]:
        """Yield what is there and what comes, until the run has ended.

        Args:
            pause: Waits between two looks.

        Raises:
            NotFound: The run does not exist any more.
        """
        while True:
            # Asked before the last look: what is printed until the end is there when the end is.
            is_over = self._run.get_status() not in ("Queued", "Running")
            yield from self.new()
            if is_over:
                return
            pause(POLL_S)

    def _content(self, path: str) -> bytes:
        try:
            with self._connection.open(
                "/get-artifact", (("run_uuid", self._run.id), ("path", path))
            ) as answer:
                return answer.read()
        except NotFound:  # removed meanwhile
            return b""
