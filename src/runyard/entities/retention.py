"""Rules that a workspace keeps about what of its trash may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runyard.entities.trash import Retention


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What of the trash of an experiment may go, or of all experiments that have no rule of their own.

    Args:
        experiment_id: Whose trash; ``None`` for the workspace's.
        older_than_ms: Only what was deleted at least so long ago.
        keep_last: As :class:`~runyard.entities.trash.Retention` says.
        is_untagged: As :class:`~runyard.entities.trash.Retention` says.
        updated_ms: When it was set.
    """

    experiment_id: str | None
    older_than_ms: int = 0
    keep_last: int = 0
    is_untagged: bool = False
    updated_ms: int = 0


def retentions(rules: Sequence[RetentionRule], now_ms: int) -> list[Retention]:
    """Return what a workspace's rules let go at a moment; no two of them speak of the same experiment."""
    own = tuple(rule.experiment_id for rule in rules if rule.experiment_id is not None)
    return [
        Retention(
            deleted_before_ms=now_ms - rule.older_than_ms,
            experiment_ids=() if rule.experiment_id is None else (rule.experiment_id,),
            other_than_ids=own if rule.experiment_id is None else (),
            keep_last=rule.keep_last,
            is_untagged=rule.is_untagged,
        )
        for rule in rules
    ]
