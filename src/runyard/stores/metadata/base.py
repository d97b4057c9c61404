"""The contract of the metadata store, one small store a noun.

What every implementation promises:

- Values that are returned are frozen and never change under the caller.
- Each method is one transaction, or joins the transaction that its thread holds
  (:meth:`runyard.stores.opening.Stores.atomic`): all of it is kept or nothing.
- Within a transaction that may write, an object that ``get_x`` returned is held until the end: others that
  get it wait, so what is decided by it, or by what hangs on it, still holds when it is written. An
  experiment may be held by many that add to it; whoever changes it waits for them.
- When a method returns, its change survives the death of the process, or will when the
  transaction that it joined has ended.
- ``get_x`` raises :class:`~runyard.errors.NotFound`, ``find_x`` returns ``None``, ``search_x``
  filters and pages.
- All methods may be called from any thread.
- Names and limits were checked by the caller; what is unique is enforced here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.run import DatasetInput, ModelInput, ModelOutput, Run, RunContents, RunStatus
from runyard.entities.workspace import Workspace, WorkspaceUse
from runyard.protocol.filter_tree import Filter
from runyard.protocol.ordering import Order


@dataclass(frozen=True, slots=True)
class Search:
    """A question to a ``search_x`` method.

    Args:
        workspace: Only objects of this workspace are found.
        view: Which lifecycle stages are looked at.
        filter: The parsed filter; ``None`` lets everything through.
        order: Sort keys, the first one first; the natural order breaks ties.
        limit: How many rows to return at most.
        offset: How many rows of the answer to skip; of runs none are skipped.
        after: Of runs: only those after the one that stands there, as :class:`RunsFound` says.
        experiment_ids: For runs and models: only those of these experiments.
        only_ids: For experiments: only these; ``None`` for all.
    """

    workspace: str
    view: View = View.ACTIVE_ONLY
    filter: Filter | None = None
    order: Sequence[Order] = ()
    limit: int = 1000
    offset: int = 0
    after: Sequence[Any] | None = None
    experiment_ids: Sequence[str] = ()
    only_ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RunsFound:
    """A page of runs; what they hold is read by number.

    Args:
        run_numbers: The store's own numbers of the runs, in the order that was asked for.
        revisions: The revision of each.
        last: Where the last of them stands in that order, whatever is added before or after it: plain values
            for a page token; None if no run follows.
    """

    run_numbers: Sequence[int]
    revisions: Sequence[int]
    last: Sequence[Any] | None


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A dataset that runs of an experiment read, and the context of that use if one was given."""

    experiment_id: str
    name: str
    digest: str
    context: str | None


class WorkspaceStore(ABC):
    """Remembers workspaces."""

    @abstractmethod
    def add_workspace(
        self, name: str, description: str | None, tags: Mapping[str, str], now_ms: int
    ) -> Workspace:
        """Return the new workspace, which has an experiment ``Default`` of its own.

        Raises:
            AlreadyExists: A workspace has this name.
        """

    @abstractmethod
    def get_workspace(self, name: str) -> Workspace:
        """Return the workspace of that name.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    def list_workspaces(self) -> list[Workspace]:
        """Return all workspaces by name."""

    @abstractmethod
    def describe_workspace(self, name: str, description: str) -> None:
        """Keep another description of a workspace.

        Raises:
            NotFound: There is none of that name.
        """

    @abstractmethod
    def tag_workspace(self, name: str, tags: Mapping[str, str]) -> None:
        """Keep these tags of a workspace in place of those that it has.

        Raises:
            NotFound: There is none of that name.
        """

    @abstractmethod
    def count_contents(self, name: str) -> dict[str, int]:
        """Return how many things of each kind a workspace holds, those in the trash too; no kind without one.

        The ``Default`` experiment that it was made with does not count, but what lies in it does.
        """

    @abstractmethod
    def measure_use(self, names: Sequence[str]) -> dict[str, WorkspaceUse]:
        """Return how many active experiments and runs each of the named workspaces holds."""


class ExperimentStore(ABC):
    """Remembers experiments and their tags; ids count up and are never given twice."""

    @abstractmethod
    def add_experiment(
        self, workspace: str, name: str, artifact_location: str | None, tags: Mapping[str, str], now_ms: int
    ) -> Experiment:
        """Return the new experiment.

        Without an ``artifact_location`` it is ``mlflow-artifacts:/<experiment id>``.

        Raises:
            AlreadyExists: An active or deleted experiment of the workspace has this name.
        """

    @abstractmethod
    def get_experiment(self, workspace: str, experiment_id: str) -> Experiment:
        """Return an experiment, active or deleted.

        Raises:
            NotFound: The workspace has no such experiment.
        """

    @abstractmethod
    def find_experiment_by_name(self, workspace: str, name: str) -> Experiment | None:
        """Return the experiment of that name, active or deleted."""

    @abstractmethod
    def rename_experiment(self, experiment_id: str, name: str, now_ms: int) -> None:
        """Give an experiment another name.

        Raises:
            AlreadyExists: Another experiment of the workspace has this name.
        """

    @abstractmethod
    def move_experiment(self, experiment_id: str, stage: LifecycleStage, now_ms: int) -> None:
        """Move an experiment and all its runs to the trash or back."""

    @abstractmethod
    def set_experiment_tag(self, experiment_id: str, key: str, value: str, now_ms: int) -> None:
        """Set one tag, over an older value."""

    @abstractmethod
    def delete_experiment_tag(self, experiment_id: str, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def search_experiments(self, search: Search) -> list[Experiment]:
        """Return a page of experiments, the last created first unless an order is asked for."""


class RunStore(ABC):
    """Remembers runs with their params, tags, inputs and outputs; metrics are the metric store's."""

    @abstractmethod
    def add_run(self, run: Run, tags: Mapping[str, str]) -> None:
        """Keep a new run.

        Raises:
            AlreadyExists: A run has this id.
        """

    @abstractmethod
    def get_run(self, workspace: str, run_id: str) -> Run:
        """Return the row of a run, active or deleted; in a transaction that may write, held until its end.

        Raises:
            NotFound: The workspace has no such run.
        """

    @abstractmethod
    def get_stage(self, workspace: str, run_id: str) -> LifecycleStage:
        """Return whether a run is active or deleted, and let others change that meanwhile.

        Raises:
            NotFound: The workspace has no such run.
        """

    @abstractmethod
    def find_run_ids(self, workspace: str, run_ids: Sequence[str]) -> list[str]:
        """Return those of the ids that are runs of the workspace, active or deleted, in the same order."""

    @abstractmethod
    def read_contents(self, run_ids: Sequence[str]) -> dict[str, RunContents]:
        """Return params, tags, inputs and outputs of each run, without its metrics."""

    @abstractmethod
    def update_run(
        self,
        run_id: str,
        status: RunStatus | None = None,
        ended_ms: int | None = None,
        name: str | None = None,
    ) -> None:
        """Change what is not ``None`` of a run's row."""

    @abstractmethod
    def move_run(self, run_id: str, stage: LifecycleStage, now_ms: int) -> None:
        """Move a run to the trash or back."""

    @abstractmethod
    def find_params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        """Return those of the named params that the run has."""

    @abstractmethod
    def add_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Keep params that the run does not have yet."""

    @abstractmethod
    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags, over older values."""

    @abstractmethod
    def delete_tag(self, run_id: str, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def add_inputs(self, run: Run, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        """Keep what a run read; a dataset or model that it is known to have read stays as it is."""

    @abstractmethod
    def add_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        """Keep which models a run wrote."""

    @abstractmethod
    def search_runs(self, search: Search) -> RunsFound:
        """Return a page of runs, the latest start first unless an order is asked for.

        Latest values of metrics are those of the last :meth:`MetricStore.settle`.

        Raises:
            InvalidParameter: ``after`` does not fit the order, or there are too many experiments.
        """

    @abstractmethod
    def locate_run(self, workspace: str, run_id: str) -> RunsFound:
        """Return a run, active or deleted, as a search that finds it alone does.

        Raises:
            NotFound: The workspace has no such run.
        """

    @abstractmethod
    def locate_runs(self, run_numbers: Sequence[int]) -> RunsFound:
        """Return runs by their numbers as a search that finds just them; one that is gone is left out."""

    @abstractmethod
    def read_runs(self, run_numbers: Sequence[int]) -> list[Run]:
        """Return runs by their numbers, in the same order; one that is gone is left out."""

    @abstractmethod
    def list_dataset_summaries(
        self, workspace: str, experiment_ids: Sequence[str], limit: int
    ) -> list[DatasetSummary]:
        """Return which datasets the runs of the experiments read."""
