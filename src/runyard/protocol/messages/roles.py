"""MLflow's messages about users, their roles and permissions (its basic-auth app)."""

from __future__ import annotations

import hashlib

from runyard.entities.credential import Principal
from runyard.entities.rights import Role
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.common import Int64, Wire

WORKSPACE, EXPERIMENT, ANY = "workspace", "experiment", "*"
NO_PERMISSIONS = "NO_PERMISSIONS"
_OTHER_TYPES = (
    "assessment", "gateway_endpoint", "gateway_model_definition", "gateway_secret", "logged_model",
    "mcp_server", "mcp_server_version", "prompt", "prompt_version", "registered_model",
    "registered_model_version", "review_queue", "run", "scorer", "scorer_version", "trace",
)  # fmt: skip
_ROLES = {
    "READ": Role.READER,
    "USE": Role.READER,
    "EDIT": Role.CONTRIBUTOR,
    "MANAGE": Role.OWNER,
}
_NAMES = {Role.READER: "READ", Role.CONTRIBUTOR: "EDIT", Role.OWNER: "MANAGE"}
_USED_BY = frozenset({"USE", "EDIT", "MANAGE"})


class CreateUser(Wire):
    """Body of ``POST /api/2.0/mlflow/users/create``; there are no passwords, so it must be empty."""

    username: str
    password: str = ""


class UserName(Wire):
    """Body or query that names a user."""

    username: str


class UpdateUserAdmin(Wire, kw_only=True):
    """Body of ``PATCH /api/2.0/mlflow/users/update-admin``."""

    username: str
    is_admin: bool


class UserPermission(Wire):
    """Body of ``users/permissions/revoke`` and query of ``users/permissions/get``."""

    username: str
    resource_type: str
    resource_id: str


class GrantUserPermission(UserPermission, kw_only=True):
    """Body of ``POST /api/3.0/mlflow/users/permissions/grant``."""

    permission: str


class CreateRole(Wire):
    """Body of ``POST /api/3.0/mlflow/roles/create``."""

    workspace: str
    name: str
    description: str | None = None


class RoleId(Wire):
    """Body or query that names a role."""

    role_id: Int64


class ListRoles(Wire):
    """Query of ``GET /api/3.0/mlflow/roles/list``; without a workspace it lists those of all."""

    workspace: list[str] = []


class UpdateRole(Wire):
    """Body of ``PATCH /api/3.0/mlflow/roles/update``."""

    role_id: Int64
    name: str | None = None
    description: str | None = None


class AddRolePermission(Wire):
    """Body of ``POST /api/3.0/mlflow/roles/permissions/add``."""

    role_id: Int64
    resource_type: str
    resource_pattern: str
    permission: str


class RolePermissionId(Wire):
    """Body of ``DELETE /api/3.0/mlflow/roles/permissions/remove``."""

    role_permission_id: Int64


class UpdateRolePermission(Wire):
    """Body of ``PATCH /api/3.0/mlflow/roles/permissions/update``."""

    role_permission_id: Int64
    permission: str


class AssignRole(Wire):
    """Body of ``roles/assign`` and ``roles/unassign``."""

    username: str
    role_id: Int64


class WireRolePermission(Wire, omit_defaults=False):
    """One grant of a role."""

    id: int
    role_id: int
    resource_type: str
    resource_pattern: str
    permission: str


class WireRole(Wire, omit_defaults=False):
    """A role: a group, by what it was granted in one workspace."""

    id: int
    name: str
    workspace: str
    description: str | None
    permissions: list[WireRolePermission]


class WireUser(Wire, omit_defaults=False):
    """A user, without a password, as there is none."""

    id: int
    username: str
    is_admin: bool


class WireListedUser(Wire, omit_defaults=False):
    """A user with the roles that the caller may see."""

    id: int
    username: str
    is_admin: bool
    roles: list[WireRole]


class UserAnswer(Wire, omit_defaults=False):
    """One user."""

    user: WireUser


class CurrentUserAnswer(Wire, omit_defaults=False):
    """Who the caller is; nobody signs in here by a password that a page could change."""

    user: WireUser
    is_basic_auth: bool


class UsersAnswer(Wire, omit_defaults=False):
    """All users, by name."""

    users: list[WireListedUser]


class RoleAnswer(Wire, omit_defaults=False):
    """One role."""

    role: WireRole


class RolesAnswer(Wire, omit_defaults=False):
    """Several roles."""

    roles: list[WireRole]


class RolePermissionAnswer(Wire, omit_defaults=False):
    """One grant of a role."""

    role_permission: WireRolePermission


class RolePermissionsAnswer(Wire, omit_defaults=False):
    """All grants of a role."""

    role_permissions: list[WireRolePermission]


class WireAssignment(Wire, omit_defaults=False):
    """That a user has a role."""

    id: int
    user_id: int
    role_id: int


class AssignmentAnswer(Wire, omit_defaults=False):
    """One assignment."""

    assignment: WireAssignment


class AssignmentsAnswer(Wire, omit_defaults=False):
    """Who has a role."""

    assignments: list[WireAssignment]


class WireUserPermission(Wire, omit_defaults=False):
    """One grant of a user's, and the role that it comes from."""

    role_id: int
    role_name: str
    workspace: str
    resource_type: str
    resource_pattern: str
    permission: str


class UserPermissionsAnswer(Wire, omit_defaults=False):
    """All grants of a user's."""

    is_admin: bool
    permissions: list[WireUserPermission]


class UserPermissionAnswer(Wire, omit_defaults=False):
    """What a user may do with one thing."""

    allowed: bool
    permission: str


def number_of(*names: str) -> int:
    """Return the integer by which MLflow's clients call something that has no number here."""
    return int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:6], "big")


def place_of(resource_type: str, resource_id: str) -> str | None:
    """Return the experiment that a grant is about; ``None`` for the whole workspace.

    Raises:
        InvalidParameter: There are no such resources in MLflow.
        NotImplementedHere: Runyard grants nothing there.
    """
    if resource_type == WORKSPACE:
        if resource_id != ANY:
            raise InvalidParameter(
                f"Invalid resource_pattern '{resource_id[:100]}' for resource_type='{WORKSPACE}'. "
                "This resource type supports only wildcard ('*') grants."
            )
        return None
    if resource_type not in (EXPERIMENT, *_OTHER_TYPES):
        known = tuple(sorted((WORKSPACE, EXPERIMENT, *_OTHER_TYPES)))
        raise InvalidParameter(
            f"Invalid resource type '{resource_type[:100]}'. Valid resource types are: {known}"
        )
    if resource_type != EXPERIMENT or resource_id == ANY:
        raise NotImplementedHere(
            f"Nothing is granted on {resource_type} '{resource_id[:100]}': a role is in a whole workspace "
            f"(resource_type '{WORKSPACE}', pattern '{ANY}'), or in one experiment by its id."
        )
    return resource_id


def role_of(permission: str) -> Role:
    """Return the role that MLflow's permission stands for.

    Raises:
        InvalidParameter: It is none of MLflow's, or none that can be granted.
        NotImplementedHere: It takes away what others give.
    """
    if permission == "DENY":
        raise NotImplementedHere(
            "DENY is not granted here: grants only add. Move what is to be hidden to another workspace."
        )
    found = _ROLES.get(permission)
    if found is None:
        raise InvalidParameter(
            f"Invalid permission '{permission[:100]}'. Valid permissions are: {tuple(_ROLES)}"
        )
    return found


def permission_of(role: Role | None, resource_type: str = EXPERIMENT) -> str:
    """Return MLflow's name for what a role lets people do; the least in a whole workspace is ``USE``."""
    if role is Role.READER and resource_type == WORKSPACE:
        return "USE"
    return NO_PERMISSIONS if role is None else _NAMES[role]


def user_permission(role: Role | None) -> UserPermissionAnswer:
    """Return what a role in some place comes to; MLflow says ``allowed`` from ``USE`` on."""
    name = permission_of(role)
    return UserPermissionAnswer(allowed=name in _USED_BY, permission=name)


def wire_user(principal: Principal) -> WireUser:
    """Return somebody as MLflow writes a user."""
    return WireUser(
        id=number_of(principal.principal_id),
        username=principal.name,
        is_admin=principal.is_administrator,
    )
