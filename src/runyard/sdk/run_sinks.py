"""Where what is logged to a run goes: into the spool, straight to the server, or to the screen."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from runyard.protocol import limits
from runyard.protocol.messages.runs import RunInfoAnswer, UpdateRun
from runyard.sdk.artifact_uploads import upload
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.spool.calls import GatheredLogs
from runyard.sdk.spool.launched import LaunchedRun
from runyard.sdk.spool.outbox import Outbox
from runyard.sdk.spool.records import FileLogged, Logged, Point, RunUpdated
from runyard.sdk.spool.replay import new_batch_id

_POINTS_A_RECORD = 500


class RunSink(ABC):
    """Takes what is logged to one run."""

    @abstractmethod
    def log(self, record: Logged) -> None:
        """Take points, params and tags."""

    @abstractmethod
    def keep_file(self, local: Path, path: str) -> None:
        """Take a file as it is now, for a path of the run.

        Raises:
            OSError: There is no such file to read.
        """

    @abstractmethod
    def end(self, status: str, ended_ms: int) -> None:
        """Take the end of the run."""

    @abstractmethod
    def flush(self, wait_s: float | None = None) -> bool:
        """Wait until all of it is at the server; return whether it is."""


class SpoolSink(RunSink):
    """Keeps it in the spool and returns at once; a thread sends it. No network makes it wait or raise.

    Args:
        outbox: Of the run's workspace.
        run_id: The run.
        folder: Where its files go, below the workspace.
        launched: Set if the run's end is that of `runyard run`.
    """

    def __init__(self, outbox: Outbox, run_id: str, folder: str, launched: LaunchedRun | None = None) -> None:
        self._outbox = outbox
        self._run_id = run_id
        self._folder = folder
        self._launched = launched

    def log(self, record: Logged) -> None:
        """Keep it in the spool."""
        self._outbox.add(record)

    def keep_file(self, local: Path, path: str) -> None:
        """Keep a copy of the file in the spool."""
        self._outbox.add_file(local, FileLogged(self._folder, path, content="", run_id=self._run_id))

    def end(self, status: str, ended_ms: int) -> None:
        """Keep the end, or leave it to `runyard run`, which sees how the script ends."""
        if self._launched is not None and self._launched.note_end(status):
            return
        self._outbox.add(RunUpdated(self._run_id, status=status, ended_ms=ended_ms))

    def flush(self, wait_s: float | None = None) -> bool:
        """Wait until the spool is sent."""
        return self._outbox.flush(wait_s)


class DirectSink(RunSink):
    """Sends it before it returns, and raises what the server raises: for who has turned the spool off.

    Args:
        connection: Reaches the run's workspace.
        run_id: The run.
        folder: Where its files go, below the workspace.
    """

    def __init__(self, connection: Connection, run_id: str, folder: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._folder = folder

    def log(self, record: Logged) -> None:
        """Send it."""
        GatheredLogs(record).send(self._connection, new_batch_id())

    def keep_file(self, local: Path, path: str) -> None:
        """Upload it."""
        upload(self._connection, self._folder, [(path, local)])

    def end(self, status: str, ended_ms: int) -> None:
        """Send it."""
        update = UpdateRun(run_id=self._run_id, status=status, end_time=ended_ms)
        self._connection.post(f"{MLFLOW}/runs/update", update, RunInfoAnswer, is_repeatable=True)

    def flush(self, wait_s: float | None = None) -> bool:
        """Return at once: nothing waits."""
        return True


class ScreenSink(RunSink):
    """Prints it, for a script that is tried without a server.

    Args:
        screen: Where to; standard output by default.
    """

    def __init__(self, screen: TextIO | None = None) -> None:
        self._screen = screen

    def log(self, record: Logged) -> None:
        """Print a line for each point, param and tag."""
        for point in record.metrics:
            self._say(f"metric {point.key} = {point.value} (step {point.step})")
        for key, value in record.params.items():
            self._say(f"param {key} = {value}")
        for key, value in record.tags.items():
            self._say(f"tag {key} = {value}")

    def keep_file(self, local: Path, path: str) -> None:
        """Print what the file would be called."""
        self._say(f"file {path} ({local.stat().st_size} bytes)")

    def end(self, status: str, ended_ms: int) -> None:
        """Print how the run ended."""
        self._say(f"the run is {status.lower()}")

    def flush(self, wait_s: float | None = None) -> bool:
        """Return at once: nothing waits."""
        return True

    def _say(self, text: str) -> None:
        print_line(f"offline run: {text}", self._screen)


def in_records(
    run_id: str,
    points: Sequence[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[Logged]:
    """Return any number of points, params and tags as records that each fit into one call."""
    records = [
        Logged(run_id, metrics=list(points[start : start + _POINTS_A_RECORD]))
        for start in range(0, len(points), _POINTS_A_RECORD)
    ]
    records += [Logged(run_id, params=part) for part in _parts(params or {})]
    records += [Logged(run_id, tags=part) for part in _parts(tags or {})]
    return records


def print_line(text: str, screen: TextIO | None = None) -> None:
    """Print a line at once, on standard output unless told otherwise."""
    screen = screen or sys.stdout
    screen.write(f"{text}\n")
    screen.flush()


def _parts(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    items = list(pairs.items())
    size = limits.MAX_PARAMS_OR_TAGS
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]
