"""MLflow's routes about roles, each of which is a group in a workspace."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.credential import Principal
from runyard.entities.rights import Grant
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.roles import (
    ANY,
    EXPERIMENT,
    WORKSPACE,
    AddRolePermission,
    AssignmentAnswer,
    AssignmentsAnswer,
    AssignRole,
    CreateRole,
    ListRoles,
    RoleAnswer,
    RoleId,
    RolePermissionAnswer,
    RolePermissionId,
    RolePermissionsAnswer,
    RolesAnswer,
    UpdateRole,
    UpdateRolePermission,
    WireAssignment,
    WireRole,
    WireRolePermission,
    number_of,
    permission_of,
    place_of,
    role_of,
)
from runyard.server.routing import Routes
from runyard.services import roles
from runyard.services.call import Call
from runyard.services.roles import WorkspaceRole

routes = Routes()
_BASE = "/api/3.0/mlflow/roles"


@routes.post(
    f"{_BASE}/create",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Create a role of a workspace: a group of that name.",
)
def create_role(call: Call, body: CreateRole) -> RoleAnswer:
    """Make a role."""
    return RoleAnswer(role=wire_role(roles.create_role(call, body.workspace, body.name, body.description)))


@routes.get(f"{_BASE}/get", permits=Permission.ADMINISTER, summary="Get a role.")
def get_role(call: Call, body: RoleId) -> RoleAnswer:
    """Answer one role."""
    return RoleAnswer(role=wire_role(roles.find_role(call, body.role_id)))


@routes.get(
    f"{_BASE}/list",
    permits=Permission.ADMINISTER,
    summary="List the roles of workspaces: the groups that were granted something there.",
)
def list_roles(call: Call, body: ListRoles) -> RolesAnswer:
    """Answer the roles of some workspaces, or of all."""
    return RolesAnswer(roles=[wire_role(each) for each in roles.list_roles(call, body.workspace)])


@routes.patch(
    f"{_BASE}/update",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Rename a role, or say anew what it is for.",
)
def update_role(call: Call, body: UpdateRole) -> RoleAnswer:
    """Change a role's name or description."""
    return RoleAnswer(role=wire_role(roles.update_role(call, body.role_id, body.name, body.description)))


@routes.delete(
    f"{_BASE}/delete",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Delete a role with all that it was granted.",
)
def delete_role(call: Call, body: RoleId) -> Empty:
    """Delete a role."""
    roles.delete_role(call, body.role_id)
    return Empty()


@routes.post(
    f"{_BASE}/permissions/add",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Grant a role something: in its whole workspace, or in one experiment.",
)
def add_role_permission(call: Call, body: AddRolePermission) -> RolePermissionAnswer:
    """Grant something to a role."""
    place = place_of(body.resource_type, body.resource_pattern)
    granted = roles.add_grant(call, body.role_id, role_of(body.permission), place)
    return RolePermissionAnswer(role_permission=_wire_grant(*granted))


@routes.delete(
    f"{_BASE}/permissions/remove",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Take a grant away from a role.",
)
def remove_role_permission(call: Call, body: RolePermissionId) -> Empty:
    """End a grant."""
    roles.remove_grant(call, body.role_permission_id)
    return Empty()


@routes.get(f"{_BASE}/permissions/list", permits=Permission.ADMINISTER, summary="List a role's grants.")
def list_role_permissions(call: Call, body: RoleId) -> RolePermissionsAnswer:
    """Answer what a role was granted."""
    role = roles.find_role(call, body.role_id)
    return RolePermissionsAnswer(role_permissions=[_wire_grant(role, grant) for grant in role.grants])


@routes.patch(
    f"{_BASE}/permissions/update",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Change what a grant of a role's gives.",
)
def update_role_permission(call: Call, body: UpdateRolePermission) -> RolePermissionAnswer:
    """Change a grant."""
    changed = roles.change_grant(call, body.role_permission_id, role_of(body.permission))
    return RolePermissionAnswer(role_permission=_wire_grant(*changed))


@routes.post(
    f"{_BASE}/assign", permits=Permission.ADMINISTER, is_atomic=True, summary="Give somebody a role."
)
def assign_role(call: Call, body: AssignRole) -> AssignmentAnswer:
    """Put somebody into the role's group."""
    return AssignmentAnswer(assignment=_assignment(*roles.assign_role(call, body.username, body.role_id)))


@routes.delete(
    f"{_BASE}/unassign", permits=Permission.ADMINISTER, is_atomic=True, summary="Take a role from somebody."
)
def unassign_role(call: Call, body: AssignRole) -> Empty:
    """Take somebody out of the role's group."""
    roles.unassign_role(call, body.username, body.role_id)
    return Empty()


@routes.get(f"{_BASE}/users/list", permits=Permission.ADMINISTER, summary="List who has a role.")
def list_role_users(call: Call, body: RoleId) -> AssignmentsAnswer:
    """Answer who is in the role's group."""
    role = roles.find_role(call, body.role_id)
    return AssignmentsAnswer(assignments=[_assignment(role, user) for user in roles.users_of(call, role)])


def wire_role(role: WorkspaceRole) -> WireRole:
    """Return a role as MLflow writes it."""
    return WireRole(
        id=role.number,
        name=role.name,
        workspace=role.workspace,
        description=role.group.description,
        permissions=[_wire_grant(role, grant) for grant in role.grants],
    )


def resource_of(grant: Grant) -> tuple[str, str]:
    """Return what a grant is about, as MLflow says it."""
    return (WORKSPACE, ANY) if grant.experiment_id is None else (EXPERIMENT, grant.experiment_id)


def _wire_grant(role: WorkspaceRole, grant: Grant) -> WireRolePermission:
    resource_type, pattern = resource_of(grant)
    return WireRolePermission(
        id=role.number_of_grant(grant),
        role_id=role.number,
        resource_type=resource_type,
        resource_pattern=pattern,
        permission=permission_of(grant.role, resource_type),
    )


def _assignment(role: WorkspaceRole, user: Principal) -> WireAssignment:
    return WireAssignment(
        id=number_of(role.group.principal_id, role.workspace, user.principal_id),
        user_id=number_of(user.principal_id),
        role_id=role.number,
    )
