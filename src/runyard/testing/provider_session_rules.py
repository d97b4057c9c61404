"""The rules that every store of what providers of identities call their sessions must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from runyard.entities.credential import Principal, PrincipalKind
from runyard.stores.metadata.base_provider_sessions import ProviderSessionStore

ANN = Principal("p-ann", "ann", PrincipalKind.PERSON, is_administrator=True, created_ms=1000)
KEYS = ("00000000000a", "00000000000b", "00000000000c")
ISSUER = "https://login.example"


class ProviderSessionStoreRules(ABC):
    """Inherit, and implement the hooks, to hold a store of providers' sessions to its contract."""

    @pytest.fixture
    @abstractmethod
    def sessions(self) -> ProviderSessionStore:
        """Return an empty store, beside which :data:`ANN` has the API keys :data:`KEYS`."""

    @abstractmethod
    def again(self) -> ProviderSessionStore:
        """Return another store over what ``sessions`` has kept, as another process would open it."""

    def test_a_session_is_found_by_the_provider_s_name_alone(self, sessions: ProviderSessionStore) -> None:
        """Also by another process; another provider's session of that name is another."""
        sessions.add_session(KEYS[1], ISSUER, "s-1")
        sessions.add_session(KEYS[0], ISSUER, "s-1")
        sessions.add_session(KEYS[2], "https://other.example", "s-1")
        for store in (sessions, self.again()):
            assert store.list_keys(ISSUER, "s-1") == [KEYS[0], KEYS[1]]
            assert store.list_keys("https://other.example", "s-1") == [KEYS[2]]
        assert sessions.list_keys(ISSUER, "S-1") == []
        assert sessions.list_keys(f"{ISSUER}s", "-1") == []

    def test_a_token_comes_for_the_first_time_once(self, sessions: ProviderSessionStore) -> None:
        """Whichever process it comes to."""
        assert sessions.take_token(ISSUER, "t-1", 2_000, 1_000)
        assert not sessions.take_token(ISSUER, "t-1", 2_000, 1_999)
        assert not self.again().take_token(ISSUER, "t-1", 2_000, 1_999)
        assert sessions.take_token("https://other.example", "t-1", 2_000, 1_999)
        assert sessions.take_token(ISSUER, "t" * 100_000, 2_000, 1_999)

    def test_what_is_refused_anyway_is_forgotten(self, sessions: ProviderSessionStore) -> None:
        """So the table is as long as the tokens of some minutes."""
        assert sessions.take_token(ISSUER, "t-1", 2_000, 1_000)
        assert sessions.take_token(ISSUER, "t-2", 3_000, 2_000)
        assert sessions.take_token(ISSUER, "t-1", 3_000, 2_000)
        assert not sessions.take_token(ISSUER, "t-2", 3_000, 2_000)
