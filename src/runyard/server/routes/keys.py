"""Runyard's own routes about API keys, and about the keys that tokens are signed with."""

from __future__ import annotations

from runyard.auth.permissions import Permission, Scope
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.identity import (
    CreateKey,
    CreateKeyAnswer,
    KeysAnswer,
    ListKeys,
    SigningKeyAnswer,
    wire_key,
)
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import keys, tokens
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/keys"


@routes.get(_BASE, permits=Permission.IDENTIFY, summary="List one's own API keys.")
def list_keys(call: Call, body: ListKeys) -> KeysAnswer:
    """Answer the caller's keys; to an administrator those of others too."""
    found, now_ms = keys.list_keys(call, body.principal), call.now_ms()
    return KeysAnswer(keys=[wire_key(key, owner, now_ms) for key, owner in found])


@routes.post(_BASE, permits=Permission.IDENTIFY, summary="Make an API key.", is_audited=True, is_atomic=True)
def create_key(call: Call, body: CreateKey) -> CreateKeyAnswer:
    """Answer a new API key, with its secret this once."""
    scope = None if body.scope is None else choice(Scope, body.scope, "scope")
    made = keys.create_key(call, body.name, scope, body.workspace, body.lifetime_days, body.principal)
    return CreateKeyAnswer(key=wire_key(made.key, made.owner, call.now_ms()), api_key=made.text)


@routes.delete(
    f"{_BASE}/{{key_id}}",
    permits=Permission.IDENTIFY,
    summary="End an API key.",
    is_audited=True,
    is_atomic=True,
)
def revoke_key(call: Call, key_id: str) -> Empty:
    """End a key, and with it the tokens and sessions that were made from it."""
    keys.revoke_key(call, key_id)
    return Empty()


@routes.post(
    "/api/v1/signing-keys/rotate",
    permits=Permission.ADMINISTER,
    summary="Let another key sign the tokens from now on.",
    is_atomic=True,
)
def rotate_signing_key(call: Call) -> SigningKeyAnswer:
    """Make a new signing key; tokens that the others signed are good until they expire."""
    made = tokens.rotate_signing_key(call.stores, call.now_ms())
    return SigningKeyAnswer(key_id=made.key_id, created_ms=made.created_ms)
