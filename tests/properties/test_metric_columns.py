"""The columns of the metric store against plain Python."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.metric import MetricBatch, Point
from runyard.stores.metrics.base import Axis, Window
from runyard.stores.metrics.chunks import open_chunk, open_packed, seal, seal_packed
from runyard.stores.metrics.packing import (
    PackedBatch,
    pack_batch,
    points_by_key,
    unpack_batch,
    unpack_batches,
)
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.spans import PreBuckets, Spans
from runyard.stores.metrics.summaries import Summary, join_summaries, summarise
from runyard.stores.metrics.thinning import by_step, sample, thin, thin_buckets
from runyard.testing.metric_oracle import check_bucket, identity, tiles, x_of
from runyard.testing.strategies import metrics, points, values

some_points = st.lists(points(), max_size=40)
batches = st.lists(
    st.lists(metrics(st.sampled_from("abc")), max_size=100).map(MetricBatch.of), min_size=1, max_size=6
)
# As trainings log them: rising steps, times with jitter, values of few digits or of 32 bits among them.
trainings = st.builds(
    lambda seed, count, digits: training(seed, count, digits),
    st.integers(0, 2**32),
    st.integers(1, 700),
    st.sampled_from([0, 2, 9, 20, 32]),
)


def training(seed: int, count: int, digits: int) -> list[Point]:
    noise = random.Random(seed)
    drawn = [noise.gauss(0, 10.0 ** noise.randint(-5, 5)) for _ in range(count)]
    if digits == 32:
        drawn = np.array(drawn, np.float32).astype(float).tolist()
    stride, jitter_ms = noise.randint(0, 3), noise.choice([0, 5, 100_000])
    rows = [
        Point(1000 * row + noise.randint(0, jitter_ms), row * stride, round(value, digits))
        for row, value in enumerate(drawn)
    ]
    return list(Points.of(rows).in_order())


def in_order(rows: list[Point]) -> list[Point]:
    """Return points as MLflow's primary key and order keep them."""
    distinct = {identity(row): row for row in reversed(rows)}.values()
    return sorted(distinct, key=rank)


def rank(point: Point) -> tuple[int, int, float, bool]:
    is_nan = math.isnan(point.value)
    return (point.timestamp_ms, point.step, 0.0 if is_nan else point.value, is_nan)


def summary_of(rows: list[Point]) -> Summary:
    last = max(rows, key=lambda row: (row.step, row.timestamp_ms, *rank(row)[2:]))
    real = [row.value for row in rows if not math.isnan(row.value)]
    extremes = (min(real), max(real)) if real else (None, None)
    return Summary(last.step, last.timestamp_ms, last.value, *extremes)


def rows_of(batch: MetricBatch, key: str) -> list[Point]:
    rows = zip(batch.keys, batch.timestamps_ms, batch.steps, batch.values, strict=True)
    return [Point(time, step, value) for own, time, step, value in rows if own == key]


def bits(series: Points) -> tuple[bytes, bytes, list[str]]:
    return series.timestamps_ms.tobytes(), series.steps.tobytes(), list(map(repr, series.values.tolist()))


def check_thinned(series: Points, buckets, axis: Axis, width: int) -> None:
    assert 0 < len(buckets) <= width
    end = 0
    for bucket in buckets:
        own, end = list(series[end : end + bucket.count]), end + bucket.count
        assert bucket.x == x_of(own[0], axis)
        check_bucket(bucket, own)
    assert end == len(series)


@given(some_points, st.data())
def test_order_and_identity_are_those_of_plain_sorting(rows, data):
    repeated = rows + data.draw(st.lists(st.sampled_from(rows), max_size=10) if rows else st.just([]))
    ordered = Points.of(data.draw(st.permutations(repeated))).in_order()
    assert ordered == in_order(rows)
    assert ordered.in_order() is ordered


@given(batches)
def test_batches_come_back_from_their_bytes(batches: list[MetricBatch]):
    unpacked = [unpack_batch(pack_batch(batch)) for batch in batches]
    found = points_by_key(unpacked)
    for key in "abc":
        rows = [row for batch in batches for row in rows_of(batch, key)]
        assert bits(found.get(key, Points.empty())) == bits(Points.of(rows))


@given(batches)
def test_batches_unpacked_together_hold_the_same_points(batches: list[MetricBatch]):
    packed = [pack_batch(batch) for batch in batches]
    found = points_by_key(unpack_batches(packed))
    expected = points_by_key([unpack_batch(each) for each in packed])
    assert {key: bits(points.in_order()) for key, points in found.items()} == {
        key: bits(points.in_order()) for key, points in expected.items()
    }


@given(batches, st.data())
def test_joins_take_batches_in_any_order_any_number_of_times(batches: list[MetricBatch], data):
    rows = {key: [row for batch in batches for row in rows_of(batch, key)] for key in "abc"}
    expected = {key: summary_of(own) for key, own in rows.items() if own}
    again: list[MetricBatch | PackedBatch] = [*batches]
    again += [unpack_batch(pack_batch(batch)) for batch in data.draw(st.lists(st.sampled_from(batches)))]
    again = data.draw(st.permutations(again))
    cut = data.draw(st.integers(0, len(again)))
    summaries = summarise(again[:cut])
    join_summaries(summaries, summarise(again[cut:]))
    assert {key: plain(summary) for key, summary in summaries.items()} == {
        key: plain(summary) for key, summary in expected.items()
    }


def plain(summary: Summary) -> tuple[object, ...]:
    """Return what compares as summaries do: NaN is NaN, and -0.0 is 0.0."""
    last = "NaN" if math.isnan(summary.last_value) else summary.last_value
    return (summary.last_step, summary.last_timestamp_ms, last, summary.minimum, summary.maximum)


@given(trainings | some_points.filter(bool).map(in_order))
def test_a_chunk_loses_nothing(rows: list[Point]):
    series = Points.of(rows)
    assert bits(open_chunk(seal(series).columns)) == bits(series)


@given(
    st.dictionaries(
        st.integers(1, 2**40), trainings | some_points.filter(bool).map(in_order), min_size=1, max_size=4
    )
)
def test_series_packed_together_lose_nothing(rows: dict[int, list[Point]]):
    series = {key_id: Points.of(own) for key_id, own in rows.items()}
    columns = seal_packed(series).columns
    opened = open_packed(columns)
    assert {key_id: bits(own) for key_id, own in opened.items()} == {
        key_id: bits(own) for key_id, own in series.items()
    }


@given(st.lists(values(), min_size=1, max_size=60), st.sets(st.integers(1, 59)), st.sets(st.integers(1, 59)))
def test_what_neighbours_come_to_is_the_same_in_one_go_and_in_two(taken, some, more):
    first_cut = [0, *sorted(start for start in some | more if start < len(taken))]
    last_cut = [0, *sorted(start for start in some if start < len(taken))]
    column = np.array(taken)
    at_once = Spans.of(column, np.array(last_cut))
    in_two = Spans.of(column, np.array(first_cut)).merged(np.searchsorted(first_cut, last_cut))
    for name in ("counts", "value_counts", "firsts", "lasts", "minima", "maxima"):
        np.testing.assert_array_equal(getattr(at_once, name), getattr(in_two, name))
    for row, (start, end) in enumerate(zip(last_cut, [*last_cut[1:], len(taken)], strict=True)):
        real = [value for value in taken[start:end] if not math.isnan(value)]
        if real and all(map(math.isfinite, real)):
            allowed = max(map(abs, real)) * 1e-9
            assert abs(at_once.means[row] - in_two.means[row]) <= allowed


@pytest.mark.parametrize("axis", Axis)
@given(rows=some_points.filter(bool).map(in_order), width=st.integers(1, 12))
def test_buckets_are_true_of_their_points(axis: Axis, rows: list[Point], width: int):
    thinned = thin(Points.of(rows), Window(axis), width)
    ordered = Points.of(sorted(rows, key=lambda row: (x_of(row, axis), *rank(row))))
    assert thinned.point_count == len(rows)
    if len(rows) <= width:
        assert thinned.points == ordered
        return
    check_thinned(ordered, thinned.buckets, axis, width)
    xs = [x_of(row, axis) for row in ordered]
    parts = {(x - xs[0]) * width // (xs[-1] - xs[0] + 1) for x in xs}
    assert len(thinned.buckets) == len(parts)


@pytest.mark.parametrize("axis", Axis)
@given(rows=trainings, width=st.integers(1, 5))
def test_buckets_of_pre_buckets_are_true_of_their_points(axis: Axis, rows: list[Point], width: int):
    series = Points.of(rows)
    buckets = PreBuckets.of(series)
    if axis is Axis.STEP and not buckets.is_by_step:
        return
    thinned = thin_buckets(buckets, axis, width)
    assert thinned.point_count == len(series)
    check_thinned(series, thinned.buckets, axis, width)


@given(
    some_points.map(in_order),
    st.none() | st.tuples(st.floats(), st.none() | st.floats(allow_nan=False)),
    st.sampled_from(list(Axis)),
)
def test_a_window_holds_what_lies_between_its_ends(rows, ends, axis):
    start, end = ends or (None, None)
    if start is not None and math.isnan(start):
        start = None
    found = thin(Points.of(rows), Window(axis, start, end), 1000).points
    inside = [
        row
        for row in rows
        if (start is None or x_of(row, axis) >= start) and (end is None or x_of(row, axis) <= end)
    ]
    assert sorted(map(rank, found)) == sorted(map(rank, inside))


@given(
    some_points.map(in_order),
    st.integers(1, 50),
    st.none() | st.tuples(st.integers(-2, 6), st.integers(-2, 6)),
)
def test_a_sample_is_mlflows(rows, limit, steps):
    inside = [row for row in rows if steps is None or steps[0] <= row.step <= steps[1]]
    ordered = by_step(Points.of(inside))
    assert sample(Points.of(rows), limit, steps) == tiles(list(ordered), limit)
