"""Keeps count of what was refused, so that the audit log tells of all of it and nobody can fill it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from runyard.entities.audit import AuditEvent

TOGETHER_S = 60.0
"""Refusals that are alike are one entry for so long."""
MAX_KINDS = 1_000
"""How many kinds of refusals are told apart within that time."""


@dataclass(slots=True)
class _Kind:
    event: AuditEvent
    due_s: float
    count: int = 0


class Refusals:
    """Collects refusals: the first of a kind is due at once, those that follow it are counted for a minute.

    Args:
        clock: Seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._lock = threading.Lock()

    def note(self, event: AuditEvent) -> None:
        """Remember that something was refused; called where a request ends, so it neither waits nor fails."""
        alike = (event.action, event.principal_id, event.client, event.workspace, event.target)
        with self._lock:
            if alike not in self._kinds and len(self._kinds) >= MAX_KINDS:
                alike = ("", "", "", "", "")
                event = replace(event, action="many", caller="", principal_id="", key_id="", target="")
            kind = self._kinds.setdefault(alike, _Kind(event, self._clock()))
            if kind.count == 0:
                kind.event = event
            kind.count += event.count

    def due(self, *, is_ending: bool = False) -> list[AuditEvent]:
        """Return what is to be written now, and forget it."""
        now_s, events = self._clock(), []
        with self._lock:
            for alike, kind in list(self._kinds.items()):
                if now_s < kind.due_s and not is_ending:
                    continue
                if kind.count == 0:
                    del self._kinds[alike]
                    continue
                events.append(replace(kind.event, count=kind.count))
                kind.count, kind.due_s = 0, now_s + TOGETHER_S
        return events

    def give_back(self, events: list[AuditEvent]) -> None:
        """Remember again what could not be written."""
        for event in events:
            self.note(event)
