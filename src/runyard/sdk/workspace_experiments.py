"""What a workspace has of experiments."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, cast

from runyard.entities.experiment import View
from runyard.errors import NotFound
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.experiment import Experiment, experiment_of
from runyard.sdk.experiment_records import find_experiment, list_experiments

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class Experiments(Mapping[str, Experiment]):
    """The active experiments of a workspace by name; nothing is kept, each look is a request.

    Example:
        >>> experiment = Experiment(ws, "diabetes")
        >>> list(ws.experiments)
        ['diabetes', 'Default']
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __getitem__(self, name: str) -> Experiment:
        record = find_experiment(self._workspace.connection, name)
        found = Experiment._of(self._workspace, record) if record else None
        if found is None or not found.is_active:
            why = "it is in the trash" if found else "there is none of that name"
            raise NotFound(f"Workspace {self._workspace.name!r} has no active experiment {name!r}: {why}.")
        return found

    def __iter__(self) -> Iterator[str]:
        return (record.name for record in list_experiments(self._workspace.connection, View.ACTIVE_ONLY))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # Without these two, Mapping would send one more request for each experiment.
    def values(self) -> ValuesView[Experiment]:
        """Return the experiments, the newest first.

        Example:
            >>> [each.name for each in ws.experiments.values()]
            ['Default']
        """
        return self._by_name().values()

    def items(self) -> ItemsView[str, Experiment]:
        """Return names and experiments, the newest first.

        Example:
            >>> [name for name, each in ws.experiments.items()]
            ['Default']
        """
        return self._by_name().items()

    def __repr__(self) -> str:
        return f"Experiments({list(self)})"

    def _by_name(self) -> dict[str, Experiment]:
        records = list_experiments(self._workspace.connection, View.ACTIVE_ONLY)
        return {record.name: Experiment._of(self._workspace, record) for record in records}


@names_arguments
class HasExperiments:
    """What a workspace has about experiments."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return the experiment of that id, in the trash or not.

        Raises:
            NotFound: This workspace has no such experiment.

        Example:
            >>> ws.get_experiment(experiment.id)
            Experiment('diabetes', workspace='lab')
        """
        return experiment_of(cast("Workspace", self), experiment_id)

    @property
    def experiments(self) -> Experiments:
        """The active experiments by name, read from the server as they are asked for.

        Example:
            >>> experiment = Experiment(ws, "diabetes")
            >>> ws.experiments["diabetes"] == experiment
            True
        """
        return Experiments(cast("Workspace", self))
