"""An experiment: a named group of runs in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class LifecycleStage(str, Enum):
    """Whether an experiment or a run is in use or in the trash."""

    ACTIVE = "active"
    DELETED = "deleted"


class View(str, Enum):
    """Which lifecycle stages a search looks at (MLflow's ``ViewType``)."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    @property
    def stages(self) -> tuple[LifecycleStage, ...]:
        """The stages that this view lets through."""
        return {
            View.ACTIVE_ONLY: (LifecycleStage.ACTIVE,),
            View.DELETED_ONLY: (LifecycleStage.DELETED,),
            View.ALL: (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
        }[self]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment as it is stored; times are milliseconds since the epoch."""

    experiment_id: str
    workspace: str
    name: str
    artifact_location: str
    lifecycle_stage: LifecycleStage
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)
