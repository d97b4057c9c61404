"""Runyard's own messages about retention rules."""

from __future__ import annotations

from runyard.entities.retention import RetentionRule
from runyard.protocol.messages.common import Int64, Wire


class SetRetentionRule(Wire):
    """Body of ``POST /api/v1/retention-rules``; without an experiment, the rule of the workspace."""

    experiment_id: str | None = None
    older_than_s: float = 0.0
    keep_last: Int64 = 0
    untagged: bool = False


class RemoveRetentionRule(Wire):
    """Query of ``DELETE /api/v1/retention-rules``; without an experiment, the rule of the workspace."""

    experiment_id: str | None = None


class WireRetentionRule(Wire, omit_defaults=False):
    """A rule; that without an experiment is for all experiments that have none of their own."""

    experiment_id: str | None
    older_than_s: float
    keep_last: int
    untagged: bool
    updated_ms: int


class RetentionRuleAnswer(Wire, omit_defaults=False):
    """The rule that was set."""

    rule: WireRetentionRule


class RetentionRulesAnswer(Wire, omit_defaults=False):
    """All rules of a workspace, its own first."""

    rules: list[WireRetentionRule]


def wire_retention_rule(rule: RetentionRule) -> WireRetentionRule:
    """Return a rule as the wire shows it."""
    return WireRetentionRule(
        experiment_id=rule.experiment_id,
        older_than_s=rule.older_than_ms / 1000,
        keep_last=rule.keep_last,
        untagged=rule.is_untagged,
        updated_ms=rule.updated_ms,
    )
