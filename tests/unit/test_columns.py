"""The binary form of columns is read as it was written, and nothing else passes for it."""

from __future__ import annotations

import math
import struct
from array import array

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.protocol.columns import CONTENT_TYPE, Column, ColumnReader, ColumnWriter, is_accepted

columns = st.dictionaries(
    st.text(max_size=5),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9).map(lambda items: array("q", items))
    | st.lists(st.floats(), max_size=9).map(lambda items: array("d", items)),
)


@given(columns, st.text(max_size=20))
def test_columns_come_back_bit_by_bit(sent, padding):
    writer = ColumnWriter()
    answer = writer.written({"columns": writer.add(sent), "padding": padding})
    reader = ColumnReader(answer)
    header = msgspec.json.decode(reader.header)
    assert len(reader.header) % 8 == 0
    placed = msgspec.convert(header["columns"], dict[str, Column])
    found = {name: reader.read(column) for name, column in placed.items()}
    assert {name: (column.typecode, column.tobytes()) for name, column in found.items()} == {
        name: (column.typecode, column.tobytes()) for name, column in sent.items()
    }


def test_columns_of_numpy_are_written_whatever_their_stride():
    writer = ColumnWriter()
    table = np.arange(6.0).reshape(3, 2)
    placed = writer.add({"a": table[:, 1], "b": np.array([1, 2])})
    assert placed == {"a": Column("<f8", 0, 3), "b": Column("<i8", 24, 2)}
    reader = ColumnReader(writer.written({}))
    assert reader.read(placed["a"]).tolist() == [1.0, 3.0, 5.0]
    assert reader.read(placed["b"]).tolist() == [1, 2]


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b'{"series": [], "more": 1}', struct.pack("<7sBII", b"RUNYARD", 2, 0, 0)]
)
def test_what_are_no_columns_is_refused(answer: bytes):
    with pytest.raises(ValueError, match="columns"):
        ColumnReader(answer)


@pytest.mark.parametrize("column", [Column("<f4", 0, 1), Column("<f8", 0, 3), Column("<f8", 800, 1)])
def test_a_column_that_is_not_there_is_refused(column: Column):
    writer = ColumnWriter()
    writer.add({"a": array("d", [math.pi, 1.0])})
    with pytest.raises(ValueError, match="column"):
        ColumnReader(writer.written({})).read(column)


@pytest.mark.parametrize(
    ("accept", "is_binary"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        (CONTENT_TYPE, True),
        (f"application/json;q=0.5, {CONTENT_TYPE.upper()} ;q=1", True),
    ],
)
def test_columns_are_for_who_asks_for_them(accept: str | None, is_binary: bool):
    assert is_accepted(accept) == is_binary
