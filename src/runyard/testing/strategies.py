"""Hypothesis strategies for what clients log: keys, values, points, batches."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from runyard.entities.metric import Metric, Point

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
MAX_TIMESTAMP_MS = INT64_MAX

_KEY_PARTS = st.text(st.sampled_from("abzAZ019_-: é中"), min_size=1, max_size=6)


def keys() -> st.SearchStrategy[str]:
    """Return keys that metrics, params and tags may have, with slashes that group some of them."""
    return st.lists(_KEY_PARTS, min_size=1, max_size=3).map("/".join)


def texts(max_size: int = 20) -> st.SearchStrategy[str]:
    """Return texts of any characters that a database takes: quotes, newlines, emoji, no lone surrogates."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=max_size)


def values() -> st.SearchStrategy[float]:
    """Return all numbers that a metric may have, NaN and infinities often among them."""
    return st.floats() | st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf])


def steps() -> st.SearchStrategy[int]:
    """Return steps: close to one another, so that they meet, or at the edges of 64 bits."""
    return st.integers(-2, 6) | st.sampled_from([INT64_MIN, INT64_MAX, 2**53 + 1])


def timestamps() -> st.SearchStrategy[int]:
    """Return milliseconds since the epoch, close to one another or at the last that there is."""
    return st.integers(0, 6) | st.sampled_from([MAX_TIMESTAMP_MS, 1_700_000_000_000])


def points() -> st.SearchStrategy[Point]:
    """Return points of one series."""
    return st.builds(Point, timestamps(), steps(), values())


def metrics(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Metric]:
    """Return metrics as a client logs them.

    Args:
        keys: What their keys are drawn from; few of them, so that they meet.
    """
    return st.builds(
        lambda key, point: Metric(key, point.value, point.timestamp_ms, point.step), keys, points()
    )
