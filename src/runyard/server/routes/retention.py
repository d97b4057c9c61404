"""Runyard's own routes about retention rules: what of the trash a collection by rules takes away."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.retention import RetentionRule
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.retention import (
    RemoveRetentionRule,
    RetentionRuleAnswer,
    RetentionRulesAnswer,
    SetRetentionRule,
    wire_retention_rule,
)
from runyard.server.routes.trash import age_ms
from runyard.server.routing import Routes
from runyard.services import retention
from runyard.services.call import Call

routes = Routes()
_RULES = "/api/v1/retention-rules"


@routes.get(_RULES, permits=Permission.READ, summary="List the retention rules of the workspace.")
def list_rules(call: Call) -> RetentionRulesAnswer:
    """Answer all rules."""
    return RetentionRulesAnswer(rules=[wire_retention_rule(rule) for rule in retention.list_rules(call)])


@routes.post(
    _RULES,
    permits=Permission.MANAGE,
    summary="Set the retention rule of the workspace or of an experiment.",
)
def set_rule(call: Call, body: SetRetentionRule) -> RetentionRuleAnswer:
    """Keep a rule in place of the one before."""
    rule = RetentionRule(body.experiment_id, age_ms(body.older_than_s), body.keep_last, body.untagged)
    return RetentionRuleAnswer(rule=wire_retention_rule(retention.set_rule(call, rule)))


@routes.delete(
    _RULES,
    permits=Permission.MANAGE,
    summary="Remove the retention rule of the workspace or of an experiment.",
)
def remove_rule(call: Call, body: RemoveRetentionRule) -> Empty:
    """Forget a rule."""
    retention.remove_rule(call, body.experiment_id)
    return Empty()
