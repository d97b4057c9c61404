"""Roles: who was granted what in a workspace and in its experiments."""

from __future__ import annotations

from dataclasses import dataclass

from runyard.entities.credential import Principal, PrincipalKind
from runyard.entities.rights import Grant, Role
from runyard.errors import Forbidden, NotFound
from runyard.services.call import Call
from runyard.services.experiments import get_experiment
from runyard.services.principals import find_principal


@dataclass(frozen=True, slots=True)
class NamedGrant:
    """A grant, and whom it is for."""

    grant: Grant
    principal: Principal


def list_grants(call: Call, experiment_id: str | None = None) -> list[NamedGrant]:
    """Return the grants in the workspace, or those of one experiment alone, by name."""
    wanted = None if experiment_id is None else get_experiment(call, experiment_id).experiment_id
    principals = {each.principal_id: each for each in call.stores.metadata.credentials.list_principals()}
    found = [
        NamedGrant(grant, principals[grant.principal_id])
        for grant in call.stores.metadata.rights.list_grants(call.workspace.name)
        if wanted is None or grant.experiment_id == wanted
    ]
    return sorted(found, key=lambda each: (each.grant.experiment_id or "", each.principal.name))


def set_grant(call: Call, named: str, role: Role, experiment_id: str | None) -> NamedGrant:
    """Return a grant that takes the place of another one for the same principal at the same place.

    Raises:
        NotFound: There is no such principal or experiment.
        Forbidden: The caller's credential or role is narrower than what they would give.
    """
    grant = _made(call, named, role, experiment_id)
    call.stores.metadata.rights.set_grant(grant.grant)
    return grant


def change_grant(call: Call, named: str, role: Role, experiment_id: str | None) -> NamedGrant:
    """Return a grant that takes the place of the one that the principal has at the same place.

    Raises:
        NotFound: There is no such principal or experiment, or no grant.
        Forbidden: The caller's credential or role is narrower than what they would give.
    """
    grant = _made(call, named, role, experiment_id)
    if not call.stores.metadata.rights.change_grant(grant.grant):
        raise _none(grant.principal, grant.grant.experiment_id)
    return grant


def remove_grant(call: Call, named: str, experiment_id: str | None) -> None:
    """End a grant; whoever has a role by way of a group keeps that.

    Raises:
        NotFound: There is no such grant.
    """
    principal = find_principal(call, named)
    place = None if experiment_id is None else get_experiment(call, experiment_id).experiment_id
    if not call.stores.metadata.rights.remove_grant(principal.principal_id, call.workspace.name, place):
        raise _none(principal, place)


def _made(call: Call, named: str, role: Role, experiment_id: str | None) -> NamedGrant:
    principal = find_principal(call, named)
    place = None if experiment_id is None else get_experiment(call, experiment_id).experiment_id
    grant = Grant(
        principal_id=principal.principal_id,
        role=role,
        workspace=call.workspace.name,
        experiment_id=place,
        granted_ms=call.now_ms(),
        granted_by="" if call.caller is None else call.caller.name,
    )
    _check_given(call, grant)
    return NamedGrant(grant, principal)


def _none(principal: Principal, experiment_id: str | None) -> NotFound:
    where = "this workspace" if experiment_id is None else f"the experiment {experiment_id}"
    hint = " (a group may have)" if principal.kind is not PrincipalKind.GROUP else ""
    return NotFound(f"{principal.name!r} was granted nothing in {where} themselves{hint}.")


def _check_given(call: Call, grant: Grant) -> None:
    """Refuse to give what the caller has not; a second wall behind that of the route."""
    caller, permission = call.caller, grant.role.permission
    if caller is None:
        raise Forbidden("Nobody grants nothing.")
    if caller.may(permission, grant.workspace):
        return
    if grant.experiment_id not in caller.experiments_with(permission, grant.workspace):
        raise Forbidden("A role can't be granted by somebody who has a narrower one.")
