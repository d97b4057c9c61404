"""One series is read from its chunks and its loose points, and no more of them is opened than needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.metric import Point
from runyard.stores.metrics.base import Axis, Window
from runyard.stores.metrics.chunks import SealedChunk, seal
from runyard.stores.metrics.points import Points
from runyard.stores.metrics.stored_series import ChunkRow, StoredSeries
from runyard.stores.metrics.thinning import sample, thin
from runyard.testing.metric_oracle import check_bucket, x_of
from runyard.testing.strategies import points


class Chunks:
    """Sealed chunks of one series; says which were opened."""

    def __init__(self, *parts: Points) -> None:
        self.sealed: list[SealedChunk] = [seal(part) for part in parts]
        self.opened: list[int] = []
        self.buckets_opened: list[int] = []

    def rows(self) -> list[ChunkRow]:
        return [
            ChunkRow(
                number,
                chunk.point_count,
                chunk.first_timestamp_ms,
                chunk.last_timestamp_ms,
                chunk.first_step,
                chunk.last_step,
                chunk.coarse_bucket,
            )
            for number, chunk in enumerate(self.sealed)
        ]

    def read_columns(self, chunk_ids: Sequence[int]) -> Sequence[bytes]:
        self.opened += chunk_ids
        return [self.sealed[chunk_id].columns for chunk_id in chunk_ids]

    def read_buckets(self, chunk_ids: Sequence[int]) -> Sequence[bytes]:
        self.buckets_opened += chunk_ids
        return [self.sealed[chunk_id].buckets for chunk_id in chunk_ids]


def a_series(count: int, chunk: int, loose: Sequence[Point] = ()) -> tuple[Points, StoredSeries, Chunks]:
    values = [math.sin(number / 50) if number % 7 else math.nan for number in range(count)]
    whole = Points.of(Point(1000 + 3 * number, number, value) for number, value in enumerate(values))
    chunks = Chunks(*(whole[first : first + chunk] for first in range(0, count, chunk)))
    series = StoredSeries(chunks.rows()[::-1], Points.of(loose), chunks)
    return Points.joined([whole, Points.of(loose)]).in_order(), series, chunks


def test_a_page_opens_the_chunks_that_hold_it():
    whole, series, chunks = a_series(1000, 100)
    assert series.history(150, 250) == whole[250:400]
    assert chunks.opened == [2, 3]
    assert series.history(10, 995) == whole[995:]
    assert series.history(10, 1000) == []
    assert series.history(None, 990) == whole[990:]
    assert set(chunks.opened) == {2, 3, 9}


def test_a_late_point_opens_the_chunk_that_it_falls_into():
    late = [Point(1000 + 3 * 250, 250, 7.0), Point(1000 + 3 * 251, 251, math.sin(251 / 50)), Point(0, 0, 0.0)]
    whole, series, chunks = a_series(1000, 100, late)
    assert len(whole) == 1002
    assert series.history(2, 500) == whole[500:502]
    assert set(chunks.opened) == {2, 4}
    assert series.history() == whole


@pytest.mark.parametrize("axis", Axis)
def test_pages_of_a_window_open_the_chunks_that_hold_them(axis: Axis):
    whole, series, chunks = a_series(1000, 100)
    xs = whole.steps if axis is Axis.STEP else whole.timestamps_ms
    window = Window(axis, int(xs[250]), int(xs[849]))
    assert series.history(100, 300, window) == whole[550:650]
    assert set(chunks.opened) == {2, 5, 6}
    assert series.history(None, 0, window) == whole[250:850]


def test_chunks_that_share_a_time_are_read_as_one():
    whole = Points.of(Point(number, number, 0.0) for number in range(30))
    chunks = Chunks(whole[:12], whole[10:20], whole[19:], whole[3:4])
    series = StoredSeries(chunks.rows(), whole[5:6], chunks)
    assert series.history() == whole
    for size in (1, 7, 100):
        pages = [series.history(size, offset) for offset in range(0, 40, size)]
        assert Points.joined(pages) == whole


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize(("width", "opened"), [(2, 0), (10, 16)])
def test_a_wide_chart_is_drawn_from_pre_buckets_alone(axis: Axis, width: int, opened: int):
    """From the coarse ones if there are four to a bucket, and from the finer ones if not."""
    whole, series, chunks = a_series(16 * 1024, 1024)
    thinned = series.thin(Window(axis), width)
    assert thinned.point_count == len(whole)
    assert (len(chunks.opened), len(chunks.buckets_opened)) == (0, opened)
    check_buckets(whole, thinned.buckets)
    exact = thin(whole, Window(axis), width).buckets
    allowed = len(whole) / width / 4
    assert np.abs(np.cumsum(exact.counts) - np.cumsum(thinned.buckets.counts)).max() <= allowed


def check_buckets(whole: Points, buckets: Sequence) -> None:
    end = 0
    for bucket in buckets:
        own, end = list(whole[end : end + bucket.count]), end + bucket.count
        check_bucket(bucket, own)
    assert end == len(whole)


def test_the_edges_of_a_window_are_exact_in_a_wide_chart():
    whole, series, chunks = a_series(16 * 1024, 1024, [Point(1000 + 3 * 5000, 5000, 2.5)])
    thinned = series.thin(Window(Axis.STEP, 1500, 14_000.5), 3)
    inside = whole[1500:14_002]
    assert thinned.point_count == len(inside)
    check_buckets(inside, thinned.buckets)
    assert set(chunks.opened) == {1, 4, 13}
    assert thinned.buckets[0].x == 1500


def test_zooming_in_opens_the_chunks_in_sight():
    whole, series, chunks = a_series(16 * 1024, 1024)
    thinned = series.thin(Window(Axis.TIME, 1000 + 3 * 2000, 1000 + 3 * 2500), 100)
    assert set(chunks.opened) == {1, 2}
    check_buckets(whole[2000:2501], thinned.buckets)
    assert len(thinned.buckets) == 100


@pytest.mark.parametrize("limit", [1, 3, 16])
def test_a_sample_of_very_many_points_is_taken_from_pre_buckets(limit: int):
    whole, series, chunks = a_series(16 * 1024, 1024)
    found, exact = series.sample(limit), sample(whole, limit)
    assert chunks.opened == []
    assert len(found) == limit
    assert found[-1] == whole[-1]
    assert (abs(found.steps - exact.steps) <= len(whole) / limit / 4).all()
    assert series.sample(5, (10, 20)) == sample(whole, 5, (10, 20))
    assert set(chunks.opened) == {0}


def test_steps_that_start_again_are_drawn_from_points():
    once = Points.of(Point(number, number % 3000, number / 3) for number in range(6000))
    chunks = Chunks(*(once[first : first + 1000] for first in range(0, 6000, 1000)))
    series = StoredSeries(chunks.rows(), Points.empty(), chunks)
    assert list(series.thin(Window(), 2).buckets) == list(thin(once, Window(), 2).buckets)
    assert len(set(chunks.opened)) == 6
    assert series.sample(3) == sample(once, 3)
    chunks.opened.clear()
    assert series.thin(Window(Axis.TIME), 2).point_count == 6000
    assert chunks.opened == []


def test_a_series_may_be_of_loose_points_only_or_of_none():
    loose = Points.of([Point(2, 2, 0.5), Point(1, 1, 0.5), Point(2, 2, 0.5)])
    assert StoredSeries([], loose, Chunks()).history() == loose.in_order()
    nothing = StoredSeries([], Points.empty(), Chunks())
    assert nothing.history(5, 1) == nothing.history() == nothing.sample(3) == []
    assert nothing.thin(Window(), 3).point_count == 0


series_points = st.lists(points(), max_size=60)


@given(st.lists(series_points.filter(bool), max_size=5), series_points, st.data())
def test_however_points_are_spread_they_are_read_as_one_series(parts, loose, data):
    whole = Points.of([point for part in [*parts, loose] for point in part]).in_order()
    chunks = Chunks(*(Points.of(part).in_order() for part in parts))
    series = StoredSeries(chunks.rows(), Points.of(loose), chunks)
    assert series.history() == whole
    offset, limit = data.draw(st.integers(0, 70)), data.draw(st.integers(1, 70))
    assert series.history(limit, offset) == whole[offset : offset + limit]
    assert series.sample(limit) == sample(whole, limit)
    ends = sorted(data.draw(st.lists(st.integers(-3, 8), min_size=2, max_size=2)))
    window = Window(data.draw(st.sampled_from(list(Axis))), *ends)
    found, exact = series.thin(window, limit), thin(whole, window, limit)
    assert found.point_count == exact.point_count
    inside = [point for point in whole if ends[0] <= x_of(point, window.axis) <= ends[1]]
    assert series.history(limit, offset, window) == inside[offset : offset + limit]
    assert found.points == exact.points
    assert repr(list(found.buckets)) == repr(list(exact.buckets))
