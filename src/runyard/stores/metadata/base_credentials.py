"""The contract of the store of principals and of what they prove themselves with."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.entities.credential import ApiKey, Principal, SigningKey


class CredentialStore(ABC):
    """Remembers who may call, their API keys and the server's signing keys.

    The promises of :mod:`runyard.stores.metadata.base` hold here too. Secrets of API keys never reach a
    store, only their digests; signing keys are kept as they are, so what keeps them must be private.

    Nothing is ever deleted: a principal is disabled, a key revoked or retired, and the row stays for the
    audit. A key that was ended once stays ended, at its first time. Another process may go on seeing the
    older state for at most one second.
    """

    @abstractmethod
    def changes(self) -> int:
        """Return a number that is another one once a credential was ended through this object.

        What somebody has concluded from answers of this store may be kept for a moment if it stays the same.
        """

    @abstractmethod
    def server_id(self) -> str:
        """Return the id of this installation, made up at the first call and the same ever after."""

    @abstractmethod
    def add_principal(self, principal: Principal) -> None:
        """Keep a new principal.

        Raises:
            AlreadyExists: A principal, active or disabled, has this id, this name or this email address.
        """

    @abstractmethod
    def find_principal(self, principal_id: str) -> Principal | None:
        """Return a principal, active or disabled."""

    @abstractmethod
    def find_principal_by_name(self, name: str) -> Principal | None:
        """Return the principal of that name, active or disabled."""

    @abstractmethod
    def list_principals(self) -> list[Principal]:
        """Return all principals by name, disabled ones too."""

    @abstractmethod
    def update_principal(self, principal: Principal) -> None:
        """Keep what has changed of a principal: all but the id, the kind and when it was made.

        To set ``disabled_ms`` ends all that they may do, to clear it gives it back.

        Raises:
            NotFound: There is no such principal.
            AlreadyExists: Another one has this name or this email address.
        """

    @abstractmethod
    def find_identity(self, issuer: str, subject: str) -> Principal | None:
        """Return whom a provider of identities means by ``subject``."""

    @abstractmethod
    def has_identity(self, issuer: str, principal_id: str) -> bool:
        """Return whether a provider of identities means somebody by any name."""

    @abstractmethod
    def add_identity(self, issuer: str, subject: str, principal_id: str) -> None:
        """Keep whom a provider of identities means by ``subject``.

        Raises:
            AlreadyExists: It means somebody already.
        """

    @abstractmethod
    def has_administrator(self) -> bool:
        """Return whether an active principal is an administrator."""

    @abstractmethod
    def add_api_key(self, key: ApiKey) -> None:
        """Keep a new API key.

        Raises:
            AlreadyExists: A key has this id.
            NotFound: Its principal or its workspace does not exist.
        """

    @abstractmethod
    def find_api_key(self, key_id: str) -> ApiKey | None:
        """Return an API key, good or not."""

    @abstractmethod
    def list_api_keys(self, principal_id: str | None = None) -> list[ApiKey]:
        """Return the API keys of a principal, or of all, the newest first; revoked ones too."""

    @abstractmethod
    def revoke_api_key(self, key_id: str, now_ms: int) -> None:
        """End an API key, and with it the tokens that were made from it.

        Raises:
            NotFound: There is no such key.
        """

    @abstractmethod
    def add_signing_key(self, key: SigningKey) -> None:
        """Keep a new signing key.

        Raises:
            AlreadyExists: A key has this id.
        """

    @abstractmethod
    def list_signing_keys(self) -> list[SigningKey]:
        """Return all signing keys, the newest first; retired ones too."""

    @abstractmethod
    def retire_signing_key(self, key_id: str, now_ms: int) -> None:
        """Let a signing key sign nothing more.

        Raises:
            NotFound: There is no such key.
        """
