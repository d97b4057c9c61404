"""The retention rules of a workspace, which say what of its trash a collection by rules takes away."""

from __future__ import annotations

from dataclasses import replace

from runyard.entities.retention import RetentionRule, retentions
from runyard.entities.trash import Retention
from runyard.errors import InvalidParameter, NotFound
from runyard.services.call import Call
from runyard.services.collection import check_kept
from runyard.services.experiments import get_experiment, resolve_experiment_id

MAX_RULES = 1000


def set_rule(call: Call, rule: RetentionRule) -> RetentionRule:
    """Keep a rule in place of the one before and return it; nothing is taken away until a collection.

    Raises:
        InvalidParameter: It can't be, or there are too many.
        NotFound: There is no such experiment.
    """
    check_kept(rule.keep_last)
    kept, rules = call.stores.metadata.retention_rules, replace(rule, updated_ms=call.now_ms())
    with call.stores.atomic():
        if rule.experiment_id is not None:
            rules = replace(rules, experiment_id=get_experiment(call, rule.experiment_id).experiment_id)
        kept.set_rule(call.workspace.name, rules)
        if len(kept.list_rules(call.workspace.name)) > MAX_RULES:
            raise InvalidParameter(f"A workspace may have {MAX_RULES} retention rules.")
    return rules


def list_rules(call: Call) -> list[RetentionRule]:
    """Return the workspace's own rule first, then those of its experiments."""
    return call.stores.metadata.retention_rules.list_rules(call.workspace.name)


def remove_rule(call: Call, experiment_id: str | None) -> None:
    """Forget the rule of an experiment, or without one the workspace's.

    Raises:
        NotFound: There is none.
    """
    resolved = None if experiment_id is None else resolve_experiment_id(call.workspace, experiment_id)
    with call.stores.atomic():
        if not call.stores.metadata.retention_rules.remove_rule(call.workspace.name, resolved):
            whose = "the workspace" if resolved is None else f"experiment {resolved}"
            raise NotFound(f"There is no retention rule of {whose}.")


def let_go(call: Call, as_of_ms: int) -> list[Retention]:
    """Return what the rules let go of what is in the trash, with ages counted to ``as_of_ms``."""
    return retentions(list_rules(call), as_of_ms)
