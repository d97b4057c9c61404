"""Pools: so many slots, and the workspace says on which cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runyard.entities.compute_target import FOR_POOLS, LOCAL, ComputeTarget
from runyard.services.call import Call
from runyard.services.launchers import credential_of


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a pool's slots are.

    Args:
        kind: What starts its jobs.
        settings: How that reaches the machines.
        credential: With what.
    """

    kind: str
    settings: dict[str, Any]
    credential: dict[str, str]


def cluster_for_pools(call: Call) -> Cluster:
    """Return the cluster whose target is tagged for pools, else the server's own machine.

    Raises:
        Unavailable: Its credential was encrypted with a key that this server does not have.
    """
    for target in call.stores.metadata.compute_targets.list_targets(call.workspace.name):
        if _is_for_pools(target):
            return Cluster(target.kind, dict(target.settings), credential_of(call.settings, target))
    return Cluster(LOCAL, {}, {})


def _is_for_pools(target: ComputeTarget) -> bool:
    return target.tags.get(FOR_POOLS) == "true" and target.kind != LOCAL and not target.is_leaving
