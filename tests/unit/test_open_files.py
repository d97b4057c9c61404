"""A server may have more files open than a shell begins with."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from runyard.server.open_files import MANY, allow_many_files


@pytest.fixture
def hard() -> Iterator[int]:
    """The limit that this process can't pass; its own one is put back."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_low_limit_is_raised_as_far_as_it_may_be(hard: int):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    allow_many_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(MANY, hard), hard)


def test_a_high_limit_stays(hard: int):
    high = min(MANY + 1, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (high, hard))
    allow_many_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (high, hard)
