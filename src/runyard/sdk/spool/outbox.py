"""The spool of this process for one workspace, and the thread that sends it."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from runyard.errors import InvalidState, RunyardError
from runyard.sdk.connection import Connection
from runyard.sdk.spool.choices import SpoolChoices
from runyard.sdk.spool.folder import FileLock, SpoolFolder, spool_paths
from runyard.sdk.spool.records import FileLogged, Record
from runyard.sdk.spool.replay import Replay, send_spool
from runyard.sdk.spool.writer import SpoolWriter

GATHER_S = 0.5
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 60.0
LONGEST_BACK_OFF_AT_END_S = 2.0
LOOKS_FOR_OTHERS_EVERY_S = 30.0

_log = logging.getLogger("runyard.spool")
_all: weakref.WeakSet[Outbox] = weakref.WeakSet()


Wait = Callable[[threading.Condition, Callable[[], bool], float], object]


def wait_for(changed: threading.Condition, is_so: Callable[[], bool], timeout_s: float) -> object:
    """Wait until something is so, by the machine's own clock; the thread's only way to let time pass."""
    return changed.wait_for(is_so, timeout_s)


class Outbox:
    """Takes records at once and sends them behind, from any thread; survives forks.

    The thread also sends what earlier processes on this machine left for the same workspace.

    Args:
        tracking_uri: Address of the workspace.
        connect: Makes a connection to it; called in the sending thread.
        choices: Where to keep what waits, and how long to wait for it.
        wait: How its thread lets time pass.
    """

    def __init__(
        self,
        tracking_uri: str,
        connect: Callable[[], Connection],
        choices: SpoolChoices,
        wait: Wait = wait_for,
    ) -> None:
        self.tracking_uri = tracking_uri
        self._connect = connect
        self._choices = choices
        self._wait = wait
        self._writer = SpoolWriter(choices.root, tracking_uri, choices.max_bytes, is_synced=choices.is_synced)
        self._begin()
        _all.add(self)

    def add(self, record: Record) -> bool:
        """Keep a record and return whether it is on disk, which it may not be while that is full.

        It neither waits for the network nor raises.
        """
        is_kept = self._writer.add(record)
        self._wake()
        return is_kept

    def add_file(self, local: Path, record: FileLogged) -> bool:
        """Keep a copy of a file; return whether it is on disk.

        Raises:
            OSError: There is no such file to read.
        """
        is_kept = self._writer.add_file(local, record)
        self._wake()
        return is_kept

    def flush(self, wait_s: float | None = None) -> bool:
        """Wait until all that this process added so far is sent; return whether it is.

        Args:
            wait_s: How long at most; None waits as long as a reading call does.
        """
        if self.is_sent():
            return True
        self._wake()
        deadline = time.monotonic() + (self._choices.read_wait_s if wait_s is None else wait_s)
        with self._changed:
            wanted = self._writer.added
            self._is_hurried = True
            failures = self._failures
            self._changed.notify_all()
            while self._sent_up_to < wanted:
                left_s = deadline - time.monotonic()
                # One try that fails is enough to know that waiting is in vain.
                if left_s <= 0 or self._failures > failures:
                    return False
                self._changed.wait(left_s)
        return not self._writer.is_holding

    def is_sent(self) -> bool:
        """Tell whether all that this process added so far is sent, without waiting for it."""
        return self._sent_up_to >= self._writer.added and not self._writer.is_holding

    def close(self) -> None:
        """Send what waits, for as long as the choices say; then say what is left. The outbox stays usable."""
        self._finish(self._choices.exit_wait_s)
        self._writer.give_up()
        last_error, dropped, left = self._last_error, self._writer.dropped, self._left()
        self._begin_again()
        self._writer.added = self._writer.dropped = 0
        if dropped:
            _log.warning("Runyard's spool was full: %d calls were dropped and are lost.", dropped)
        if left is not None:
            _log.warning(
                "Not all that was logged is at %s yet: %s Send the rest with: runyard sync '%s'",
                self.tracking_uri,
                last_error or "there was no time for it.",
                left.path,
            )

    def after_fork(self) -> None:
        """Begin anew in a forked child: thread, locks and spool are the parent's."""
        self._writer.after_fork()
        self._begin_again()

    def _begin_again(self) -> None:
        if self._sender_lock is not None:
            self._sender_lock.release()
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sent_up_to = self._failures = 0
        self._is_idle = self._is_hurried = self._is_finishing = False
        self._was_reached = False
        self._last_error = ""
        self._replay: Replay | None = None
        self._sender_lock: FileLock | None = None
        self._others_looked_for_s = float("-inf")

    def _wake(self) -> None:
        # Nearly always the thread is there and at work or gathering: then there is nothing to tell it.
        if self._thread is not None and not self._is_idle:
            return
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="runyard-spool", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _finish(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        with self._changed:
            thread, self._is_finishing = self._thread, True
            self._others_looked_for_s = float("-inf")
            self._changed.notify_all()
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _left(self) -> SpoolFolder | None:
        """Let the spool go, and return it if something in it was not sent."""
        folder, is_sent = self._writer.folder, self.is_sent()
        self._writer.close()
        if folder is None or not folder.path.exists():
            return None
        if is_sent:
            folder.remove_if_settled()
        return None if is_sent else folder

    def _run(self) -> None:
        """Send until the process ends; the thread's only way out is a finish that has nothing left to do."""
        failures = 0
        while True:
            try:
                self._send_all()
                failures = 0
                with self._changed:
                    self._last_error = ""
            except (RunyardError, OSError) as error:
                failures += 1
                self._note_failure(error, is_first=failures == 1)
            except Exception:
                _log.exception("Runyard's spool is not sent any more; it stays on disk.")
                raise
            if self._rest(failures):
                return

    def _rest(self, failures: int) -> bool:
        """Wait until there is something to do; return whether the thread is to end."""
        with self._changed:
            if self._is_finishing:
                return self._rest_at_end(failures)
            if not failures:
                self._is_idle = True
                self._wait(
                    self._changed,
                    lambda: not self.is_sent() or self._is_finishing,
                    LOOKS_FOR_OTHERS_EVERY_S,
                )
                self._is_idle = False
            pause_s = _back_off_s(failures) if failures else GATHER_S
            self._wait(self._changed, lambda: self._is_hurried or self._is_finishing, pause_s)
            self._is_hurried = False
        return False

    def _rest_at_end(self, failures: int) -> bool:
        if not failures:
            if self._writer.is_holding:
                self._wait(self._changed, lambda: False, GATHER_S)
            return self.is_sent()
        if not self._was_reached:
            # Where there never was a server there is none to wait for.
            return True
        self._wait(self._changed, lambda: False, min(_back_off_s(failures), LONGEST_BACK_OFF_AT_END_S))
        return False

    def _note_failure(self, error: Exception, *, is_first: bool) -> None:
        with self._changed:
            self._failures += 1
            self._last_error = str(error)
            self._changed.notify_all()
        if is_first:
            _log.warning("%s Until then what is logged waits in %s.", error, self._choices.root)

    def _send_all(self) -> None:
        self._send_others()
        self._writer.try_again()
        added, folder = self._writer.added, self._writer.folder
        if folder is not None:
            if self._replay is None:
                self._sender_lock = folder.sender_lock
                self._sender_lock.take()
                self._replay = Replay(folder, self._connect())
                self._was_reached = True
            # What is added meanwhile waits for the next round: else there is a call for each few points of a
            # busy loop, one after the other, and this thread takes the processor from the one that logs.
            while self._sent_up_to < added and (settled := self._replay.send_next()):
                self._sent_up_to += settled
        with self._changed:
            self._sent_up_to = max(self._sent_up_to, added)
            self._changed.notify_all()

    def _send_others(self) -> None:
        """Send what processes left that are no more, so that it is not overtaken by what this one logs."""
        if time.monotonic() - self._others_looked_for_s < LOOKS_FOR_OTHERS_EVERY_S:
            return
        for path in spool_paths(self._choices.root):
            self._send_other(path)
        self._others_looked_for_s = time.monotonic()

    def _send_other(self, path: Path) -> None:
        try:
            spool = SpoolFolder(path)
            if spool.origin.tracking_uri == self.tracking_uri and not spool.has_writer():
                # One that has only refused records left stays where it is, and is not worth a call.
                if spool.is_waiting():
                    send_spool(spool, self._connect())
                else:
                    spool.remove_if_settled()
        except InvalidState as error:
            _log.debug("%s is left where it is: %s", path, error)


def flush_all() -> None:
    """Wait until what this process logged through MLflow's client is sent, as its reading calls do."""
    for outbox in list(_all):
        outbox.flush()


def close_all() -> None:
    """Close every outbox of this process, as its end does."""
    for outbox in list(_all):
        outbox.close()


def _back_off_s(failures: int) -> float:
    longest = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(failures, 10))
    return random.uniform(longest / 2, longest)


def _after_fork() -> None:
    for outbox in list(_all):
        outbox.after_fork()


os.register_at_fork(after_in_child=_after_fork)
