"""The retention rules of a workspace: what of its trash a collection by rules takes away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.retention import (
    RemoveRetentionRule,
    RetentionRuleAnswer,
    RetentionRulesAnswer,
    SetRetentionRule,
    WireRetentionRule,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection

_RULES = "/api/v1/retention-rules"


@names_arguments
class RetentionRules:
    """The rules that are kept on the server; iterated, the workspace's own first, then those of experiments.

    A rule takes nothing away by itself: ``ws.trash.collect(by_rules=True)`` goes by it. An experiment that
    has a rule goes by that alone, all others by the workspace's, and without one nothing of them goes.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> rules = ws.trash.rules
        >>> rule = rules.set(keep_last=10)
        >>> [each.keep_last for each in rules]
        [10]
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[WireRetentionRule]:
        """Yield the rules.

        Raises:
            Unavailable: No server answers at the workspace's address.
        """
        yield from self._connection.get(_RULES, RetentionRulesAnswer).rules

    def set(
        self,
        *,
        experiment_id: str | None = None,
        older_than: timedelta = timedelta(),
        keep_last: int = 0,
        untagged: bool = False,
    ) -> WireRetentionRule:
        """Keep a rule in place of the one before and return it; see :meth:`Trash.collect`.

        Args:
            experiment_id: Whose trash it is about; left out, that of all experiments without a rule.
            older_than: Only what was deleted at least so long ago.
            keep_last: How many runs stay in the trash of each experiment, the last started ones.
            untagged: Only runs and models without tags of their own.

        Raises:
            InvalidParameter: Such a rule can't be.
            NotFound: There is no such experiment.
            Forbidden: The credential does not allow it.

        Example:
            >>> ws.trash.rules.set(experiment_id=experiment.id, keep_last=10).keep_last
            10
        """
        wanted = SetRetentionRule(
            experiment_id=experiment_id,
            older_than_s=older_than.total_seconds(),
            keep_last=keep_last,
            untagged=untagged,
        )
        return self._connection.post(_RULES, wanted, RetentionRuleAnswer, is_repeatable=True).rule

    def remove(self, experiment_id: str | None = None) -> None:
        """Forget the rule of an experiment, or without one the workspace's.

        Raises:
            NotFound: There is none.
            Forbidden: The credential does not allow it.

        Example:
            >>> rule = ws.trash.rules.set(keep_last=10)
            >>> ws.trash.rules.remove()
            >>> list(ws.trash.rules)
            []
        """
        self._connection.delete(_RULES, RemoveRetentionRule(experiment_id=experiment_id), Empty)
