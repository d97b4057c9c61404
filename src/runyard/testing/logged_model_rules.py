"""The rules that every store of logged models must pass."""

from __future__ import annotations

import contextlib
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.entities.experiment import Experiment
from runyard.entities.logged_model import LoggedModelStatus
from runyard.entities.run import Run
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_logged_models import LoggedModelStore
from runyard.testing.logged_model_hooks import KeptModel, LoggedModelsUnderTest, new_model, point
from runyard.testing.logged_model_search_rules import LoggedModelSearchRules
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE


class LoggedModelStoreRules(LoggedModelSearchRules):
    """Inherit, and implement the hooks, to hold a store of logged models to its contract."""

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
