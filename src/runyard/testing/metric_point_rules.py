"""The rules for appending points to a metric store and reading them back."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.metric import Metric, MetricBatch, Point
from runyard.errors import NotFound
from runyard.stores.metrics.base import Axis, MetricStore, Window
from runyard.testing.metric_oracle import as_ordered, identities, identity
from runyard.testing.strategies import INT64_MAX, INT64_MIN, MAX_TIMESTAMP_MS

RUN, OTHER_RUN = "a" * 32, "b" * 32


KEY = "loss"


@dataclass(frozen=True, slots=True)
class MetricsUnderTest:
    """A metric store, and what its rules need of the store that it is a part of.

    Args:
        metrics: The store.
        atomic: Begins a transaction that ``metrics`` joins.
        close: Lets go of files and connections.
    """

    metrics: MetricStore
    atomic: Callable[[], AbstractContextManager[Any]]
    close: Callable[[], None]


def of_points(points: Iterable[Point], key: str = KEY) -> list[Metric]:
    """Return points as a client logs them."""
    return [Metric(key, point.value, point.timestamp_ms, point.step) for point in points]


class PointRules(ABC):
    """The rules for appending points and reading them back; a part of :class:`MetricStoreRules`."""

    @abstractmethod
    def open_store(self, folder: Path) -> MetricsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @abstractmethod
    def add_run(self, store: MetricsUnderTest, run_id: str) -> None:
        """Make the run ``run_id``, in whatever has to know it before points are appended."""

    @abstractmethod
    def kept_points(self, folder: Path, run_id: str, key: str) -> list[Point]:
        """Return the points that ``folder`` holds, in any order, read without the store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MetricsUnderTest]:
        """Return an empty store that knows two runs."""
        with contextlib.closing(self.open_store(tmp_path)) as store:
            self.add_run(store, RUN)
            self.add_run(store, OTHER_RUN)
            yield store

    @pytest.fixture
    def metrics(self, store: MetricsUnderTest) -> MetricStore:
        """Return the metric store itself."""
        return store.metrics

    def test_points_are_kept_as_they_were_appended(self, metrics: MetricStore, tmp_path: Path) -> None:
        """No value is rounded, no step or time cut, at the edges of what fits either."""
        points = [
            Point(0, INT64_MIN, 5e-324),
            Point(1_700_000_000_000, 0, 0.1 + 0.2),
            Point(1_700_000_000_000, 2**53 + 1, 1.7976931348623157e308),
            Point(MAX_TIMESTAMP_MS, INT64_MAX, -1.7976931348623157e308),
        ]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        assert metrics.read_history(RUN, KEY) == points
        assert identities(self.kept_points(tmp_path, RUN, KEY)) == identities(points)

    def test_what_is_noas_ordered_comes_back_as_it_was(self, metrics: MetricStore, tmp_path: Path) -> None:
        """NaN and both infinities are values like others, in the history and as the latest."""
        for step, value in enumerate([math.nan, math.inf, -math.inf]):
            metrics.append(RUN, MetricBatch.of([Metric(KEY, value, 1, step)]))
            assert repr(metrics.read_latest([RUN])[RUN][0].value) == repr(value)
        assert repr([point.value for point in metrics.read_history(RUN, KEY)]) == "[nan, inf, -inf]"
        assert len(self.kept_points(tmp_path, RUN, KEY)) == 3

    def test_an_exact_repeat_is_dropped(self, metrics: MetricStore, tmp_path: Path) -> None:
        """A client that sends a batch again, after an answer was lost, changes nothing."""
        points = [Point(1, 1, 0.5), Point(2, 1, math.nan), Point(3, 1, math.inf), Point(3, 1, math.nan)]
        for _ in range(2):
            metrics.append(RUN, MetricBatch.of([*of_points(points), *of_points(points)]))
        assert len(self.kept_points(tmp_path, RUN, KEY)) == 4
        assert identities(metrics.read_history(RUN, KEY)) == identities(points)

    def test_other_values_at_the_same_step_and_time_are_kept(self, metrics: MetricStore) -> None:
        """NaN and 0 are two of them, though NaN counts as 0 in the order."""
        values = [3.0, 0.0, math.nan, -1.0]
        metrics.append(RUN, MetricBatch.of(of_points(Point(7, 7, value) for value in values)))
        history = metrics.read_history(RUN, KEY)
        assert identities(history) == identities(Point(7, 7, value) for value in values)
        assert [as_ordered(point.value) for point in history] == [-1.0, 0.0, 0.0, 3.0]

    def test_history_is_in_order_of_time_step_and_value(self, metrics: MetricStore) -> None:
        """Whatever order the batches came in."""
        points = [Point(time, step, value) for time in (1, 2) for step in (-1, 0, 1) for value in (-1.5, 2.0)]
        for point in [*points[::-2], *points[::2], *points]:
            metrics.append(RUN, MetricBatch.of(of_points([point])))
        assert metrics.read_history(RUN, KEY) == points

    def test_pages_of_a_history_hold_every_point_once(self, metrics: MetricStore) -> None:
        """Ties and NaN at the edge of a page included."""
        points = [Point(index // 4, index // 2, 0.0) for index in range(20)]
        points += [Point(1, 2, math.nan), Point(1, 2, 1.0)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        whole = metrics.read_history(RUN, KEY)
        for size in (1, 3, 100):
            paged = [
                point
                for offset in range(0, len(whole) + size, size)
                for point in metrics.read_history(RUN, KEY, size, offset)
            ]
            assert list(map(identity, paged)) == list(map(identity, whole))
        assert len(whole) == len(identities(points))

    @pytest.mark.parametrize(
        ("window", "found"),
        [
            (Window(start=3, end=5.5), [5, 4, 3]),
            (Window(Axis.TIME, 2, 4), [7, 6, 5]),
            (Window(start=8), [9, 8]),
            (Window(end=-1), []),
        ],
    )
    def test_a_history_may_be_of_a_window(
        self, metrics: MetricStore, window: Window, found: Sequence[int]
    ) -> None:
        """In the order of the history, and paged within the window."""
        points = [Point(9 - step, step, 0.0) for step in range(10)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        assert metrics.read_history(RUN, KEY, window=window).steps.tolist() == found
        pages = [metrics.read_history(RUN, KEY, 2, offset, window) for offset in range(0, 4, 2)]
        assert [point.step for page in pages for point in page] == found

    @pytest.mark.parametrize(
        ("points", "latest"),
        [
            ([Point(9, 1, 1.0), Point(1, 2, 2.0)], Point(1, 2, 2.0)),
            ([Point(2, 1, 1.0), Point(1, 1, 2.0)], Point(2, 1, 1.0)),
            ([Point(1, 1, 1.0), Point(1, 1, 2.0), Point(1, 1, -3.0)], Point(1, 1, 2.0)),
            ([Point(1, 1, math.nan), Point(1, 1, 1.0)], Point(1, 1, 1.0)),
            ([Point(1, 1, math.nan), Point(1, 1, -1.0)], Point(1, 1, math.nan)),
            ([Point(1, 1, -1.0), Point(1, 1, math.nan)], Point(1, 1, math.nan)),
            ([Point(1, 1, math.nan), Point(1, 1, 0.0)], Point(1, 1, math.nan)),
            ([Point(1, 1, 0.0), Point(1, 1, math.nan)], Point(1, 1, math.nan)),
            ([Point(1, 1, math.inf), Point(1, 1, 5.0)], Point(1, 1, math.inf)),
            ([Point(1, -5, 1.0), Point(1, -6, 2.0)], Point(1, -5, 1.0)),
        ],
    )
    @pytest.mark.parametrize("in_one_batch", [True, False])
    def test_the_latest_point_is_the_greatest_by_step_time_and_value(
        self, metrics: MetricStore, points: Sequence[Point], latest: Point, in_one_batch: bool
    ) -> None:
        """NaN counts as 0, and comes after it."""
        batches = [of_points(points)] if in_one_batch else [of_points([point]) for point in points]
        for batch in batches:
            metrics.append(RUN, MetricBatch.of(batch))
        kept = metrics.read_latest([RUN])[RUN][0]
        assert identity(Point(kept.timestamp_ms, kept.step, kept.value)) == identity(latest)

    def test_latest_points_are_of_the_runs_that_were_asked_for(self, metrics: MetricStore) -> None:
        """By key, and a run without points has none."""
        metrics.append(RUN, MetricBatch.of([Metric("b", 1.0, 1), Metric("a", 2.0, 1), Metric("a/c", 3.0, 1)]))
        metrics.append(OTHER_RUN, MetricBatch.of([Metric("a", 9.0, 1)]))
        assert metrics.read_latest([]) == {}
        assert metrics.read_latest([RUN, "no-such-run"]) == {
            RUN: [Metric("a", 2.0, 1), Metric("a/c", 3.0, 1), Metric("b", 1.0, 1)],
            "no-such-run": [],
        }
        assert [metric.value for metric in metrics.read_latest([OTHER_RUN])[OTHER_RUN]] == [9.0]

    def test_runs_and_keys_are_series_of_their_own(self, metrics: MetricStore) -> None:
        """A key that begins like another, or differs in case only, is another."""
        for number, (run_id, key) in enumerate([(RUN, "a"), (RUN, "A"), (RUN, "a/b"), (OTHER_RUN, "a")]):
            metrics.append(run_id, MetricBatch.of([Metric(key, float(number), 1)]))
        assert [point.value for point in metrics.read_history(RUN, "a")] == [0.0]
        assert [point.value for point in metrics.read_history(RUN, "A")] == [1.0]
        assert [point.value for point in metrics.read_history(OTHER_RUN, "a")] == [3.0]
        assert metrics.read_history(OTHER_RUN, "A") == []

    def test_a_whole_batch_of_a_thousand_metrics_is_kept(self, metrics: MetricStore) -> None:
        """As many keys as MLflow allows in one request, and as many points of one key."""
        metrics.append(
            RUN, MetricBatch.of([Metric(f"key/{number}", float(number), 1) for number in range(1000)])
        )
        metrics.append(
            RUN, MetricBatch.of([Metric("one", float(number), number, number) for number in range(1000)])
        )
        metrics.append(RUN, MetricBatch.of([]))
        latest = {metric.key: metric.value for metric in metrics.read_latest([RUN])[RUN]}
        assert latest == {**{f"key/{number}": float(number) for number in range(1000)}, "one": 999.0}
        assert len(metrics.read_history(RUN, "one")) == 1000

    def test_a_failed_transaction_leaves_no_point(self, store: MetricsUnderTest, tmp_path: Path) -> None:
        """Neither in the history nor as the latest, and what was there before stays."""
        store.metrics.append(RUN, MetricBatch.of([Metric(KEY, 1.0, 1)]))

        def append_and_fail() -> None:
            with store.atomic():
                store.metrics.append(RUN, MetricBatch.of([Metric(KEY, 2.0, 2), Metric("new", 2.0, 2)]))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            append_and_fail()
        assert store.metrics.read_latest([RUN])[RUN] == [Metric(KEY, 1.0, 1)]
        assert self.kept_points(tmp_path, RUN, KEY) == [Point(1, 0, 1.0)]
        assert self.kept_points(tmp_path, RUN, "new") == []

    def test_a_transaction_appends_to_many_runs_and_sees_it(self, store: MetricsUnderTest) -> None:
        """Each run gets its own points, in the transaction and after it; a run that is none undoes all."""
        batches = [(run_id, float(step)) for step in range(7) for run_id in (RUN, OTHER_RUN, RUN)]
        latest = {RUN: [Metric(KEY, 6.0, 6, 6)], OTHER_RUN: [Metric(KEY, 6.0, 6, 6)]}
        with store.atomic():
            for run_id, step in batches:
                metric = Metric(KEY, step, int(step), int(step))
                assert store.metrics.append(run_id, MetricBatch.of([metric]))
            assert store.metrics.read_latest([RUN, OTHER_RUN]) == latest
        assert [point.value for point in store.metrics.read_history(OTHER_RUN, KEY)] == [
            *map(float, range(7))
        ]

        def append_to_no_run() -> None:
            with store.atomic():
                for run_id in (RUN, "no-run", OTHER_RUN):
                    store.metrics.append(run_id, MetricBatch.of([Metric(KEY, 9.0, 9, 9)]))

        with pytest.raises(NotFound, match="no-run"):
            append_to_no_run()
        assert store.metrics.read_latest([RUN, OTHER_RUN]) == latest

    def test_what_was_appended_is_there_for_whoever_opens_the_store_next(
        self, store: MetricsUnderTest, tmp_path: Path
    ) -> None:
        """Once ``append`` has returned; the first store need not be closed."""
        store.metrics.append(RUN, MetricBatch.of(of_points([Point(1, 1, math.nan), Point(2, 2, 0.5)])))
        with contextlib.closing(self.open_store(tmp_path)) as again:
            assert len(again.metrics.read_history(RUN, KEY)) == 2
            assert again.metrics.read_latest([RUN])[RUN] == [Metric(KEY, 0.5, 2, 2)]

    def test_many_threads_append_to_one_series(self, metrics: MetricStore) -> None:
        """No point is lost, and the latest is the greatest whoever came last."""

        def append(worker: int) -> None:
            for number in range(10):
                step = number * 8 + worker
                batch = [Metric(KEY, float(step), step, step), Metric(f"own/{worker}", 0.0, number)]
                metrics.append(RUN, MetricBatch.of(batch))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(append, range(8)))
        assert [point.step for point in metrics.read_history(RUN, KEY)] == list(range(80))
        assert {metric.key: metric.step for metric in metrics.read_latest([RUN])[RUN]}[KEY] == 79
