"""Runyard's own routes about the caller and their tokens."""

from __future__ import annotations

from runyard.auth.permissions import Permission, Scope
from runyard.entities.rights import Rights
from runyard.protocol.messages.tokens import CreateToken, CreateTokenAnswer, GetCallerAnswer
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import tokens
from runyard.services.call import Call

routes = Routes()


@routes.get(
    "/api/v1/caller", permits=Permission.IDENTIFY, summary="Who the caller is and how far they reach."
)
def get_caller(call: Call) -> GetCallerAnswer:
    """Answer whom the credential speaks for."""
    caller = tokens.identify(call)
    rights = caller.rights or Rights()
    return GetCallerAnswer(
        name=caller.name,
        scope=caller.scope.value,
        workspace=caller.workspace,
        expires_ms=caller.expires_ms,
        principal_id=caller.principal_id,
        is_administrator=caller.is_administrator,
        is_local_owner=caller.is_local_owner,
        key_kind=None if caller.key_kind is None else caller.key_kind.value,
        roles={name: role.value for name, role in rights.workspaces.items()},
        experiment_roles={
            name: {each: role.value for each, role in roles.items()}
            for name, roles in rights.experiments.items()
        },
        permission=caller.most_in(call.workspace.name).name,
    )


@routes.post("/api/v1/token", permits=Permission.IDENTIFY, summary="Exchange an API key for a token.")
def create_token(call: Call, body: CreateToken) -> CreateTokenAnswer:
    """Answer a token of at most an hour, as wide as the API key or narrower."""
    now_s = call.now_ms() // 1000
    scope = None if body.scope is None else choice(Scope, body.scope, "scope")
    issued = tokens.exchange(call, body.workspace, scope, body.expires_in_s)
    return CreateTokenAnswer(
        access_token=issued.text,
        token_type="Bearer",
        expires_in_s=max(0, issued.expires_ms // 1000 - now_s),
        expires_ms=issued.expires_ms,
        scope=issued.scope.value,
        workspace=issued.workspace,
    )
