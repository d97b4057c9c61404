"""Whom a run is said to be of."""

from __future__ import annotations

import pwd

import pytest

from runyard.sdk.local_user import local_user

_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def test_a_user_has_the_name_that_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "ann")
    assert local_user() == "ann"


def test_a_user_of_a_container_that_has_no_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch):
    def nobody(user_id: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {user_id}")

    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert local_user() == "54321"
