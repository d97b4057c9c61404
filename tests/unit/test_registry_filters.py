"""MLflow's search grammar over the model registry: what it reads, and what it refuses in whose words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tree import And, Comparison, Entity, Not, Operator, Or
from runyard.protocol.ordering import Order
from runyard.protocol.registry_filters import (
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)

NAME, TAG = Entity.ATTRIBUTE, Entity.TAG


@pytest.mark.parametrize("text", [None, ""])
def test_no_filter_lets_everything_through(text):
    assert parse_registered_model_filter(text) is None
    assert parse_model_version_filter(text) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("name='a'", Comparison(NAME, "name", Operator.EQUAL, "a")),
        ('name = "a"', Comparison(NAME, "name", Operator.EQUAL, "a")),
        ("attribute.name != 'a'", Comparison(NAME, "name", Operator.NOT_EQUAL, "a")),
        ("name like 'a%'", Comparison(NAME, "name", Operator.LIKE, "a%")),
        ("name iLike 'a%'", Comparison(NAME, "name", Operator.ILIKE, "a%")),
        ("name IN ('a', \"b\")", Comparison(NAME, "name", Operator.IN, ("a", "b"))),
        ("tag.t = 'x'", Comparison(TAG, "t", Operator.EQUAL, "x")),
        ("tags.`a b` LIKE 'x%'", Comparison(TAG, "a b", Operator.LIKE, "x%")),
        ("tags.t IS NOT NULL", Comparison(TAG, "t", Operator.IS_NOT_NULL, None)),
    ],
)
def test_both_nouns_are_searched_by_name_and_tags(text, read):
    assert parse_registered_model_filter(text) == read
    assert parse_model_version_filter(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("version_number = 2", Comparison(NAME, "version", Operator.EQUAL, 2)),
        ("version_number <= '3'", Comparison(NAME, "version", Operator.LESS_OR_EQUAL, 3)),
        ("run_id NOT IN ('r')", Comparison(NAME, "run_id", Operator.NOT_IN, ("r",))),
        ("source_path LIKE 's3%'", Comparison(NAME, "source", Operator.LIKE, "s3%")),
    ],
)
def test_versions_are_searched_by_what_they_are(text, read):
    assert parse_model_version_filter(text) == read
    with pytest.raises(InvalidFilter, match="Invalid attribute key"):
        parse_registered_model_filter(text)


def test_what_mlflow_does_not_read_is_read_too():
    one, two = (Comparison(TAG, key, Operator.EQUAL, "x") for key in "ab")
    assert parse_registered_model_filter("tags.a = 'x' OR tags.b = 'x'") == Or((one, two))
    assert parse_registered_model_filter("NOT (tags.a = 'x' AND tags.b = 'x')") == Not(And((one, two)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name!=something", "Parameter value is either not quoted or unidentified quote types"),
        ("evilhax = true", "Invalid clause(s) in filter string: evilhax = true"),
        ("colour = 'red'", "Invalid attribute key 'colour' specified"),
        ("foo.name = 'x'", "Invalid entity type 'foo'. Valid entity types are ('attribute', 'tag', 'tags')"),
        ("name > 'x'", "Invalid comparator for attribute: >"),
        ("tags.n > '1'", "Invalid comparator for tag: >"),
        ("tags.n = 1", "Expected a quoted string value for tag (e.g. 'my-value'). Got value 1"),
        ("tags.n IN ('1')", "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('1')"),
        (
            "name IN (1,2)",
            "expected string value, punctuation, or whitespace, but got different type in list",
        ),
        ("name IN ()", "expected a non-empty list of string values, but got empty list"),
        ("name IN (,)", "expected a non-empty list of string values, but got ill-formed list"),
        ("name IN ('a',,'b')", "expected a non-empty list of string values, but got ill-formed list"),
        ("name IN (", "Invalid clause(s) in filter string"),
        ("name IN", "Invalid clause(s) in filter string"),
        ("name LIKE", "Invalid clause(s) in filter string"),
        ("name = ('a')", "Invalid comparator for attribute: ="),
        ("name = 'x';name = 'y'", "Search filter contained multiple expression"),
        ("name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'"),
    ],
)
def test_what_both_refuse_is_refused_in_mlflows_words(text, message):
    for parse in (parse_registered_model_filter, parse_model_version_filter):
        with pytest.raises(InvalidFilter) as refused:
            parse(text)
        assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version_number = 1.5", "Invalid value for numeric attribute 'version_number': 1.5"),
        ("version_number = 'x'", "Invalid value for numeric attribute 'version_number': 'x'"),
        (f"version_number = {'9' * 30}", "Invalid value for numeric attribute 'version_number'"),
        ("version_number LIKE '1'", "Invalid comparator for attribute version_number: LIKE"),
        ("version_number IN ('1')", "Only ['name', 'run_id'] attributes support comparison with a list"),
        ("source_path IN ('x')", "Only ['name', 'run_id'] attributes support comparison with a list"),
        ("run_id = 1", "attributes support comparison with numeric values."),
    ],
)
def test_what_versions_refuse_is_refused_in_mlflows_words(text, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_model_version_filter(text)
    assert message in str(refused.value)


@pytest.mark.parametrize("blank", [" ", "\t", "\r\r", "\n", "  "])
def test_an_order_is_read_however_it_is_spaced_and_capitalised(blank):
    assert parse_registered_model_order([f"timestamp{blank}dEsC", "name"]) == (
        Order(NAME, "updated_ms", ascending=False),
        Order(NAME, "name"),
    )
    assert parse_model_version_order([f"version_number{blank}ASC", "creation_timestamp"]) == (
        Order(NAME, "version"),
        Order(NAME, "created_ms"),
    )


@pytest.mark.parametrize(
    ("parse", "order", "message"),
    [
        (
            parse_registered_model_order,
            ["name", "creation_timestamp"],
            "Invalid order by key 'creation_timestamp'",
        ),
        (parse_registered_model_order, ["attribute.name"], "Invalid order by key 'attribute.name' specified"),
        (
            parse_registered_model_order,
            ["timestamp", "last_updated_timestamp DESC"],
            "contains duplicate fields",
        ),
        (parse_registered_model_order, ["name ASC blah"], "Invalid order_by clause 'name ASC blah'"),
        (parse_registered_model_order, ["name sideways"], "Invalid ordering key in order_by clause"),
        (parse_registered_model_order, [""], "Invalid order_by clause ''"),
        (parse_registered_model_order, ["name"] * 41, "at most 40 are allowed"),
        (parse_model_version_order, ["name", "run_id DESC"], "Invalid attribute key 'run_id' specified"),
        (parse_model_version_order, ["tags.i"], "Invalid order by key 'i' specified"),
        (parse_model_version_order, ["name", "name DESC"], "contains duplicate fields"),
    ],
)
def test_an_order_that_can_not_be_is_refused(parse, order, message):
    with pytest.raises(InvalidFilter) as refused:
        parse(order)
    assert message in str(refused.value)


@pytest.mark.parametrize("parse", [parse_registered_model_filter, parse_model_version_filter])
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(parse, text):
    with contextlib.suppress(InvalidFilter):
        parse(text)


QUOTABLE = st.text(st.characters(codec="utf-8", exclude_characters="'\"\\\0"), max_size=20)


@given(QUOTABLE, st.lists(QUOTABLE, min_size=1, max_size=4))
def test_values_are_read_as_they_were_quoted(value, listed):
    assert parse_registered_model_filter(f"name = '{value}'") == Comparison(
        NAME, "name", Operator.EQUAL, value
    )
    within = ", ".join(f"'{each}'" for each in listed)
    read = parse_model_version_filter(f"run_id IN ({within})")
    assert read == Comparison(NAME, "run_id", Operator.IN, tuple(listed))
