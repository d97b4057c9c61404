"""The rules that every store of logged models must pass."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.experiment import Experiment
from runyard.entities.logged_model import LoggedModel, LoggedModelMetric, LoggedModelStatus
from runyard.entities.run import Run
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.logged_model_filters import parse_logged_model_filter
from runyard.protocol.ordering import ModelOrderKey, parse_logged_model_order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_logged_models import LoggedModelStore, MeasuredOn
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run


@dataclass(frozen=True, slots=True)
class LoggedModelsUnderTest:
    """The store of logged models, and the stores that it shares a database with."""

    models: LoggedModelStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


@dataclass(frozen=True, slots=True)
class KeptModel:
    """What a store's files hold of a logged model."""

    status: str
    lifecycle_stage: str
    updated_ms: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metric_count: int


def new_model(experiment: Experiment, model_id: str = "m-1", **changes: Any) -> LoggedModel:
    """Return a pending model of an experiment, as a service would make it."""
    model = LoggedModel(
        model_id=model_id,
        workspace=experiment.workspace,
        experiment_id=experiment.experiment_id,
        name=f"name of {model_id}",
        artifact_uri=f"{experiment.artifact_location}/models/{model_id}/artifacts",
        created_ms=NOW_MS,
        updated_ms=NOW_MS,
        status=LoggedModelStatus.PENDING,
    )
    return replace(model, **changes)


def point(key: str, value: float, at: int = 0, run_id: str = "a" * 32, data: str = "") -> LoggedModelMetric:
    """Return a point of a run at step and time ``at``; ``data`` is ``name`` or ``name:digest``."""
    name, _, digest = data.partition(":")
    return LoggedModelMetric(key, value, NOW_MS + at, at, run_id, name or None, digest or None)


class LoggedModelStoreRules(ABC):
    """Inherit, and implement the hooks, to hold a store of logged models to its contract."""

    @abstractmethod
    def open_models(self, folder: Path) -> LoggedModelsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @abstractmethod
    def kept_model(self, folder: Path, model_id: str) -> KeptModel | None:
        """Return what ``folder`` holds of a model, read without the store; ``None`` if there is none."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[LoggedModelsUnderTest]:
        """Return a store with two workspaces and no models."""
        with contextlib.closing(self.open_models(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def models(self, store: LoggedModelsUnderTest) -> LoggedModelStore:
        """Return the store of models alone."""
        return store.models

    @pytest.fixture
    def experiment(self, store: LoggedModelsUnderTest) -> Experiment:
        """Return an active experiment."""
        return store.metadata.add_experiment("training")

    @pytest.fixture
    def run(self, store: LoggedModelsUnderTest, experiment: Experiment) -> Run:
        """Return an active run of the experiment."""
        run = new_run(experiment)
        store.metadata.runs.add_run(run, {})
        return run

    def test_a_model_is_found_as_it_was_added(
        self, tmp_path: Path, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """No field is lost or changed, neither here nor in another process."""
        model = new_model(
            experiment,
            model_type="sklearn",
            source_run_id="r1",
            status_message="é",
            status=LoggedModelStatus.READY,
            updated_ms=NOW_MS + 5,
            params={"lr": "0.1", "a b": ""},
            tags={"team": "日本"},
        )
        models.add_logged_model(model)
        assert models.get_logged_model(WORKSPACE, "m-1") == model
        with contextlib.closing(self.open_models(tmp_path)) as again:
            assert again.models.get_logged_model(WORKSPACE, "m-1") == model

    def test_a_second_model_of_an_id_is_refused(
        self, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """And leaves nothing behind."""
        models.add_logged_model(new_model(experiment, params={"a": "1"}))
        with pytest.raises(AlreadyExists):
            models.add_logged_model(new_model(experiment, params={"b": "2"}, tags={"c": "3"}))
        kept = models.get_logged_model(WORKSPACE, "m-1")
        assert (kept.params, kept.tags) == ({"a": "1"}, {})

    def test_an_unknown_model_is_not_found(self, models: LoggedModelStore, experiment: Experiment) -> None:
        """Nor is one of another workspace."""
        models.add_logged_model(new_model(experiment))
        for workspace, model_id in ((WORKSPACE, "m-2"), (OTHER_WORKSPACE, "m-1"), (WORKSPACE, "M-1")):
            with pytest.raises(NotFound, match=f"Logged model with ID '{model_id}' not found."):
                models.get_logged_model(workspace, model_id)

    def test_a_deleted_model_is_found_only_when_asked_for(
        self, tmp_path: Path, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """It keeps what it had; only the time of its last change moves."""
        model = new_model(experiment, tags={"k": "v"})
        models.add_logged_model(model)
        models.delete_logged_model("m-1", NOW_MS + 7)
        with pytest.raises(NotFound):
            models.get_logged_model(WORKSPACE, "m-1")
        assert models.get_logged_model(WORKSPACE, "m-1", or_deleted=True) == replace(
            model, updated_ms=NOW_MS + 7
        )
        assert self.kept_model(tmp_path, "m-1") == KeptModel(
            LoggedModelStatus.PENDING.value, "deleted", NOW_MS + 7, {}, {"k": "v"}, 0
        )

    def test_a_status_is_kept_with_its_time(
        self, tmp_path: Path, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """The other models keep theirs."""
        for model_id in ("m-1", "m-2"):
            models.add_logged_model(new_model(experiment, model_id))
        models.set_model_status("m-1", LoggedModelStatus.READY, NOW_MS + 9)
        ready = models.get_logged_model(WORKSPACE, "m-1")
        assert (ready.status, ready.updated_ms) == (LoggedModelStatus.READY, NOW_MS + 9)
        assert models.get_logged_model(WORKSPACE, "m-2").status is LoggedModelStatus.PENDING
        kept = self.kept_model(tmp_path, "m-1")
        assert kept is not None
        assert (kept.status, kept.lifecycle_stage) == (LoggedModelStatus.READY.value, "active")

    def test_what_was_never_finished_is_deleted_with_its_age(
        self, store: LoggedModelsUnderTest, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """Nothing else goes: what is younger, finished, of another experiment or without the tag."""
        other = store.metadata.add_experiment("other")
        tagged = {"tags": {"upload": "true"}}
        for model in (
            new_model(experiment, "m-old", **tagged),
            new_model(experiment, "m-young", created_ms=NOW_MS + 5, **tagged),
            new_model(experiment, "m-ready", status=LoggedModelStatus.READY, **tagged),
            new_model(experiment, "m-plain", tags={"uploaded": "true"}),
            new_model(other, "m-other", **tagged),
        ):
            models.add_logged_model(model)
        assert models.delete_unfinished("training", "upload", NOW_MS, NOW_MS + 9) == 0
        assert models.delete_unfinished("training", "upload", NOW_MS + 1, NOW_MS + 9) == 1
        with pytest.raises(NotFound):
            models.get_logged_model(WORKSPACE, "m-old")
        gone = models.get_logged_model(WORKSPACE, "m-old", or_deleted=True)
        assert (gone.status, gone.updated_ms) == (LoggedModelStatus.PENDING, NOW_MS + 9)
        for model_id in ("m-young", "m-ready", "m-plain", "m-other"):
            assert models.get_logged_model(WORKSPACE, model_id).updated_ms == NOW_MS
        assert models.delete_unfinished("training", "upload", NOW_MS + 1, NOW_MS + 9) == 0

    def test_tags_are_set_over_older_values_and_deleted(
        self, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """To delete a tag says whether it was there."""
        models.add_logged_model(new_model(experiment, tags={"a": "1", "b": "2"}))
        models.set_model_tags("m-1", {"b": "3", "c": "4"})
        models.set_model_tags("m-1", {})
        assert models.get_logged_model(WORKSPACE, "m-1").tags == {"a": "1", "b": "3", "c": "4"}
        assert models.delete_model_tag("m-1", "a")
        assert not models.delete_model_tag("m-1", "a")
        assert not models.delete_model_tag("m-2", "b")
        assert models.get_logged_model(WORKSPACE, "m-1").tags == {"b": "3", "c": "4"}

    def test_params_are_added_and_keep_their_first_value(
        self, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """Whether another value is an error is for the caller to say."""
        models.add_logged_model(new_model(experiment, params={"a": "1"}))
        models.add_model_params("m-1", {"a": "2", "b": "3"})
        models.add_model_params("m-1", {})
        assert models.get_logged_model(WORKSPACE, "m-1").params == {"a": "1", "b": "3"}

    def test_metrics_come_back_by_key_time_and_step(
        self, tmp_path: Path, models: LoggedModelStore, experiment: Experiment, run: Run
    ) -> None:
        """Each with its run and dataset; NaN and infinities as they were logged."""
        points = [
            point("loss", math.inf, 2, data="test"),
            point("acc", 0.7, 3),
            point("acc", 0.5, 1, data="train:d1"),
            point("acc", -math.inf, 2),
        ]
        models.add_logged_model(new_model(experiment))
        models.append_metrics("m-1", points)
        models.append_metrics("m-1", [])
        found = models.get_logged_model(WORKSPACE, "m-1").metrics
        assert list(found) == [points[2], points[3], points[1], points[0]]
        models.append_metrics("m-1", [point("nan", math.nan)])
        assert math.isnan(models.get_logged_model(WORKSPACE, "m-1").metrics[-1].value)
        kept = self.kept_model(tmp_path, "m-1")
        assert kept is not None
        assert kept.metric_count == 5

    def test_a_point_is_kept_once_and_another_value_beside_it(
        self, models: LoggedModelStore, experiment: Experiment, run: Run
    ) -> None:
        """A client that sends again what was kept changes nothing."""
        models.add_logged_model(new_model(experiment))
        for _ in range(2):
            models.append_metrics("m-1", [point("acc", 0.5), point("nan", math.nan)])
        models.append_metrics("m-1", [point("acc", 0.6), point("acc", 0.5, data="test")])
        values = [metric.value for metric in models.get_logged_model(WORKSPACE, "m-1").metrics]
        assert sorted(values[:3]) == [0.5, 0.5, 0.6]
        assert len(values) == 4

    def test_metrics_of_an_unknown_model_are_refused(
        self, store: LoggedModelsUnderTest, experiment: Experiment, run: Run
    ) -> None:
        """Also those that a run of another workspace brings."""
        elsewhere = store.metadata.add_experiment("elsewhere", OTHER_WORKSPACE)
        store.models.add_logged_model(new_model(elsewhere))
        for model_id in ("m-1", "m-2"):
            with pytest.raises(NotFound, match=f"Logged model with ID '{model_id}' not found."):
                store.models.append_metrics(model_id, [point("acc", 0.5)])
        assert store.models.get_logged_model(OTHER_WORKSPACE, "m-1").metrics == ()

    def test_an_error_in_a_transaction_takes_back_all_of_it(
        self, store: LoggedModelsUnderTest, experiment: Experiment
    ) -> None:
        """A model and what hangs on it are kept together or not at all."""

        def fail_in_the_middle() -> None:
            with store.metadata.atomic():
                store.models.add_logged_model(new_model(experiment, params={"a": "1"}))
                store.models.set_model_tags("m-1", {"k": "v"})
                raise KeyError("stop")

        with pytest.raises(KeyError, match="stop"):
            fail_in_the_middle()
        with pytest.raises(NotFound):
            store.models.get_logged_model(WORKSPACE, "m-1")

    def test_threads_can_write_at_once(
        self, models: LoggedModelStore, experiment: Experiment, run: Run
    ) -> None:
        """No point is lost."""
        models.add_logged_model(new_model(experiment))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at: models.append_metrics("m-1", [point("acc", at, at)]), range(40)))
        found = models.get_logged_model(WORKSPACE, "m-1").metrics
        assert [metric.step for metric in found] == list(range(40))

    def test_a_search_finds_active_models_of_its_experiments_and_workspace(
        self, store: LoggedModelsUnderTest, experiment: Experiment
    ) -> None:
        """The trash and other workspaces stay out."""
        second = store.metadata.add_experiment("second")
        elsewhere = store.metadata.add_experiment("elsewhere", OTHER_WORKSPACE)
        for owner, model_id in ((experiment, "m-1"), (second, "m-2"), (elsewhere, "m-3"), (second, "m-4")):
            store.models.add_logged_model(new_model(owner, model_id))
        store.models.delete_logged_model("m-4", NOW_MS)
        every = [each.experiment_id for each in (experiment, second, elsewhere)]
        assert _found(store.models, experiment_ids=every) == ["m-1", "m-2"]
        assert _found(store.models, experiment_ids=[second.experiment_id]) == ["m-2"]
        assert _found(store.models, workspace=OTHER_WORKSPACE, experiment_ids=every) == ["m-3"]
        assert _found(store.models, experiment_ids=[]) == []

    def test_the_last_created_model_comes_first_and_ids_break_ties(
        self, models: LoggedModelStore, experiment: Experiment
    ) -> None:
        """Pages hold every model once."""
        for model_id, created_ms in (("m-b", 5), ("m-a", 5), ("m-c", 9)):
            models.add_logged_model(new_model(experiment, model_id, created_ms=created_ms))
        of = [experiment.experiment_id]
        assert _found(models, experiment_ids=of) == ["m-c", "m-a", "m-b"]
        assert _found(models, experiment_ids=of, limit=2) == ["m-c", "m-a"]
        assert _found(models, experiment_ids=of, limit=2, offset=2) == ["m-b"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("name = 'small'", ["m-1"]),
            ("name LIKE '%l%' AND model_type = 'nn'", ["m-2"]),
            ("name ILIKE 'SMALL'", ["m-1"]),
            ("model_id IN ('m-1', 'm-9')", ["m-1"]),
            ("status = 'READY'", ["m-2"]),
            ("status != 'READY'", ["m-1", "m-3"]),
            ("creation_timestamp > 15", ["m-2", "m-3"]),
            ("last_updated_timestamp <= 20.5", ["m-1", "m-2"]),
            ("source_run_id = 'r1'", ["m-1"]),
            ("params.lr = '0.1'", ["m-1"]),
            ("params.lr = 0.1 AND tags.team = a", ["m-1"]),
            ("params.lr != '0.1'", ["m-2"]),
            ("params.lr IN ('0.1', '0.2')", ["m-1", "m-2"]),
            ("tags.team NOT IN ('a')", ["m-3"]),
            ("metrics.acc > 0.6", ["m-1", "m-2"]),
            ("metrics.acc = 0.5", ["m-1"]),
            ("metrics.loss != 0.3", ["m-3"]),
            ("metrics.acc < 10 AND metrics.loss > 0", ["m-2"]),
            ("metrics.acc > 10", []),
        ],
    )
    def test_a_filter_finds_models_by_what_hangs_on_them(
        self, models: LoggedModelStore, experiment: Experiment, run: Run, text: str, expected: list[str]
    ) -> None:
        """A metric is compared at every point; NaN is unlike every number."""
        _add_three(models, experiment)
        search = Search(
            WORKSPACE, filter=parse_logged_model_filter(text), experiment_ids=[experiment.experiment_id]
        )
        assert sorted(model.model_id for model in models.search_logged_models(search)) == expected

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([ModelOrderKey("name")], ["m-2", "m-1", "m-3"]),
            ([ModelOrderKey("creation_time")], ["m-1", "m-2", "m-3"]),
            ([ModelOrderKey("model_type"), ModelOrderKey("name")], ["m-2", "m-1", "m-3"]),
            ([ModelOrderKey("model_type", ascending=False)], ["m-2", "m-3", "m-1"]),
            ([ModelOrderKey("metrics.acc")], ["m-1", "m-2", "m-3"]),
            ([ModelOrderKey("metrics.acc", ascending=False)], ["m-2", "m-1", "m-3"]),
            ([ModelOrderKey("metrics.loss")], ["m-2", "m-3", "m-1"]),
            ([ModelOrderKey("metrics.acc", True, "train")], ["m-2", "m-1", "m-3"]),
            ([ModelOrderKey("metrics.acc", True, "train", "d2")], ["m-1", "m-3", "m-2"]),
        ],
    )
    def test_models_are_sorted_by_attributes_and_latest_metrics(
        self,
        models: LoggedModelStore,
        experiment: Experiment,
        run: Run,
        keys: list[ModelOrderKey],
        expected: list[str],
    ) -> None:
        """What has no value comes last, after NaN, whichever way."""
        _add_three(models, experiment)
        search = Search(
            WORKSPACE, order=parse_logged_model_order(keys), experiment_ids=[experiment.experiment_id]
        )
        assert [model.model_id for model in models.search_logged_models(search)] == expected

    @pytest.mark.parametrize(
        ("text", "measured_on", "expected"),
        [
            ("", [MeasuredOn("train")], ["m-1", "m-2"]),
            ("", [MeasuredOn("train", "d2")], ["m-1"]),
            ("", [MeasuredOn("train", "d1"), MeasuredOn("none")], ["m-2"]),
            ("", [MeasuredOn("none")], []),
            ("metrics.acc > 0.6", [MeasuredOn("train")], ["m-1"]),
            ("metrics.acc > 0.6", [MeasuredOn("train", "d1")], []),
            ("name = 'large'", [MeasuredOn("train")], ["m-2"]),
        ],
    )
    def test_a_search_can_be_held_to_datasets(
        self,
        models: LoggedModelStore,
        experiment: Experiment,
        run: Run,
        text: str,
        measured_on: list[MeasuredOn],
        expected: list[str],
    ) -> None:
        """Then only what was measured on them counts."""
        _add_three(models, experiment)
        search = Search(
            WORKSPACE, filter=parse_logged_model_filter(text), experiment_ids=[experiment.experiment_id]
        )
        found = models.search_logged_models(search, measured_on)
        assert sorted(model.model_id for model in found) == expected


def _found(
    models: LoggedModelStore,
    experiment_ids: list[str],
    workspace: str = WORKSPACE,
    limit: int = 100,
    offset: int = 0,
) -> list[str]:
    search = Search(workspace, experiment_ids=experiment_ids, limit=limit, offset=offset)
    return [model.model_id for model in models.search_logged_models(search)]


def _add_three(models: LoggedModelStore, experiment: Experiment) -> None:
    """Add three models that differ in all that a search can ask for."""
    first = new_model(experiment, "m-1", name="small", created_ms=10, updated_ms=20, source_run_id="r1")
    second = new_model(experiment, "m-2", name="large", created_ms=20, updated_ms=20, model_type="nn")
    third = new_model(experiment, "m-3", name="third", created_ms=30, updated_ms=30, tags={"team": "b"})
    models.add_logged_model(replace(first, params={"lr": "0.1"}, tags={"team": "a"}))
    models.add_logged_model(replace(second, params={"lr": "0.2"}, status=LoggedModelStatus.READY))
    models.add_logged_model(third)
    models.append_metrics("m-1", [point("acc", 0.7, 0, data="train:d2"), point("acc", 0.5, 1)])
    models.append_metrics("m-2", [point("acc", 0.4, 0, data="train:d1"), point("acc", 0.9, 1)])
    models.append_metrics("m-2", [point("loss", 0.3, 0)])
    models.append_metrics("m-3", [point("acc", math.nan, 0), point("loss", math.nan, 0)])
