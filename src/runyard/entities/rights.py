"""What somebody may do where: roles, the grants that give them, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.permission import Permission


class Role(str, Enum):
    """What a grant gives in a workspace or in one experiment; each includes those before it."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    OWNER = "owner"

    @property
    def permission(self) -> Permission:
        """The highest permission that it gives."""
        return _GIVEN[self]


_GIVEN = {
    Role.READER: Permission.READ,
    Role.CONTRIBUTOR: Permission.CONTRIBUTE,
    Role.OWNER: Permission.MANAGE,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody has in a workspace, or in one experiment of it.

    Args:
        principal_id: The person, service or group that has it.
        role: What it gives.
        workspace: Where.
        experiment_id: The one experiment; ``None`` for the whole workspace.
        granted_ms: Since when, in milliseconds since the epoch.
        granted_by: The name of who gave it.
    """

    principal_id: str
    role: Role
    workspace: str
    experiment_id: str | None = None
    granted_ms: int = 0
    granted_by: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """All that the grants of somebody and of their groups come to.

    Args:
        workspaces: The role in each whole workspace.
        experiments: The role in single experiments, by id, of each workspace.
    """

    workspaces: Mapping[str, Role] = field(default_factory=dict)
    experiments: Mapping[str, Mapping[str, Role]] = field(default_factory=dict)

    def allow(self, permission: Permission, workspace: str) -> bool:
        """Whether they give ``permission`` in all of ``workspace``."""
        role = self.workspaces.get(workspace)
        return role is not None and permission <= role.permission

    def experiments_with(self, permission: Permission, workspace: str) -> frozenset[str]:
        """Return the experiments of ``workspace`` that a grant of their own gives ``permission`` in."""
        roles = self.experiments.get(workspace, {})
        return frozenset(name for name, role in roles.items() if permission <= role.permission)
