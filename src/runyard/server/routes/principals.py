"""Runyard's own routes about people, services and groups."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.credential import Principal, PrincipalKind
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.identity import (
    ChangePrincipal,
    CreatePrincipal,
    ListPrincipals,
    PrincipalAnswer,
    PrincipalsAnswer,
    WirePrincipal,
    wire_principal,
)
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import principals
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/principals"
_MEMBERS = "/api/v1/groups/{group}/members"


@routes.get(_BASE, permits=Permission.MANAGE, summary="List people, services and groups.")
def list_principals(call: Call, body: ListPrincipals) -> PrincipalsAnswer:
    """Answer whom a role can be granted to."""
    kind = None if body.kind is None else choice(PrincipalKind, body.kind, "kind")
    found = principals.list_principals(call, kind)
    return PrincipalsAnswer(principals=[_wire(call, each) for each in found])


@routes.post(
    _BASE, permits=Permission.ADMINISTER, summary="Add a person, a service or a group.", is_atomic=True
)
def create_principal(call: Call, body: CreatePrincipal) -> PrincipalAnswer:
    """Add somebody; a person signs in by a provider of identities, or by an API key made for them."""
    kind = choice(PrincipalKind, body.kind, "kind")
    made = principals.create_principal(call, body.name, kind, body.email, body.is_administrator)
    return PrincipalAnswer(principal=_wire(call, made))


@routes.get(f"{_BASE}/{{principal}}", permits=Permission.MANAGE, summary="Get a person, service or group.")
def get_principal(call: Call, principal: str) -> PrincipalAnswer:
    """Answer one of them, by name or id."""
    return PrincipalAnswer(principal=_wire(call, principals.find_principal(call, principal)))


@routes.patch(
    f"{_BASE}/{{principal}}",
    permits=Permission.ADMINISTER,
    summary="Rename, disable or enable somebody, or make them an administrator.",
    is_atomic=True,
)
def change_principal(call: Call, body: ChangePrincipal, principal: str) -> PrincipalAnswer:
    """Change somebody; who is disabled is refused within a second, with whatever credential."""
    changed = principals.change_principal(
        call,
        principal,
        name=body.name,
        email=body.email,
        is_administrator=body.is_administrator,
        is_disabled=body.is_disabled,
    )
    return PrincipalAnswer(principal=_wire(call, changed))


@routes.get(_MEMBERS, permits=Permission.MANAGE, summary="List who is in a group.")
def list_members(call: Call, group: str) -> PrincipalsAnswer:
    """Answer the members by name."""
    found = principals.list_members(call, group)
    return PrincipalsAnswer(principals=[_wire(call, each) for each in found])


@routes.put(
    f"{_MEMBERS}/{{member}}",
    permits=Permission.ADMINISTER,
    summary="Put somebody into a group.",
    is_atomic=True,
)
def add_member(call: Call, group: str, member: str) -> Empty:
    """Put a person or a service into a group."""
    principals.add_member(call, group, member)
    return Empty()


@routes.delete(
    f"{_MEMBERS}/{{member}}",
    permits=Permission.ADMINISTER,
    summary="Take somebody out of a group.",
    is_atomic=True,
)
def remove_member(call: Call, group: str, member: str) -> Empty:
    """Take somebody out of a group; what it was granted ends for them within a second."""
    principals.remove_member(call, group, member)
    return Empty()


def _wire(call: Call, principal: Principal) -> WirePrincipal:
    return wire_principal(principal, with_email=call.caller is not None and call.caller.is_administrator)
