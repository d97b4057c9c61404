"""The rules that every store of runs must pass; a part of ``MetadataStoreRules``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.run import Dataset, DatasetInput, ModelInput, ModelOutput, Run, RunContents, RunStatus
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base import DatasetSummary, Search
from runyard.testing.metadata_hooks import (
    NOW_MS,
    OTHER_WORKSPACE,
    WORKSPACE,
    MetadataHooks,
    MetadataUnderTest,
    new_run,
)

DIGITS = Dataset("digits", "d1", "local", "/data/digits.csv", '{"x": 1}', '{"rows": 10}')
FACES = Dataset("faces", "f1", "s3", "s3://bucket/faces")
ODD_TEXTS = [
    "",
    " ",
    "'; DROP TABLE runs; --",
    'say "hi"',
    "line\nbreak\ttab",
    "数据 é 🏃",
    "%_\\",
    "x" * 65_535,
]


def found_by(store: MetadataUnderTest, search: Search) -> list[str]:
    """Return the ids of the runs that a search finds, in its order."""
    found = store.runs.search_runs(search)
    return [run.run_id for run in store.runs.read_runs(found.run_numbers)]


class RunRowRules(MetadataHooks):
    """The rules for the rows of runs: add, read, update, move, search."""

    def test_a_run_is_found_as_it_was_added(self, store: MetadataUnderTest, experiment: Experiment) -> None:
        """No field is lost or changed, set or not."""
        bare = new_run(experiment, "b" * 32, started_ms=None)
        full = dataclasses.replace(
            new_run(experiment), status=RunStatus.FAILED, ended_ms=NOW_MS + 1, user_id="", name="数据"
        )
        for run in (bare, full):
            store.runs.add_run(run, {"of": run.run_id})
            assert store.runs.get_run(WORKSPACE, run.run_id) == run
            assert store.runs.read_contents([run.run_id])[run.run_id].tags == {"of": run.run_id}

    def test_two_runs_never_share_an_id(self, store: MetadataUnderTest, run: Run, tmp_path: Path) -> None:
        """Not in two workspaces either; the first stays as it is."""
        elsewhere = new_run(store.add_experiment("x", OTHER_WORKSPACE), run.run_id)
        for again in (run, elsewhere):
            with pytest.raises(AlreadyExists):
                store.runs.add_run(again, {"tag": "of the second"})
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert (kept.name, kept.tags) == (run.name, {})

    def test_a_run_of_another_workspace_is_not_found(self, store: MetadataUnderTest, run: Run) -> None:
        """As one that does not exist, in the same words."""
        for workspace, run_id in ((OTHER_WORKSPACE, run.run_id), (WORKSPACE, "f" * 32)):
            with pytest.raises(NotFound) as refused:
                store.runs.get_run(workspace, run_id)
            assert str(refused.value) == f"Run with id={run_id} not found"

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, {}),
            ({"status": RunStatus.FINISHED}, {"status": RunStatus.FINISHED}),
            ({"ended_ms": 0}, {"ended_ms": 0}),
            ({"name": "renamed"}, {"name": "renamed"}),
            (
                {"status": RunStatus.KILLED, "ended_ms": 9, "name": "n"},
                {"status": RunStatus.KILLED, "ended_ms": 9, "name": "n"},
            ),
        ],
    )
    def test_an_update_changes_what_it_names_and_nothing_else(
        self, store: MetadataUnderTest, run: Run, change: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        """A time of 0 is a time."""
        other = dataclasses.replace(run, run_id="b" * 32)
        store.runs.add_run(other, {})
        store.runs.update_run(run.run_id, **change)
        assert store.runs.get_run(WORKSPACE, run.run_id) == dataclasses.replace(run, **expected)
        assert store.runs.get_run(WORKSPACE, other.run_id) == other

    def test_a_run_moves_to_the_trash_and_back(
        self, store: MetadataUnderTest, run: Run, tmp_path: Path
    ) -> None:
        """It stays readable there, with the time of its deletion."""
        store.runs.move_run(run.run_id, LifecycleStage.DELETED, NOW_MS + 5)
        deleted = dataclasses.replace(run, lifecycle_stage=LifecycleStage.DELETED, deleted_ms=NOW_MS + 5)
        assert store.runs.get_run(WORKSPACE, run.run_id) == deleted
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert (kept.lifecycle_stage, kept.deleted_ms) == ("deleted", NOW_MS + 5)
        store.runs.move_run(run.run_id, LifecycleStage.ACTIVE, NOW_MS + 9)
        assert store.runs.get_run(WORKSPACE, run.run_id) == run

    @pytest.mark.parametrize(
        ("view", "found"),
        [(View.ACTIVE_ONLY, ["b"]), (View.DELETED_ONLY, ["a"]), (View.ALL, ["a", "b"])],
    )
    def test_a_search_looks_at_the_stages_of_its_view(
        self, store: MetadataUnderTest, experiment: Experiment, view: View, found: Sequence[str]
    ) -> None:
        """Active ones, deleted ones or both."""
        for run_id in "ab":
            store.runs.add_run(new_run(experiment, run_id), {})
        store.runs.move_run("a", LifecycleStage.DELETED, NOW_MS)
        search = Search(WORKSPACE, view, experiment_ids=[experiment.experiment_id])
        assert found_by(store, search) == found

    def test_a_search_finds_runs_of_its_experiments_and_workspace(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """The id of another workspace's experiment finds nothing."""
        sibling, foreign = store.add_experiment("sibling"), store.add_experiment("foreign", OTHER_WORKSPACE)
        for number, owner in enumerate((experiment, sibling, foreign)):
            store.runs.add_run(new_run(owner, str(number)), {})
        ids = [owner.experiment_id for owner in (experiment, sibling, foreign)]
        for asked, found in ((ids, {"0", "1"}), (ids[:1], {"0"}), (ids[2:], set()), (["999999"], set())):
            assert set(found_by(store, Search(WORKSPACE, experiment_ids=asked))) == found

    def test_runs_come_latest_start_first_then_by_id(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """Those without a start come last."""
        for run_id, started_ms in (("d", None), ("c", 5), ("b", 9), ("a", 5)):
            store.runs.add_run(new_run(experiment, run_id, started_ms), {})
        search = Search(WORKSPACE, experiment_ids=[experiment.experiment_id])
        assert found_by(store, search) == ["b", "a", "c", "d"]

    def test_pages_of_a_search_hold_every_run_once(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """Ties included."""
        for number in range(10):
            store.runs.add_run(new_run(experiment, str(number), number // 4), {})
        whole = Search(WORKSPACE, experiment_ids=[experiment.experiment_id])
        found, after = [], None
        for _ in range(4):
            page = dataclasses.replace(whole, limit=3, after=after)
            found += found_by(store, page)
            after = store.runs.search_runs(page).last
        assert after is None
        assert found == found_by(store, whole)
        assert len(found) == 10


class RunContentsRules(MetadataHooks):
    """The rules for what hangs on runs: params, tags, inputs, outputs."""

    def contents_of(self, store: MetadataUnderTest, run: Run) -> RunContents:
        """Return what hangs on a run, read through the store."""
        return store.runs.read_contents([run.run_id])[run.run_id]

    @pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
    def test_texts_are_kept_as_they_are(
        self, store: MetadataUnderTest, run: Run, text: str, tmp_path: Path
    ) -> None:
        """Quotes, line breaks, emoji and long ones too."""
        store.runs.add_params(run.run_id, {"param": text})
        store.runs.set_tags(run.run_id, {"tag": text})
        store.runs.update_run(run.run_id, name=text)
        kept = self.kept_run(tmp_path, run.run_id)
        assert kept is not None
        assert (kept.name, kept.params, kept.tags) == (text, {"param": text}, {"tag": text})
        assert self.contents_of(store, run).params == {"param": text}

    def test_a_param_keeps_its_first_value(self, store: MetadataUnderTest, run: Run) -> None:
        """Whoever wants to refuse another one has asked before."""
        store.runs.add_params(run.run_id, {"alpha": "1", "beta": "2"})
        store.runs.add_params(run.run_id, {"alpha": "9", "gamma": "3"})
        store.runs.add_params(run.run_id, {})
        assert self.contents_of(store, run).params == {"alpha": "1", "beta": "2", "gamma": "3"}
        assert store.runs.find_params(run.run_id, ["gamma", "alpha", "none"]) == {"alpha": "1", "gamma": "3"}
        assert store.runs.find_params(run.run_id, []) == store.runs.find_params("none", ["alpha"]) == {}

    def test_a_tag_takes_its_last_value(self, store: MetadataUnderTest, run: Run) -> None:
        """And can be deleted, once."""
        store.runs.set_tags(run.run_id, {"a": "1", "b": "1"})
        store.runs.set_tags(run.run_id, {"a": "2", "c": "3"})
        store.runs.set_tags(run.run_id, {})
        assert store.runs.delete_tag(run.run_id, "b")
        assert not store.runs.delete_tag(run.run_id, "b")
        assert not store.runs.delete_tag("none", "a")
        assert self.contents_of(store, run).tags == {"a": "2", "c": "3"}

    def test_keys_differ_by_case(self, store: MetadataUnderTest, run: Run) -> None:
        """As MLflow's do on SQLite and PostgreSQL."""
        store.runs.set_tags(run.run_id, {"a": "1", "A": "2"})
        store.runs.add_params(run.run_id, {"a": "1", "A": "2"})
        assert (
            self.contents_of(store, run).tags == self.contents_of(store, run).params == {"a": "1", "A": "2"}
        )

    def test_contents_are_those_of_each_run(self, store: MetadataUnderTest, experiment: Experiment) -> None:
        """For as many runs as a page has, whether they exist or not."""
        for run_id in ("a", "b"):
            store.runs.add_run(new_run(experiment, run_id), {"of": run_id})
            store.runs.add_params(run_id, {"of": run_id})
            store.runs.add_outputs(run_id, [ModelOutput(f"m-{run_id}")])
        missing = [f"missing-{number}" for number in range(10_001)]
        contents = store.runs.read_contents(["b", *missing, "a"])
        assert len(contents) == 10_003
        assert contents["missing-0"] == RunContents()
        for run_id in ("a", "b"):
            assert contents[run_id].tags == contents[run_id].params == {"of": run_id}
            assert contents[run_id].model_outputs == [ModelOutput(f"m-{run_id}", 0)]

    def test_what_was_read_does_not_change_under_the_reader(self, store: MetadataUnderTest, run: Run) -> None:
        """A later change is seen by later readers."""
        store.runs.set_tags(run.run_id, {"a": "1"})
        before, row = self.contents_of(store, run), store.runs.get_run(WORKSPACE, run.run_id)
        store.runs.set_tags(run.run_id, {"a": "2", "b": "3"})
        store.runs.update_run(run.run_id, name="other")
        assert (before.tags, row.name) == ({"a": "1"}, run.name)

    def test_inputs_are_kept_in_order_and_once(self, store: MetadataUnderTest, run: Run) -> None:
        """What a run is known to have read stays as it is, its tags too."""
        first = DatasetInput(FACES, {"mlflow.data.context": "train", "k": "v"})
        second = DatasetInput(DIGITS)
        store.runs.add_inputs(run, [first], [ModelInput("m-2")])
        again = DatasetInput(dataclasses.replace(FACES, source="elsewhere"), {"mlflow.data.context": "test"})
        store.runs.add_inputs(run, [second, again, second], [ModelInput("m-1"), ModelInput("m-2")])
        contents = self.contents_of(store, run)
        assert contents.dataset_inputs == [first, second]
        assert contents.model_inputs == [ModelInput("m-2"), ModelInput("m-1")]

    def test_outputs_are_kept_in_order_and_once_a_step(self, store: MetadataUnderTest, run: Run) -> None:
        """A model written at two steps is two outputs."""
        store.runs.add_outputs(run.run_id, [ModelOutput("m-2", 5)])
        later = [ModelOutput("m-1", 2**40), ModelOutput("m-2", 5), ModelOutput("m-2", 1)]
        store.runs.add_outputs(run.run_id, later)
        store.runs.add_outputs(run.run_id, [])
        outputs = self.contents_of(store, run).model_outputs
        assert outputs == [ModelOutput("m-2", 5), ModelOutput("m-1", 2**40), ModelOutput("m-2", 1)]

    def test_a_dataset_is_one_in_all_runs_of_its_experiment(
        self, store: MetadataUnderTest, experiment: Experiment
    ) -> None:
        """By name and digest: the first run to name it says what it is; other experiments have their own."""
        sibling = store.add_experiment("sibling")
        changed = dataclasses.replace(DIGITS, source="elsewhere", schema=None)
        for run, dataset in (
            (new_run(experiment, "a"), DIGITS),
            (new_run(experiment, "b"), changed),
            (new_run(sibling, "c"), changed),
            (new_run(experiment, "d"), dataclasses.replace(changed, digest="d2")),
        ):
            store.runs.add_run(run, {})
            store.runs.add_inputs(run, [DatasetInput(dataset)], [])
        contents = store.runs.read_contents(["a", "b", "c", "d"])
        datasets = [contents[run_id].dataset_inputs[0].dataset for run_id in "abcd"]
        assert datasets == [DIGITS, DIGITS, changed, dataclasses.replace(changed, digest="d2")]

    def test_dataset_summaries_are_distinct(self, store: MetadataUnderTest, experiment: Experiment) -> None:
        """One for each context that a dataset was read in, of the experiments that were asked for."""
        foreign = store.add_experiment("foreign", OTHER_WORKSPACE)
        uses = [(experiment, "a", "train"), (experiment, "b", "train"), (experiment, "c", "test")]
        for owner, run_id, context in [*uses, (foreign, "d", "train")]:
            run = new_run(owner, run_id)
            store.runs.add_run(run, {})
            store.runs.add_inputs(run, [DatasetInput(DIGITS, {"mlflow.data.context": context, "k": "v"})], [])
            store.runs.add_inputs(run, [DatasetInput(FACES)], [])
        ids = [experiment.experiment_id, foreign.experiment_id]
        found = store.runs.list_dataset_summaries(WORKSPACE, ids, 10)
        expected = {("digits", "d1", "train"), ("digits", "d1", "test"), ("faces", "f1", None)}
        assert {(summary.name, summary.digest, summary.context) for summary in found} == expected
        assert len(found) == 3
        assert {summary.experiment_id for summary in found} == {experiment.experiment_id}
        assert len(store.runs.list_dataset_summaries(WORKSPACE, ids, 2)) == 2
        assert store.runs.list_dataset_summaries(OTHER_WORKSPACE, ids, 10)[:1] == [
            DatasetSummary(foreign.experiment_id, "digits", "d1", "train")
        ]


class RunStoreRules(RunRowRules, RunContentsRules):
    """Inherit, and implement the hooks, to hold a store of runs to its contract."""
