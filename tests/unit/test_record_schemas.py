"""The schema that an evaluation dataset's records make."""

import pytest

from runyard.errors import InvalidParameter
from runyard.services.record_schemas import MAX_FIELDS, grown_schema


def test_nothing_makes_no_schema():
    assert grown_schema(None, []) is None


def test_fields_are_told_by_the_type_they_had_first():
    first = grown_schema(
        None,
        [
            {"inputs": {"a": None, "b": True, "c": 1, "d": 1.5, "e": "x", "f": [], "g": {}}},
            {"inputs": {"a": 1}, "expectations": {"z": 1}, "outputs": {"o": None}},
        ],
    )
    assert first == {
        "inputs": {
            "a": "null", "b": "boolean", "c": "integer", "d": "float", "e": "string", "f": "array",
            "g": "object",
        },
        "outputs": {"o": "null"},
        "expectations": {"z": "integer"},
        "version": "1.0",
    }  # fmt: skip
    assert grown_schema(first, []) == first
    grown = grown_schema(first, [{"inputs": {"a": "x", "h": "x"}, "expectations": None}])
    assert grown is not None
    assert (grown["inputs"]["a"], grown["inputs"]["h"]) == ("null", "string")
    assert "h" not in first["inputs"]


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["x", {"o": 1}, 5], "string"),
        ([{"o": 1}, "x"], {"o": "integer"}),
        ([None, {}, False], "boolean"),
        ([], {}),
    ],
)
def test_outputs_stay_what_they_were_first(outputs, said):
    grown = grown_schema(None, [{"outputs": each} for each in outputs] or [{}])
    assert grown is not None
    assert grown["outputs"] == said


def test_there_are_not_more_fields_than_a_schema_holds():
    whole = [{"inputs": {str(number): 1 for number in range(MAX_FIELDS)}}]
    assert grown_schema(None, whole) is not None
    with pytest.raises(InvalidParameter, match=f"at most {MAX_FIELDS} fields, these {MAX_FIELDS + 1}"):
        grown_schema(grown_schema(None, whole), [{"expectations": {"one": "more"}}])
