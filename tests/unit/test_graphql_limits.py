"""What a GraphQL query may ask for at once, however it is written."""

from __future__ import annotations

import contextlib

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.protocol.graphql_limits import MAX_LENGTH, read_query

# Documents out of the words of the language: what a grammar of our own would call correct is too tame.
WORDS = (
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    "on",
    "Query",
    "query",
    "fragment",
    "F",
    "a",
    ":",
    "@a",
    "$a",
    '"',
    "1",
)


def nested(depth: int) -> str:
    """A query whose fields lie that deep."""
    return "{a" * depth + "}" * depth


def times(count: int, text: str) -> str:
    """The text again and again, each time with its number."""
    return " ".join(text.replace("#", str(number)) for number in range(count))


DOUBLING = "{...F0} " + " ".join(f"fragment F{i} on Q {{...F{i + 1} ...F{i + 1}}}" for i in range(12))
TOO_MUCH = {
    "deep": (nested(11), "Query exceeds maximum depth of 10"),
    "deep by a fragment": (
        f"fragment F on A {nested(6)} {{a{{a{{a{{a{{a{{...F}}}}}}}}}}}}",
        "Query exceeds maximum depth of 10",
    ),
    "aliases": (f"{{a{{{times(11, 'k#: b')}}}}}", "at most 10 aliases, got 11"),
    "aliases in fragments": (
        f"{{a{{{times(11, '...F#')}}}}} {times(11, 'fragment F# on A {k#: b}')}",
        "at most 10 aliases, got 11",
    ),
    "aliases within": (f"{{a{{{times(11, '...on A{k#: b}')}}}}}", "at most 10 aliases, got 11"),
    "root fields": (f"{{{times(11, 'f#')}}}", "at most 10 root fields, got 11"),
    "root fields in a fragment": (
        f"{{...F}} fragment F on Query {{{times(11, 'f#')}}}",
        "at most 10 root fields",
    ),
    "selections": (f"{{a{{{times(1001, 'f#')}}}}}", "maximum total selections of 1000"),
    "selections of nobody": (
        f"{{a}} fragment F on A {{{times(1001, 'f#')}}}",
        "maximum total selections of 1000",
    ),
    "a fragment in itself": ("{...F} fragment F on Query {...F}", "maximum total selections of 1000"),
    "fragments that double": (DOUBLING, "maximum total selections of 1000"),
    "too deep to be read": ("{a" * 20_000, "deep"),
    "a value too deep to be read": ("{a(b:" + "[" * 20_000, "deep"),
    "nothing": ("", "Syntax Error"),
    "half of one": ("{a", "Syntax Error"),
}


@pytest.mark.parametrize(("query", "told"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_asks_for_too_much_is_refused(query, told):
    with pytest.raises(GraphQLError) as refused:
        read_query(query)
    assert told in refused.value.message


def test_a_text_that_is_too_long_is_not_even_read():
    with pytest.raises(
        InvalidParameter, match=f"'query' exceeds the maximum length of {MAX_LENGTH} characters"
    ):
        read_query("{a}" + " " * MAX_LENGTH)


@pytest.mark.parametrize(
    "query",
    [
        nested(10),
        "{a{" + " ".join(f"k{i}: b" for i in range(10)) + "}}",
        "{" + " ".join(f"f{i}" for i in range(10)) + "}",
        'query Q($a: Int) @component(name: "x") {a(b: $a) {...F}} fragment F on A {c}',
    ],
)
def test_what_is_within_the_limits_is_read(query):
    assert read_query(query).definitions


@given(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join) | st.text(max_size=80))
def test_any_text_is_a_query_or_refused(text):
    with contextlib.suppress(GraphQLError):
        assert read_query(text).definitions
