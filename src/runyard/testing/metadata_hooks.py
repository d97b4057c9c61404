"""What the rules for metadata stores need of the store that they are held to."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runyard.entities.experiment import Experiment, LifecycleStage
from runyard.entities.run import Run, RunStatus
from runyard.stores.metadata.base import ExperimentStore, RunStore, WorkspaceStore

WORKSPACE, OTHER_WORKSPACE = "vision", "speech"
NOW_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class MetadataUnderTest:
    """The parts of a metadata store, over one database.

    Args:
        workspaces: The store of workspaces.
        experiments: The store of experiments.
        runs: The store of runs.
        atomic: Begins a transaction that all of them join.
        close: Lets go of files and connections.
    """

    workspaces: WorkspaceStore
    experiments: ExperimentStore
    runs: RunStore
    atomic: Callable[[], AbstractContextManager[Any]]
    close: Callable[[], None]

    def add_experiment(self, name: str, workspace: str = WORKSPACE, now_ms: int = NOW_MS) -> Experiment:
        """Return a new experiment, added through the store."""
        return self.experiments.add_experiment(workspace, name, None, {}, now_ms)


@dataclass(frozen=True, slots=True)
class KeptRun:
    """What a metadata store's files hold of a run."""

    name: str
    lifecycle_stage: str
    deleted_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]


def new_run(experiment: Experiment, run_id: str = "a" * 32, started_ms: int | None = NOW_MS) -> Run:
    """Return a running run of an experiment, as a service would make it."""
    return Run(
        run_id=run_id,
        workspace=experiment.workspace,
        experiment_id=experiment.experiment_id,
        name=f"name of {run_id}",
        user_id="ann",
        status=RunStatus.RUNNING,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=f"{experiment.artifact_location}/{run_id}/artifacts",
        started_ms=started_ms,
    )


class MetadataHooks(ABC):
    """What a subclass of any of the rules for metadata stores implements."""

    @abstractmethod
    def open_store(self, folder: Path) -> MetadataUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @abstractmethod
    def kept_run(self, folder: Path, run_id: str) -> KeptRun | None:
        """Return what ``folder`` holds of a run, read without the store; ``None`` if there is no such run."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MetadataUnderTest]:
        """Return a store with two workspaces that hold nothing but their experiment ``Default``."""
        with contextlib.closing(self.open_store(tmp_path)) as store:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                store.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield store

    @pytest.fixture
    def experiment(self, store: MetadataUnderTest) -> Experiment:
        """Return an active experiment."""
        return store.add_experiment("training")

    @pytest.fixture
    def run(self, store: MetadataUnderTest, experiment: Experiment) -> Run:
        """Return an active run of the experiment, without params or tags."""
        run = new_run(experiment)
        store.runs.add_run(run, {})
        return run
