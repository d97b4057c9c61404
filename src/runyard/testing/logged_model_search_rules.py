"""The rules for finding logged models."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from runyard.entities.experiment import Experiment
from runyard.entities.logged_model import LoggedModelStatus
from runyard.entities.run import Run
from runyard.protocol.logged_model_filters import parse_logged_model_filter
from runyard.protocol.ordering import ModelOrderKey, parse_logged_model_order
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_logged_models import LoggedModelStore, MeasuredOn
from runyard.testing.logged_model_hooks import LoggedModelHooks, LoggedModelsUnderTest, new_model, point
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE


class LoggedModelSearchRules(LoggedModelHooks):
    """The rules for filters, orders and pages; a part of ``LoggedModelStoreRules``."""

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
