"""A machine that asks to be logged in, until somebody who is signed in says yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runyard.entities.permission import Scope


class DeviceState(str, Enum):
    """How far a login has come."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """A login of a machine (RFC 8628); times are milliseconds since the epoch.

    Args:
        device_sha256: Of the code that the machine keeps to itself.
        user_code: The code that a person compares or types.
        machine: What the machine calls itself.
        client: The network address that it asked from.
        created_ms: When it asked.
        expires_ms: Until when it can be approved and fetched.
        state: How far it has come.
        principal_id: Who approved it.
        scope: The most that the approver's credential allowed.
        workspace: The one workspace of that credential.
        parent_key_id: The API key that the login ends with.
    """

    device_sha256: str
    user_code: str
    machine: str
    client: str
    created_ms: int
    expires_ms: int
    state: DeviceState = DeviceState.PENDING
    principal_id: str | None = None
    scope: Scope | None = None
    workspace: str | None = None
    parent_key_id: str | None = None
