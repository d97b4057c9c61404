"""A run: one execution of training code with its metrics, params, tags and files."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runyard.entities.run import RunStatus
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.protocol.limits import check_run_id
from runyard.protocol.messages.jobs import WireJob
from runyard.protocol.messages.runs import RunInfoAnswer, UpdateRun, WireRun
from runyard.sdk.absent import Absent
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_path, text
from runyard.sdk.artifact_uploads import Content, files_below
from runyard.sdk.azure_options import check_run_options
from runyard.sdk.connection import MLFLOW, connection_of
from runyard.sdk.job_records import optional_status
from runyard.sdk.progress import interactive_shell
from runyard.sdk.representation import html_table, link
from runyard.sdk.run_again import RunAgain
from runyard.sdk.run_beginning import begin, new_run, open_sink
from runyard.sdk.run_context import RunContext, find_context, offline_context
from runyard.sdk.run_details import details_of
from runyard.sdk.run_family import RunFamily
from runyard.sdk.run_files import RunFiles
from runyard.sdk.run_inputs import RunInputs
from runyard.sdk.run_logging import RunLogging
from runyard.sdk.run_marks import RunMarks
from runyard.sdk.run_metrics import RunMetrics
from runyard.sdk.run_reading import RunReading
from runyard.sdk.run_record import RunRecord
from runyard.sdk.run_registration import RunRegistration
from runyard.sdk.run_removal import RunRemoval
from runyard.sdk.run_search import TagFilter, read_run
from runyard.sdk.run_secrets import RunSecrets
from runyard.sdk.run_sinks import RunSink, ScreenSink, print_line
from runyard.sdk.run_uploads import RunUploads
from runyard.sdk.spool.records import RunBegun
from runyard.sdk.widgets.views import RunWidget

if TYPE_CHECKING:
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.workspace import Workspace


@names_arguments
class Run(
    RunReading,
    RunFiles,
    RunRemoval,
    RunUploads,
    RunLogging,
    RunFamily,
    RunMetrics,
    RunMarks,
    RunInputs,
    RunSecrets,
    RunRegistration,
    RunAgain,
):
    """A run of an experiment. It knows what it was told when it was last read; the ``get_`` methods ask anew.

    Args:
        experiment: The experiment that the run belongs to.
        run_id: Its id.
        outputs: A folder of this machine that is uploaded when the run ends.
        **azure_options: Further keywords of Azure's first SDK; no effect.

    Raises:
        NotFound: The experiment has no such run.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> run = experiment.start_logging(display_name="ridge")
        >>> for rmse in (61.2, 55.8, 53.9):
        ...     run.log("rmse", rmse)
        >>> run.complete()
        >>> run.get_metrics()
        {'rmse': [61.2, 55.8, 53.9]}
    """

    _outputs: str | None

    def __init__(
        self, experiment: Experiment, run_id: str, outputs: str | None = None, **azure_options: Any
    ) -> None:
        check_run_options("Run", azure_options)
        optional_path(outputs, "outputs")
        self._workspace = experiment.workspace
        self._experiment: Experiment | None = experiment
        record = read_run(connection_of(experiment.workspace), run_id)
        if record.info.experiment_id != experiment.id:
            raise NotFound(f"Run {run_id!r} belongs to another experiment than {experiment.name!r}.")
        self._settle(record)
        self._outputs = outputs
        self._read_job()

    def _settle(self, record: WireRun) -> None:
        RunRecord.__init__(self, record)
        RunFiles.__init__(self, self._workspace.connection, record.info.run_id, record.info.experiment_id)
        self._begin_logging()
        self._sink: RunSink | None = None
        self._tracking_uri = self._workspace.tracking_uri
        self._outputs = None
        # A folder that goes along by its own name, if it is there when the run ends.
        self._captured: Path | None = None
        self._job: WireJob | None = None

    @classmethod
    def _of(cls, workspace: Workspace, record: WireRun, experiment: Experiment | None = None) -> Run:
        found = cls.__new__(cls)
        found._workspace = workspace
        found._experiment = experiment
        found._settle(record)
        return found

    @classmethod
    def _of_job(cls, workspace: Workspace, record: WireRun, job: WireJob, experiment: Experiment) -> Run:
        found = cls._of(workspace, record, experiment)
        found._job = job
        return found

    @classmethod
    def _begin(cls, workspace: Workspace, begun: RunBegun, experiment: Experiment | None = None) -> Run:
        record = begin(workspace.connection, workspace.tracking_uri, begun)
        return cls._of(workspace, record, experiment)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """Return the run of that id, whichever experiment it belongs to.

        Raises:
            NotFound: The workspace has no such run.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> Run.get(ws, run.id) == run
            True
        """
        found = Run._of(workspace, read_run(connection_of(workspace), run_id))
        found._read_job()
        return found

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **azure_options: Any
    ) -> Run:
        """Return the run that this process is part of, as ``runyard run``, MLflow or a job began it.

        It is the one that ``MLFLOW_RUN_ID`` or ``AZUREML_RUN_ID`` names. Without one, as when a script is
        tried by hand, it is a run that prints what is logged; its id begins with ``OfflineRun``.

        Args:
            allow_offline: Whether a run that only prints will do.
            used_for_context_manager: Taken for Azure's scripts; no effect.
            **azure_options: Further keywords of Azure's first SDK; no effect.

        Raises:
            InvalidState: There is no run, and ``allow_offline`` is false.
            NotFound: The workspace has no such run.

        Example:
            >>> run = Run.get_context()
            >>> run.log("loss", 0.5)
            offline run: metric loss = 0.5 (step 0)
        """
        check_run_options("Run.get_context", azure_options)
        context = find_context()
        if context is None and not allow_offline:
            raise InvalidState(
                "This process is part of no run: neither MLFLOW_RUN_ID nor AZUREML_RUN_ID is set. Start the "
                "script with `runyard run`, or begin a run with Experiment.start_logging()."
            )
        return cls._in_context(context or offline_context())

    @classmethod
    def _in_context(cls, context: RunContext) -> Run:
        run = cls._of(context.workspace, context.record)
        run._tracking_uri = context.tracking_uri
        run._sink = ScreenSink() if context.is_offline else None
        return run

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: TagFilter = None,
        properties: TagFilter = None,
        status: str | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Yield an experiment's active runs, the newest first; see :meth:`Experiment.get_runs`.

        Args:
            experiment: Where to look.
            type: Only runs whose source is of this type.
            tags: Only runs with these tags.
            properties: Only runs with these properties.
            status: Only runs with this status, as :meth:`get_status` words it.
            include_children: Whether runs that have a parent are among them.

        Raises:
            InvalidParameter: No run ever has this status.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> [each.id for each in Run.list(experiment, status="Running")] == [run.id]
            True
        """
        optional_status(status)
        runs = experiment.get_runs(type, tags, properties, include_children)
        return (run for run in runs if status in {None, run.status})

    @property
    def status(self) -> str:
        """Where it was in its life when it was last read; see :meth:`get_status`.

        Example:
            >>> run.complete()
            >>> run.status
            'Completed'
        """
        return self._job_status(super().status)

    @property
    def display_name(self) -> str:
        """Its name, which need not be unique; it is changed by setting it.

        Raises:
            InvalidParameter: It is set to what no run can be called.
            NotFound: The run does not exist any more.
            Unavailable: It is set, and no server answers.

        Example:
            >>> run.display_name = "ridge, scaled"
            >>> ws.get_run(run.id).display_name
            'ridge, scaled'
        """
        return super().display_name

    @display_name.setter
    def display_name(self, display_name: str) -> None:
        if not text(display_name, "display_name"):
            raise InvalidParameter("display_name must not be empty: a run has a name.")
        info = msgspec.structs.replace(self._record.info, run_name=display_name)
        if not isinstance(self._sink, ScreenSink):
            self._flush_before()
            wanted = UpdateRun(run_id=self.id, run_name=display_name)
            info = self._connection.post(f"{MLFLOW}/runs/update", wanted, RunInfoAnswer).run_info
        self._record = msgspec.structs.replace(self._record, info=info)

    def get_details(self) -> dict[str, Any]:
        """Return what the server knows of the run, under the names that Azure's SDK uses.

        ``parameters``, ``metrics`` (the latest values), ``tags`` and what follows them are Runyard's own.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.get_details()["displayName"]
            'ridge'
        """
        self._refresh()
        return {**details_of(self), "portalUrl": self.get_portal_url(), **self._job_details()}

    def get_portal_url(self) -> str:
        """Return the address of the run's page in the Studio.

        Example:
            >>> run.get_portal_url()
            'http://127.0.0.1:5000/workspaces/lab/#/experiments/.../runs/...'
        """
        info = self._record.info
        return f"{self._workspace.tracking_uri}/#/experiments/{info.experiment_id}/runs/{info.run_id}"

    def show(self) -> None:
        """Show the run below a notebook's cell, kept up to date while it goes on; elsewhere print a line.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.show()
            Run('...', name='ridge', status='Running')
        """
        if interactive_shell() is None or isinstance(self._sink, ScreenSink):
            print_line(repr(self))
        else:
            RunWidget(self).show()

    @property
    def experiment(self) -> Experiment:
        """The experiment that the run belongs to.

        Example:
            >>> run.experiment
            Experiment('diabetes', workspace='lab')
        """
        if self._experiment is None:
            self._experiment = self._workspace.get_experiment(self._record.info.experiment_id)
        return self._experiment

    add_type_provider = Absent("Run.get(ws, run_id) returns any run, and SweepRun(experiment, id) a sweep's.")
    clean = Absent("run.remove(files=[...]) removes files of the run; a job's folder stays where it ran.")
    get_submitted_run = Absent("Run.get_context() returns the run that this process is part of.")

    def _flush_before(self) -> bool:
        return self._sink is None or self._sink.flush()

    def _upload(self, files: Sequence[tuple[str, Content]]) -> None:
        if not isinstance(self._sink, ScreenSink):
            super()._upload(files)
            return
        for name, content in files:
            if isinstance(content, Path):
                self._sink.keep_file(content, name)
            else:
                self._keep_bytes(name, content.read())

    def _refresh(self) -> None:
        self._flush_before()
        if isinstance(self._sink, ScreenSink):
            return
        self._record = read_run(self._connection, self.id)
        self._read_job()

    def _open_sink(self) -> RunSink:
        if self._sink is None:
            workspace = self._workspace
            self._sink = open_sink(workspace.connection, workspace.url, self._tracking_uri, self._record)
        return self._sink

    def _end(self, status: RunStatus) -> None:
        for name, local in files_below(Path(self._outputs)) if self._outputs else ():
            self._open_sink().keep_file(local, name)
        if self._captured is not None and any(self._captured.rglob("*")):
            for name, local in files_below(self._captured):
                self._open_sink().keep_file(local, f"{self._captured.name}/{name}")
        super()._end(status)

    def _relative(self, record: WireRun) -> Run:
        return Run._of(self._workspace, record, self._experiment)

    def _run_of(self, run_id: str) -> Run:
        return Run.get(self._workspace, run_id)

    def _begin_below(self, name: str | None, tags: Mapping[str, str], run_id: str | None) -> Run:
        if run_id is not None:
            check_run_id(run_id)
        if isinstance(self._sink, ScreenSink):
            return Run._in_context(offline_context())
        begun = new_run(self.experiment_id, name, tags)
        begun = msgspec.structs.replace(begun, run_id=run_id or begun.run_id)
        self._flush_before()
        return Run._begin(self._workspace, begun, self._experiment)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and (self._workspace, self.id) == (other._workspace, other.id)

    def __hash__(self) -> int:
        return hash((self._workspace, self.id))

    def __repr__(self) -> str:
        return f"Run({self.id!r}, name={self.display_name!r}, status={self.status!r})"

    def _repr_html_(self) -> str:
        metrics: Mapping[str, float] = self.latest_metrics
        shown = ", ".join(f"{key} = {value:.6g}" for key, value in builtins.list(metrics.items())[:10])
        return html_table(
            [
                ("Run", self.display_name),
                ("Id", self.id),
                ("Status", self.status),
                ("Metrics", shown),
                ("Studio", link(self.get_portal_url(), "Open in the Studio")),
            ]
        )
