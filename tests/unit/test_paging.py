"""Page tokens as MLflow's clients carry them, and pages of one more than was asked for."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.protocol.paging import MAX_OFFSET, page_of, page_token, parse_page_token


def token_of(text):
    return base64.b64encode(text.encode()).decode()


def test_a_token_is_mlflows():
    assert json.loads(base64.b64decode(page_token(1000))) == {"offset": 1000}
    assert parse_page_token(token_of('{"offset": 25}')) == 25
    assert parse_page_token(token_of('{"offset": "25"}')) == 25


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_token_is_the_first_page(nothing):
    assert parse_page_token(nothing) == 0
    assert parse_page_token(nothing, {"filter_string": "x"}) == 0


@given(st.integers(1, MAX_OFFSET))
def test_a_token_leads_to_where_it_was_made_for(offset):
    assert parse_page_token(page_token(offset)) == offset


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("x", "Invalid page token, could not base64-decode"),
        ("é", "Invalid page token, could not base64-decode"),
        ("abcd", "Invalid page token, decoded value="),
        (token_of("[" * 100_000), "Invalid page token, decoded value="),
        (token_of("[1]"), "Invalid page token, parsed value=[1]"),
        (token_of("5"), "Invalid page token, parsed value=5"),
        (token_of("{}"), "Invalid page token, parsed value={}"),
        *(
            (token_of(json.dumps({"offset": offset})), "Invalid page token, parsed value={'offset': ")
            for offset in (None, 0, -1, 1.5, True, "x", "-5", "١", "9" * 5000, 2**70, [1])
        ),
    ],
)
def test_a_token_that_was_not_made_here_is_refused(token, message):
    with pytest.raises(InvalidParameter) as refused:
        parse_page_token(token)
    assert refused.value.message.startswith(message)
    assert len(refused.value.message) < 1000


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_as_a_token_is_an_offset_or_refused(text):
    try:
        assert 0 <= parse_page_token(text) <= MAX_OFFSET
    except InvalidParameter as refused:
        assert refused.message.startswith("Invalid page token")  # noqa: PT017 - either outcome is right


SEARCH = {"experiment_ids": ["1"], "filter_string": None, "order_by": [{"field_name": "name"}]}


def test_a_token_of_a_search_is_good_for_that_search():
    token = page_token(5, SEARCH)
    assert parse_page_token(token, SEARCH) == 5
    assert json.loads(base64.b64decode(token)) == {**SEARCH, "offset": 5}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"experiment_ids": ["2"]},
            "Experiment IDs in the page token do not match the requested experiment IDs. ",
        ),
        (
            {"filter_string": "x"},
            "Filter string in the page token does not match the requested filter string. ",
        ),
        (
            {"order_by": None},
            "Order by in the page token does not match the requested order by. Expected: None. ",
        ),
    ],
)
def test_a_token_of_another_search_is_refused(other, message):
    with pytest.raises(InvalidParameter) as refused:
        parse_page_token(page_token(5, SEARCH), {**SEARCH, **other})
    assert refused.value.message.startswith(message)


def test_a_page_has_a_token_only_if_something_follows():
    assert page_of([1, 2], 2, 0).next_token is None
    assert page_of([], 2, 4).items == []
    page = page_of([1, 2, 3], 2, 4)
    assert page.items == [1, 2]
    assert parse_page_token(page.next_token) == 6


@given(st.integers(0, 40), st.integers(1, 7))
def test_pages_hold_every_item_once_and_in_order(count, limit):
    seen: list[int] = []
    token: str | None = None
    while True:
        offset = parse_page_token(token)
        page = page_of(list(range(count))[offset : offset + limit + 1], limit, offset)
        seen += page.items
        token = page.next_token
        if token is None:
            break
    assert seen == list(range(count))
