"""The rules that every metadata store must pass."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.run import Run
from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace, WorkspaceUse
from runyard.errors import AlreadyExists, NotFound, Unavailable
from runyard.stores.metadata.base import Search
from runyard.testing.metadata_hooks import (
    NOW_MS,
    OTHER_WORKSPACE,
    WORKSPACE,
    MetadataHooks,
    MetadataUnderTest,
    new_run,
)
from runyard.testing.run_rules import RunStoreRules


class WorkspaceStoreRules(MetadataHooks):
    """The rules for workspaces."""

    def test_a_workspace_is_found_as_it_was_added(self, store: MetadataUnderTest) -> None:
        """No field is lost or changed."""
        made = store.workspaces.add_workspace("nlp", "Texts & more", {"team": "é", "a": ""}, NOW_MS)
        assert made == Workspace(
            "nlp", made.default_experiment_id, NOW_MS, "Texts & more", {"team": "é", "a": ""}
        )
        assert store.workspaces.get_workspace("nlp") == made
        assert made in store.workspaces.list_workspaces()

    @pytest.mark.parametrize("description", [None, ""])
    def test_no_description_is_not_an_empty_one(
        self, store: MetadataUnderTest, description: str | None
    ) -> None:
        """A workspace that nobody has described has none."""
        store.workspaces.add_workspace("nlp", description, {}, NOW_MS)
        assert store.workspaces.get_workspace("nlp").description == description
        store.workspaces.describe_workspace("nlp", "")
        assert store.workspaces.get_workspace("nlp").description == ""

    def test_every_workspace_has_a_default_experiment_of_its_own(self, store: MetadataUnderTest) -> None:
        """And the first of all has the id that MLflow's clients take for granted."""
        store.workspaces.add_workspace(DEFAULT_WORKSPACE, "", {}, NOW_MS)
        ids = set()
        for workspace in store.workspaces.list_workspaces():
            default = store.experiments.get_experiment(workspace.name, workspace.default_experiment_id)
            assert (default.name, default.lifecycle_stage) == ("Default", LifecycleStage.ACTIVE)
            assert default.artifact_location == f"mlflow-artifacts:/{default.experiment_id}"
            ids.add(default.experiment_id)
        assert len(ids) == 3
        assert store.workspaces.get_workspace(DEFAULT_WORKSPACE).default_experiment_id == "0"

    def test_a_second_workspace_of_a_name_is_refused(self, store: MetadataUnderTest) -> None:
        """And leaves nothing behind."""
        before = store.experiments.search_experiments(Search(WORKSPACE))
        with pytest.raises(AlreadyExists, match="'vision'"):
            store.workspaces.add_workspace(WORKSPACE, "second", {"second": "1"}, NOW_MS)
        assert store.experiments.search_experiments(Search(WORKSPACE)) == before
        assert store.workspaces.get_workspace(WORKSPACE).tags == {}

    def test_an_unknown_workspace_is_not_found(self, store: MetadataUnderTest) -> None:
        """Nor is one whose name differs in case."""
        for name in ("none", WORKSPACE.upper(), ""):
            with pytest.raises(NotFound):
                store.workspaces.get_workspace(name)

    def test_a_workspace_is_described_anew(self, store: MetadataUnderTest) -> None:
        """And only that one; its tags stay."""
        store.workspaces.add_workspace("nlp", "Texts", {"team": "a"}, NOW_MS)
        store.workspaces.describe_workspace("nlp", "Longer texts")
        described = store.workspaces.get_workspace("nlp")
        assert (described.description, described.tags) == ("Longer texts", {"team": "a"})
        assert store.workspaces.get_workspace(WORKSPACE).description == ""
        with pytest.raises(NotFound):
            store.workspaces.describe_workspace("none", "nothing")

    def test_tags_of_a_workspace_are_put_in_place_of_others(self, store: MetadataUnderTest) -> None:
        """And only of that one; its description stays."""
        store.workspaces.add_workspace("nlp", "Texts", {"team": "a", "old": "1"}, NOW_MS)
        store.workspaces.add_workspace("other", "", {"team": "a"}, NOW_MS)
        store.workspaces.tag_workspace("nlp", {"team": "b", "new": "2"})
        tagged = store.workspaces.get_workspace("nlp")
        assert (tagged.description, tagged.tags) == ("Texts", {"team": "b", "new": "2"})
        assert store.workspaces.get_workspace("other").tags == {"team": "a"}
        store.workspaces.tag_workspace("nlp", {})
        assert store.workspaces.get_workspace("nlp").tags == {}
        with pytest.raises(NotFound):
            store.workspaces.tag_workspace("none", {})

    def test_what_a_workspace_contains_is_counted(self, store: MetadataUnderTest) -> None:
        """What is in the trash too; not the experiment that it was made with."""
        assert store.workspaces.count_contents(WORKSPACE) == {}
        default_id = store.workspaces.get_workspace(WORKSPACE).default_experiment_id
        default = store.experiments.get_experiment(WORKSPACE, default_id)
        store.runs.add_run(new_run(default, "a"), {})
        made = store.experiments.add_experiment(WORKSPACE, "a", None, {}, NOW_MS)
        store.experiments.move_experiment(made.experiment_id, LifecycleStage.DELETED, NOW_MS)
        assert store.workspaces.count_contents(WORKSPACE) == {"experiments": 1, "runs": 1}
        assert store.workspaces.count_contents(OTHER_WORKSPACE) == {}

    def test_workspaces_are_listed_by_name(self, store: MetadataUnderTest) -> None:
        """Each with its own tags."""
        store.workspaces.add_workspace("alpha", "", {"of": "alpha"}, NOW_MS + 1)
        listed = store.workspaces.list_workspaces()
        assert [workspace.name for workspace in listed] == ["alpha", OTHER_WORKSPACE, WORKSPACE]
        assert [workspace.tags for workspace in listed] == [{"of": "alpha"}, {}, {}]

    def test_use_counts_what_is_active(self, store: MetadataUnderTest, experiment: Experiment) -> None:
        """The trash and other workspaces don't count."""
        trashed = store.add_experiment("trashed")
        for owner, run_id in ((experiment, "a"), (experiment, "b"), (trashed, "c")):
            store.runs.add_run(new_run(owner, run_id), {})
        store.runs.move_run("b", LifecycleStage.DELETED, NOW_MS)
        store.experiments.move_experiment(trashed.experiment_id, LifecycleStage.DELETED, NOW_MS)
        assert store.workspaces.measure_use([WORKSPACE, OTHER_WORKSPACE, "none"]) == {
            WORKSPACE: WorkspaceUse(2, 1),
            OTHER_WORKSPACE: WorkspaceUse(1, 0),
            "none": WorkspaceUse(0, 0),
        }
        assert store.workspaces.measure_use([]) == {}


class ExperimentStoreRules(MetadataHooks):
    """The rules for experiments."""

    def test_an_experiment_is_found_as_it_was_added(self, store: MetadataUnderTest) -> None:
        """By its id and by its name, with no field lost or changed."""
        tags = {"a": "1", "mlflow.note.content": "line\nbreak 数据"}
        made = store.experiments.add_experiment(WORKSPACE, "名 '\"", "s3://bucket/x", tags, NOW_MS)
        assert made == Experiment(
            made.experiment_id,
            WORKSPACE,
            "名 '\"",
            "s3://bucket/x",
            LifecycleStage.ACTIVE,
            NOW_MS,
            NOW_MS,
            tags,
        )
        assert store.experiments.get_experiment(WORKSPACE, made.experiment_id) == made
        assert store.experiments.find_experiment_by_name(WORKSPACE, "名 '\"") == made

    def test_artifacts_lie_under_the_experiments_id_unless_said_otherwise(
        self, store: MetadataUnderTest
    ) -> None:
        """The id is known only when the experiment is."""
        made = store.add_experiment("new")
        assert made.artifact_location == f"mlflow-artifacts:/{made.experiment_id}"

    def test_ids_count_up_and_are_never_given_twice(self, store: MetadataUnderTest) -> None:
        """Neither in two workspaces nor after a deletion."""
        ids = []
        for number in range(6):
            made = store.add_experiment(f"e{number}", (WORKSPACE, OTHER_WORKSPACE)[number % 2])
            store.experiments.move_experiment(made.experiment_id, LifecycleStage.DELETED, NOW_MS)
            ids.append(int(made.experiment_id))
        assert ids == sorted(set(ids))

    @pytest.mark.parametrize("stage", LifecycleStage)
    def test_names_are_unique_in_a_workspace_deleted_ones_too(
        self, store: MetadataUnderTest, experiment: Experiment, stage: LifecycleStage
    ) -> None:
        """Another workspace may use the name, and case makes another name."""
        store.experiments.move_experiment(experiment.experiment_id, stage, NOW_MS)
        with pytest.raises(AlreadyExists, match="training") as refused:
            store.add_experiment("training")
        assert ("deleted state" in str(refused.value)) == (stage is LifecycleStage.DELETED)
        other = store.add_experiment("other")
        with pytest.raises(AlreadyExists, match="training"):
            store.experiments.rename_experiment(other.experiment_id, "training", NOW_MS)
        assert store.experiments.get_experiment(WORKSPACE, other.experiment_id) == other
        assert store.add_experiment("training", OTHER_WORKSPACE).name == "training"
        assert store.add_experiment("Training").name == "Training"

    def test_an_experiment_of_another_workspace_is_not_found(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """Neither by id nor by name nor by search."""
        with pytest.raises(NotFound, match=f"No Experiment with id={experiment.experiment_id} exists"):
            store.experiments.get_experiment(OTHER_WORKSPACE, experiment.experiment_id)
        with pytest.raises(NotFound):
            store.experiments.get_experiment(WORKSPACE, "999999999999999999")
        assert store.experiments.find_experiment_by_name(OTHER_WORKSPACE, "training") is None
        found = store.experiments.search_experiments(Search(OTHER_WORKSPACE, View.ALL))
        assert [item.name for item in found] == ["Default"]

    def test_a_renamed_experiment_is_found_by_its_new_name_alone(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """Its own name again is no other experiment's."""
        store.experiments.rename_experiment(experiment.experiment_id, "training", NOW_MS + 1)
        store.experiments.rename_experiment(experiment.experiment_id, "serving", NOW_MS + 2)
        renamed = dataclasses.replace(experiment, name="serving", updated_ms=NOW_MS + 2)
        assert store.experiments.find_experiment_by_name(WORKSPACE, "serving") == renamed
        assert store.experiments.find_experiment_by_name(WORKSPACE, "training") is None
        assert store.add_experiment("training").experiment_id != experiment.experiment_id

    def test_runs_follow_their_experiment_to_the_trash_and_back(
        self, store: MetadataUnderTest, experiment: Experiment, run: Run
    ) -> None:
        """With the time of the deletion; runs of other experiments stay."""
        sibling = new_run(store.add_experiment("sibling"), "b" * 32)
        store.runs.add_run(sibling, {})
        store.experiments.move_experiment(experiment.experiment_id, LifecycleStage.DELETED, NOW_MS + 7)
        deleted = store.experiments.get_experiment(WORKSPACE, experiment.experiment_id)
        assert (deleted.lifecycle_stage, deleted.updated_ms) == (LifecycleStage.DELETED, NOW_MS + 7)
        moved = store.runs.get_run(WORKSPACE, run.run_id)
        assert (moved.lifecycle_stage, moved.deleted_ms) == (LifecycleStage.DELETED, NOW_MS + 7)
        assert store.runs.get_run(WORKSPACE, sibling.run_id) == sibling
        store.experiments.move_experiment(experiment.experiment_id, LifecycleStage.ACTIVE, NOW_MS + 9)
        assert store.runs.get_run(WORKSPACE, run.run_id) == run
        restored = store.experiments.get_experiment(WORKSPACE, experiment.experiment_id)
        assert restored == dataclasses.replace(experiment, updated_ms=NOW_MS + 9)

    def test_a_tag_takes_its_last_value_and_can_be_deleted(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """What was read before does not change."""
        for key, value in (("a", "1"), ("b", "1"), ("a", "2")):
            store.experiments.set_experiment_tag(experiment.experiment_id, key, value, NOW_MS)
        before = store.experiments.get_experiment(WORKSPACE, experiment.experiment_id)
        assert store.experiments.delete_experiment_tag(experiment.experiment_id, "b")
        assert not store.experiments.delete_experiment_tag(experiment.experiment_id, "b")
        assert before.tags == {"a": "2", "b": "1"}
        assert store.experiments.get_experiment(WORKSPACE, experiment.experiment_id).tags == {"a": "2"}

    @pytest.mark.parametrize(
        ("view", "found"),
        [
            (View.ACTIVE_ONLY, ["e3", "e1", "Default"]),
            (View.DELETED_ONLY, ["e2"]),
            (View.ALL, ["e3", "e2", "e1", "Default"]),
        ],
    )
    def test_a_search_finds_the_stages_of_its_view_newest_first(
        self, store: MetadataUnderTest, view: View, found: Sequence[str]
    ) -> None:
        """Each experiment with its tags, on whatever page it is."""
        for number in (1, 2, 3):
            made = store.add_experiment(f"e{number}", now_ms=NOW_MS + number)
            store.experiments.set_experiment_tag(made.experiment_id, "of", made.name, NOW_MS)
            if number == 2:
                store.experiments.move_experiment(made.experiment_id, LifecycleStage.DELETED, NOW_MS)
        whole = store.experiments.search_experiments(Search(WORKSPACE, view))
        assert [item.name for item in whole] == found
        assert [item.tags.get("of", "Default") for item in whole] == found
        paged = [
            item
            for offset in range(len(found) + 1)
            for item in store.experiments.search_experiments(Search(WORKSPACE, view, limit=1, offset=offset))
        ]
        assert paged == whole


class TransactionRules(MetadataHooks):
    """The rules for changes that belong together, and for threads."""

    def test_a_failed_transaction_leaves_nothing(
        self, store: MetadataUnderTest, experiment: Experiment, run: Run, tmp_path: Path
    ) -> None:
        """Whatever stores it changed."""

        def change_and_fail() -> None:
            with store.atomic():
                store.workspaces.add_workspace("nlp", "", {}, NOW_MS)
                new = store.add_experiment("new")
                store.runs.add_run(new_run(new, "b" * 32), {"a": "1"})
                store.runs.add_params(run.run_id, {"a": "1"})
                store.runs.set_tags(run.run_id, {"a": "1"})
                store.experiments.move_experiment(experiment.experiment_id, LifecycleStage.DELETED, NOW_MS)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        assert [workspace.name for workspace in store.workspaces.list_workspaces()] == [
            OTHER_WORKSPACE,
            WORKSPACE,
        ]
        assert store.experiments.find_experiment_by_name(WORKSPACE, "new") is None
        assert self.kept_run(tmp_path, "b" * 32) is None
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert (kept.lifecycle_stage, kept.params, kept.tags) == ("active", {}, {})

    def test_an_inner_transaction_joins_the_outer_one(
        self, store: MetadataUnderTest, run: Run, tmp_path: Path
    ) -> None:
        """It reads what the outer one wrote, and is kept only when that ends well."""

        def change_and_fail() -> None:
            with store.atomic():
                store.runs.set_tags(run.run_id, {"a": "1"})
                with store.atomic():
                    assert store.runs.read_contents([run.run_id])[run.run_id].tags == {"a": "1"}
                    store.runs.set_tags(run.run_id, {"b": "2"})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert kept.tags == {}

    def test_other_threads_see_a_transaction_when_it_has_ended(
        self, store: MetadataUnderTest, run: Run
    ) -> None:
        """Until then they see what was there before, without waiting."""

        def tags() -> dict[str, str]:
            return dict(store.runs.read_contents([run.run_id])[run.run_id].tags)

        with ThreadPoolExecutor(1) as elsewhere:
            with store.atomic():
                store.runs.set_tags(run.run_id, {"a": "1"})
                assert elsewhere.submit(tags).result(10) == {}
            assert elsewhere.submit(tags).result(10) == {"a": "1"}

    def test_of_many_threads_one_gets_a_name(self, store: MetadataUnderTest) -> None:
        """The others are told that it is taken."""
        together = Barrier(8)

        def add(worker: int) -> bool:
            together.wait(10)
            try:
                store.add_experiment("wanted", now_ms=worker)
            except AlreadyExists:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(add, range(8))) == 1

    def test_many_threads_change_one_run(self, store: MetadataUnderTest, run: Run, tmp_path: Path) -> None:
        """Nothing is lost, and a transaction is alone with the run that it got before it writes."""
        store.runs.set_tags(run.run_id, {"count": "0"})

        def count_up() -> None:
            with store.atomic():
                store.runs.get_run(WORKSPACE, run.run_id)
                count = int(store.runs.read_contents([run.run_id])[run.run_id].tags["count"])
                store.runs.set_tags(run.run_id, {"count": str(count + 1)})

        def change(worker: int) -> None:
            for number in range(5):
                params = {f"{worker}/{number}": "x"}
                _until_there_is_room(partial(store.runs.add_params, run.run_id, params))
                _until_there_is_room(count_up)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(change, range(8)))
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert (kept.tags["count"], len(kept.params)) == ("40", 40)

    def test_what_was_written_is_there_for_whoever_opens_the_store_next(
        self, store: MetadataUnderTest, experiment: Experiment, run: Run, tmp_path: Path
    ) -> None:
        """Once the method has returned; the first store need not be closed."""
        store.runs.add_params(run.run_id, {"a": "1"})
        with contextlib.closing(self.open_store(tmp_path)) as again:
            assert again.workspaces.list_workspaces() == store.workspaces.list_workspaces()
            assert again.experiments.get_experiment(WORKSPACE, experiment.experiment_id) == experiment
            assert again.runs.get_run(WORKSPACE, run.run_id) == run
            assert again.runs.read_contents([run.run_id])[run.run_id].params == {"a": "1"}


class MetadataStoreRules(WorkspaceStoreRules, ExperimentStoreRules, RunStoreRules, TransactionRules):
    """Inherit, and implement the hooks, to hold a metadata store to its contract."""


def _until_there_is_room(change: Callable[[], None]) -> None:
    """Make a change again as long as others stand in its way, as whoever calls a store has to."""
    while True:
        with contextlib.suppress(Unavailable):
            change()
            return
