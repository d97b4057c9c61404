"""Regular expressions of a search: they say what Python's do, in time linear in the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidFilter
from runyard.protocol.patterns import MAX_PATTERN_LENGTH, Pattern, pattern_of

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "_",
        " ",
        ".",
        r"\.",
        r"\d",
        r"\w",
        r"\s",
        r"\W",
        "[ab]",
        "[^a]",
        "[a-c_]",
        r"[\d.]",
        "^",
        "$",
        r"\b",
    ]
)
TEXTS = st.text(alphabet="abc_ .-1\té", max_size=12)


def _repeated(part: str, times: str) -> str:
    return f"(?:{part}){times}"


def _patterns() -> st.SearchStrategy[str]:
    times = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?"])
    return st.recursive(
        ATOMS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map("".join),
            st.builds(_repeated, inner.filter(lambda part: part not in ("^", "$", r"\b")), times),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        ),
        max_leaves=6,
    )


@given(_patterns(), TEXTS)
def test_a_pattern_is_found_where_pythons_own_engine_finds_it(pattern: str, text: str):
    # Python's "$" is before a last newline too; there is none in the texts.
    assert Pattern(pattern).is_in(text) == (re.search(pattern, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "is_in"),
    [
        ("^gpt-4", "gpt-4o", True),
        ("^gpt-4", "my gpt-4", False),
        ("mini$", "gpt-4o-mini", True),
        ("(?i)GPT", "gpt", True),
        (r"\bcat\b", "a cat sat", True),
        (r"\bcat\b", "concat", False),
        ("", "anything", True),
        (r"a{3}", "aa", False),
        (r"a{,2}b", "b", True),
        (r"[]x]", "]", True),
        (r"[a\]]", "]", True),
        (r"\(", "(", True),
        ("a{", "a{", True),
    ],
)
def test_what_people_write(pattern: str, text: str, is_in: bool):
    assert Pattern(pattern).is_in(text) is is_in


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[",
        "[z-a]",
        "*",
        "a**",
        "(?=a)",
        "(?P<n>a)",
        r"\1",
        "\\",
        r"[\b]",
        "a{3,1}",
        "^*",
        "(" * 60 + ")" * 60,
    ],
)
def test_what_can_not_be_read_is_refused(pattern: str):
    with pytest.raises(InvalidFilter, match="Invalid regular expression"):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["x" * (MAX_PATTERN_LENGTH + 1), "(a{100}){100}", "((a{9}){9}){9}"])
def test_s27_a_pattern_that_would_grow_is_refused(pattern: str):
    with pytest.raises(InvalidFilter):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "a*a*a*a*a*c", r"(\w+\s?)*$!"])
def test_s27_no_pattern_takes_more_than_linear_time(pattern: str):
    # Python's engine would take longer than the universe has been there for.
    assert not Pattern(pattern).is_in("a" * 5_000 + "!")


def test_what_was_met_is_forgotten_before_it_is_too_much():
    pattern = Pattern("(a|b)*c[ab]{8}$")
    text = "".join("ab"[int(bit)] for number in range(2_000) for bit in f"{number:012b}")
    assert not pattern.is_in(text)


def test_postgres_gets_the_same_pattern_in_its_own_words():
    assert pattern_of(r"(?i)^\bcat (dog|cow)+?.x{2,}$").for_postgres == (
        r"(?i)^\ycat\ (?:(?:dog|cow))+[^\n](?:x){2,}$".replace("(?:(?:dog|cow))", "(?:dog|cow)")
    )
