"""Charts in the JSON of Azure's first SDK: what can be drawn is taken, and nothing that is a step off."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.sdk.charts import checked_chart

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)
LABELS = st.lists(st.text(max_size=5), min_size=1, max_size=4)


def lists(size: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(NUMBERS, min_size=size, max_size=size)


def rows(height: int, width: int) -> st.SearchStrategy[list[list[Any]]]:
    return st.lists(lists(width), min_size=height, max_size=height)


@st.composite
def charts(draw: st.DrawFn) -> dict[str, Any]:
    schema_type = draw(st.sampled_from(["confusion_matrix", "accuracy_table", "residuals", "predictions"]))
    if schema_type == "confusion_matrix":
        labels = draw(LABELS)
        data = {"class_labels": labels, "matrix": draw(rows(len(labels), len(labels)))}
    elif schema_type == "accuracy_table":
        labels, data = draw(LABELS), {}
        for kind in ("probability", "percentile"):
            count = draw(st.integers(1, 4))
            data[f"{kind}_thresholds"] = draw(lists(count))
            data[f"{kind}_tables"] = [draw(rows(count, 4)) for _ in labels]
        data["class_labels"] = labels
    else:
        bins = draw(st.integers(1, 5))
        data = {"bin_edges": sorted(draw(lists(bins + 1))), "bin_counts": draw(lists(bins))}
        if schema_type == "predictions":
            data |= {"bin_averages": draw(lists(bins)), "bin_errors": draw(lists(bins))}
    return {"schema_type": schema_type, "schema_version": "v1", "data": data}


def numbers_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the lists are that hold numbers alone or lists of them."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in numbers_in(each, (*place, key))]
    if isinstance(value, list):
        return [place, *(found for i, each in enumerate(value) for found in numbers_in(each, (*place, i)))]
    return []


@given(charts())
def test_what_can_be_drawn_is_taken_as_it_is(chart: dict[str, Any]):
    assert checked_chart(chart["schema_type"], chart) == chart
    assert checked_chart(chart["schema_type"], json.dumps(chart)) == chart


@given(charts(), st.data())
def test_a_list_that_is_one_too_long_is_refused(chart: dict[str, Any], data: st.DataObject):
    place = data.draw(st.sampled_from(numbers_in(chart["data"])))
    broken = json.loads(json.dumps(chart))
    found = broken["data"]
    for step in place:
        found = found[step]
    found.append(found[-1])
    with pytest.raises(InvalidParameter):
        checked_chart(chart["schema_type"], broken)


@given(charts(), st.data(), st.sampled_from([None, "text", True, float("nan"), float("inf"), {}]))
def test_what_is_no_number_is_refused(chart: dict[str, Any], data: st.DataObject, wrong: object):
    places = [place for place in numbers_in(chart["data"]) if "class_labels" not in place]
    broken = json.loads(json.dumps(chart))
    found = broken["data"]
    for step in data.draw(st.sampled_from(places)):
        found = found[step]
    found[data.draw(st.integers(0, len(found) - 1))] = wrong
    with pytest.raises(InvalidParameter):
        checked_chart(chart["schema_type"], broken)


@given(charts(), st.data())
def test_what_is_missing_is_named(chart: dict[str, Any], data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(chart["data"])))
    broken = {**chart, "data": {key: value for key, value in chart["data"].items() if key != name}}
    with pytest.raises(InvalidParameter, match=name):
        checked_chart(chart["schema_type"], broken)


@given(st.recursive(st.none() | st.booleans() | NUMBERS | st.text(), lambda inner: st.lists(inner)))
def test_anything_else_is_refused_and_breaks_nothing(value: Any):
    for given_value in (value, json.dumps(value), {"schema_type": "residuals", "data": value}):
        with pytest.raises(InvalidParameter):
            checked_chart("residuals", given_value)
