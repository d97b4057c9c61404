"""Sealed chunks: folded points of series as compressed columns, with pre-buckets for charts.

A chunk is one byte that names the format, then a zstd frame: how many series there are, their key
ids and lengths, and the columns of all of them: steps, timestamps, values (see ``encoding.py``).
A long chunk has pre-buckets beside it, in bytes of their own, for a wide chart reads nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import zstandard

from runyard.stores.metrics.encoding import ColumnReader, encode_floats, encode_ints, starts_of
from runyard.stores.metrics.packing import UnknownFormat
from runyard.stores.metrics.points import Points, Positions
from runyard.stores.metrics.spans import SPAN, PreBuckets, Spans

MAX_CHUNK_POINTS = 4096
_BUCKETS_FROM = 512
"""Points from which a chunk has pre-buckets; a shorter one is decoded as fast."""
_BLOCK_BYTES = 512
"""From how many bytes on a code costs less than it saves."""
_FORMAT = b"\x01"
_SERIES_COUNT = struct.Struct("<I")
_ONE_SERIES = np.zeros(1, np.intp)

# Pre-buckets: a head for each chunk, then a row for each ``span`` points. Not compressed, for a chart
# reads thousands of rows at once; times and steps are what they exceed the least of the chunk by.
_HEAD = np.dtype(
    [
        ("format", "u1"),
        ("is_by_step", "?"),
        ("unused", "V2"),
        ("span", "<i8"),
        ("point_count", "<i8"),
        ("least_timestamp_ms", "<i8"),
        ("last_timestamp_ms", "<i8"),
        ("least_step", "<i8"),
        ("last_step", "<i8"),
    ]
)
_ROW_VALUES = ("firsts", "lasts", "minima", "maxima", "means")
_ROW = np.dtype(
    [("timestamp_ms", "<u4"), ("step", "<u4"), *((name, "<f8") for name in _ROW_VALUES), ("nan_count", "<u2")]
)
_COARSE = np.dtype([("head", _HEAD), ("row", _ROW)])


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
        buckets: Pre-buckets of 64 points; empty for a short chunk and for one of several series,
            and where times or steps lie too far apart.
        coarse_bucket: One pre-bucket of all points; empty where ``buckets`` is.
    """

    point_count: int
    first_timestamp_ms: int
    last_timestamp_ms: int
    first_step: int
    last_step: int
    columns: bytes
    buckets: bytes = b""
    coarse_bucket: bytes = b""


def seal(points: Points) -> SealedChunk:
    """Return points of one series, at least one and in order, as a chunk."""
    header = _SERIES_COUNT.pack(len(points)) + _SERIES_COUNT.pack(1)
    chunk = _sealed(points, [header, *_encode_points(points, _ONE_SERIES)])
    if len(points) < _BUCKETS_FROM:
        return chunk
    buckets, coarse_bucket = _encode_buckets(points, SPAN), _encode_buckets(points, len(points))
    return replace(chunk, buckets=buckets, coarse_bucket=coarse_bucket)


def seal_packed(series: Mapping[int, Points]) -> SealedChunk:
    """Return several short series of one run by key id, each in order and not empty, as one chunk."""
    key_ids = sorted(series)
    lengths = np.array([len(series[key_id]) for key_id in key_ids])
    points = Points.joined([series[key_id] for key_id in key_ids])
    header = _SERIES_COUNT.pack(len(points)) + _SERIES_COUNT.pack(len(key_ids))
    table = encode_ints(np.array(key_ids), _ONE_SERIES) + encode_ints(lengths, _ONE_SERIES)
    return _sealed(points, [header, *table, *_encode_points(points, starts_of(lengths))])


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
    encoded = _decompress(columns)
    (count,) = _SERIES_COUNT.unpack_from(encoded)
    (series_count,) = _SERIES_COUNT.unpack_from(encoded, _SERIES_COUNT.size)
    reader = ColumnReader(encoded, 2 * _SERIES_COUNT.size)
    key_ids = reader.read_ints(_ONE_SERIES, series_count)
    starts = starts_of(reader.read_ints(_ONE_SERIES, series_count))
    points = _read_points(reader, starts, count)
    edges = pairwise([*starts.tolist(), count])
    return {key_id: points[start:end] for key_id, (start, end) in zip(key_ids.tolist(), edges, strict=True)}


def open_buckets(blobs: Sequence[bytes]) -> PreBuckets:
    """Return the pre-buckets of chunks of one series that follow one another, at least of one.

    They are opened together because a chart reads very many.

    Raises:
        UnknownFormat: A newer version of Runyard sealed them.
    """
    if all(len(blob) == _COARSE.itemsize for blob in blobs):
        coarse = np.frombuffer(b"".join(blobs), _COARSE)
        heads, rows = coarse["head"], coarse["row"]
    else:
        heads = np.frombuffer(b"".join([blob[: _HEAD.itemsize] for blob in blobs]), _HEAD)
        rows = np.frombuffer(b"".join([blob[_HEAD.itemsize :] for blob in blobs]), _ROW)
    _check_format(heads["format"].tobytes())
    row_counts = -(-heads["point_count"] // heads["span"])
    counts = np.repeat(heads["span"], row_counts)
    ends = np.cumsum(row_counts)
    counts[ends - 1] = heads["point_count"] - heads["span"] * (row_counts - 1)
    first_steps = rows["step"] + np.repeat(heads["least_step"], row_counts)
    return PreBuckets(
        first_timestamps_ms=rows["timestamp_ms"] + np.repeat(heads["least_timestamp_ms"], row_counts),
        first_steps=first_steps,
        spans=Spans(counts, counts - rows["nan_count"], *(rows[name] for name in _ROW_VALUES)),
        last_timestamp_ms=int(heads["last_timestamp_ms"][-1]),
        last_step=int(heads["last_step"][-1]),
        is_by_step=bool(heads["is_by_step"].all())
        and bool((first_steps[ends[:-1]] >= heads["last_step"][:-1]).all()),
    )


def _encode_buckets(points: Points, span: int) -> bytes:
    """Return pre-buckets as bytes; none if times or steps span more than 32 bits."""
    least_time, least_step = points.timestamps_ms.min(), points.steps.min()
    for column, least in ((points.timestamps_ms, least_time), (points.steps, least_step)):
        if int(column.max()) - int(least) >= 2**32:
            return b""
    buckets = PreBuckets.of(points, span)
    head = np.zeros(1, _HEAD)
    head["format"], head["is_by_step"] = _FORMAT[0], buckets.is_by_step
    head["span"], head["point_count"] = span, len(points)
    head["least_timestamp_ms"], head["last_timestamp_ms"] = least_time, buckets.last_timestamp_ms
    head["least_step"], head["last_step"] = least_step, buckets.last_step
    rows = np.empty(len(buckets), _ROW)
    rows["timestamp_ms"] = buckets.first_timestamps_ms - least_time
    rows["step"] = buckets.first_steps - least_step
    rows["nan_count"] = buckets.spans.counts - buckets.spans.value_counts
    for name in _ROW_VALUES:
        rows[name] = getattr(buckets.spans, name)
    return head.tobytes() + rows.tobytes()


def _encode_points(points: Points, starts: Positions) -> list[bytes]:
    steps, times = encode_ints(points.steps, starts), encode_ints(points.timestamps_ms, starts)
    return steps + times + encode_floats(points.values, starts)


def _read_points(reader: ColumnReader, starts: Positions, count: int) -> Points:
    steps, times = reader.read_ints(starts, count), reader.read_ints(starts, count)
    return Points(times, steps, reader.read_floats(starts, count))


def _sealed(points: Points, encoded: Sequence[bytes]) -> SealedChunk:
    return SealedChunk(
        point_count=len(points),
        first_timestamp_ms=int(points.timestamps_ms.min()),
        last_timestamp_ms=int(points.timestamps_ms.max()),
        first_step=int(points.steps.min()),
        last_step=int(points.steps.max()),
        columns=_FORMAT + _compressed(encoded),
    )


def _compressed(parts: Sequence[bytes]) -> bytes:
    """Return the parts as one frame in which each, unless it is short, is a block and has a code of its own.

    The first bytes of numbers repeat and the last are noise: one code for both took 7 to 15 % more room.
    """
    compressor = zstandard.ZstdCompressor(1).compressobj(size=sum(map(len, parts)))
    compressed, waiting = [], 0
    for part in parts:
        compressed.append(compressor.compress(part))
        waiting += len(part)
        if waiting >= _BLOCK_BYTES:
            compressed.append(compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
            waiting = 0
    return b"".join([*compressed, compressor.flush()])


def _decompress(columns: bytes) -> bytes:
    _check_format(columns[:1])
    return zstandard.decompress(memoryview(columns)[1:])


def _check_format(formats: bytes) -> None:
    if not formats or formats.strip(_FORMAT):
        raise UnknownFormat(f"A chunk of metrics has the format {formats.hex()}, known is {_FORMAT.hex()}.")
