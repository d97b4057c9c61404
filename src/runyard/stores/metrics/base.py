"""The contract of the metric store.

A point is identified by (run, key, timestamp, step, value), with all NaN being one value: an
exact repeat is dropped, another value at the same step and time is kept. Points of a series
are in order of (timestamp, step, value), where NaN counts as 0 and comes after it; the latest
point is the greatest by (step, timestamp, value). These are MLflow's rules, which leave open
where NaN stands beside 0. Infinities and NaN come back as they were appended.

Each method is one transaction or joins the one that its thread holds; when ``append`` has
returned (or the transaction that it joined has ended), its points survive the death of the
process. All methods may be called from any thread. The run's existence is the caller's to check.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.metric import Metric, MetricBatch
from runyard.stores.metrics.points import Buckets, Points


class Axis(str, Enum):
    """What a chart's x axis counts: steps, or milliseconds since the epoch."""

    STEP = "step"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a series that a chart shows.

    Args:
        axis: What ``start`` and ``end`` count.
        start: First x that belongs to it; ``None`` for the first there is.
        end: Last x that belongs to it; ``None`` for the last there is.
    """

    axis: Axis = Axis.STEP
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class ThinnedSeries:
    """A window of a series, each point or buckets of them.

    Args:
        point_count: How many points lie in the window.
        points: All of them in order of x, if they fit the width that was asked for.
        buckets: What to draw if they don't; then ``points`` is empty.
    """

    point_count: int
    points: Points = field(default_factory=Points.empty)
    buckets: Buckets = field(default_factory=Buckets.empty)


@dataclass(frozen=True, slots=True)
class TakenPoints:
    """Points that are gone, or would be.

    Args:
        points: How many; what was logged twice and not yet dropped counts twice.
        size_bytes: What they took, with what is kept beside them for charts and searches.
        is_over: Whether none are left of what was to be removed.
    """

    points: int = 0
    size_bytes: int = 0
    is_over: bool = True

    def __add__(self, other: TakenPoints) -> TakenPoints:
        return TakenPoints(
            self.points + other.points, self.size_bytes + other.size_bytes, self.is_over and other.is_over
        )


class MetricStore(ABC):
    """Remembers points of series, one series for each key of a run."""

    @abstractmethod
    def append(
        self, run_id: str, batch: MetricBatch, batch_id: str | None = None, workspace: str | None = None
    ) -> bool:
        """Keep the points of one batch; those that are there already change nothing.

        Args:
            run_id: Whose points they are.
            batch: The points, of any keys; there may be none.
            batch_id: The client's own id of this batch (UUIDv7), the same when it sends the batch again.
            workspace: Where the run must be, and in use; left out by a caller who has looked. To have it
                looked at here is cheaper.

        Returns:
            Whether the batch is new: ``False`` if one with this id was kept within the last 30 days. Then
            nothing is kept now.

        Raises:
            NotFound: There is no such run, at the latest by the end of the transaction.
            InvalidParameter: It lies in the trash. By the end of the transaction.
        """

    @property
    @abstractmethod
    def is_behind(self) -> bool:
        """Whether searches may lack points, and kept documents too, as they could not be written down."""

    @abstractmethod
    def settle(self, experiment_ids: Sequence[str] | None = None) -> None:
        """Let searches and :meth:`read_latest` see every point that was appended before.

        Blocks while another thread writes. Where the store can't be written just now, as on a full disk,
        searches go on seeing what they saw, and :attr:`is_behind` says so; the next call tries again.
        Within a transaction that only reads it does nothing, for that sees one state anyway.

        Args:
            experiment_ids: Whose runs are to be read; what was appended to others may be left for later.
        """

    @abstractmethod
    def read_latest(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        """Return the latest point of each key of each run, by key."""

    @abstractmethod
    def read_history(
        self,
        run_id: str,
        key: str,
        limit: int | None = None,
        offset: int = 0,
        window: Window | None = None,
    ) -> Points:
        """Return points of one series, or of a window of it, in order of (timestamp, step, value)."""

    @abstractmethod
    def sample_history(
        self, run_id: str, key: str, limit: int, steps: tuple[int, int] | None = None
    ) -> Points:
        """Return at most ``limit`` points, evenly taken in order of (step, timestamp, value).

        The first and the last point are among them; with a limit of 1, the last alone. ``steps``
        are the first and the last step to look at.

        They are the first points of ``limit`` parts whose lengths differ by one at most, the last
        of them replaced by the last point. From 256 points a part, one that comes before it by
        less than a quarter of a part may stand for it.
        """

    @abstractmethod
    def thin(self, run_id: str, keys: Sequence[str], window: Window, width: int) -> list[ThinnedSeries]:
        """Return what a chart ``width`` points wide draws of a window of each of some series of a run.

        More points than ``width`` become buckets: the range from the first x in the window to the
        last is cut into ``width`` equal parts, and each part that holds points makes a bucket of
        them. A bucket's x is that of its first point; points are in order of x, ties by what is
        left of (timestamp, step, value).

        From 256 points in the window for each bucket, a part may end early or late: runs of
        neighbouring points, of up to a quarter of a bucket's average count, go whole to the part
        in which the first of them lies. What a bucket says of its own points stays exact, and so
        do the count of points in the window, the first, the last, the least and the greatest of
        them; every point is in one bucket.
        """

    @abstractmethod
    def remove_series(self, run_id: str, keys: Sequence[str]) -> TakenPoints:
        """Remove all points of some series of a run for good; keys that it has not are passed over.

        What is appended to them afterwards begins them anew.
        """

    @abstractmethod
    def take_run(self, run_id: str) -> TakenPoints:
        """Remove some of a run's points for good, as many as takes a moment; call it until it is over."""

    @abstractmethod
    def measure_run(self, run_id: str) -> TakenPoints:
        """Return what :meth:`take_run` would remove in all."""
