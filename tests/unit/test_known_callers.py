"""Callers that are remembered for a moment: never longer, and never once a credential was ended here."""

from __future__ import annotations

import pytest

from runyard.auth.permissions import LOCAL_OWNER, Caller, Scope
from runyard.errors import Unauthenticated
from runyard.server import known_callers
from runyard.server.known_callers import KnownCallers

ANN = Caller("ann", "p-ann", Scope.OWNER)


class Credentials:
    """Who is known, how often somebody asked, and what time it is."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.changes = 0
        self.now_s = 1000.0
        self.known: dict[str | None, Caller] = {None: LOCAL_OWNER, "Bearer ann": ANN}
        self.callers = KnownCallers(self.authenticate, lambda: self.changes)

    def authenticate(self, authorization: str | None) -> Caller | None:
        self.asked.append(authorization)
        caller = self.known.get(authorization)
        if caller is None:
            raise Unauthenticated("no")
        return caller


@pytest.fixture
def credentials(monkeypatch):
    made = Credentials()
    monkeypatch.setattr("runyard.server.known_callers.time.monotonic", lambda: made.now_s)
    return made


def test_a_caller_is_asked_for_once_in_a_moment(credentials):
    assert credentials.callers.remembered("Bearer ann") is None
    for _ in range(5):
        assert credentials.callers.find("Bearer ann") is ANN
        assert credentials.callers.remembered("Bearer ann") is ANN
    assert credentials.asked == ["Bearer ann"]


def test_a_caller_is_forgotten_when_the_moment_is_over(credentials):
    credentials.callers.find("Bearer ann")
    credentials.now_s += 0.24
    assert credentials.callers.remembered("Bearer ann") is ANN
    credentials.now_s += 0.01
    assert credentials.callers.remembered("Bearer ann") is None


def test_a_credential_that_ends_here_is_forgotten_at_once(credentials):
    credentials.callers.find("Bearer ann")
    del credentials.known["Bearer ann"]
    credentials.changes += 1
    assert credentials.callers.remembered("Bearer ann") is None
    with pytest.raises(Unauthenticated):
        credentials.callers.find("Bearer ann")


def test_what_ends_while_it_is_asked_for_is_not_remembered(credentials):
    def ends_meanwhile(authorization):
        credentials.changes += 1
        return ANN

    callers = KnownCallers(ends_meanwhile, lambda: credentials.changes)
    assert callers.find("Bearer ann") is ANN
    assert callers.remembered("Bearer ann") is None


def test_a_refusal_is_not_remembered(credentials):
    with pytest.raises(Unauthenticated):
        credentials.callers.find("Bearer bob")
    credentials.known["Bearer bob"] = ANN
    assert credentials.callers.find("Bearer bob") is ANN


def test_who_sends_no_credential_costs_no_memory(credentials):
    assert credentials.callers.remembered(None) is LOCAL_OWNER
    assert credentials.callers.find(None) is LOCAL_OWNER


def test_no_secret_is_kept_and_memory_is_bounded(credentials, monkeypatch):
    monkeypatch.setattr(known_callers, "MAX_KNOWN", 3)
    for number in range(10):
        credentials.known[f"Bearer {number}"] = ANN
        assert credentials.callers.find(f"Bearer {number}") is ANN
    kept = vars(credentials.callers)["_known"]
    assert len(kept) <= 3
    assert "Bearer" not in repr(list(kept))
