"""The rules that every metric store must pass."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.metric import Bucket, Metric, MetricBatch, Point
from runyard.errors import NotFound
from runyard.stores.metrics.base import Axis, MetricStore, Window
from runyard.testing.strategies import INT64_MAX, INT64_MIN, MAX_TIMESTAMP_MS

RUN, OTHER_RUN = "a" * 32, "b" * 32
KEY = "loss"
Identity = tuple[int, int, float | str]


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


def identity(point: Point) -> Identity:
    """Return what makes a point the same as another; unlike floats, two NaN are."""
    value: float | str = "NaN" if math.isnan(point.value) else point.value + 0.0
    return (point.timestamp_ms, point.step, value)


def x_of(point: Point, axis: Axis) -> int:
    """Return where a point lies on an axis."""
    return point.step if axis is Axis.STEP else point.timestamp_ms


def identities(points: Iterable[Point]) -> set[Identity]:
    """Return the identities of points, for comparisons in which their order does not count."""
    return {identity(point) for point in points}


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def latest_of(points: Iterable[Point]) -> tuple[int, int, float]:
    """Return the greatest (step, timestamp, value) by brute force, NaN counting as 0."""
    return max((point.step, point.timestamp_ms, _number(point.value)) for point in points)


def tiles(points: Sequence[Point], limit: int) -> list[Point]:
    """Return MLflow's sample: the first of each of ``limit`` even parts, and the end."""
    ordered = sorted(points, key=lambda point: (point.step, point.timestamp_ms, _number(point.value)))
    short, longer = divmod(len(ordered), limit)
    starts = [number * short + min(number, longer) for number in range(min(limit, len(ordered)))]
    sample = [ordered[start] for start in starts]
    if starts and starts[-1] != len(ordered) - 1:
        sample = [*sample[: limit - 1], ordered[-1]]
    return sample


def check_bucket(bucket: Bucket, points: Sequence[Point]) -> None:
    """Fail unless a bucket says the truth about the points that it stands for.

    Args:
        bucket: What the store made of them.
        points: The points in order of x.
    """
    real = [point.value for point in points if not math.isnan(point.value)]
    assert bucket.count == len(points)
    assert repr((bucket.first, bucket.last)) == repr((points[0].value, points[-1].value))
    if not real:
        assert all(map(math.isnan, (bucket.minimum, bucket.maximum, bucket.mean)))
        return
    assert (bucket.minimum, bucket.maximum) == (min(real), max(real))
    if math.inf in real or -math.inf in real:
        assert repr(bucket.mean) == repr(sum(value for value in real if math.isinf(value)))
    else:
        exact = [Fraction(value) for value in real]
        mean = sum(exact, Fraction()) / len(exact)
        assert abs(Fraction(bucket.mean) - mean) <= max(map(abs, exact)) / 10**9


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

    def test_what_is_no_number_comes_back_as_it_was(self, metrics: MetricStore, tmp_path: Path) -> None:
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
        assert [_number(point.value) for point in history] == [-1.0, 0.0, 0.0, 3.0]

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


class MetricStoreRules(PointRules):
    """Inherit, and implement the hooks, to hold a metric store to its contract."""

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 10, 11, 37])
    @pytest.mark.parametrize("limit", [1, 2, 3, 10, 2500])
    def test_a_sample_is_mlflows(self, metrics: MetricStore, count: int, limit: int) -> None:
        """Evenly taken by row, both ends kept, and the end alone with a limit of 1."""
        points = [Point(100 - number, number // 2, float(number % 5)) for number in range(count)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        sample = metrics.sample_history(RUN, KEY, limit)
        assert sample == tiles(points, limit)
        assert len(sample) == min(limit, count)

    def test_a_sample_keeps_points_that_share_a_step(self, metrics: MetricStore) -> None:
        """As when nobody gave steps: all of them are 0."""
        metrics.append(
            RUN, MetricBatch.of(of_points(Point(number, 0, float(number)) for number in range(100)))
        )
        sample = metrics.sample_history(RUN, KEY, 5)
        assert [point.value for point in sample] == [0.0, 20.0, 40.0, 60.0, 99.0]

    def test_a_sample_looks_at_the_steps_that_were_asked_for(self, metrics: MetricStore) -> None:
        """Both ends belong to them."""
        points = [Point(number, number, float(number)) for number in range(20)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        assert metrics.sample_history(RUN, KEY, 100, (5, 7)) == points[5:8]
        assert metrics.sample_history(RUN, KEY, 1, (5, 7)) == points[7:8]
        assert metrics.sample_history(RUN, KEY, 100, (INT64_MIN, INT64_MAX)) == points
        assert metrics.sample_history(RUN, KEY, 100, (40, 50)) == []

    def test_a_sample_may_end_in_nan(self, metrics: MetricStore) -> None:
        """NaN at an end is an end."""
        metrics.append(
            RUN, MetricBatch.of(of_points([Point(1, 1, math.nan), Point(2, 2, 0.5), Point(3, 3, math.nan)]))
        )
        assert repr([point.value for point in metrics.sample_history(RUN, KEY, 2)]) == "[nan, nan]"
        assert repr([point.value for point in metrics.sample_history(RUN, KEY, 1)]) == "[nan]"

    @pytest.mark.parametrize("axis", Axis)
    def test_points_that_fit_the_width_come_as_they_are(self, metrics: MetricStore, axis: Axis) -> None:
        """In order of x, ties by what is left of time, step and value."""
        points = [Point(10, 3, 1.0), Point(20, 2, math.inf), Point(20, 2, 2.0), Point(30, 1, -1.0)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        thinned = metrics.thin(RUN, [KEY], Window(axis), 4)[0]
        assert thinned.points == sorted(points, key=lambda point: (x_of(point, axis), *point))
        assert (thinned.point_count, list(thinned.buckets)) == (4, [])

    @pytest.mark.parametrize("axis", Axis)
    @pytest.mark.parametrize("width", [1, 2, 7, 99])
    def test_more_points_than_the_width_become_true_buckets(
        self, metrics: MetricStore, axis: Axis, width: int
    ) -> None:
        """Each point is in one bucket, and each bucket says the truth about its points."""
        values = [0.1, -4.0, math.nan, 2.5, 1e300, math.inf, -0.5, math.nan, math.nan, -1e300]
        points = [Point(number * number, number * 3, values[number % 10]) for number in range(100)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        thinned = metrics.thin(RUN, [KEY], Window(axis), width)[0]
        self._check_thinned(thinned.buckets, points, axis, width)
        assert (thinned.point_count, list(thinned.points)) == (100, [])

    @pytest.mark.parametrize("axis", Axis)
    def test_very_many_points_become_true_buckets_of_about_equal_parts(
        self, metrics: MetricStore, axis: Axis
    ) -> None:
        """Late points and the edges of a window among them; a part ends at most a quarter early or late."""
        points = [Point(5 * number, number, math.sin(number / 99)) for number in range(12_000)]
        late = points.pop(7000)
        for start in range(0, len(points), 4000):
            metrics.append(RUN, MetricBatch.of(of_points(points[start : start + 4000])))
        metrics.append(RUN, MetricBatch.of(of_points([late])))
        points.insert(7000, late)
        scale = 1 if axis is Axis.STEP else 5
        for window, inside in (
            (Window(axis), points),
            (Window(axis, 100 * scale, 11_000 * scale), points[100:11_001]),
        ):
            (thinned,) = metrics.thin(RUN, [KEY], window, 4)
            assert (thinned.point_count, len(thinned.buckets)) == (len(inside), 4)
            self._check_thinned(thinned.buckets, inside, axis, 4)
            for bucket in thinned.buckets:
                assert abs(bucket.count - len(inside) / 4) <= len(inside) / 8

    def test_a_sample_of_very_many_points_is_about_evenly_taken(self, metrics: MetricStore) -> None:
        """Of points that were logged, with both ends."""
        points = [Point(number, number, math.sin(number)) for number in range(12_000)]
        for start in range(0, len(points), 4000):
            metrics.append(RUN, MetricBatch.of(of_points(points[start : start + 4000])))
        sample = metrics.sample_history(RUN, KEY, 10)
        assert {identity(point) for point in sample} <= identities(points)
        assert (len(sample), sample[0], sample[-1]) == (10, points[0], points[-1])
        for point, even in zip(sample, tiles(points, 10), strict=True):
            assert 0 <= even.step - point.step <= 300

    def test_buckets_span_all_64_bits(self, metrics: MetricStore) -> None:
        """Steps that differ by more than 64 bits hold don't overflow."""
        points = [
            Point(1, INT64_MIN, 1.0),
            Point(1, 0, 2.0),
            Point(1, INT64_MAX - 1, 3.0),
            Point(1, INT64_MAX, 4.0),
        ]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        buckets = metrics.thin(RUN, [KEY], Window(), 2)[0].buckets
        assert [(bucket.x, bucket.count, bucket.last) for bucket in buckets] == [
            (INT64_MIN, 1, 1.0),
            (0, 3, 4.0),
        ]

    def test_many_points_at_one_step_make_one_bucket(self, metrics: MetricStore) -> None:
        """There is nothing to cut."""
        points = [Point(number, 5, float(number)) for number in range(10)]
        metrics.append(RUN, MetricBatch.of(of_points(points)))
        (bucket,) = metrics.thin(RUN, [KEY], Window(), 3)[0].buckets
        check_bucket(bucket, points)
        assert bucket.x == 5

    @pytest.mark.parametrize(
        ("window", "steps"),
        [
            (Window(start=3, end=5), [3, 4, 5]),
            (Window(start=3.5, end=5.5), [4, 5]),
            (Window(start=8), [8, 9]),
            (Window(end=1), [0, 1]),
            (Window(start=math.inf), []),
            (Window(start=-math.inf, end=0), [0]),
            (Window(start=5, end=4), []),
            (Window(Axis.TIME, start=1030, end=1040), [3, 4]),
        ],
    )
    def test_a_window_cuts_a_series(self, metrics: MetricStore, window: Window, steps: Sequence[int]) -> None:
        """Both ends belong to it, and what lies outside is neither drawn nor counted."""
        metrics.append(
            RUN, MetricBatch.of(of_points(Point(1000 + 10 * step, step, 0.0) for step in range(10)))
        )
        thinned = metrics.thin(RUN, [KEY], window, 100)[0]
        assert [point.step for point in thinned.points] == steps
        assert thinned.point_count == len(steps)

    def test_a_series_that_does_not_exist_is_empty(self, metrics: MetricStore) -> None:
        """Whether the run or the key is unknown."""
        metrics.append(RUN, MetricBatch.of([Metric(KEY, 1.0, 1)]))
        for run_id, key in ((RUN, "no-such-key"), ("no-such-run", KEY)):
            assert metrics.read_history(run_id, key) == []
            assert metrics.sample_history(run_id, key, 10) == []
            assert metrics.thin(run_id, [key], Window(), 10)[0].point_count == 0

    def test_a_removed_series_is_gone_and_begins_anew(self, metrics: MetricStore) -> None:
        """The others stay as they were, and what is no series is passed over."""
        points = [Point(1000 + step, step, step / 2) for step in range(100)]
        for key in (KEY, "other"):
            metrics.append(RUN, MetricBatch.of(of_points(points, key)))
        taken = metrics.remove_series(RUN, [KEY, "no-such-key"])
        assert (taken.points, taken.is_over) == (100, True)
        assert taken.size_bytes > 0
        assert metrics.read_history(RUN, KEY) == []
        assert metrics.read_history(RUN, "other") == points
        assert [metric.key for metric in metrics.read_latest([RUN])[RUN]] == ["other"]
        metrics.append(RUN, MetricBatch.of(of_points(points[:1])))
        assert metrics.read_history(RUN, KEY) == points[:1]
        assert metrics.remove_series("no-such-run", [KEY]).points == 0

    def test_a_run_is_taken_step_by_step(self, metrics: MetricStore) -> None:
        """In the end nothing is left, and what was taken is what was measured."""
        points = [Point(1000 + step, step, step / 2) for step in range(100)]
        for key in (KEY, "other"):
            metrics.append(RUN, MetricBatch.of(of_points(points, key)))
        metrics.settle()
        measured = metrics.measure_run(RUN)
        steps = [metrics.take_run(RUN)]
        while not steps[-1].is_over:
            steps.append(metrics.take_run(RUN))
        assert sum(step.points for step in steps) == measured.points == 200
        assert sum(step.size_bytes for step in steps) == measured.size_bytes > 0
        assert metrics.read_latest([RUN]) == {RUN: []}
        assert metrics.read_history(RUN, "other") == []
        assert metrics.take_run("no-such-run").is_over

    def _check_thinned(
        self, buckets: Sequence[Bucket], points: Sequence[Point], axis: Axis, width: int
    ) -> None:
        left = sorted(points, key=lambda point: x_of(point, axis))
        assert 0 < len(buckets) <= width
        for bucket in buckets:
            own, left = left[: bucket.count], left[bucket.count :]
            assert bucket.x == x_of(own[0], axis)
            check_bucket(bucket, own)
        assert left == []
