"""Points of one series as columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runyard.entities.metric import Metric, MetricBatch, Point
from runyard.stores.metrics.points import Buckets, Points
from runyard.testing.strategies import INT64_MAX, INT64_MIN

EDGES = [Point(INT64_MIN, INT64_MAX, 5e-324), Point(INT64_MAX, INT64_MIN, -math.inf), Point(0, 0, math.nan)]


def test_points_are_columns_and_a_sequence_of_points():
    points = Points.of(EDGES)
    assert points.timestamps_ms.tolist() == [INT64_MIN, INT64_MAX, 0]
    assert points.steps.tolist() == [INT64_MAX, INT64_MIN, 0]
    assert repr(list(points)) == repr(EDGES)
    assert points[0] == EDGES[0]
    assert type(points[-1].timestamp_ms) is int
    assert type(points[-1].value) is float


def test_a_slice_of_points_is_points():
    points = Points.of(EDGES)
    assert points[1:] == Points.of(EDGES[1:])
    assert points[5:] == Points.empty()
    assert len(points[:2]) == 2


def test_points_are_equal_if_they_are_the_same_ones():
    points = Points.of(EDGES)
    assert points == Points.of(list(points))
    assert points == EDGES
    assert Points.of([Point(1, 1, -0.0)]) == Points.of([Point(1, 1, 0.0)])
    for other in (Point(0, 0, 0.0), Point(0, 1, math.nan), Point(1, 0, math.nan)):
        assert points != Points.of([*EDGES[:2], other])
    assert points != points[:2]
    assert Points.empty() == []
    assert points != "abc"


def test_points_of_no_parts_are_none():
    assert len(Points.joined([])) == 0
    assert Points.joined([Points.empty(), Points.of(EDGES)]) == EDGES


def test_points_in_order_are_not_copied():
    for points in (
        [Point(1, 5, 0.0), Point(2, 4, 0.0)],
        [Point(1, 1, 0.0), Point(1, 1, math.nan)],
        EDGES[:1],
        [],
    ):
        columns = Points.of(points)
        assert columns.in_order() is columns


@pytest.mark.parametrize(
    ("late", "place"),
    [
        (Point(3, 3, 0.5), 3),
        (Point(3, 3, 1.5), 4),
        (Point(3, 2, 1.5), 3),
        (Point(0, 0, 0.5), 0),
        (Point(3, 3, math.nan), 3),
        (Point(9, 0, math.nan), 6),
    ],
)
def test_a_late_point_goes_to_its_place_once(late: Point, place: int):
    points = [Point(number, number, 1.0) for number in range(6)]
    ordered = Points.of([*points, late, late, *points[2:4]]).in_order()
    assert ordered == Points.of([*points[:place], late, *points[place:]])


def test_all_nan_are_one_value():
    other_nan = np.array([0x7FF8000000000001], np.int64).view(np.float64)
    twice = Points(np.zeros(2, np.int64), np.zeros(2, np.int64), np.concatenate(([math.nan], other_nan)))
    assert len(twice.in_order()) == 1


def test_a_batch_has_a_column_for_each_part_of_a_metric():
    batch = MetricBatch.of([Metric("a", 1.5, 7, 3), Metric("b", math.inf, 8)])
    assert batch == MetricBatch(["a", "b"], [1.5, math.inf], [7, 8], [3, 0])
    assert len(batch) == 2
    assert len(MetricBatch.of([])) == 0


def test_buckets_are_a_sequence_of_buckets():
    assert list(Buckets.empty()) == []
    whole, values = np.arange(3), np.arange(3) / 2
    buckets = Buckets(whole, whole, values, values, values, values, values)
    assert (buckets[1].x, buckets[1].count, buckets[1].mean) == (1, 1, 0.5)
    assert [bucket.x for bucket in buckets[1:]] == [1, 2]
