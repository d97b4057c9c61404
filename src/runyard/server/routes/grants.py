"""Runyard's own routes about roles in a workspace and in its experiments."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.rights import Role
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.identity import (
    GrantAnswer,
    GrantsAnswer,
    ListGrants,
    RemoveGrant,
    SetGrant,
    WireGrant,
)
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import grants, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/grants"


@routes.get(_BASE, permits=Permission.READ, of=reach.place, summary="List who has which role.")
def list_grants(call: Call, body: ListGrants) -> GrantsAnswer:
    """Answer the roles in the workspace and its experiments."""
    found = grants.list_grants(call, body.experiment_id)
    return GrantsAnswer(grants=[_wire(each) for each in found])


@routes.put(_BASE, permits=Permission.MANAGE, of=reach.place, summary="Give somebody a role.", is_atomic=True)
def set_grant(call: Call, body: SetGrant) -> GrantAnswer:
    """Give a role in the workspace or in one experiment, in place of the one that they have there."""
    role = choice(Role, body.role, "role")
    return GrantAnswer(grant=_wire(grants.set_grant(call, body.principal, role, body.experiment_id)))


@routes.delete(_BASE, permits=Permission.MANAGE, of=reach.place, summary="Take a role away.", is_atomic=True)
def remove_grant(call: Call, body: RemoveGrant) -> Empty:
    """Take away a role that somebody was given themselves."""
    grants.remove_grant(call, body.principal, body.experiment_id)
    return Empty()


def _wire(named: grants.NamedGrant) -> WireGrant:
    grant, principal = named.grant, named.principal
    return WireGrant(
        principal_id=principal.principal_id,
        principal=principal.name,
        kind=principal.kind.value,
        role=grant.role.value,
        experiment_id=grant.experiment_id,
        granted_ms=grant.granted_ms,
        granted_by=grant.granted_by,
    )
