"""How much a workspace may hold at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum


class Limited(str, Enum):
    """What a quota limits; what is in the trash counts."""

    RUNS = "max_runs"
    EXPERIMENTS = "max_experiments"
    ARTIFACT_BYTES = "max_artifact_bytes"
    METRIC_POINTS = "max_metric_points"

    @property
    def noun(self) -> str:
        """What is counted, in words for people."""
        return {
            Limited.RUNS: "runs",
            Limited.EXPERIMENTS: "experiments",
            Limited.ARTIFACT_BYTES: "bytes of artifacts",
            Limited.METRIC_POINTS: "points of metrics",
        }[self]


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of a workspace: ``None`` where those of the server's settings hold, 0 for no limit."""

    max_runs: int | None = None
    max_experiments: int | None = None
    max_artifact_bytes: int | None = None
    max_metric_points: int | None = None

    def limits(self, defaults: Quota) -> dict[Limited, int]:
        """Return what is limited, and to how much, where ``defaults`` hold for what this says nothing of."""
        own, others = asdict(self), asdict(defaults)
        chosen = {
            each: others[each.value] if own[each.value] is None else own[each.value] for each in Limited
        }
        return {each: limit for each, limit in chosen.items() if limit}


Used = Mapping[Limited, int]
"""How much there is of what a quota limits."""
