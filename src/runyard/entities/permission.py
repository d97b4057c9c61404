"""What a route needs of its caller, and what a credential lets its bearer do at most."""

from __future__ import annotations

from enum import Enum, IntEnum


class Permission(IntEnum):
    """What a route needs; each one includes those before it.

    ``IDENTIFY`` is what callers ask about themselves: any valid credential has it. The next four are
    rights in one workspace. ``READ_SECRETS`` is to read the values of its secrets, which readers may not and
    contributors may. ``ADMINISTER`` is a right over the whole server, so a credential that is bound to one
    workspace never has it.
    """

    IDENTIFY = 0
    READ = 1
    READ_SECRETS = 2
    CONTRIBUTE = 3
    MANAGE = 4
    ADMINISTER = 5


class Scope(str, Enum):
    """What a credential may do at most, whatever its owner may."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    OWNER = "owner"
    ADMIN = "admin"

    def allows(self, permission: Permission) -> bool:
        """Whether a credential of this scope may do what needs ``permission``."""
        return permission <= _HIGHEST[self]

    def includes(self, other: Scope) -> bool:
        """Whether ``other`` is this scope or a narrower one."""
        return _HIGHEST[other] <= _HIGHEST[self]


_HIGHEST = {
    Scope.READER: Permission.READ,
    Scope.CONTRIBUTOR: Permission.CONTRIBUTE,
    Scope.OWNER: Permission.MANAGE,
    Scope.ADMIN: Permission.ADMINISTER,
}
