"""A thread that does something again and again, from its start to its end, whatever goes wrong meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runyard.errors import StorageFull, Unavailable

AFTER_FAULT_S = 5.0

_log = logging.getLogger("runyard.upkeep")


class Periodic:
    """Calls ``work`` every so often, with longer rests after a fault.

    Args:
        name: What the thread and the log call it.
        every_s: How long it rests between two calls.
        work: Does what is due.
    """

    def __init__(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        self._name = name
        self._every_s = every_s
        self._work = work
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"runyard-{name}", daemon=True)

    def start(self) -> None:
        """Begin, with a first call at once."""
        self._thread.start()

    def rest(self, seconds: float) -> None:
        """Wait, within a call, unless the end has come.

        Raises:
            Stopping: It has.
        """
        if self._is_stopping.wait(seconds):
            raise Stopping

    def tell_to_end(self) -> None:
        """Let it end after the call that is under way, without waiting for that."""
        self._is_stopping.set()

    def close(self) -> None:
        """End after the call that is under way."""
        self.tell_to_end()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        is_well = True
        while not self._is_stopping.is_set():
            was_well, is_well = is_well, False
            try:
                self._work()
                is_well = True
            except Stopping:
                return
            except (StorageFull, Unavailable) as error:
                # A database that is away for an hour is told of once, not every second.
                _log.log(logging.WARNING if was_well else logging.DEBUG, "%s waits: %s", self._name, error)
            except Exception:  # noqa: BLE001 - one fault must not end what is done for all
                _log.exception("%s failed", self._name)
            self._is_stopping.wait(self._every_s if is_well else max(self._every_s, AFTER_FAULT_S))


class Stopping(Exception):
    """The thread is to end."""
