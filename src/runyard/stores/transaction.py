"""What one transaction has in hand: its connection, what it writes last, and what follows its commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

_log = logging.getLogger("runyard.stores")


@dataclass(slots=True)
class Transaction:
    """What a thread is in the middle of.

    Args:
        may_write: Whether it changes anything.
        connection: Where it happens; ``None`` while it has not begun.
        begin: Begins it.
        gathered: What is to be written just before the commit, by what writes it.
        after_commit: What is to be called then.
    """

    may_write: bool
    connection: Connection | None = None
    begin: Callable[[], Connection] | None = None
    gathered: dict[Callable[[Connection, list[Any]], None], list[Any]] = field(default_factory=dict)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def begun(self) -> Connection:
        """Return its connection; it begins if it has not."""
        if self.connection is None:
            assert self.begin is not None, "made without a connection"
            self.connection = self.begin()
        return self.connection

    def write_gathered(self) -> None:
        """Write what was gathered so far."""
        gathered, self.gathered = self.gathered, {}
        for write, items in gathered.items():
            write(self.begun(), items)

    def call_back(self) -> None:
        """Call what waits for the commit."""
        for callback in self.after_commit:
            _call_after_commit(callback)


class CurrentTransaction(threading.local):
    """The transaction of each thread."""

    transaction: Transaction | None = None


def _call_after_commit(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - what was written stays written, whoever fails to take note of it
        _log.exception("what was to follow a commit failed")
