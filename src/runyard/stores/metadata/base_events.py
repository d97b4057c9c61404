"""The contract of the store for events; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.event import Event, EventSearch, SilentRun


class EventStore(ABC):
    """Remembers what happened. An event goes with its workspace, and when it is old."""

    @abstractmethod
    def add_event(self, event: Event) -> bool:
        """Keep an event, or do nothing if one is kept that is to be told under the same name; say whether.

        It is new until :meth:`take_new`, whatever happens to the process that added it.
        """

    @abstractmethod
    def add_told(self, event: Event) -> int:
        """Keep an event that has a name of its own and is not to be told to all, and return its number."""

    @abstractmethod
    def search_events(self, search: EventSearch) -> list[Event]:
        """Return events, the last that was kept first."""

    @abstractmethod
    def list_new(self, limit: int) -> list[int]:
        """Return the numbers of new events, the oldest first."""

    @abstractmethod
    def take_new(self, event_numbers: Sequence[int]) -> list[Event]:
        """Return those of the events that are new, the oldest first; they are no more when this is committed.

        Of many that ask at once each event is returned to one.
        """

    @abstractmethod
    def forget_old(self, before_ms: int, kept: int, owed_since_ms: int) -> int:
        """Forget events that happened before, and all but the last ``kept``; return how many.

        New ones stay, and those that are on their way to a webhook since ``owed_since_ms`` or later.
        """

    @abstractmethod
    def watch_runs(self, now_ms: int) -> None:
        """Take note of which runs under way have changed since the last call: they were heard of now.

        So is one that is seen for the first time. Times of points are the client's, and say nothing.
        """

    @abstractmethod
    def take_silent_runs(self, before_ms: int, limit: int) -> list[SilentRun]:
        """Return active runs that are running and were last heard of before, as :meth:`watch_runs` has it.

        One that was returned is returned no more when this is committed, until it is heard of again.
        """
