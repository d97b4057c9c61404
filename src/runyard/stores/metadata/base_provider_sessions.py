"""The contract of the store of what a provider of identities calls the sessions that it began."""

from __future__ import annotations

from abc import ABC, abstractmethod


class ProviderSessionStore(ABC):
    """Remembers by which name a provider will speak of a session when it ends it.

    The promises of :mod:`runyard.stores.metadata.base` hold here too.
    """

    @abstractmethod
    def add_session(self, key_id: str, issuer: str, session: str) -> None:
        """Keep what a provider calls the session that the key ``key_id`` is; many may be called the same."""

    @abstractmethod
    def list_keys(self, issuer: str, session: str) -> list[str]:
        """Return the ids of the keys of what a provider calls ``session``, whether they are good or not."""

    @abstractmethod
    def take_token(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """Return whether a provider's logout token comes for the first time, and remember it.

        Args:
            issuer: The provider.
            token_id: What it calls the token; of any length.
            until_ms: When the token is refused anyway, so that it need not be remembered.
            now_ms: The time; what need not be remembered any more is forgotten.
        """
