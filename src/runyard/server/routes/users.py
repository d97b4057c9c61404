"""MLflow's routes about users: people and services, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runyard.auth.permissions import Permission
from runyard.entities.credential import Principal
from runyard.entities.rights import Grant
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.roles import (
    ANY,
    WORKSPACE,
    CreateUser,
    CurrentUserAnswer,
    GrantUserPermission,
    RolesAnswer,
    UpdateUserAdmin,
    UserAnswer,
    UserName,
    UserPermission,
    UserPermissionAnswer,
    UserPermissionsAnswer,
    UsersAnswer,
    WireListedUser,
    WireUserPermission,
    number_of,
    permission_of,
    place_of,
    role_of,
    user_permission,
    wire_user,
)
from runyard.server.routes.roles import resource_of, wire_role
from runyard.server.routing import Routes
from runyard.services import reach, roles, users
from runyard.services.call import Call
from runyard.services.roles import WorkspaceRole
from runyard.services.tokens import identify

routes = Routes()
_BASE = "/api/2.0/mlflow/users"
_V3 = "/api/3.0/mlflow/users"

routes.refuse("POST", f"{_BASE}/create-ui", why=f"{users.NO_PASSWORDS} So there is no page to sign up on.")
routes.refuse("PATCH", f"{_BASE}/update-password", why=users.NO_PASSWORDS)


@routes.post(
    f"{_BASE}/create",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Add a person; without password.",
)
def create_user(call: Call, body: CreateUser) -> UserAnswer:
    """Add a person."""
    return UserAnswer(user=wire_user(users.create_user(call, body.username, body.password)))


@routes.get(
    f"{_BASE}/get",
    permits=Permission.IDENTIFY,
    summary="Get a user: administrators anybody, others themselves.",
)
def get_user(call: Call, body: UserName) -> UserAnswer:
    """Answer one user."""
    return UserAnswer(user=wire_user(users.see_user(call, body.username)))


@routes.get(f"{_BASE}/current", permits=Permission.IDENTIFY, summary="Who the caller is.")
def get_current_user(call: Call) -> CurrentUserAnswer:
    """Answer who asks."""
    return CurrentUserAnswer(user=wire_user(users.current_user(call)), is_basic_auth=False)


@routes.get(f"{_BASE}/list", permits=Permission.MANAGE, summary="List people and services with their roles.")
def list_users(call: Call) -> UsersAnswer:
    """Answer all users, to owners of a workspace with the roles in that one."""
    seen = () if identify(call).is_administrator else (call.workspace.name,)
    known = roles.list_roles(call, seen)
    return UsersAnswer(
        users=[
            WireListedUser(
                id=number_of(user.principal_id),
                username=user.name,
                is_admin=user.is_administrator,
                roles=[
                    wire_role(role)
                    for role in _all_roles(call, user, known)
                    if not seen or role.workspace in seen
                ],
            )
            for user in users.list_users(call)
        ]
    )


@routes.patch(
    f"{_BASE}/update-admin",
    permits=Permission.ADMINISTER,
    is_atomic=True,
    summary="Make somebody an administrator, or one no more.",
)
def update_user_admin(call: Call, body: UpdateUserAdmin) -> Empty:
    """Change whether somebody is an administrator."""
    users.change_administrator(call, body.username, body.is_admin)
    return Empty()


@routes.delete(
    f"{_BASE}/delete", permits=Permission.ADMINISTER, is_atomic=True, summary="Lock somebody out for good."
)
def delete_user(call: Call, body: UserName) -> Empty:
    """Lock somebody out."""
    users.delete_user(call, body.username)
    return Empty()


@routes.get(
    f"{_V3}/roles/list",
    permits=Permission.IDENTIFY,
    summary="List the roles of a user: administrators anybody's, others their own.",
)
def list_user_roles(call: Call, body: UserName) -> RolesAnswer:
    """Answer the roles of one user."""
    user = users.see_user(call, body.username)
    found = _all_roles(call, user, roles.list_roles(call))
    return RolesAnswer(roles=[wire_role(each) for each in found])


@routes.get(f"{_V3}/current/permissions", permits=Permission.IDENTIFY, summary="All grants of the caller's.")
def list_current_user_permissions(call: Call) -> UserPermissionsAnswer:
    """Answer what the caller was granted."""
    return _permissions(call, users.current_user(call))


@routes.get(
    f"{_V3}/permissions/list",
    permits=Permission.IDENTIFY,
    summary="All grants of a user's: administrators see anybody's, others their own.",
)
def list_user_permissions(call: Call, body: UserName) -> UserPermissionsAnswer:
    """Answer what one user was granted."""
    return _permissions(call, users.see_user(call, body.username))


@routes.get(
    f"{_V3}/permissions/get",
    permits=Permission.IDENTIFY,
    summary="What a user may do in an experiment: owners of the workspace see anybody's, others their own.",
)
def get_user_permission(call: Call, body: UserPermission) -> UserPermissionAnswer:
    """Answer what all grants of a user's come to in one experiment."""
    place = _experiment_of(body)
    return user_permission(users.role_in_experiment(call, body.username, place))


@routes.post(
    f"{_V3}/permissions/grant",
    permits=Permission.MANAGE,
    of=reach.granted,
    is_atomic=True,
    summary="Give a user a role in one experiment.",
)
def grant_user_permission(call: Call, body: GrantUserPermission) -> Empty:
    """Give a role."""
    users.grant_to_user(call, body.username, role_of(body.permission), _experiment_of(body))
    return Empty()


@routes.post(
    f"{_V3}/permissions/revoke",
    permits=Permission.MANAGE,
    of=reach.granted,
    is_atomic=True,
    summary="Take a role in one experiment from a user.",
)
def revoke_user_permission(call: Call, body: UserPermission) -> Empty:
    """Take a role away."""
    users.revoke_from_user(call, body.username, _experiment_of(body))
    return Empty()


def _experiment_of(body: UserPermission) -> str:
    """Return the experiment that a request about one user is about; whole workspaces go by roles."""
    place = place_of(body.resource_type, ANY if body.resource_type == WORKSPACE else body.resource_id)
    if place is None:
        raise InvalidParameter(
            "resource_type 'workspace' is not supported by the per-user permission convenience APIs. "
            "Give a role of the workspace by roles/assign, or use `runyard grant`."
        )
    return place


def _all_roles(call: Call, user: Principal, known: Sequence[WorkspaceRole]) -> list[WorkspaceRole]:
    return [*roles.own_roles(call, user), *roles.roles_of(call, user, known)]


def _permissions(call: Call, user: Principal) -> UserPermissionsAnswer:
    held = _all_roles(call, user, roles.list_roles(call))
    rows = [_row(role, grant) for role in held for grant in role.grants]
    return UserPermissionsAnswer(is_admin=user.is_administrator, permissions=_in_order(rows))


def _row(role: WorkspaceRole, grant: Grant) -> WireUserPermission:
    resource_type, pattern = resource_of(grant)
    return WireUserPermission(
        role_id=role.number,
        role_name=role.name,
        workspace=grant.workspace,
        resource_type=resource_type,
        resource_pattern=pattern,
        permission=permission_of(grant.role, resource_type),
    )


def _in_order(rows: Iterable[WireUserPermission]) -> list[WireUserPermission]:
    return sorted(
        rows, key=lambda row: (row.workspace, row.role_name, row.resource_type, row.resource_pattern)
    )
