"""A credential store that remembers what each request asks for, for less than a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

from runyard.entities.credential import ApiKey, Principal, SigningKey
from runyard.stores.metadata.base_credentials import CredentialStore

MAX_AGE_S = 0.5
MAX_ENTRIES = 4096

Found = TypeVar("Found")


class CachedCredentials(CredentialStore):
    """Answers repeated questions about one key or principal from memory, half a second long.

    A change through this object is seen at once; one by another process after ``MAX_AGE_S``, which is
    within the second that the contract allows. What is not found is not remembered: a stranger who tries
    ids fills no memory. A transaction that may write reads the truth: what it changes by something old it
    would undo for another process.

    Args:
        store: Where the truth is.
        clock: Seconds that only go up.
        is_writing: Whether this thread is in such a transaction.
    """

    def __init__(
        self,
        store: CredentialStore,
        clock: Callable[[], float] = time.monotonic,
        is_writing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._is_writing = is_writing
        self._found: dict[tuple[str, str], tuple[float, int, object]] = {}
        self._changes = 0
        self._lock = threading.Lock()
        self._server_id: str | None = None

    def changes(self) -> int:
        # Its own count tells of a change at once, the store's when it has been committed: what another thread
        # has read and kept in between is old.
        return self._changes + self._store.changes()

    def server_id(self) -> str:
        if self._server_id is None:
            self._server_id = self._store.server_id()
        return self._server_id

    def find_principal(self, principal_id: str) -> Principal | None:
        return self._remembered("principal", principal_id, self._store.find_principal)

    def find_api_key(self, key_id: str) -> ApiKey | None:
        return self._remembered("api key", key_id, self._store.find_api_key)

    def list_signing_keys(self) -> list[SigningKey]:
        keys = self._remembered("signing keys", "", lambda _: tuple(self._store.list_signing_keys()))
        return list(keys or ())

    def find_principal_by_name(self, name: str) -> Principal | None:
        return self._store.find_principal_by_name(name)

    def find_identity(self, issuer: str, subject: str) -> Principal | None:
        return self._store.find_identity(issuer, subject)

    def has_identity(self, issuer: str, principal_id: str) -> bool:
        return self._store.has_identity(issuer, principal_id)

    def list_principals(self) -> list[Principal]:
        return self._store.list_principals()

    def list_api_keys(self, principal_id: str | None = None) -> list[ApiKey]:
        return self._store.list_api_keys(principal_id)

    def has_administrator(self) -> bool:
        return self._store.has_administrator()

    def add_principal(self, principal: Principal) -> None:
        self._store.add_principal(principal)

    def add_api_key(self, key: ApiKey) -> None:
        self._store.add_api_key(key)

    def add_signing_key(self, key: SigningKey) -> None:
        self._store.add_signing_key(key)
        self._forget()

    def update_principal(self, principal: Principal) -> None:
        self._store.update_principal(principal)
        self._forget()

    def add_identity(self, issuer: str, subject: str, principal_id: str) -> None:
        self._store.add_identity(issuer, subject, principal_id)

    def revoke_api_key(self, key_id: str, now_ms: int) -> None:
        self._store.revoke_api_key(key_id, now_ms)
        self._forget()

    def retire_signing_key(self, key_id: str, now_ms: int) -> None:
        self._store.retire_signing_key(key_id, now_ms)
        self._forget()

    def _remembered(self, noun: str, name: str, find: Callable[[str], Found | None]) -> Found | None:
        if self._is_writing():
            return find(name)
        # The age counts from before the read: what changes while it runs must not be missed for longer.
        now_s, changes = self._clock(), self.changes()
        with self._lock:
            known = self._found.get((noun, name))
        if known is not None and now_s - known[0] < MAX_AGE_S and known[1] == changes:
            return cast("Found", known[2])
        found = find(name)
        with self._lock:
            if found is not None and changes == self.changes():
                if len(self._found) >= MAX_ENTRIES:
                    self._found.clear()
                self._found[noun, name] = (now_s, changes, found)
        return found

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._found.clear()
