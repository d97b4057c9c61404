"""Runyard's own messages about the quotas of workspaces."""

from __future__ import annotations

from dataclasses import asdict

from runyard.entities.quota import Limited, Quota, Used
from runyard.protocol.messages.common import Int64, Wire


class Limits(Wire, omit_defaults=False):
    """Limits: null where the server's settings hold, 0 for none."""

    max_runs: Int64 | None = None
    max_experiments: Int64 | None = None
    max_artifact_bytes: Int64 | None = None
    max_metric_points: Int64 | None = None


class SetQuota(Limits):
    """Body of ``PUT /api/v1/workspaces/{name}/quota``, in place of all that was set before."""


class QuotaAnswer(Wire, omit_defaults=False):
    """The quota of a workspace.

    ``limits`` are what comes of it and of the server's settings, without what is not limited; ``used`` is
    how much there is, what is in the trash included.
    """

    workspace: str
    quota: Limits
    limits: dict[str, int]
    used: dict[str, int]


def quota_of(body: SetQuota) -> Quota:
    """Return the quota that a body means."""
    return Quota(body.max_runs, body.max_experiments, body.max_artifact_bytes, body.max_metric_points)


def wire_quota(workspace: str, quota: Quota, limits: dict[Limited, int], used: Used) -> QuotaAnswer:
    """Return a quota as Runyard writes it."""
    return QuotaAnswer(
        workspace=workspace,
        quota=Limits(**asdict(quota)),
        limits={each.value: limit for each, limit in limits.items()},
        used={each.value: count for each, count in used.items()},
    )
