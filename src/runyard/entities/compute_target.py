"""A compute target: where the code of a job runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

THIS_MACHINE = "local"
"""Name of the target that each workspace has first: the server's own machine."""


class ComputeKind(str, Enum):
    """What starts the jobs of a target."""

    LOCAL = "local"
    """Processes beside the server, so many at a time as the target has slots."""


@dataclass(frozen=True, slots=True)
class ComputeTarget:
    """A place that jobs are sent to by its name.

    Args:
        workspace: Whose target it is.
        name: Unique in the workspace.
        kind: What starts its jobs.
        slots: How many slots it has; a job takes one or more.
        is_paused: Whether jobs wait although slots are free.
        description: What it is for.
        tags: Free key and value pairs.
        created_ms: When it was made.
        created_by: By whom.
    """

    workspace: str
    name: str
    kind: ComputeKind
    slots: int
    is_paused: bool = False
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_ms: int = 0
    created_by: str = ""
