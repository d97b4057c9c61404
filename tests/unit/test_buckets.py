"""Buckets say the truth about the points that they stand for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.metric import Bucket, Point
from runyard.stores.metrics.buckets import BucketMaker
from runyard.testing.metric_rules import check_bucket
from runyard.testing.strategies import values

LARGEST = 1.7976931348623157e308


def bucket_of(*taken: float) -> Bucket:
    maker = BucketMaker()
    for x, value in enumerate(taken):
        maker.add(x, value)
    return maker.bucket()


@given(st.lists(values(), min_size=1, max_size=50))
def test_a_bucket_agrees_with_brute_force(taken):
    check_bucket(bucket_of(*taken), [Point(x, x, value) for x, value in enumerate(taken)])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_a_mean_lies_between_the_least_and_the_greatest(taken):
    bucket = bucket_of(*taken)
    assert bucket.minimum <= bucket.mean <= bucket.maximum


def test_the_mean_of_the_largest_numbers_does_not_overflow():
    assert bucket_of(LARGEST, LARGEST, LARGEST).mean == LARGEST
    assert bucket_of(LARGEST, LARGEST, -LARGEST, -LARGEST).mean == 0.0


def test_a_bucket_lies_where_its_first_point_does():
    maker = BucketMaker()
    for x in (7, 8, 9):
        maker.add(x, 1.0)
    assert maker.bucket().x == 7


@pytest.mark.parametrize("position", [0, 1, 2])
def test_nan_counts_as_a_point_and_hides_no_value(position):
    taken = [1.0, 3.0]
    taken.insert(position, math.nan)
    bucket = bucket_of(*taken)
    assert (bucket.count, bucket.minimum, bucket.maximum, bucket.mean) == (3, 1.0, 3.0, 2.0)


def test_infinities_of_both_signs_have_no_mean():
    bucket = bucket_of(math.inf, 1.0, -math.inf)
    assert (bucket.minimum, bucket.maximum) == (-math.inf, math.inf)
    assert math.isnan(bucket.mean)
