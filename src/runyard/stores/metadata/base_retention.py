"""The contract of the store for retention rules; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.entities.retention import RetentionRule


class RetentionRuleStore(ABC):
    """Remembers what of the trash may go: a rule for a workspace, and one for each experiment at most.

    A rule goes with its experiment or its workspace.
    """

    @abstractmethod
    def set_rule(self, workspace: str, rule: RetentionRule) -> None:
        """Keep a rule, in place of the one for the same experiment or for the workspace."""

    @abstractmethod
    def list_rules(self, workspace: str) -> list[RetentionRule]:
        """Return the rules of a workspace: its own first, then those of experiments by their ids."""

    @abstractmethod
    def remove_rule(self, workspace: str, experiment_id: str | None) -> bool:
        """Forget the rule of an experiment, or without one the workspace's; say whether there was one."""
