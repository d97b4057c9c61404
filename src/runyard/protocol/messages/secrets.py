"""Runyard's own messages about secrets; a value is in two of them alone, and in no text that shows them."""

from __future__ import annotations

from typing import ClassVar

from runyard.entities.secret import Secret
from runyard.protocol.messages.common import Wire


class SetSecret(Wire):
    """Body of ``PUT /api/v1/secrets/{secret_name}``."""

    __wire_unsaid__: ClassVar[frozenset[str]] = frozenset({"value"})

    value: str
    content_type: str = ""

    def __repr__(self) -> str:
        return "SetSecret(value=...)"


class WireSecret(Wire, omit_defaults=False):
    """A secret without its value."""

    name: str
    content_type: str
    created_ms: int
    updated_ms: int
    updated_by: str


class SecretAnswer(Wire, omit_defaults=False):
    """One secret, without its value."""

    secret: WireSecret


class ListSecretsAnswer(Wire, omit_defaults=False):
    """The secrets of a workspace by name, without their values."""

    secrets: list[WireSecret]


class SecretValueAnswer(Wire, omit_defaults=False):
    """A secret with its value."""

    secret: WireSecret
    value: str

    def __repr__(self) -> str:
        return f"SecretValueAnswer(secret={self.secret!r}, value=...)"


def wire_secret(secret: Secret) -> WireSecret:
    """Return a secret as Runyard writes it."""
    return WireSecret(
        name=secret.name,
        content_type=secret.content_type,
        created_ms=secret.created_ms,
        updated_ms=secret.updated_ms,
        updated_by=secret.updated_by,
    )
