"""A compute target: where the code of a job runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

THIS_MACHINE: Final = "local"
"""Name of the target that each workspace has first: the server's own machine."""
LOCAL: Final = "local"
"""The kind of targets whose jobs are processes beside the server, so many at a time as there are slots."""
POOL: Final = "pool"
"""What is asked for in place of a kind by whom it does not matter which: see :data:`FOR_POOLS`."""
RAY: Final = "ray"
"""The kind of targets whose jobs are jobs of a Ray cluster."""
FOR_POOLS: Final = "runyard.pools"
"""The tag of the target, with the value ``true``, on whose machines the workspace's pools are."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when a target can't be reached, and why.

    Args:
        since_ms: When that was noticed.
        reason: What was said when it was tried last.
    """

    since_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class ComputeTarget:
    """A place that jobs are sent to by its name.

    Args:
        workspace: Whose target it is.
        name: Unique in the workspace.
        kind: What starts its jobs: ``local``, or the name of another launcher.
        slots: How many slots it has; a job takes one or more.
        is_paused: Whether jobs wait although slots are free.
        description: What it is for.
        tags: Free key and value pairs.
        created_ms: When it was made.
        created_by: By whom.
        settings: How its kind reaches it and starts jobs there, by the names that the kind has for that.
        sealed: The credential that it is reached with, encrypted; empty where none is needed.
        is_leaving: Whether it is deleted as soon as its jobs are over; it takes no more.
        outage: Since when it can't be reached, as far as a server has noticed.
    """

    workspace: str
    name: str
    kind: str
    slots: int
    is_paused: bool = False
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_ms: int = 0
    created_by: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: str = field(default="", repr=False)
    is_leaving: bool = False
    outage: Outage | None = None
