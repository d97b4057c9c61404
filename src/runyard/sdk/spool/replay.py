"""Sending a spool: each record once, in order, whatever becomes of the answers."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Sequence

from runyard.errors import (
    AlreadyExists,
    InvalidParameter,
    InvalidState,
    MethodNotAllowed,
    NotFound,
    RouteNotFound,
    RunyardError,
    TooLarge,
)
from runyard.sdk.connection import Connection
from runyard.sdk.spool.calls import GatheredLogs, RecordCalls
from runyard.sdk.spool.folder import Position, Progress, SpoolFolder
from runyard.sdk.spool.records import FileLogged, Logged, Record

MAX_BATCH_BYTES = 1_000_000

_REFUSED = (InvalidParameter, InvalidState, AlreadyExists, NotFound, MethodNotAllowed, TooLarge)

_log = logging.getLogger("runyard.spool")


class Replay:
    """Sends what waits in a spool, a call at a time; whoever has it must hold the spool's sender lock.

    Before a batch goes out, its end and its id are on disk. Whoever goes on after a crash sends the same
    records under the same id, which the server takes for what it is.

    Args:
        spool: The spool.
        connection: Reaches the workspace that its records are for.
    """

    def __init__(self, spool: SpoolFolder, connection: Connection) -> None:
        self._spool = spool
        self._connection = connection
        self._calls = RecordCalls(connection, spool)
        self._progress = spool.progress()
        self._alone_until = Position()
        self._has_refused = False

    def send_next(self) -> int:
        """Send the next call and return how many records it settled; 0 when none waits.

        A record that the server refuses for good is put aside with its reason, so that it blocks no other.

        Raises:
            RunyardError: It can't be sent now; a later try goes on here.
        """
        while True:
            batch, logs, end = self._next_call()
            if not batch:
                return 0
            self._plan(end)
            try:
                self._send(batch, logs)
            except _REFUSED as error:
                if isinstance(error, RouteNotFound):
                    raise
                if len(batch) > 1:
                    # Perhaps only one of them was refused, and none of them has been done.
                    self._alone_until = end
                    self._keep(Progress(self._progress.done))
                    continue
                self._refuse(batch[0], error)
            self._keep(Progress(end))
            self._forget_content(batch)
            return len(batch)

    def _next_call(self) -> tuple[list[Record], GatheredLogs | None, Position]:
        """Return the records of the next call, what they log together, and the place behind them."""
        batch: list[Record] = []
        logs: GatheredLogs | None = None
        end, last = self._progress.done, self._progress.batch_end
        room = MAX_BATCH_BYTES
        for record, behind in self._spool.read(self._progress.done):
            # The thread that logs must not wait for this one to be done with a thousand records.
            time.sleep(0)
            room -= behind.offset - (end.offset if behind.segment == end.segment else 0)
            if batch and (last is not None and behind > last):
                break
            if batch and not (logs and room > 0 and isinstance(record, Logged) and logs.take(record)):
                break
            if not batch and isinstance(record, Logged):
                logs = GatheredLogs(record)
            batch.append(record)
            end = behind
            if behind <= self._alone_until:
                break
        return batch, logs, end

    def _plan(self, end: Position) -> None:
        if self._progress.batch_end != end:
            plan = Progress(self._progress.done, batch_end=end, batch_id=new_batch_id())
            self._spool.keep_progress(plan, is_synced=True)
            self._progress = plan

    def _send(self, batch: Sequence[Record], logs: GatheredLogs | None) -> None:
        if logs is not None:
            logs.send(self._connection, self._progress.batch_id)
            return
        for record in batch:
            if not isinstance(record, Logged):
                self._calls.send(record)

    def _keep(self, progress: Progress) -> None:
        self._spool.keep_progress(progress)
        self._progress = progress

    def _refuse(self, record: Record, error: RunyardError) -> None:
        self._spool.refuse(record, str(error))
        # Thousands may be refused for one reason: the first says it, all are kept.
        level = logging.DEBUG if self._has_refused else logging.WARNING
        self._has_refused = True
        _log.log(
            level,
            "The server refused something that was logged: %s It is kept in %s.",
            error,
            self._spool.path,
        )

    def _forget_content(self, batch: Sequence[Record]) -> None:
        for record in batch:
            if isinstance(record, FileLogged):
                with contextlib.suppress(OSError, InvalidState):
                    self._spool.file(record.content).unlink(missing_ok=True)


def send_spool(
    spool: SpoolFolder, connection: Connection, told: Callable[[int], None] = lambda count: None
) -> bool:
    """Send a spool to its end and remove it; return False if another process is at it.

    Args:
        spool: One that may have a writer still.
        connection: Reaches its workspace.
        told: Called with the number of records that a call settled.

    Raises:
        RunyardError: It can't be sent now.
    """
    lock = spool.sender_lock
    if not lock.take():
        return False
    try:
        replay = Replay(spool, connection)
        while count := replay.send_next():
            told(count)
        spool.remove_if_settled()
    finally:
        lock.release()
    return True


def new_batch_id() -> str:
    """Return a UUID of version 7, which begins with the time now."""
    value = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000
    return str(
        uuid.UUID(int=(milliseconds << 80 | value) & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 0b10 << 62)
    )
