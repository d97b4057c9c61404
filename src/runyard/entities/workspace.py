"""A workspace: the place that holds a team's experiments, runs, artifacts and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace as it is stored.

    Args:
        name: Its name, unique on the server, part of its address and of its storage path.
        default_experiment_id: The experiment that ``"0"`` names in this workspace.
        created_ms: Milliseconds since the epoch.
        description: Free text; None where nobody has said anything.
        tags: Free key and value pairs.
    """

    name: str
    default_experiment_id: str
    created_ms: int
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class WorkspaceDeletion(str, Enum):
    """What becomes of what a workspace holds when it is deleted, by MLflow's names."""

    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"
    SET_DEFAULT = "SET_DEFAULT"


@dataclass(frozen=True, slots=True)
class WorkspaceUse:
    """How much a workspace holds: its active experiments and runs."""

    experiment_count: int
    run_count: int
