"""Roles as MLflow has them: each is a group, by what it was granted in one workspace.

One that is made as a role of a workspace is the group ``<workspace>:<name>``. Any other group is a role of
that name in each workspace where it was granted something. What a user was granted themselves MLflow shows as
a role of theirs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from runyard.entities.credential import EVERYONE, Principal, PrincipalKind
from runyard.entities.rights import Grant, Role
from runyard.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from runyard.protocol.messages.roles import number_of
from runyard.services import grants, principals
from runyard.services.call import Call
from runyard.services.users import find_user

_OWN_PREFIX: Final = "__user_"


@dataclass(frozen=True, slots=True)
class WorkspaceRole:
    """A group in one workspace, or a user by themselves, and what was granted there."""

    group: Principal
    workspace: str
    grants: tuple[Grant, ...]

    @property
    def number(self) -> int:
        """What MLflow's clients call it by."""
        return number_of(self.group.principal_id, self.workspace)

    @property
    def is_its_own(self) -> bool:
        """Whether the group was made for this workspace."""
        return self.group.name.startswith(f"{self.workspace}:")

    @property
    def name(self) -> str:
        """What people call it in the workspace; a user's own has the name that MLflow's pages look for."""
        if self.group.kind is not PrincipalKind.GROUP:
            return f"{_OWN_PREFIX}{number_of(self.group.principal_id)}__"
        return self.group.name.removeprefix(f"{self.workspace}:")

    def number_of_grant(self, grant: Grant) -> int:
        """What MLflow's clients call one of its grants by."""
        return number_of(self.group.principal_id, self.workspace, grant.experiment_id or "")

    def grant_at(self, experiment_id: str | None) -> Grant | None:
        """Return what it was granted in one place."""
        return next((each for each in self.grants if each.experiment_id == experiment_id), None)


def list_roles(call: Call, workspaces: Sequence[str] = ()) -> list[WorkspaceRole]:
    """Return the roles of some workspaces, or of all, by workspace and name.

    Raises:
        InvalidParameter: A workspace is named by blanks.
    """
    if not all(each.strip() for each in workspaces):
        raise InvalidParameter("Parameter 'workspace' must be a non-empty string when provided.")
    known = [each.name for each in call.stores.metadata.workspaces.list_workspaces()]
    groups = [each for each in principals.list_principals(call, PrincipalKind.GROUP) if each.is_active]
    found: list[WorkspaceRole] = []
    for workspace in known:
        if not workspaces or workspace in workspaces:
            granted = call.stores.metadata.rights.list_grants(workspace)
            roles = (_role(group, workspace, granted) for group in groups)
            found += [each for each in roles if each.grants or each.is_its_own]
    return sorted(found, key=lambda each: (each.workspace, each.name))


def find_role(call: Call, number: int) -> WorkspaceRole:
    """Return the role of that number.

    Raises:
        NotFound: There is none.
    """
    found = next((each for each in list_roles(call) if each.number == number), None)
    if found is None:
        raise NotFound(f"Role with id={number} not found")
    return found


def create_role(call: Call, workspace: str, name: str, description: str | None) -> WorkspaceRole:
    """Return a new role of a workspace: an empty group that was granted nothing.

    Args:
        call: Who asks.
        workspace: Where.
        name: Its name, one of its own in the workspace.
        description: What it is for.

    Raises:
        AlreadyExists: The workspace has a role of that name.
        InvalidParameter: The name is blank or reserved, or the description too long.
        NotFound: There is no such workspace.
    """
    _check_name(name)
    call.stores.metadata.workspaces.get_workspace(workspace)
    try:
        group = principals.create_principal(call, f"{workspace}:{name}", PrincipalKind.GROUP, None, False)
    except AlreadyExists:
        raise AlreadyExists(f"Role (name={name}, workspace={workspace}) already exists.") from None
    if description is not None:
        group = principals.describe(call, group.principal_id, description)
    return WorkspaceRole(group, workspace, ())


def update_role(call: Call, number: int, name: str | None, description: str | None) -> WorkspaceRole:
    """Give a role another name or description; what is ``None`` stays.

    Raises:
        InvalidParameter: The name is blank or reserved, or the description too long.
        InvalidState: It is a group of more than this workspace.
        NotFound: There is no such role.
    """
    if name is None and description is None:
        raise InvalidParameter("At least one of 'name' or 'description' must be provided to update a role.")
    with call.stores.atomic(alone_for="grants"):
        role = find_role(call, number)
        if not role.is_its_own:
            raise InvalidState(
                f"'{role.name}' is a group of the whole server: change that by `runyard group`."
            )
        group = role.group
        if name is not None:
            _check_name(name)
            group = principals.change_principal(call, group.principal_id, name=f"{role.workspace}:{name}")
        if description is not None:
            group = principals.describe(call, group.principal_id, description)
    return replace(role, group=group)


def delete_role(call: Call, number: int) -> None:
    """Take away what a role was granted, and its group if that was made for it; its name is free then.

    Raises:
        NotFound: There is no such role.
    """
    with call.stores.atomic(alone_for="grants"):
        role = find_role(call, number)
        for grant in role.grants:
            call.stores.metadata.rights.remove_grant(grant.principal_id, role.workspace, grant.experiment_id)
        if role.is_its_own:
            group_id = role.group.principal_id
            ended = f"{role.group.name[:150]} (deleted, {group_id[:8]})"
            principals.change_principal(call, group_id, name=ended, is_disabled=True)


def add_grant(call: Call, number: int, role: Role, experiment_id: str | None) -> tuple[WorkspaceRole, Grant]:
    """Grant a role something in its workspace, where it was granted nothing.

    Raises:
        AlreadyExists: It was.
        NotFound: There is no such role, or no such experiment in its workspace.
    """
    with call.stores.atomic(alone_for="grants"):
        found = find_role(call, number)
        if found.grant_at(experiment_id) is not None:
            kind, pattern = ("workspace", "*") if experiment_id is None else ("experiment", experiment_id)
            raise AlreadyExists(
                f"Role permission (role_id={number}, resource_type={kind}, resource_pattern={pattern}) "
                "already exists."
            )
        there = _in(call, found.workspace)
        return found, grants.set_grant(there, found.group.principal_id, role, experiment_id).grant


def find_grant(call: Call, number: int) -> tuple[WorkspaceRole, Grant]:
    """Return the grant of that number, and the role that has it.

    Raises:
        NotFound: There is none.
    """
    for role in list_roles(call):
        for grant in role.grants:
            if role.number_of_grant(grant) == number:
                return role, grant
    raise _no_grant(number)


def change_grant(call: Call, number: int, role: Role) -> tuple[WorkspaceRole, Grant]:
    """Put another grant in place of one of a role's.

    Raises:
        NotFound: There is none, or no longer: it ended at another server meanwhile.
    """
    found, grant = find_grant(call, number)
    there = _in(call, found.workspace)
    try:
        changed = grants.change_grant(there, grant.principal_id, role, grant.experiment_id)
    except NotFound:
        raise _no_grant(number) from None
    return found, changed.grant


def remove_grant(call: Call, number: int) -> None:
    """End a grant of a role's.

    Raises:
        NotFound: There is none, or no longer.
    """
    role, grant = find_grant(call, number)
    rights = call.stores.metadata.rights
    if not rights.remove_grant(grant.principal_id, role.workspace, grant.experiment_id):
        raise _no_grant(number)


def assign_role(call: Call, username: str, number: int) -> tuple[WorkspaceRole, Principal]:
    """Give somebody a role, in all workspaces where its group was granted something.

    Raises:
        AlreadyExists: They have it.
        NotFound: There is no such user or role.
    """
    user, role = find_user(call, username), find_role(call, number)
    if role.group.principal_id == EVERYONE:
        raise InvalidParameter(f"All people are in the group {EVERYONE!r}, and no others.")
    if not call.stores.metadata.rights.add_member(role.group.principal_id, user.principal_id):
        raise AlreadyExists(f"{_assignment(user, role)} already exists")
    return role, user


def unassign_role(call: Call, username: str, number: int) -> None:
    """Take a role from somebody.

    Raises:
        NotFound: There is no such user or role, or they have it not.
    """
    user, role = find_user(call, username), find_role(call, number)
    if not call.stores.metadata.rights.remove_member(role.group.principal_id, user.principal_id):
        raise NotFound(f"{_assignment(user, role)} not found")


def roles_of(call: Call, user: Principal, roles: Sequence[WorkspaceRole]) -> list[WorkspaceRole]:
    """Return those of some roles that somebody has; people have those of everyone."""
    groups = set(call.stores.metadata.rights.list_groups_of(user.principal_id))
    if user.kind is PrincipalKind.PERSON:
        groups.add(EVERYONE)
    return [each for each in roles if each.group.principal_id in groups]


def own_roles(call: Call, user: Principal) -> list[WorkspaceRole]:
    """Return what somebody was granted themselves, as a role of theirs in each workspace."""
    granted = call.stores.metadata.rights.list_grants_of(user.principal_id)
    workspaces = sorted({each.workspace for each in granted})
    return [
        WorkspaceRole(user, name, tuple(each for each in granted if each.workspace == name))
        for name in workspaces
    ]


def users_of(call: Call, role: WorkspaceRole) -> list[Principal]:
    """Return who has a role, by name."""
    return [each for each in principals.list_members(call, role.group.principal_id) if each.is_active]


def _in(call: Call, workspace: str) -> Call:
    return replace(call, workspace=call.stores.metadata.workspaces.get_workspace(workspace))


def _no_grant(number: int) -> NotFound:
    return NotFound(f"Role permission with id={number} not found")


def _role(group: Principal, workspace: str, granted: Sequence[Grant]) -> WorkspaceRole:
    its_own = tuple(each for each in granted if each.principal_id == group.principal_id)
    return WorkspaceRole(group, workspace, its_own)


def _assignment(user: Principal, role: WorkspaceRole) -> str:
    return f"User role assignment (user_id={number_of(user.principal_id)}, role_id={role.number})"


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidParameter("Role name cannot be empty.")
    if name.startswith(_OWN_PREFIX):
        raise InvalidParameter(
            f"Role name {name!r} uses the reserved '{_OWN_PREFIX}' prefix, which is held for what users were "
            "granted themselves. Choose a different name."
        )
