"""What the rules for logged models are held against, and the models that they keep."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.experiment import Experiment
from runyard.entities.logged_model import LoggedModel, LoggedModelMetric, LoggedModelStatus
from runyard.entities.run import Run
from runyard.stores.metadata.base_logged_models import LoggedModelStore
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


class LoggedModelHooks(ABC):
    """What a subclass opens, and what lies in it before a rule begins."""

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
