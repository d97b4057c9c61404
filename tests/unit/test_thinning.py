"""What a chart draws of a series, from its points and from its pre-buckets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runyard.entities.metric import Point
from runyard.stores.metrics.base import Axis, Window
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.spans import PreBuckets, Spans
from runyard.stores.metrics.thinning import may_snap, sample, sample_buckets, thin, thin_buckets
from runyard.testing.metric_oracle import check_bucket, tiles, x_of
from runyard.testing.strategies import INT64_MAX, INT64_MIN

LARGEST = 1.7976931348623157e308


def span_of(*values: float) -> Spans:
    return Spans.of(np.array(values), np.zeros(1, np.intp))


def a_series(count: int) -> Points:
    values = [math.sin(number / 50) if number % 7 else math.nan for number in range(count)]
    return Points.of(Point(1000 + 3 * number, number, value) for number, value in enumerate(values))


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([LARGEST, LARGEST, LARGEST], LARGEST),
        ([LARGEST, LARGEST, -LARGEST, -LARGEST], 0.0),
        ([5e-324, 5e-324, 5e-324], 5e-324),
        ([1.0, math.nan, 3.0], 2.0),
        ([math.nan, 1.0], 1.0),
        ([math.inf, 1.0], math.inf),
        ([math.inf, 1.0, -math.inf], math.nan),
        ([math.nan], math.nan),
    ],
)
def test_the_mean_is_true_at_the_edges_of_what_a_float_holds(values: list[float], mean: float):
    assert repr(span_of(*values).means.tolist()) == repr([mean])
    doubled = Spans.joined([span_of(*values), span_of(*values)]).merged(np.zeros(1, np.intp))
    assert repr(doubled.means.tolist()) == repr([mean])


def test_nan_counts_as_a_point_and_hides_no_value():
    span = span_of(math.nan, 1.0, math.nan, 3.0)
    assert (span.counts[0], span.value_counts[0], span.minima[0], span.maxima[0]) == (4, 2, 1.0, 3.0)
    assert math.isnan(span.firsts[0])
    assert len(span.merged(np.zeros(0, np.intp))) == 0


@pytest.mark.parametrize("axis", Axis)
def test_pre_buckets_make_the_buckets_of_a_chart(axis: Axis):
    """Each is true of its own points, and none begins more than 63 points from where it would."""
    points, width = a_series(5000), 10
    fine, coarse = thin(points, Window(axis), width), thin_buckets(PreBuckets.of(points), axis, width)
    assert coarse.point_count == fine.point_count == 5000
    assert len(coarse.buckets) == width
    end = 0
    for bucket in coarse.buckets:
        own, end = list(points[end : end + bucket.count]), end + bucket.count
        assert bucket.x == x_of(own[0], axis)
        check_bucket(bucket, own)
    assert end == 5000
    assert np.abs(np.cumsum(coarse.buckets.counts) - np.cumsum(fine.buckets.counts)).max() < 64


def test_pre_buckets_of_two_chunks_are_joined():
    points = a_series(1000)
    parts = [PreBuckets.of(points[:600]), PreBuckets.of(points[600:])]
    joined = PreBuckets.joined(parts)
    assert joined.is_by_step
    assert (len(joined), joined.spans.counts.sum()) == (10 + 7, 1000)
    assert not PreBuckets.joined(parts[::-1]).is_by_step
    assert PreBuckets.joined(parts[:1]) is parts[0]


def test_steps_that_fall_are_told():
    """A chart over steps is then made from the points."""
    assert not PreBuckets.of(Points.of([Point(1, 5, 0.0), Point(2, 4, 0.0)])).is_by_step
    assert PreBuckets.of(Points.of([Point(1, 5, 0.0), Point(2, 5, 0.0)])).is_by_step


@pytest.mark.parametrize("limit", [1, 2, 7, 20])
def test_a_sample_of_pre_buckets_is_of_points_about_where_they_would_be(limit: int):
    points = a_series(256 * 20)
    fine, coarse = sample(points, limit), sample_buckets(PreBuckets.of(points), limit)
    assert fine == tiles(points, limit)
    assert len(coarse) == limit
    assert coarse[-1] == points[-1]
    assert set(map(repr, coarse)) <= set(map(repr, points))
    assert ((coarse.steps <= fine.steps) & (coarse.steps > fine.steps - 64)).all()


def test_a_chart_is_made_from_pre_buckets_when_there_are_four_to_a_bucket():
    assert may_snap(256 * 320, 320)
    assert not may_snap(256 * 320 - 1, 320)
    assert not may_snap(256 * 320, 320, 4096)


@pytest.mark.parametrize(
    ("window", "count"),
    [
        (Window(start=INT64_MIN, end=INT64_MAX), 5),
        (Window(start=1e300), 0),
        (Window(end=1e300), 5),
        (Window(start=-1e300), 5),
        (Window(end=-1e300), 0),
        (Window(start=2**53 + 1), 2),
        (Window(start=math.inf, end=-math.inf), 0),
        (Window(start=0.5, end=0.6), 0),
    ],
)
def test_a_window_is_exact_for_steps_of_64_bits(window: Window, count: int):
    steps = [INT64_MIN, 0, 2**53, 2**53 + 1, INT64_MAX]
    points = Points.of(Point(number, step, 1.0) for number, step in enumerate(steps))
    assert thin(points, window, 10).point_count == count


def test_nothing_is_made_of_nothing():
    assert thin(Points.empty(), Window(), 5).point_count == 0
    assert len(sample(Points.empty(), 5)) == 0
    assert len(sample(a_series(5), 5, (7, 6))) == 0
