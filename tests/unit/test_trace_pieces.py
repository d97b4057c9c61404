"""Small parts of traces: times as protobuf writes them, previews, and what spans use together."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.measures import ALWAYS_TOLD, TOKENS, Node, added_up, measures_in
from runyard.entities.trace import Span, SpanEvent, SpanLink
from runyard.errors import InvalidParameter
from runyard.protocol.previews import preview_of
from runyard.protocol.span_content import content_of, span_message
from runyard.protocol.timestamps import (
    MAX_DURATION_MS,
    MAX_MS,
    duration_ms_of,
    duration_of,
    milliseconds_of,
    moment_of,
    timestamp_of,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.integers(0, MAX_MS))
def test_a_time_is_read_as_it_was_written(ms: int):
    assert milliseconds_of(timestamp_of(ms), "t") == ms


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_any_64_bits_are_a_moment_and_keep_their_order(times: list[int]):
    moments = [moment_of(ms) for ms in sorted(times)]
    assert moments == sorted(moments)
    assert all(
        abs(each.timestamp() * 1000 - ms) < 1
        for each, ms in zip(moments, sorted(times), strict=True)
        if 0 <= ms < MAX_MS - 24 * 3600 * 1000
    )


@given(st.integers(-MAX_DURATION_MS, MAX_DURATION_MS))
def test_a_duration_is_read_as_it_was_written(ms: int):
    assert duration_ms_of(duration_of(ms), "d") == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T23:59:59Z", -1_000),
    ],
)
def test_times_that_others_write(text: str, ms: int):
    assert milliseconds_of(text, "t") == ms


@pytest.mark.parametrize("text", ["", "now", "2025-02-30T00:00:00Z", "2025-01-01", "2025-01-01T00:00:00"])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(InvalidParameter):
        milliseconds_of(text, "t")


@pytest.mark.parametrize("text", ["", "1", "1m", "s", "999999999999s", "--1s"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(InvalidParameter):
        duration_ms_of(text, "d")


@pytest.mark.parametrize(
    ("value", "role", "preview"),
    [
        (None, "user", None),
        ({}, "user", None),
        ("text", "user", '"text"'),
        ({"q": "é"}, "user", '{"q": "é"}'),
        ({"messages": [{"role": "user", "content": "hi"}, {"role": "tool", "content": "t"}]}, "user", "hi"),
        ({"messages": [{"role": "tool", "content": "last"}]}, "user", "last"),
        ({"choices": [{"message": {"role": "assistant", "content": "yo"}}]}, "assistant", "yo"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "part"}]}]}, "user", "part"),
        ({"request": {"input": [{"role": "user", "content": "inner"}]}}, "user", "inner"),
        ({"messages": "none"}, "user", '{"messages": "none"}'),
    ],
)
def test_a_preview_is_the_last_message_or_the_whole(value: object, role: str, preview: str | None):
    assert preview_of(value, role) == preview


def test_a_long_preview_is_cut():
    cut = preview_of("x" * 5_000, "user")
    assert cut is not None
    assert (len(cut), cut[-3:]) == (1_000, "...")


def test_a_span_that_tells_of_its_use_speaks_for_all_below_it():
    use = {"input_tokens": 1, "output_tokens": 2}
    nodes = [
        Node("root", None, None),
        Node("call", "root", {"input_tokens": 5, "cache_read_input_tokens": 1}),
        Node("part", "call", None),
        Node("deep", "part", use),
        Node("other", "root", use),
        Node("loop", "loop", None),
    ]
    assert added_up(nodes, TOKENS, ALWAYS_TOLD) == {
        "input_tokens": 6,
        "output_tokens": 2,
        "total_tokens": 0,
        "cache_read_input_tokens": 1,
    }
    assert added_up(nodes[:1], TOKENS, ALWAYS_TOLD) == {}


def test_spans_that_are_each_others_parents_end():
    use = {"input_tokens": 1}
    nodes = [Node("a", "b", None), Node("b", "a", None), Node("c", "a", use)]
    assert added_up(nodes, TOKENS, ALWAYS_TOLD)["input_tokens"] == 1


NO_NUMBERS = ["", "no json", "[1]", '{"input_tokens": "5"}', '{"input_tokens": 1e999}', "[" * 9_999]


@pytest.mark.parametrize("said", NO_NUMBERS)
def test_what_is_no_number_is_none(said: str):
    assert measures_in({"mlflow.trace.tokenUsage": said}) == {}


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_span_comes_back_as_it_was_sent(values: dict[str, object]):
    link = SpanLink("tr-" + "0b" * 16, "02" * 8, {"why": "x"})
    span = Span(
        trace_id="tr-" + "0a" * 16,
        span_id="01" * 8,
        parent_id=None,
        name="n",
        started_ns=5,
        attributes=values,
        events=[SpanEvent("e", 7, {"x": 1})],
        links=[link],
    )
    message = span_message(content_of(span))
    assert json.loads(content_of(span))["attributes"].keys() == values.keys()
    assert {each["key"]: _plain(each["value"]) for each in message["attributes"]} == values
    assert message["events"][0]["time_unix_nano"] == 7
    assert message["links"][0]["attributes"] == [{"key": "why", "value": {"string_value": "x"}}]


def _plain(value: dict[str, object]) -> object:
    """Return what one of OpenTelemetry's values holds."""
    if not value:
        return None
    ((kind, held),) = value.items()
    if kind == "array_value":
        return [_plain(each) for each in held["values"]]  # type: ignore[index]
    if kind == "kvlist_value":
        return {each["key"]: _plain(each["value"]) for each in held["values"]}  # type: ignore[index]
    return float(held) if isinstance(held, str) and kind == "double_value" else held
