"""The rules that every store of scorers must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.experiment import LifecycleStage
from runyard.entities.scorer import OnlineScoring, ScorerVersion
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_scorers import ScorerStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest


@dataclass(frozen=True, slots=True)
class ScorersUnderTest:
    """The store of scorers, and the stores that it shares a database with."""

    scorers: ScorerStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


def new_scorer(experiment_id: str, name: str = "polite", **changes: Any) -> ScorerVersion:
    """Return a scorer to be registered, as a service would make it."""
    scorer = ScorerVersion(f"id of {name} in {experiment_id}", experiment_id, name, 0, '{"é": 1}', NOW_MS)
    return replace(scorer, **changes)


class ScorerStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of scorers to its contract."""

    @abstractmethod
    def open_scorers(self, folder: Path) -> ScorersUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ScorersUnderTest]:
        """Return a store with two workspaces and no scorers."""
        with contextlib.closing(self.open_scorers(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def scorers(self, store: ScorersUnderTest) -> ScorerStore:
        """Return the store of scorers alone."""
        return store.scorers

    @pytest.fixture
    def experiment_id(self, store: ScorersUnderTest) -> str:
        """Return an active experiment's id."""
        return store.metadata.add_experiment("judged").experiment_id

    def test_versions_count_up_and_share_the_scorers_id(
        self, tmp_path: Path, scorers: ScorerStore, experiment_id: str
    ) -> None:
        """Here and in another process."""
        first = scorers.register(new_scorer(experiment_id))
        second = scorers.register(new_scorer(experiment_id, scorer_id="another", serialized="{}"))
        assert first == new_scorer(experiment_id, version=1)
        assert second == new_scorer(experiment_id, version=2, serialized="{}")
        with contextlib.closing(self.open_scorers(tmp_path)) as again:
            assert again.scorers.get_version(experiment_id, "polite") == second
            assert again.scorers.get_version(experiment_id, "polite", 1) == first
            assert again.scorers.list_versions(experiment_id, "polite") == [first, second]

    def test_what_is_not_there_is_not_found(self, scorers: ScorerStore, experiment_id: str) -> None:
        """The text says what was asked for."""
        scorers.register(new_scorer(experiment_id))
        with pytest.raises(NotFound, match="Scorer with name 'rude' not found for experiment"):
            scorers.get_version(experiment_id, "rude")
        with pytest.raises(NotFound, match="Scorer with name 'polite' and version 2 not found"):
            scorers.get_version(experiment_id, "polite", 2)
        with pytest.raises(NotFound):
            scorers.list_versions("999999", "polite")
        for version in (None, 1):
            with pytest.raises(NotFound):
                scorers.delete(experiment_id, "rude", version)

    def test_a_version_is_deleted_by_itself(self, scorers: ScorerStore, experiment_id: str) -> None:
        """The next one counts on from the last that is left, under the same id."""
        for _ in range(3):
            scorers.register(new_scorer(experiment_id))
        scorers.delete(experiment_id, "polite", 1)
        with pytest.raises(NotFound):
            scorers.delete(experiment_id, "polite", 1)
        assert [each.version for each in scorers.list_versions(experiment_id, "polite")] == [2, 3]
        for version in (2, 3):
            scorers.delete(experiment_id, "polite", version)
        assert scorers.list_latest(WORKSPACE, None) == []
        made = scorers.register(new_scorer(experiment_id, scorer_id="another"))
        assert made == new_scorer(experiment_id, version=1)

    def test_a_scorer_is_deleted_with_all_that_is_said_of_it(
        self, scorers: ScorerStore, experiment_id: str
    ) -> None:
        """One that is registered afterwards is another one."""
        for name in ("polite", "short"):
            made = scorers.register(new_scorer(experiment_id, name))
            scorers.set_online(OnlineScoring(f"c-{name}", made.scorer_id, experiment_id, 0.5))
        scorers.delete(experiment_id, "polite")
        ids = [new_scorer(experiment_id, name).scorer_id for name in ("polite", "short")]
        assert [said.config_id for said in scorers.list_online(WORKSPACE, ids, None)] == ["c-short"]
        again = scorers.register(new_scorer(experiment_id, scorer_id="another"))
        assert (again.scorer_id, again.version) == ("another", 1)

    def test_the_last_versions_of_active_experiments_are_listed(
        self, store: ScorersUnderTest, experiment_id: str
    ) -> None:
        """By experiment and name, and never those of another workspace."""
        second, gone = (store.metadata.add_experiment(name).experiment_id for name in ("two", "gone"))
        elsewhere = store.metadata.add_experiment("x", OTHER_WORKSPACE).experiment_id
        for owner, name in (
            (second, "b"),
            (experiment_id, "z"),
            (experiment_id, "a"),
            (experiment_id, "a"),
            (gone, "g"),
            (elsewhere, "e"),
        ):
            store.scorers.register(new_scorer(owner, name))
        store.metadata.experiments.move_experiment(gone, LifecycleStage.DELETED, NOW_MS)

        def listed(experiment_ids: list[str] | None, workspace: str = WORKSPACE) -> list[tuple[str, int]]:
            found = store.scorers.list_latest(workspace, experiment_ids)
            return [(each.name, each.version) for each in found]

        assert listed(None) == [("a", 2), ("z", 1), ("b", 1)]
        assert listed([second, gone, elsewhere]) == [("b", 1)]
        assert listed([]) == []
        assert listed(None, OTHER_WORKSPACE) == [("e", 1)]

    def test_what_is_said_last_of_a_scorer_counts(self, store: ScorersUnderTest, experiment_id: str) -> None:
        """It is found by the scorer's id, within its workspace alone."""
        made = store.scorers.register(new_scorer(experiment_id))
        said = OnlineScoring("c-1", made.scorer_id, experiment_id, 0.125, "trace.status = 'OK'")
        store.scorers.set_online(said)
        ids = [made.scorer_id, "unknown"]
        assert store.scorers.list_online(WORKSPACE, ids, None) == [said]
        said = replace(said, config_id="c-2", sample_rate=1.0, filter=None)
        store.scorers.set_online(said)
        assert store.scorers.list_online(WORKSPACE, ids, [experiment_id]) == [said]
        assert store.scorers.list_online(WORKSPACE, ids, []) == []
        assert store.scorers.list_online(WORKSPACE, [], None) == []
        assert store.scorers.list_online(OTHER_WORKSPACE, ids, None) == []

    def test_versions_are_kept_with_their_numbers(self, store: ScorersUnderTest, experiment_id: str) -> None:
        """Those up to the last one that is here stay as they are."""
        two, five = (new_scorer(experiment_id, version=number, created_ms=number) for number in (2, 5))
        assert store.scorers.keep_versions([two])
        assert not store.scorers.keep_versions([replace(two, serialized="other"), five])
        assert store.scorers.list_versions(experiment_id, "polite") == [two, five]
        assert store.scorers.register(new_scorer(experiment_id)).version == 6
        counted = store.scorers.count_versions(WORKSPACE, [two.scorer_id, "none"])
        assert counted == {two.scorer_id: 3}
        assert store.scorers.count_versions(OTHER_WORKSPACE, [two.scorer_id]) == {}

    def test_another_scorer_of_the_name_or_the_id_is_left_alone(
        self, store: ScorersUnderTest, experiment_id: str
    ) -> None:
        """Whichever of the two is taken, and wherever."""
        kept = store.scorers.register(new_scorer(experiment_id))
        other = store.metadata.add_experiment("other").experiment_id
        for taken in (
            new_scorer(experiment_id, version=9, scorer_id="another"),
            new_scorer(experiment_id, "rude", version=9, scorer_id=kept.scorer_id),
            new_scorer(other, version=9, scorer_id=kept.scorer_id),
        ):
            with pytest.raises(AlreadyExists):
                store.scorers.keep_versions([taken])
        assert store.scorers.list_latest(WORKSPACE, None) == [kept]

    def test_threads_that_register_at_once_count_to_different_numbers(
        self, scorers: ScorerStore, experiment_id: str
    ) -> None:
        """And make one scorer."""
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: scorers.register(new_scorer(experiment_id)), range(20)))
        assert sorted(each.version for each in made) == list(range(1, 21))
        assert len({each.scorer_id for each in made}) == 1
