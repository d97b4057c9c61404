"""What arrived and is not in the summaries yet: batches that memory has, so that nobody reads them back.

The table ``unsummarised_batches`` says which they are; this only saves reading them. A batch that is not
here, because another replica accepted it or the server was restarted, is read from the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

MAX_REMEMBERED_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class RunActivity:
    """What a run has logged since it was last folded.

    Args:
        batch_count: How many batches are not folded yet, as far as this process knows.
        point_count: How many points they hold.
        last_s: When the last one came, by the monotonic clock.
    """

    batch_count: int = 0
    point_count: int = 0
    last_s: float = 0.0


class Arrivals:
    """Committed batches of this process, by number, until they are summarised; and how busy each run is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[int, tuple[int, bytes]] = {}
        self._bytes = 0
        self._activity: dict[int, RunActivity] = {}

    def add(self, batches: Iterable[tuple[int, int, int, bytes]]) -> None:
        """Remember batches that have been committed: number, run, count of points, bytes of each."""
        now_s = time.monotonic()
        with self._lock:
            for batch_number, run_number, point_count, packed in batches:
                activity = self._activity.get(run_number)
                if activity is None:
                    activity = self._activity[run_number] = RunActivity()
                activity.batch_count += 1
                activity.point_count += point_count
                activity.last_s = now_s
                if self._bytes < MAX_REMEMBERED_BYTES:
                    self._batches[batch_number] = (run_number, packed)
                    self._bytes += len(packed)

    def known(self) -> dict[int, tuple[int, bytes]]:
        """Return run and bytes of each batch that is remembered now."""
        with self._lock:
            return dict(self._batches)

    def forget(self, batch_numbers: Iterable[int]) -> None:
        """Let go of batches that are summarised."""
        with self._lock:
            for number in batch_numbers:
                known = self._batches.pop(number, None)
                if known is not None:
                    self._bytes -= len(known[1])

    @property
    def unsummarised_count(self) -> int:
        """How many batches are remembered, as they are not summarised yet."""
        return len(self._batches)

    def watch(self, run_numbers: Iterable[int]) -> None:
        """Look after runs that were active before this process began."""
        with self._lock:
            for number in run_numbers:
                self._activity.setdefault(number, RunActivity(last_s=time.monotonic()))

    def active(self) -> dict[int, RunActivity]:
        """Return how busy each run is that has not come to rest."""
        with self._lock:
            return dict(self._activity)

    def folded(self, run_number: int, batch_count: int, point_count: int) -> None:
        """Note that batches of a run have become chunks."""
        with self._lock:
            activity = self._activity.get(run_number)
            if activity is not None:
                activity.batch_count = max(0, activity.batch_count - batch_count)
                activity.point_count = max(0, activity.point_count - point_count)

    def left(self, run_number: int, batch_count: int, point_count: int) -> None:
        """Note what the table has of a run that is not folded, whoever has accepted it."""
        with self._lock:
            activity = self._activity.get(run_number)
            if activity is not None:
                activity.batch_count, activity.point_count = batch_count, point_count

    def rested(self, run_number: int, before_s: float) -> None:
        """Stop looking after a run, unless it has logged since ``before_s``."""
        with self._lock:
            activity = self._activity.get(run_number)
            if activity is not None and activity.last_s <= before_s and not activity.batch_count:
                del self._activity[run_number]

    def drop(self, run_number: int) -> None:
        """Stop looking after a run that is being removed."""
        with self._lock:
            self._activity.pop(run_number, None)
