"""Sealed chunks: folded points of series as compressed columns, with pre-buckets for charts.

A chunk is one byte that names the format, then a zstd frame: how many series there are, their key
ids and lengths, and the columns of all of them: steps, timestamps, values (see ``encoding.py``).
Pre-buckets are kept the same way in bytes of their own, for a chart reads nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import zstandard

from runyard.stores.metrics.encoding import ColumnReader, encode_floats, encode_ints, starts_of
from runyard.stores.metrics.packing import UnknownFormat
from runyard.stores.metrics.points import Points, Positions
from runyard.stores.metrics.spans import SPAN, PreBuckets, Spans

MAX_CHUNK_POINTS = 4096
_BUCKETS_FROM = 512
"""Points from which a chunk has pre-buckets; a shorter one is decoded as fast."""
_FORMAT = b"\x01"
_SERIES_COUNT = struct.Struct("<I")
_BUCKETS_HEADER = struct.Struct("<I?")
_ONE_SERIES = np.zeros(1, np.intp)


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """Points as the store keeps them for good.

    Args:
        point_count: How many there are.
        first_timestamp_ms: The least timestamp.
        last_timestamp_ms: The greatest timestamp.
        first_step: The least step.
        last_step: The greatest step.
        columns: All points.
        buckets: Their pre-buckets; empty for a short chunk and for one of several series.
    """

    point_count: int
    first_timestamp_ms: int
    last_timestamp_ms: int
    first_step: int
    last_step: int
    columns: bytes
    buckets: bytes


def seal(points: Points) -> SealedChunk:
    """Return points of one series, at least one and in order, as a chunk."""
    buckets = _encode_buckets(PreBuckets.of(points)) if len(points) >= _BUCKETS_FROM else b""
    columns = _SERIES_COUNT.pack(1) + _encode_points(points, _ONE_SERIES)
    return _sealed(points, _SERIES_COUNT.pack(len(points)) + columns, buckets)


def seal_packed(series: Mapping[int, Points]) -> SealedChunk:
    """Return several short series of one run by key id, each in order and not empty, as one chunk."""
    key_ids = sorted(series)
    lengths = [len(series[key_id]) for key_id in key_ids]
    points = Points.joined([series[key_id] for key_id in key_ids])
    header = _SERIES_COUNT.pack(len(points)) + _SERIES_COUNT.pack(len(key_ids))
    table = encode_ints(np.array(key_ids), _ONE_SERIES) + encode_ints(np.array(lengths), _ONE_SERIES)
    return _sealed(points, header + table + _encode_points(points, starts_of(lengths)), b"")


def open_chunk(columns: bytes) -> Points:
    """Return the points that :func:`seal` sealed.

    Raises:
        UnknownFormat: A newer version of Runyard sealed them.
    """
    encoded = _decompress(columns)
    (count,) = _SERIES_COUNT.unpack_from(encoded)
    return _read_points(ColumnReader(encoded, 2 * _SERIES_COUNT.size), _ONE_SERIES, count)


def open_packed(columns: bytes) -> dict[int, Points]:
    """Return the series that :func:`seal_packed` sealed, by key id.

    Raises:
        UnknownFormat: A newer version of Runyard sealed them.
    """
    key_ids, starts, points = _open_packed(columns)
    ends = [*starts.tolist()[1:], len(points)]
    return {
        key_id: points[start:end] for key_id, start, end in zip(key_ids, starts.tolist(), ends, strict=True)
    }


def open_one_of_packed(columns: bytes, key_id: int) -> Points:
    """Return one of the series that :func:`seal_packed` sealed; no points if it is not among them.

    Raises:
        UnknownFormat: A newer version of Runyard sealed them.
    """
    key_ids, starts, points = _open_packed(columns)
    if key_id not in key_ids:
        return Points.empty()
    number = key_ids.index(key_id)
    end = starts[number + 1] if number + 1 < len(starts) else len(points)
    return points[starts[number] : end]


def open_buckets(buckets: bytes) -> PreBuckets:
    """Return the pre-buckets of a chunk that has some.

    Raises:
        UnknownFormat: A newer version of Runyard sealed them.
    """
    encoded = _decompress(buckets)
    point_count, is_by_step = _BUCKETS_HEADER.unpack_from(encoded)
    reader = ColumnReader(encoded, _BUCKETS_HEADER.size)
    count = -(-point_count // SPAN)
    counts = np.full(count, SPAN, np.int64)
    counts[-1] = point_count - SPAN * (count - 1)
    first_times, durations, first_steps, strides, value_counts = (
        reader.read_ints(_ONE_SERIES, count) for _ in range(5)
    )
    values = np.split(reader.read_floats(starts_of([count] * 5), 5 * count), 5)
    return PreBuckets(
        first_timestamps_ms=first_times,
        last_timestamps_ms=first_times + durations,
        first_steps=first_steps,
        last_steps=first_steps + strides,
        spans=Spans(counts, counts - value_counts, *values),
        is_by_step=is_by_step,
    )


def _encode_buckets(buckets: PreBuckets) -> bytes:
    spans = buckets.spans
    ints = (
        buckets.first_timestamps_ms,
        buckets.last_timestamps_ms - buckets.first_timestamps_ms,
        buckets.first_steps,
        buckets.last_steps - buckets.first_steps,
        spans.counts - spans.value_counts,
    )
    floats = (spans.firsts, spans.lasts, spans.minima, spans.maxima, spans.means)
    encoded = [_BUCKETS_HEADER.pack(spans.counts.sum(), buckets.is_by_step)]
    encoded += [encode_ints(column, _ONE_SERIES) for column in ints]
    encoded.append(encode_floats(np.concatenate(floats), starts_of([len(buckets)] * len(floats))))
    return _compress(b"".join(encoded))


def _encode_points(points: Points, starts: Positions) -> bytes:
    steps, times = encode_ints(points.steps, starts), encode_ints(points.timestamps_ms, starts)
    return steps + times + encode_floats(points.values, starts)


def _read_points(reader: ColumnReader, starts: Positions, count: int) -> Points:
    steps, times = reader.read_ints(starts, count), reader.read_ints(starts, count)
    return Points(times, steps, reader.read_floats(starts, count))


def _open_packed(columns: bytes) -> tuple[list[int], Positions, Points]:
    encoded = _decompress(columns)
    (count,) = _SERIES_COUNT.unpack_from(encoded)
    (series_count,) = _SERIES_COUNT.unpack_from(encoded, _SERIES_COUNT.size)
    reader = ColumnReader(encoded, 2 * _SERIES_COUNT.size)
    key_ids = reader.read_ints(_ONE_SERIES, series_count).tolist()
    starts = starts_of(reader.read_ints(_ONE_SERIES, series_count).tolist())
    return key_ids, starts, _read_points(reader, starts, count)


def _sealed(points: Points, encoded: bytes, buckets: bytes) -> SealedChunk:
    return SealedChunk(
        point_count=len(points),
        first_timestamp_ms=int(points.timestamps_ms.min()),
        last_timestamp_ms=int(points.timestamps_ms.max()),
        first_step=int(points.steps.min()),
        last_step=int(points.steps.max()),
        columns=_compress(encoded),
        buckets=buckets,
    )


def _compress(encoded: bytes) -> bytes:
    return _FORMAT + zstandard.compress(encoded, 1)


def _decompress(blob: bytes) -> bytes:
    if blob[:1] != _FORMAT:
        raise UnknownFormat(f"A chunk of metrics has the format {blob[:1].hex()}, known is {_FORMAT.hex()}.")
    return zstandard.decompress(memoryview(blob)[1:])
