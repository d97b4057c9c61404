"""The rules that every metric store must pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from runyard.entities.metric import Bucket, Metric, MetricBatch, Point
from runyard.stores.metrics.base import Axis, MetricStore, Window
from runyard.testing.metric_oracle import check_bucket, identities, identity, tiles, x_of
from runyard.testing.metric_point_rules import KEY, RUN, PointRules, of_points
from runyard.testing.strategies import INT64_MAX, INT64_MIN


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
