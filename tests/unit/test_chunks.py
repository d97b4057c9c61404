"""Sealed chunks hold what was sealed, in little room."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import zstandard

from runyard.entities.metric import Point
from runyard.stores.metrics.chunks import (
    MAX_CHUNK_POINTS,
    open_buckets,
    open_chunk,
    open_packed,
    seal,
    seal_packed,
)
from runyard.stores.metrics.packing import UnknownFormat
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.spans import PreBuckets
from runyard.testing.strategies import INT64_MAX, INT64_MIN

START_MS = 1_700_000_000_000


def a_training(count: int, seed: int = 0, digits: int | None = None, jitter_ms: int = 15) -> Points:
    """Return a loss that falls: a point a second or so, each with noise."""
    noise = random.Random(seed)
    return Points.of(
        Point(
            START_MS + 1000 * step + noise.randint(0, jitter_ms),
            step,
            round(1 + math.exp(-step / 3000) + noise.gauss(0, 0.05), digits or 20),
        )
        for step in range(count)
    )


def bits(points: Points) -> list[bytes]:
    return [points.timestamps_ms.tobytes(), points.steps.tobytes(), points.values.tobytes()]


@pytest.mark.parametrize(
    "values",
    [
        [0.1 + 0.2],
        [0.1, 0.25, -7.5, 3.0],
        [1.0, 2.0, 4.0, 1e15],
        [0.0, -0.0],
        [-0.0, 0.5, 0.25],
        [0.5, math.nan, math.inf, -math.inf],
        [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308],
        [2.0**53, 2.0**53 + 2, 2.0**60],
        [float(np.float32(0.1)), float(np.float32(1e-40)), 3.4028234663852886e38],
        [0.1, 0.2, 0.1 + 0.2],
        [1e-9, 0.123456789],
        [math.nan] * 5,
    ],
)
def test_no_bit_of_a_value_is_lost(values: list[float]):
    points = Points.of(Point(time, time, value) for time, value in enumerate(values))
    assert bits(open_chunk(seal(points).columns)) == bits(points)
    packed = {1: points, 5: points, 9: Points.of([Point(1, 1, 1 / 3)])}
    opened = open_packed(seal_packed(packed).columns)
    assert {key_id: bits(series) for key_id, series in opened.items()} == {
        key_id: bits(series) for key_id, series in packed.items()
    }


def test_steps_and_times_may_lie_as_far_apart_as_64_bits_hold():
    points = Points.of(
        [Point(INT64_MIN, INT64_MAX, 0.0), Point(0, INT64_MIN, 0.0), Point(INT64_MAX, INT64_MAX, 0.0)]
    )
    chunk = seal(points)
    assert open_chunk(chunk.columns) == points
    assert (chunk.first_timestamp_ms, chunk.last_timestamp_ms) == (INT64_MIN, INT64_MAX)
    assert (chunk.first_step, chunk.last_step, chunk.point_count) == (INT64_MIN, INT64_MAX, 3)
    assert open_packed(seal_packed({2: points, 1: points[1:]}).columns) == {1: points[1:], 2: points}


def test_a_chunk_says_what_lies_in_it():
    chunk = seal(Points.of([Point(5, 9, 0.0), Point(6, 2, 0.0), Point(8, 4, 0.0)]))
    assert (chunk.first_timestamp_ms, chunk.last_timestamp_ms) == (5, 8)
    assert (chunk.first_step, chunk.last_step, chunk.point_count, chunk.buckets) == (2, 9, 3, b"")


@pytest.mark.parametrize(
    ("points", "most"),
    [
        (a_training(MAX_CHUNK_POINTS), 9.5),
        (a_training(MAX_CHUNK_POINTS, jitter_ms=4000), 11),
        (a_training(MAX_CHUNK_POINTS, digits=4), 3.5),
        (Points.of(Point(START_MS, step, 1 / 3) for step in range(500)), 0.2),
        (a_training(200), 10),
    ],
)
def test_a_point_takes_few_bytes(points: Points, most: float):
    chunk = seal(points)
    assert (len(chunk.columns) + len(chunk.buckets)) / len(points) <= most


def test_bytes_of_high_significance_have_a_code_of_their_own():
    # Uniform values: 52 bits of each are noise, and the first 12 fit into two.
    noise = random.Random(1)
    rows = [Point(START_MS + 100 * step, step, noise.random()) for step in range(2000)]
    chunk = seal_packed({1: Points.of(rows)})
    assert len(chunk.columns) / len(rows) < 7.1


def test_a_chunk_of_an_earlier_version_is_opened():
    points = a_training(600)
    chunk = seal(points)
    as_one_block = chunk.columns[:1] + zstandard.compress(zstandard.decompress(chunk.columns[1:]), 1)
    assert len(as_one_block) > len(chunk.columns)
    assert bits(open_chunk(as_one_block)) == bits(points)


def test_short_series_take_few_bytes_a_point_together():
    series = {key_id: a_training(20, seed=key_id) for key_id in range(1, 101)}
    chunk = seal_packed(series)
    assert (chunk.point_count, chunk.buckets) == (2000, b"")
    assert len(chunk.columns) / chunk.point_count <= 9
    assert open_packed(chunk.columns) == series


@pytest.mark.parametrize("count", [512, 513, 600, MAX_CHUNK_POINTS])
def test_a_long_chunk_has_pre_buckets(count: int):
    points = a_training(count)
    points.values[70] = math.nan
    chunk = seal(points)
    buckets = open_buckets([chunk.buckets])
    assert len(buckets) == -(-count // 64)
    for row, first in enumerate(range(0, count, 64)):
        check_row(buckets, row, points[first : first + 64])
    assert (buckets.last_timestamp_ms, buckets.last_step) == points[-1][:2]
    coarse = open_buckets([chunk.coarse_bucket])
    assert len(coarse) == 1
    check_row(coarse, 0, points)


def check_row(buckets: PreBuckets, row: int, part: Points) -> None:
    spans = buckets.spans
    first = Point(int(buckets.first_timestamps_ms[row]), int(buckets.first_steps[row]), spans.firsts[row])
    assert first == part[0]
    assert spans.lasts[row] == part[-1].value
    assert spans.counts[row] == len(part)
    assert spans.value_counts[row] == np.count_nonzero(~np.isnan(part.values))
    assert spans.minima[row] == np.nanmin(part.values)
    assert spans.maxima[row] == np.nanmax(part.values)
    assert spans.means[row] == pytest.approx(np.nanmean(part.values), rel=1e-12)


def test_pre_buckets_of_several_chunks_are_opened_together():
    points = a_training(3000)
    chunks = [seal(points[first : first + 1000]) for first in range(0, 3000, 1000)]
    for blobs, rows in (
        ([chunk.buckets for chunk in chunks], 48),
        ([chunk.coarse_bucket for chunk in chunks], 3),
        ([chunks[0].coarse_bucket, chunks[1].buckets, chunks[2].coarse_bucket], 18),
    ):
        buckets = open_buckets(blobs)
        assert (len(buckets), buckets.spans.counts.sum(), buckets.is_by_step) == (rows, 3000, True)
        assert (buckets.last_timestamp_ms, buckets.last_step) == points[-1][:2]
        assert not open_buckets(blobs[::-1]).is_by_step


def test_steps_that_fall_are_told():
    points = a_training(600)
    points.steps[300:] -= 200
    buckets = open_buckets([seal(points).buckets])
    assert not buckets.is_by_step
    assert buckets.first_steps.tolist() == points.steps[::64].tolist()


@pytest.mark.parametrize("far", [Point(START_MS, 2**40, 0.0), Point(START_MS + 2**40, 0, 0.0)])
def test_a_chunk_that_spans_too_much_has_no_pre_buckets(far: Point):
    chunk = seal(Points.joined([a_training(600), Points.of([far])]).in_order())
    assert (chunk.buckets, chunk.coarse_bucket) == (b"", b"")


def test_pre_buckets_take_less_than_a_byte_a_point():
    chunk = seal(a_training(MAX_CHUNK_POINTS))
    assert (len(chunk.buckets) + len(chunk.coarse_bucket)) / MAX_CHUNK_POINTS < 0.85


def test_an_unknown_format_is_refused():
    chunk = seal(a_training(600))
    for other in (b"", b"\x07" + chunk.columns[1:]):
        for opened in (open_chunk, open_packed):
            with pytest.raises(UnknownFormat, match="format"):
                opened(other)
    with pytest.raises(UnknownFormat, match="format"):
        open_buckets([chunk.buckets, b"\x07" + chunk.buckets[1:]])
