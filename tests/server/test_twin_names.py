"""S28: two experiments or two models that nobody could tell apart by their names are never made."""

from __future__ import annotations

import pytest

API = "/api/2.0/mlflow"
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
PAIRS = [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), ("\u00c5", "\u212b"), ("\uac00", "\u1100\u1161")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("noun", ["experiments", "registered-models"])
def test_s28_one_name_in_two_forms_of_unicode_is_one_name(up, noun, first, second):
    assert up.ask("POST", f"{API}/{noun}/create", {"name": first}).status_code == 200
    twin = up.ask("POST", f"{API}/{noun}/create", {"name": second})
    assert (twin.status_code, twin.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    made = up.ask("POST", f"{API}/{noun}/create", {"name": "tea"}).json()
    key = {"name": "tea"} if noun == "registered-models" else made
    path = f"{API}/{noun}/{'update' if noun == 'experiments' else 'rename'}"
    renamed = up.ask("POST", path, {**key, "new_name": second})
    assert (renamed.status_code, renamed.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


@pytest.mark.parametrize("noun", ["experiments", "registered-models"])
def test_what_has_a_name_may_change_its_form(up, noun):
    made = up.ask("POST", f"{API}/{noun}/create", {"name": DECOMPOSED}).json()
    key = {"name": DECOMPOSED} if noun == "registered-models" else made
    path = f"{API}/{noun}/{'update' if noun == 'experiments' else 'rename'}"
    assert up.ask("POST", path, {**key, "new_name": COMPOSED}).status_code == 200


@pytest.mark.parametrize("name", ["Caf\u00e9", "cafe", "\u5b66\u7fd2", "\U0001f680"])
def test_other_names_are_other_names(up, name):
    for each in (COMPOSED, name):
        assert up.ask("POST", f"{API}/experiments/create", {"name": each}).status_code == 200
