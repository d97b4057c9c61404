"""The rules that every store of quotas must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from runyard.entities.experiment import LifecycleStage
from runyard.entities.quota import Limited, Quota
from runyard.stores.metadata.base_quotas import QuotaStore
from runyard.stores.metadata.base_usage import UsageStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run

OWN = Quota(max_runs=10, max_artifact_bytes=0, max_metric_points=2**62)


@dataclass(frozen=True, slots=True)
class QuotasUnderTest:
    """The store of quotas, and the stores that it shares a database with."""

    quotas: QuotaStore
    usage: UsageStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


class QuotaStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of quotas to its contract."""

    @abstractmethod
    def open_quotas(self, folder: Path) -> QuotasUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[QuotasUnderTest]:
        """Return a store without quotas, with two workspaces beside it."""
        with contextlib.closing(self.open_quotas(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield under_test

    @pytest.fixture
    def quotas(self, under_test: QuotasUnderTest) -> QuotaStore:
        """Return the store itself."""
        return under_test.quotas

    def test_a_quota_is_found_as_it_was_set(self, quotas: QuotaStore, tmp_path: Path) -> None:
        """By another process too; workspaces without one are listed with nothing."""
        assert quotas.list_quotas() == {WORKSPACE: Quota(), OTHER_WORKSPACE: Quota()}
        quotas.set_quota(WORKSPACE, OWN, NOW_MS)
        with contextlib.closing(self.open_quotas(tmp_path)) as again:
            assert again.quotas.list_quotas() == {WORKSPACE: OWN, OTHER_WORKSPACE: Quota()}

    def test_a_quota_takes_the_place_of_the_one_before(self, quotas: QuotaStore) -> None:
        """Whole: what the new one says nothing of is not limited by the old one."""
        quotas.set_quota(WORKSPACE, OWN, NOW_MS)
        quotas.set_quota(WORKSPACE, Quota(max_experiments=3), NOW_MS)
        assert quotas.list_quotas()[WORKSPACE] == Quota(max_experiments=3)
        quotas.set_quota(WORKSPACE, Quota(), NOW_MS)
        assert quotas.list_quotas()[WORKSPACE] == Quota()

    def test_many_who_set_a_quota_at_once_leave_one(self, quotas: QuotaStore) -> None:
        """It is one of theirs."""
        wanted = [Quota(max_runs=number) for number in range(1, 17)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda quota: quotas.set_quota(WORKSPACE, quota, NOW_MS), wanted))
        assert quotas.list_quotas()[WORKSPACE] in wanted

    def test_what_is_used_is_counted_with_the_trash(
        self, under_test: QuotasUnderTest, quotas: QuotaStore
    ) -> None:
        """Points and bytes are as they were noted."""
        experiment = under_test.metadata.add_experiment("training")
        for number in range(3):
            under_test.metadata.runs.add_run(new_run(experiment, f"{number:032x}"), {})
        under_test.metadata.runs.move_run(f"{0:032x}", LifecycleStage.DELETED, NOW_MS)
        under_test.usage.note_use(WORKSPACE, 5, 1000)
        used = quotas.count_used([WORKSPACE, OTHER_WORKSPACE])
        assert used[WORKSPACE] == {
            Limited.RUNS: 3,
            Limited.EXPERIMENTS: 2,
            Limited.ARTIFACT_BYTES: 1000,
            Limited.METRIC_POINTS: 5,
        }
        assert set(used[OTHER_WORKSPACE].values()) == {0, 1}
        under_test.metadata.experiments.move_experiment(
            experiment.experiment_id, LifecycleStage.DELETED, NOW_MS
        )
        assert quotas.count_used([WORKSPACE]) == {WORKSPACE: used[WORKSPACE]}
