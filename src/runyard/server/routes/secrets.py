"""Runyard's own routes about the secrets of a workspace; the audit log tells who set, read or deleted one."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.secrets import (
    ListSecretsAnswer,
    SecretAnswer,
    SecretValueAnswer,
    SetSecret,
    wire_secret,
)
from runyard.server.routing import Routes
from runyard.services import secrets
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/secrets"
_ONE = f"{_BASE}/{{secret_name:path}}"


@routes.get(_BASE, permits=Permission.READ, summary="List the secrets of the workspace, without values.")
def list_secrets(call: Call) -> ListSecretsAnswer:
    """Answer their names, and who set them when."""
    return ListSecretsAnswer(secrets=[wire_secret(each) for each in secrets.list_secrets(call)])


@routes.put(
    _ONE,
    permits=Permission.CONTRIBUTE,
    summary="Keep a secret, in place of the one of its name.",
    is_audited=True,
    is_atomic=True,
)
def set_secret(call: Call, body: SetSecret, secret_name: str) -> SecretAnswer:
    """Keep a value."""
    secret = secrets.set_secret(call, secret_name, body.value, body.content_type)
    return SecretAnswer(secret=wire_secret(secret))


@routes.get(
    _ONE,
    permits=Permission.READ_SECRETS,
    for_jobs=True,
    summary="Read the value of a secret.",
    is_audited=True,
)
def get_secret(call: Call, secret_name: str) -> SecretValueAnswer:
    """Answer a secret with its value."""
    secret, value = secrets.read_secret(call, secret_name)
    return SecretValueAnswer(secret=wire_secret(secret), value=value)


@routes.delete(
    _ONE, permits=Permission.CONTRIBUTE, summary="Delete a secret for good.", is_audited=True, is_atomic=True
)
def remove_secret(call: Call, secret_name: str) -> Empty:
    """Forget a secret."""
    secrets.remove_secret(call, secret_name)
    return Empty()
