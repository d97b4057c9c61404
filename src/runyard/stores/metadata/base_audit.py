"""The contract of the audit log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from runyard.entities.audit import AuditEntry, AuditEvent, AuditSearch


class AuditStore(ABC):
    """Remembers who did what, in one chain: nothing in it can be changed or left out without being noticed.

    The promises of :mod:`runyard.stores.metadata.base` hold here too. Entries are numbered from 1 without
    gaps, and no store changes or deletes one.
    """

    @abstractmethod
    def append(self, events: Sequence[AuditEvent]) -> None:
        """Add events behind the last one; others that add wait."""

    @abstractmethod
    def search(self, search: AuditSearch) -> list[AuditEntry]:
        """Return the entries that are asked for, the newest first."""

    @abstractmethod
    def read_all(self) -> Iterator[AuditEntry]:
        """Return all entries in their order, a few at a time."""

    @abstractmethod
    def lost_guards(self) -> list[str]:
        """Return the names of what kept entries from being changed and is gone, altered or not ours."""
