"""An experiment: a named group of runs in a workspace."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from runyard.entities.experiment import View
from runyard.errors import InvalidParameter
from runyard.protocol.messages.experiments import (
    DeleteExperimentTag,
    ExperimentId,
    SetExperimentTag,
    UpdateExperiment,
    WireExperiment,
)
from runyard.sdk.absent import Absent
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, optional_path, optional_text, text
from runyard.sdk.connection import MLFLOW, connection_of
from runyard.sdk.experiment_facts import ExperimentFacts
from runyard.sdk.experiment_jobs import ExperimentJobs, texts
from runyard.sdk.experiment_records import get_experiment, list_experiments, named_experiment
from runyard.sdk.representation import html_table, link
from runyard.sdk.run import Run
from runyard.sdk.run_beginning import new_run
from runyard.sdk.run_search import TagFilter, search_runs, wanted_properties, wanted_tags

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_VIEWS = {"ActiveOnly": View.ACTIVE_ONLY, "ArchivedOnly": View.DELETED_ONLY, "All": View.ALL}


@names_arguments
class Experiment(ExperimentFacts, ExperimentJobs):
    """A named group of runs; it is made when the workspace has none of that name.

    Args:
        workspace: Where it lies.
        name: Its name, unique in the workspace.

    Raises:
        InvalidParameter: The name is empty or too long.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> experiment = Experiment(ws, "diabetes")
        >>> with experiment.start_logging() as run:
        ...     run.log("rmse", 53.9)
        >>> newest = next(experiment.get_runs())
        >>> newest.get_metrics()["rmse"]
        53.9
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self._record = named_experiment(connection_of(workspace), text(name, "name"))

    @classmethod
    def _of(cls, workspace: Workspace, record: WireExperiment) -> Experiment:
        found = cls.__new__(cls)
        found._workspace = workspace
        found._record = record
        return found

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = "ActiveOnly",
        tags: TagFilter = None,
    ) -> builtins.list[Experiment]:
        """Return the experiments of a workspace, the newest first.

        Args:
            workspace: Where to look.
            experiment_name: Only the one of this name.
            view_type: ``ActiveOnly``, ``ArchivedOnly`` (those in the trash) or ``All``.
            tags: Only those with this tag, or with all of these tags and values.

        Raises:
            InvalidParameter: ``view_type`` is none of the three.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> experiment = Experiment(ws, "diabetes")
            >>> [each.name for each in Experiment.list(ws)]
            ['diabetes', 'Default']
        """
        if view_type not in _VIEWS:
            raise InvalidParameter(f"view_type must be one of {', '.join(_VIEWS)}, not {view_type!r}.")
        optional_text(experiment_name, "experiment_name")
        wanted = wanted_tags(tags)
        found = (
            Experiment._of(workspace, record)
            for record in list_experiments(connection_of(workspace), _VIEWS[view_type])
        )
        return [
            experiment
            for experiment in found
            if experiment_name in {None, experiment.name} and wanted.accept(experiment.tags)
        ]

    def start_logging(
        self,
        outputs: str | None = None,
        snapshot_directory: str | None = None,
        display_name: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Begin a run, and return it; as a ``with`` block it ends itself, well or not.

        While no server answers, the run is begun on this machine, and sent when one does.

        Args:
            outputs: A folder of this machine that is uploaded when the run ends.
            snapshot_directory: A folder whose sources are kept with the run; by default none.
            display_name: What the run is called; a name is drawn if there is none.
            tags: Its first tags.

        Raises:
            NotFound: The experiment does not exist any more.
            InvalidState: It is in the trash.
            Forbidden: The credential does not allow it.

        Example:
            >>> with experiment.start_logging(display_name="ridge") as run:
            ...     run.log("rmse", 53.9)
            >>> run.get_status()
            'Completed'
        """
        name = optional_text(display_name, "display_name")
        optional_path(outputs, "outputs")
        optional_path(snapshot_directory, "snapshot_directory")
        run = Run._begin(self._workspace, new_run(self.id, name, texts(tags)), self)
        run._outputs = outputs
        if snapshot_directory is not None:
            run.take_snapshot(snapshot_directory)
        return run

    def get_runs(
        self,
        type: str | None = None,
        tags: TagFilter = None,
        properties: TagFilter = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Yield the active runs, the newest first, reading further pages as they are needed.

        Args:
            type: Only runs whose source is of this type, as ``LOCAL`` or ``NOTEBOOK``.
            tags: Only runs with this tag, or with all of these tags and values; a value of None
                asks for the tag alone.
            properties: The same for what MLflow's client recorded itself; see :meth:`Run.get_properties`.
            include_children: Whether runs that have a parent are among them.

        Raises:
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run = experiment.start_logging(tags={"team": "robots"})
            >>> [each.tags["team"] for each in experiment.get_runs(tags={"team": "robots"})]
            ['robots']
        """
        wanted = wanted_tags(tags) & wanted_properties(properties)
        if type is not None:
            wanted &= wanted_tags({"mlflow.source.type": text(type, "type")})
        if not include_children:
            wanted = wanted.without("mlflow.parentRunId")
        for record in search_runs(self._workspace.connection, [self.id], wanted):
            yield Run._of(self._workspace, record, self)

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str, *, reuse_name: bool = False) -> None:
        """Move an experiment and its runs to the trash, from where :meth:`reactivate` brings it back.

        Args:
            workspace: Where it lies.
            experiment_id: Which one.
            reuse_name: Give it another name in the trash, so that a new experiment may have its name at once.
                Else the name is taken until the trash is collected.

        Raises:
            NotFound: The workspace has no such experiment.

        Example:
            >>> Experiment.delete(ws, experiment.id)
            >>> experiment.refresh().is_active
            False
        """
        if reuse_name:
            workspace.trash.delete_experiments([experiment_id], reuse_name=True)
            return
        connection_of(workspace).tell(
            f"{MLFLOW}/experiments/delete", ExperimentId(experiment_id=experiment_id)
        )

    def archive(self, *, reuse_name: bool = False) -> None:
        """Move this experiment and its runs to the trash; see :meth:`delete`.

        Example:
            >>> experiment.archive()
            >>> experiment.is_active
            False
        """
        Experiment.delete(self._workspace, self.id, reuse_name=reuse_name)
        self.refresh()

    def reactivate(self, new_name: str | None = None) -> None:
        """Bring this experiment and its runs back from the trash.

        Args:
            new_name: Another name for it.

        Raises:
            AlreadyExists: Another experiment has that name.

        Example:
            >>> experiment.archive()
            >>> experiment.reactivate(new_name="diabetes-again")
            >>> experiment
            Experiment('diabetes-again', workspace='lab')
        """
        tell = self._workspace.connection.tell
        tell(f"{MLFLOW}/experiments/restore", ExperimentId(experiment_id=self.id))
        if new_name:
            tell(f"{MLFLOW}/experiments/update", UpdateExperiment(experiment_id=self.id, new_name=new_name))
        self.refresh()

    def rename(self, new_name: str) -> None:
        """Give this experiment another name; its id and its runs stay.

        Raises:
            AlreadyExists: Another experiment has that name.
            InvalidParameter: No experiment can have this name.

        Example:
            >>> experiment.rename("diabetes-2026")
            >>> experiment
            Experiment('diabetes-2026', workspace='lab')
        """
        wanted = UpdateExperiment(experiment_id=self.id, new_name=text(new_name, "new_name"))
        self._workspace.connection.tell(f"{MLFLOW}/experiments/update", wanted)
        self.refresh()

    def refresh(self) -> Experiment:
        """Read this experiment from the server again and return it.

        Example:
            >>> experiment.refresh().name
            'diabetes'
        """
        self._record = get_experiment(self._workspace.connection, self.id)
        return self

    def tag(self, key: str, value: str | None = None) -> None:
        """Set one tag; without a value it is the empty text.

        Example:
            >>> experiment.tag("team", "robots")
            >>> experiment.tags["team"]
            'robots'
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set tags; others stay as they are.

        Example:
            >>> experiment.set_tags({"team": "robots", "checked": "yes"})
            >>> experiment.tags["checked"]
            'yes'
        """
        for key, value in tags.items():
            wanted = SetExperimentTag(experiment_id=self.id, key=key, value=_text(value))
            self._workspace.connection.tell(f"{MLFLOW}/experiments/set-experiment-tag", wanted)
        self.refresh()

    def remove_tags(self, tags: builtins.list[str]) -> None:
        """Remove tags by their keys; keys that the experiment has not are passed over.

        Example:
            >>> experiment.tag("checked")
            >>> experiment.remove_tags(["checked"])
            >>> "checked" in experiment.tags
            False
        """
        for key in listed(tags, "tags"):
            if key in self.tags:
                self._workspace.connection.tell(
                    f"{MLFLOW}/experiments/delete-experiment-tag",
                    DeleteExperimentTag(experiment_id=self.id, key=key),
                )
        self.refresh()

    def get_portal_url(self) -> str:
        """Return the address of this experiment's page in the Studio.

        Example:
            >>> experiment.get_portal_url()
            'http://127.0.0.1:5000/workspaces/lab/#/experiments/...'
        """
        return f"{self._workspace.tracking_uri}/#/experiments/{self.id}"

    from_directory = Absent("Open the workspace, Workspace.from_config(path), and then Experiment(ws, name).")
    get_docs_url = Absent("help(Experiment) says what it does.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and (self.workspace, self.id) == (other.workspace, other.id)

    def __hash__(self) -> int:
        return hash((self._workspace, self.id))

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, workspace={self._workspace.name!r})"

    def _repr_html_(self) -> str:
        return html_table(
            [
                ("Experiment", self.name),
                ("Workspace", self._workspace.name),
                ("Studio", link(self.get_portal_url(), "Open in the Studio")),
            ]
        )


def experiment_of(workspace: Workspace, experiment_id: str) -> Experiment:
    """Return the experiment of that id.

    Raises:
        NotFound: The workspace has no such experiment.
    """
    return Experiment._of(workspace, get_experiment(connection_of(workspace), experiment_id))


def _text(value: str | None) -> str:
    return "" if value is None else str(value)
