"""One accepted request as bytes, as the store keeps it until it is folded.

Little-endian: a header of 24 bytes (format, flags, how wide a key's index is, the count of points,
the first timestamp, the first step), then the columns: timestamps, steps and values of 8 bytes
each, the index of each point's key, and the distinct keys as MessagePack. A column that the flags
describe takes no bytes.
"""

from __future__ import annotations

import itertools
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from runyard.decoding import learnt
from runyard.entities.metric import MetricBatch
from runyard.stores.metrics.points import Floats, Ints, Points

Indexes: TypeAlias = NDArray[np.unsignedinteger[Any]]

_FORMAT = 1
_HEADER = struct.Struct("<BBxxIqq")
_SAME_TIME, _SAME_STEP, _RISING_STEP, _ONE_KEY, _OWN_KEYS, _WIDE_INDEX = 1, 2, 4, 8, 16, 32
# What loops log one by one is one point of one key: these bytes, its time, step and value, then the key.
_ONE_POINT = struct.pack("<BBxxI", _FORMAT, _SAME_TIME | _SAME_STEP | _OWN_KEYS, 1)
_OF_ONE_POINT = np.dtype([("head", "V8"), ("timestamp_ms", "<i8"), ("step", "<i8"), ("value", "<f8")])
_encode_keys = msgspec.msgpack.Encoder().encode
_decode_keys = lru_cache(16)(msgspec.msgpack.Decoder(learnt(tuple[str, ...])).decode)
"""A training logs the same keys again and again; few are kept, as they may be long."""


class UnknownFormat(ValueError):
    """Stored bytes that this version of Runyard can't read."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedBatch:
    """The points of one request as columns over its bytes.

    Args:
        packed_keys: ``keys`` as bytes: the same for two batches with the same keys in the same order.
        keys: The distinct keys, in order of their first point.
        key_indexes: For each point, which of ``keys`` is its.
        timestamps_ms: Milliseconds since the epoch.
        steps: Steps.
        values: Values, NaN among them.
    """

    packed_keys: bytes
    keys: tuple[str, ...]
    key_indexes: Indexes
    timestamps_ms: Ints
    steps: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def points(self) -> Points:
        """Return the points of all keys."""
        return Points(self.timestamps_ms, self.steps, self.values)


def pack_batch(batch: MetricBatch) -> bytes:
    """Return the points of one request as bytes.

    Raises:
        struct.error: A timestamp or a step takes more than 64 bits.
    """
    keys, times, steps = batch.keys, batch.timestamps_ms, batch.steps
    count = len(keys)
    if not count:
        return _HEADER.pack(_FORMAT, 0, 0, 0, 0) + _encode_keys(keys)
    first_time, first_step = times[0], steps[0]
    flags, columns = 0, []
    if times[-1] == first_time and times.count(first_time) == count:
        flags |= _SAME_TIME
    else:
        columns.append(struct.pack(f"<{count}q", *times))
    if steps[-1] == first_step and steps.count(first_step) == count:
        flags |= _SAME_STEP
    elif steps[-1] - first_step == count - 1 and steps == list(range(first_step, first_step + count)):
        flags |= _RISING_STEP
    else:
        columns.append(struct.pack(f"<{count}q", *steps))
    columns.append(struct.pack(f"<{count}d", *batch.values))
    # one pass: a key that is not there yet is given the next number
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    indexes = [numbers[key] for key in keys]
    if len(numbers) == count:
        flags |= _OWN_KEYS
    elif len(numbers) == 1:
        flags |= _ONE_KEY
    elif len(numbers) <= 2**16:
        columns.append(struct.pack(f"<{count}H", *indexes))
    else:
        flags |= _WIDE_INDEX
        columns.append(struct.pack(f"<{count}I", *indexes))
    header = _HEADER.pack(_FORMAT, flags, count, first_time, first_step)
    return b"".join((header, *columns, _encode_keys(list(numbers))))


def unpack_batch(packed: bytes) -> PackedBatch:
    """Return what :func:`pack_batch` packed, without copying the columns.

    Raises:
        UnknownFormat: A newer version of Runyard packed it.
    """
    if packed[:1] != bytes([_FORMAT]):
        raise UnknownFormat(f"A batch of metrics has the format {packed[:1].hex()}, known is {_FORMAT:02x}.")
    _, flags, count, first_time, first_step = _HEADER.unpack_from(packed)
    offset = _HEADER.size
    if flags & _SAME_TIME:
        times = np.full(count, first_time, np.int64)
    else:
        times = np.frombuffer(packed, np.int64, count, offset)
        offset += 8 * count
    if flags & _SAME_STEP:
        steps = np.full(count, first_step, np.int64)
    elif flags & _RISING_STEP:
        steps = np.arange(count, dtype=np.int64) + first_step
    else:
        steps = np.frombuffer(packed, np.int64, count, offset)
        offset += 8 * count
    values = np.frombuffer(packed, np.float64, count, offset)
    offset += 8 * count
    indexes: Indexes
    if flags & _OWN_KEYS:
        indexes = np.arange(count, dtype=np.uint32)
    elif flags & _ONE_KEY:
        indexes = np.zeros(count, np.uint16)
    else:
        width = np.dtype(np.uint32 if flags & _WIDE_INDEX else np.uint16)
        indexes = np.frombuffer(packed, width, count, offset)
        offset += width.itemsize * count
    packed_keys = packed[offset:]
    return PackedBatch(packed_keys, _decode_keys(packed_keys), indexes, times, steps, values)


def unpack_batches(packed: Iterable[bytes]) -> list[PackedBatch]:
    """Return the points of many requests to one run, those of single points together by their key.

    A training that logs one point a call makes thousands of batches in the time until they are folded, and
    what is made of each costs twenty times what its point does. Points of a key come in any order.

    Raises:
        UnknownFormat: A newer version of Runyard packed one of them.
    """
    batches: list[PackedBatch] = []
    single: defaultdict[bytes, list[bytes]] = defaultdict(list)
    end = _OF_ONE_POINT.itemsize
    for each in packed:
        if each[: len(_ONE_POINT)] == _ONE_POINT:
            single[each[end:]].append(each[:end])
        else:
            batches.append(unpack_batch(each))
    for packed_keys, points in single.items():
        columns = np.frombuffer(b"".join(points), _OF_ONE_POINT)
        times, steps, values = (
            np.ascontiguousarray(columns[name]) for name in ("timestamp_ms", "step", "value")
        )
        indexes = np.zeros(len(points), np.uint16)
        batches.append(PackedBatch(packed_keys, _decode_keys(packed_keys), indexes, times, steps, values))
    return batches


def points_by_key(batches: Sequence[PackedBatch]) -> dict[str, Points]:
    """Return the points of one run's batches, those of each key in the order of the batches."""
    if not batches:
        return {}
    numbers, indexes = number_keys(batches)
    points = Points.joined([batch.points() for batch in batches])
    if len(numbers) == 1:
        return {next(iter(numbers)): points}
    points = points.taken(np.argsort(indexes, kind="stable"))
    ends = np.cumsum(np.bincount(indexes, minlength=len(numbers))).tolist()
    starts = [0, *ends]
    return {key: points[starts[number] : ends[number]] for key, number in numbers.items()}


def points_of_key(batches: Sequence[PackedBatch], key: str) -> Points:
    """Return the points of one key of one run's batches, in the order of the batches."""
    found = []
    for batch in batches:
        if key not in batch.keys:
            continue
        if len(batch.keys) == 1:
            found.append(batch.points())
        else:
            found.append(batch.points().taken(batch.key_indexes == batch.keys.index(key)))
    return Points.joined(found)


def number_keys(batches: Sequence[PackedBatch]) -> tuple[dict[str, int], Ints]:
    """Return a number for each key of at least one batch, from 0 on, and for each point that of its key."""
    numbers: dict[str, int] = {}
    # A training logs the same keys again and again: they are looked up once.
    known: dict[bytes, Ints] = {}
    of_points = []
    for batch in batches:
        own = known.get(batch.packed_keys)
        if own is None:
            own = np.array([numbers.setdefault(key, len(numbers)) for key in batch.keys], np.int64)
            known[batch.packed_keys] = own
        of_points.append(own[batch.key_indexes])
    return numbers, np.concatenate(of_points)
