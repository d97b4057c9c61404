"""Columns of numbers as bytes that compress well, without losing a bit.

Both encodings know that a column may hold several series, one after the other (``starts`` says
where each begins), so that many short series are encoded as one column and in a few calls.

Whole numbers are kept as what they differ by from the one before them, if that spans less than
the numbers themselves, in as few bytes as they need: a constant stride takes none. Floats that
are decimals of a few digits are kept as whole numbers, those that fit 32 bits in 32; the rest as
they are. What is left is stored by significance, all first bytes before all second ones, for a
compressor finds its repeats there.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runyard.stores.metrics.points import Bools, Floats, Ints, Positions

_AS_THEY_ARE, _AS_FLOAT32, _AS_DECIMALS = 0, 1, 2
_SCALES: Floats = np.power(10.0, np.arange(10))
_EXACT_INTEGER = 2.0**53
_INTS_HEADER = struct.Struct("<BBqq")
"""Whether differences are stored, bytes a number, the least of what is stored, the first number."""


class ColumnReader:
    """Reads columns in the order in which they were encoded."""

    def __init__(self, encoded: bytes, offset: int) -> None:
        self._encoded = encoded
        self._offset = offset

    def read_ints(self, starts: Positions, count: int) -> Ints:
        """Return the next column of ``count`` whole numbers."""
        is_differences, width, least, first = _INTS_HEADER.unpack_from(self._encoded, self._offset)
        self._offset += _INTS_HEADER.size
        if width:
            stored = self._read_shuffled(np.dtype(f"<u{width}"), count).astype(np.int64)
        else:
            stored = np.zeros(count, np.int64)
        stored += np.int64(least)
        return _sums(stored, starts, first) if is_differences else stored

    def read_floats(self, starts: Positions, count: int) -> Floats:
        """Return the next column of ``count`` floats."""
        kinds = np.frombuffer(self._encoded, np.uint8, len(starts), self._offset)
        self._offset += len(starts)
        found = np.unique(kinds)
        if len(found) == 1:
            return self._read_floats_as(int(found[0]), starts, count)
        values = np.empty(count, np.float64)
        counts = np.diff(starts, append=count)
        for kind in found.tolist():
            is_kind = kinds == kind
            own = counts[is_kind]
            values[np.repeat(is_kind, counts)] = self._read_floats_as(kind, starts_of(own), int(own.sum()))
        return values

    def _read_floats_as(self, kind: int, starts: Positions, count: int) -> Floats:
        if kind == _AS_THEY_ARE:
            return self._read_shuffled(np.dtype("<f8"), count)
        if kind == _AS_FLOAT32:
            return self._read_shuffled(np.dtype("<f4"), count).astype(np.float64)
        values: Floats = self.read_ints(starts, count) / _SCALES[kind - _AS_DECIMALS]
        return values

    def _read_shuffled(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        width = dtype.itemsize
        planes = np.frombuffer(self._encoded, np.uint8, width * count, self._offset)
        self._offset += width * count
        column = np.empty((count, width), np.uint8)
        for number, plane in enumerate(planes.reshape(width, count)):
            column[:, number] = plane
        return column.view(dtype).reshape(count)


def encode_ints(column: Ints, starts: Positions) -> list[bytes]:
    """Return whole numbers of 64 bits as bytes, in parts of which each is worth a code of its own."""
    # differences of numbers that are far apart overflow and come back by overflowing again
    differences = np.diff(column, prepend=column[:1])
    differences[starts[1:]] = np.diff(column[starts])
    is_differences = _span(differences) <= _span(column)
    stored = differences if is_differences else column
    least = stored.min()
    span = int(stored.max()) - int(least)
    width = next(width for width in (0, 1, 2, 4, 8) if span < 256**width)
    header = _INTS_HEADER.pack(is_differences, width, least, column[0])
    return [header, *(_planes((stored - least).astype(f"<u{width}")) if width else ())]


def encode_floats(column: Floats, starts: Positions) -> list[bytes]:
    """Return floats as bytes, in parts as :func:`encode_ints` does; all NaN become one and the same."""
    column = np.where(np.isnan(column), np.nan, column)
    counts = np.diff(starts, append=len(column))
    kinds = _kinds(column, starts, counts)
    encoded = [kinds.tobytes()]
    for kind in np.unique(kinds).tolist():
        is_kind = kinds == kind
        own = column if bool(is_kind.all()) else column[np.repeat(is_kind, counts)]
        if kind == _AS_THEY_ARE:
            encoded += _planes(own.astype("<f8"))
        elif kind == _AS_FLOAT32:
            encoded += _planes(own.astype("<f4"))
        else:
            whole = np.rint(own * _SCALES[kind - _AS_DECIMALS]).astype(np.int64)
            encoded += encode_ints(whole, starts_of(counts[is_kind]))
    return encoded


def _kinds(column: Floats, starts: Positions, counts: Ints) -> NDArray[np.uint8]:
    """Say of each series how its values are kept; what suits three of them is then tried on all."""
    kinds = np.full(len(starts), _AS_THEY_ARE, np.uint8)
    probes = column[np.stack((starts, starts + counts // 2, starts + counts - 1))]
    probed = np.logical_and.reduce(_are_decimals(probes, _SCALES[:, np.newaxis, np.newaxis]), axis=1)
    for decimals in np.flatnonzero(np.logical_or.reduce(probed, axis=1)).tolist():
        is_likely = probed[decimals] & (kinds == _AS_THEY_ARE)
        if bool(is_likely.any()):
            exact = np.logical_and.reduceat(_are_decimals(column, _SCALES[decimals]), starts)
            kinds[is_likely & exact] = _AS_DECIMALS + decimals
    is_likely = np.logical_and.reduce(_are_float32(probes)) & (kinds == _AS_THEY_ARE)
    if bool(is_likely.any()):
        exact = np.logical_and.reduceat(_are_float32(column), starts)
        kinds[is_likely & exact] = _AS_FLOAT32
    return kinds


def _are_decimals(values: Floats, scale: Floats | np.float64) -> Bools:
    """Say of each value whether it is a whole number after scaling, to the last bit; -0.0 is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * scale)
        whole = np.where(np.abs(scaled) < _EXACT_INTEGER, scaled, 0.5).astype(np.int64)
    return _are_same(whole / scale, values)


def _are_float32(values: Floats) -> Bools:
    with np.errstate(over="ignore"):
        return _are_same(values.astype(np.float32).astype(np.float64), values)


def _are_same(some: Floats, others: Floats) -> Bools:
    same: Bools = some.view(np.int64) == others.view(np.int64)
    return same


def _span(column: Ints) -> int:
    return int(column.max()) - int(column.min())


def _sums(differences: Ints, starts: Positions, first: int) -> Ints:
    """Undo the differences: within a series from point to point, between series from start to start."""
    from_start_to_start = differences[starts]
    from_start_to_start[0] = first
    firsts = np.cumsum(from_start_to_start)
    if len(starts) == 1:
        differences[0] = first
        return np.cumsum(differences)
    differences[starts] = 0
    sums = np.cumsum(differences)
    counts = np.diff(starts, append=len(sums))
    return sums + np.repeat(firsts - sums[starts], counts)


def starts_of(counts: Ints) -> Positions:
    """Return where series of these lengths begin in a column that holds them all."""
    return np.cumsum(counts) - counts


def _planes(column: NDArray[Any]) -> list[bytes]:
    """Return all first bytes, then all second ones, and so on."""
    planes: NDArray[np.uint8] = column.view(np.uint8).reshape(len(column), column.itemsize).T
    return [plane.tobytes() for plane in planes]
