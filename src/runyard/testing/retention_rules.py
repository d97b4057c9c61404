"""The rules that every store of retention rules must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runyard.entities.experiment import Experiment
from runyard.entities.retention import RetentionRule
from runyard.stores.metadata.base_retention import RetentionRuleStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

OWN = RetentionRule(None, older_than_ms=30 * 24 * 3600 * 1000, keep_last=10, updated_ms=NOW_MS)


@dataclass(frozen=True, slots=True)
class RetentionUnderTest:
    """The store of retention rules, and the stores that it shares a database with."""

    rules: RetentionRuleStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


class RetentionRuleStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of retention rules to its contract."""

    @abstractmethod
    def open_rules(self, folder: Path) -> RetentionUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[RetentionUnderTest]:
        """Return a store without rules, with two workspaces beside it."""
        with contextlib.closing(self.open_rules(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield under_test

    @pytest.fixture
    def rules(self, under_test: RetentionUnderTest) -> RetentionRuleStore:
        """Return the store itself."""
        return under_test.rules

    @pytest.fixture
    def experiment(self, under_test: RetentionUnderTest) -> Experiment:
        """Return an active experiment."""
        return under_test.metadata.add_experiment("training")

    def test_rules_are_found_as_they_were_set(
        self, under_test: RetentionUnderTest, rules: RetentionRuleStore, tmp_path: Path
    ) -> None:
        """The workspace's own first, then by experiment; also by another process."""
        assert rules.list_rules(WORKSPACE) == []
        ids = [under_test.metadata.add_experiment(name).experiment_id for name in ("b", "a")]
        own = [RetentionRule(each, is_untagged=True, updated_ms=NOW_MS) for each in ids]
        for rule in (own[1], OWN, own[0]):
            rules.set_rule(WORKSPACE, rule)
        assert rules.list_rules(WORKSPACE) == [OWN, *own]
        with contextlib.closing(self.open_rules(tmp_path)) as again:
            assert again.rules.list_rules(WORKSPACE) == [OWN, *own]

    def test_a_rule_takes_the_place_of_the_one_before(
        self, rules: RetentionRuleStore, experiment: Experiment
    ) -> None:
        """The workspace's as well as an experiment's, and neither of them the other's."""
        for experiment_id in (None, experiment.experiment_id):
            rules.set_rule(WORKSPACE, replace(OWN, experiment_id=experiment_id))
        for experiment_id in (None, experiment.experiment_id):
            rules.set_rule(WORKSPACE, RetentionRule(experiment_id, keep_last=3))
        kept = [RetentionRule(None, keep_last=3), RetentionRule(experiment.experiment_id, keep_last=3)]
        assert rules.list_rules(WORKSPACE) == kept

    def test_the_rules_of_workspaces_are_apart(
        self, rules: RetentionRuleStore, experiment: Experiment
    ) -> None:
        """Whoever sets or removes one changes nothing of another workspace."""
        rules.set_rule(WORKSPACE, OWN)
        rules.set_rule(WORKSPACE, replace(OWN, experiment_id=experiment.experiment_id))
        rules.set_rule(OTHER_WORKSPACE, RetentionRule(None, keep_last=1))
        assert not rules.remove_rule(OTHER_WORKSPACE, experiment.experiment_id)
        assert rules.remove_rule(OTHER_WORKSPACE, None)
        assert len(rules.list_rules(WORKSPACE)) == 2

    def test_a_removed_rule_is_gone(self, rules: RetentionRuleStore, experiment: Experiment) -> None:
        """And to remove it again says that there is none."""
        own = replace(OWN, experiment_id=experiment.experiment_id)
        rules.set_rule(WORKSPACE, OWN)
        rules.set_rule(WORKSPACE, own)
        assert rules.remove_rule(WORKSPACE, None)
        assert not rules.remove_rule(WORKSPACE, None)
        assert rules.list_rules(WORKSPACE) == [own]
        assert rules.remove_rule(WORKSPACE, own.experiment_id)
        assert rules.list_rules(WORKSPACE) == []

    def test_many_who_set_a_rule_at_once_leave_one(self, rules: RetentionRuleStore) -> None:
        """It is one of theirs."""
        with ThreadPoolExecutor(8) as pool:
            wanted = [RetentionRule(None, keep_last=number) for number in range(16)]
            list(pool.map(lambda rule: rules.set_rule(WORKSPACE, rule), wanted))
        (left,) = rules.list_rules(WORKSPACE)
        assert left in wanted
