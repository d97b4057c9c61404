"""What a provider of identities calls the sessions that it began, in SQL."""

from __future__ import annotations

import hashlib

from sqlalchemy import delete, select

from runyard.stores.database import Database, insert_if_free
from runyard.stores.metadata.base_provider_sessions import ProviderSessionStore
from runyard.stores.metadata.schema_identity import logout_tokens, provider_sessions


class SqlProviderSessions(ProviderSessionStore):
    """Keeps them in the tables ``provider_sessions`` and ``logout_tokens``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_session(self, key_id: str, issuer: str, session: str) -> None:
        values = {"key_id": key_id, "session_sha256": _digest(issuer, session)}
        with self._database.writing() as connection:
            insert_if_free(connection, provider_sessions, values)

    def list_keys(self, issuer: str, session: str) -> list[str]:
        is_meant = provider_sessions.c.session_sha256 == _digest(issuer, session)
        query = select(provider_sessions.c.key_id).where(is_meant).order_by(provider_sessions.c.key_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def take_token(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        forgotten = delete(logout_tokens).where(logout_tokens.c.until_ms <= now_ms)
        values = {"token_sha256": _digest(issuer, token_id), "until_ms": until_ms}
        with self._database.writing() as connection:
            connection.execute(forgotten)
            return bool(insert_if_free(connection, logout_tokens, values))


def _digest(issuer: str, name: str) -> str:
    """Return a name of a provider's at a fixed length; an issuer is an address, so it holds no NUL."""
    return hashlib.sha256(f"{issuer}\0{name}".encode(errors="surrogatepass")).hexdigest()
