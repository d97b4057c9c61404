"""An accepted request as bytes, and back."""

from __future__ import annotations

import math
import struct

import pytest

from runyard.entities.metric import MetricBatch, Point
from runyard.stores.metrics.packing import (
    UnknownFormat,
    pack_batch,
    points_by_key,
    points_of_key,
    unpack_batch,
    unpack_batches,
)
from runyard.testing.strategies import INT64_MAX, INT64_MIN


def batch_of(*rows: tuple[str, float, int, int]) -> MetricBatch:
    return MetricBatch(*(list(column) for column in zip(*rows, strict=True)))


def test_columns_come_back_as_they_were():
    batch = batch_of(
        ("a", 5e-324, INT64_MIN, INT64_MAX), ("é\0", math.inf, INT64_MAX, 0), ("a", -0.0, 0, INT64_MIN)
    )
    unpacked = unpack_batch(pack_batch(batch))
    assert [unpacked.keys[index] for index in unpacked.key_indexes] == batch.keys
    assert repr(unpacked.values.tolist()) == repr(batch.values)
    assert unpacked.timestamps_ms.tolist() == batch.timestamps_ms
    assert unpacked.steps.tolist() == batch.steps
    assert unpacked.keys == ("a", "é\0")


def test_a_request_without_points_is_packed_too():
    unpacked = unpack_batch(pack_batch(MetricBatch([], [], [], [])))
    assert (len(unpacked), unpacked.keys, points_by_key([unpacked])) == (0, (), {})


def test_whole_numbers_are_values():
    assert unpack_batch(pack_batch(MetricBatch(["a"], [3], [0], [0]))).values.tolist() == [3.0]


@pytest.mark.parametrize(
    ("batch", "most"),
    [
        (MetricBatch(["loss"], [0.5], [9], [1]), 40),
        (MetricBatch([f"k{number}" for number in range(1000)], [0.5] * 1000, [9] * 1000, [1] * 1000), 14_000),
        (MetricBatch(["a"] * 1000, [0.5] * 1000, [9] * 1000, list(range(5, 1005))), 8_100),
        (MetricBatch(["a", "b"] * 500, [0.5] * 1000, list(range(1000)), [*range(0, 2000, 2)]), 26_100),
    ],
)
def test_what_is_the_same_for_all_points_takes_little_room(batch: MetricBatch, most: int):
    assert len(pack_batch(batch)) <= most


def test_more_keys_than_16_bits_count_are_told_apart():
    keys = [f"k{number}" for number in range(70_000)]
    batch = MetricBatch([*keys, "k69999"], [0.0] * 70_001, [0] * 70_001, [0] * 70_001)
    unpacked = unpack_batch(pack_batch(batch))
    assert unpacked.keys == tuple(keys)
    assert unpacked.key_indexes[-2:].tolist() == [69_999, 69_999]


def test_unpacked_columns_are_views_of_the_bytes():
    packed = pack_batch(batch_of(("a", 1.0, 1, 5), ("b", 2.0, 2, 9)))
    assert not unpack_batch(packed).values.flags.owndata


def test_a_step_of_more_than_64_bits_is_refused():
    with pytest.raises(struct.error):
        pack_batch(batch_of(("a", 0.0, 0, 0), ("a", 0.0, 0, 2**63)))


def test_an_unknown_format_is_refused():
    packed = pack_batch(batch_of(("a", 1.0, 1, 1)))
    for other in (b"", b"\x02" + packed[1:]):
        with pytest.raises(UnknownFormat, match="format"):
            unpack_batch(other)


def test_points_of_several_batches_are_told_apart_by_key():
    batches = [
        unpack_batch(pack_batch(batch_of(("a", 1.0, 1, 1), ("b", 2.0, 1, 1)))),
        unpack_batch(pack_batch(batch_of(("c", 3.0, 2, 2), ("a", 4.0, 2, 2), ("c", 5.0, 3, 3)))),
        unpack_batch(pack_batch(batch_of(("a", 6.0, 0, 0)))),
    ]
    expected = {
        "a": [Point(1, 1, 1.0), Point(2, 2, 4.0), Point(0, 0, 6.0)],
        "b": [Point(1, 1, 2.0)],
        "c": [Point(2, 2, 3.0), Point(3, 3, 5.0)],
    }
    assert points_by_key(batches) == expected
    assert {key: points_of_key(batches, key) for key in expected} == expected
    assert points_of_key(batches, "d") == []
    assert points_by_key(batches[2:]) == {"a": [Point(0, 0, 6.0)]}


def test_keys_that_come_again_in_another_order_are_told_apart():
    batches = [
        unpack_batch(pack_batch(batch_of(*points)))
        for points in (
            (("a", 1.0, 1, 1), ("b", 2.0, 1, 1)),
            (("b", 4.0, 2, 2), ("a", 3.0, 2, 2)),
            (("a", 5.0, 3, 3), ("b", 6.0, 3, 3)),
        )
    ]
    found = {key: points.values.tolist() for key, points in points_by_key(batches).items()}
    assert found == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}


def test_single_points_are_unpacked_together_by_their_key():
    requests = [
        batch_of(("a", 1.0, 10, 1)),
        batch_of(("b", math.nan, 20, INT64_MIN)),
        batch_of(("a", 2.0, 30, 3), ("a", 3.0, 40, 4)),
        batch_of(("a", -0.0, INT64_MIN, INT64_MAX)),
        batch_of(("é" * 200, 4.0, 50, 5)),
    ]
    unpacked = unpack_batches(map(pack_batch, requests))
    assert sorted((batch.keys, len(batch)) for batch in unpacked) == [
        (("a",), 2),
        (("a",), 2),
        (("b",), 1),
        (("é" * 200,), 1),
    ]
    found = {key: sorted(map(repr, points)) for key, points in points_by_key(unpacked).items()}
    assert found == {
        "a": sorted(
            map(
                repr,
                [
                    Point(10, 1, 1.0),
                    Point(30, 3, 2.0),
                    Point(40, 4, 3.0),
                    Point(INT64_MIN, INT64_MAX, -0.0),
                ],
            )
        ),
        "b": [repr(Point(20, INT64_MIN, math.nan))],
        "é" * 200: [repr(Point(50, 5, 4.0))],
    }
    assert unpack_batches([]) == []


def test_a_single_point_of_an_unknown_format_is_refused():
    with pytest.raises(UnknownFormat, match="format"):
        unpack_batches([b"\x02" + pack_batch(batch_of(("a", 1.0, 1, 1)))[1:]])
