"""A notebook of a linked workspace finds its token among Databricks' secrets, and for our server alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runyard.errors import InvalidParameter, Unauthenticated
from runyard.sdk.credentials import known_secret
from runyard.sdk.databricks import secret
from tests.databricks.databricks_api import TOKEN, Databricks

URL = "https://lab.example"
READ = ("GET", "/api/2.0/secrets/get")


@pytest.fixture(autouse=True)
def _in_a_notebook(databricks: Databricks, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    databricks.scopes["runyard-1"] = {"api-key": "ry_1_s"}
    for name, value in {
        "DATABRICKS_HOST": databricks.url,
        "DATABRICKS_TOKEN": TOKEN,
        "RUNYARD_URL": URL,
        "RUNYARD_DATABRICKS_SECRET": "runyard-1/api-key",
    }.items():
        monkeypatch.setenv(name, value)
    secret._read.cache_clear()
    yield
    secret._read.cache_clear()


def test_databricks_is_asked_once(databricks: Databricks):
    assert [known_secret(f"{URL}/workspaces/vision") for _ in range(3)] == ["ry_1_s"] * 3
    assert databricks.calls.count(READ) == 1


def test_for_another_server_it_is_not_asked(databricks: Databricks):
    assert known_secret("https://elsewhere.example") is None
    assert databricks.calls == []


def test_without_an_address_it_is_not_asked(databricks: Databricks, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RUNYARD_URL")
    assert known_secret(URL) is None
    assert databricks.calls == []


def test_a_token_of_ones_own_goes_before_it(databricks: Databricks, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNYARD_TOKEN", "ry_2_mine")
    assert known_secret(URL) == "ry_2_mine"
    assert databricks.calls == []


@pytest.mark.parametrize("named", ["runyard-1", "/api-key", "runyard-1/"])
def test_a_name_of_another_form_is_refused(named: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNYARD_DATABRICKS_SECRET", named)
    with pytest.raises(InvalidParameter, match="SCOPE/KEY"):
        known_secret(URL)


@pytest.mark.parametrize("named", ["runyard-1/none", "none/api-key"])
def test_a_secret_that_databricks_does_not_give_is_said(named: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNYARD_DATABRICKS_SECRET", named)
    with pytest.raises(Unauthenticated, match=f"the secret {named}"):
        known_secret(URL)
