"""The latest point, the least and the greatest value of each series."""

from __future__ import annotations

import math

import pytest

from runyard.entities.metric import Metric, MetricBatch, Point
from runyard.stores.metrics.packing import pack_batch, unpack_batch
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.summaries import Summary, join_batch, join_summaries, summarise, summarise_points


def batch_of(points: list[Point], key: str = "a") -> MetricBatch:
    return MetricBatch.of([Metric(key, point.value, point.timestamp_ms, point.step) for point in points])


@pytest.mark.parametrize("repeats", [1, 100])
@pytest.mark.parametrize(
    ("points", "summary"),
    [
        ([Point(9, 1, 1.0), Point(1, 2, 2.0)], Summary(2, 1, 2.0, 1.0, 2.0)),
        ([Point(2, 1, 1.0), Point(1, 1, 2.0)], Summary(1, 2, 1.0, 1.0, 2.0)),
        ([Point(1, 1, 1.0), Point(1, 1, 2.0), Point(1, 1, -3.0)], Summary(1, 1, 2.0, -3.0, 2.0)),
        ([Point(1, 1, math.nan), Point(1, 1, -1.0)], Summary(1, 1, math.nan, -1.0, -1.0)),
        ([Point(1, 1, math.nan), Point(1, 1, 0.0)], Summary(1, 1, math.nan, 0.0, 0.0)),
        ([Point(1, 1, math.nan), Point(1, 1, 0.5)], Summary(1, 1, 0.5, 0.5, 0.5)),
        ([Point(1, 1, math.nan)], Summary(1, 1, math.nan, None, None)),
        ([Point(1, 1, math.nan), Point(2, 2, math.inf)], Summary(2, 2, math.inf, math.inf, math.inf)),
        ([Point(1, -(2**63), -math.inf)], Summary(-(2**63), 1, -math.inf, -math.inf, -math.inf)),
    ],
)
def test_a_summary_holds_the_latest_point_and_the_extremes(
    points: list[Point], summary: Summary, repeats: int
):
    for order in (points, points[::-1]):
        batch = batch_of(order * repeats)
        for one in (batch, unpack_batch(pack_batch(batch))):
            assert repr(summarise([one])) == repr({"a": summary})


def test_series_are_summed_up_by_key():
    batches = [batch_of([Point(1, step, float(step)) for step in range(100)], key) for key in "abc"]
    batches.append(MetricBatch(["c", "d", "a"], [7.0, 8.0, 0.5], [9, 9, 9], [5, 5, 500]))
    expected = {
        "a": Summary(500, 9, 0.5, 0.0, 99.0),
        "b": Summary(99, 1, 99.0, 0.0, 99.0),
        "c": Summary(99, 1, 99.0, 0.0, 99.0),
        "d": Summary(5, 9, 8.0, 8.0, 8.0),
    }
    assert summarise(batches) == expected
    assert summarise([unpack_batch(pack_batch(batch)) for batch in batches]) == expected
    assert summarise([]) == {}


def test_summaries_of_a_run_take_in_others():
    summaries: dict[str, Summary] = {}
    join_batch(summaries, MetricBatch(["a", "b"], [1.0, 2.0], [1, 1], [1, 1]))
    join_summaries(summaries, {"b": Summary(0, 0, -5.0, -5.0, 9.0), "c": Summary.of_point(1, 2, 3.0)})
    assert summaries == {
        "a": Summary(1, 1, 1.0, 1.0, 1.0),
        "b": Summary(1, 1, 2.0, -5.0, 9.0),
        "c": Summary(1, 2, 3.0, 3.0, 3.0),
    }


def test_a_series_is_summed_up_alone():
    assert summarise_points(Points.of([Point(3, 1, 0.5), Point(4, 0, 2.5)])) == Summary(1, 3, 0.5, 0.5, 2.5)
