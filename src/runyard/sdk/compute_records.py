"""What a server keeps of compute targets: asked for, made, changed and removed."""

from __future__ import annotations

from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.compute_targets import (
    ChangeComputeTarget,
    ComputeTargetAnswer,
    CreateComputeTarget,
    DeleteComputeTarget,
    ListComputeTargetsAnswer,
    WireComputeTarget,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.connection import Connection

_BASE = "/api/v1/compute"


def list_targets(connection: Connection) -> list[WireComputeTarget]:
    """Return all compute targets of a workspace, the server's own machine first."""
    return connection.get(_BASE, ListComputeTargetsAnswer).compute_targets


def get_target(connection: Connection, name: str) -> WireComputeTarget:
    """Return a compute target.

    Raises:
        NotFound: The workspace has none of that name.
    """
    return connection.get(_path(name), ComputeTargetAnswer).compute_target


def create_target(connection: Connection, wanted: CreateComputeTarget) -> WireComputeTarget:
    """Make a compute target and return it.

    Raises:
        AlreadyExists: There is one of that name.
    """
    return connection.post(_BASE, wanted, ComputeTargetAnswer).compute_target


def change_target(connection: Connection, name: str, changed: ChangeComputeTarget) -> WireComputeTarget:
    """Change a compute target and return it.

    Raises:
        NotFound: The workspace has none of that name.
    """
    return connection.change("PATCH", _path(name), changed, ComputeTargetAnswer).compute_target


def delete_target(connection: Connection, name: str, *, force: bool) -> None:
    """Remove a compute target.

    Raises:
        NotFound: The workspace has none of that name.
        InvalidState: It has jobs that are not over, and ``force`` is false.
    """
    connection.delete(_path(name), DeleteComputeTarget(force=force), Empty)


def _path(name: str) -> str:
    return f"{_BASE}/{named_segment(name, 'compute target')}"
