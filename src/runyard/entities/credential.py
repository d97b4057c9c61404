"""Who may call the server, and what they prove it with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runyard.entities.permission import Scope


class PrincipalKind(str, Enum):
    """What stands behind a principal."""

    PERSON = "person"
    SERVICE = "service"
    GROUP = "group"


class KeyKind(str, Enum):
    """What an API key was made for."""

    KEY = "key"
    """Somebody asked for it, to keep where passwords go."""
    SESSION = "session"
    """A browser that signed in."""
    LOGIN = "login"
    """A machine that ``runyard login`` was run on."""


EVERYONE = "everyone"
"""Id and name of the group that all people are in; what it is granted is everybody's default."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who may be granted a role: a person, a service, or a group of them.

    Times are milliseconds since the epoch. ``email`` finds a person whom a provider of identities tells of.
    ``description`` says in free words what a group is for.
    """

    principal_id: str
    name: str
    kind: PrincipalKind
    is_administrator: bool
    created_ms: int
    disabled_ms: int | None = None
    email: str | None = None
    description: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether their credentials are good at all."""
        return self.disabled_ms is None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A long-lived credential of a principal, without its secret; times are milliseconds since the epoch.

    ``scope`` and ``workspace`` narrow what its owner may do; a ``workspace`` of ``None`` is all of them.
    ``parent_key_id`` is the key that somebody signed in with: when that ends, so does this.
    """

    key_id: str
    principal_id: str
    name: str
    secret_sha256: str
    scope: Scope
    created_ms: int
    workspace: str | None = None
    expires_ms: int | None = None
    revoked_ms: int | None = None
    kind: KeyKind = KeyKind.KEY
    parent_key_id: str | None = None

    def is_active(self, now_ms: int) -> bool:
        """Whether it is good at ``now_ms``: not revoked, not expired."""
        return self.revoked_ms is None and (self.expires_ms is None or now_ms < self.expires_ms)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that tokens are signed with, as a JSON Web Key.

    From ``retired_ms`` on it signs nothing more; what it signed before stays good until it expires.
    """

    key_id: str
    private_jwk: str
    created_ms: int
    retired_ms: int | None = None
