"""A run: one execution of training code with its metrics, params, tags and files."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runyard.entities.experiment import View
from runyard.entities.run import RunStatus
from runyard.errors import InternalError, InvalidState, NotFound
from runyard.protocol.limits import check_run_id
from runyard.protocol.messages.jobs import WireJob
from runyard.protocol.messages.runs import RunAnswer, RunId, WireRun
from runyard.protocol.messages.trash import RemovedPartsAnswer, RemoveParts
from runyard.sdk.artifact_uploads import Content, checked_name, files_below
from runyard.sdk.connection import MLFLOW
from runyard.sdk.logged_values import marks_of, metric_keys, read_marked
from runyard.sdk.metric_values import MetricPoints, MetricValues, merged, read_metrics, read_points
from runyard.sdk.model import Model, new_version
from runyard.sdk.model_datasets import dataset_tags
from runyard.sdk.model_registration import register_source
from runyard.sdk.progress import interactive_shell
from runyard.sdk.representation import html_table, link, utc_text
from runyard.sdk.run_beginning import begin, new_run, open_sink
from runyard.sdk.run_context import RunContext, find_context, offline_context
from runyard.sdk.run_family import RunFamily
from runyard.sdk.run_files import RunFiles
from runyard.sdk.run_inputs import RunInputs
from runyard.sdk.run_job import RunJob
from runyard.sdk.run_life import ERROR_CODE_TAG, ERROR_TAG
from runyard.sdk.run_logging import RunLogging
from runyard.sdk.run_marks import RunMarks
from runyard.sdk.run_record import RunRecord
from runyard.sdk.run_search import NEWEST_FIRST, TagFilter, search_runs
from runyard.sdk.run_sinks import RunSink, ScreenSink, print_line
from runyard.sdk.run_uploads import RunUploads
from runyard.sdk.spool.outbox import flush_all
from runyard.sdk.spool.records import RunBegun
from runyard.sdk.widgets.views import RunWidget

if TYPE_CHECKING:
    from runyard.sdk.dataset import AbstractDataset
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.workspace import Workspace


class Run(RunRecord, RunFiles, RunUploads, RunLogging, RunMarks, RunFamily, RunInputs, RunJob):
    """A run of an experiment. It knows what it was told when it was last read; the ``get_`` methods ask anew.

    Args:
        experiment: The experiment that the run belongs to.
        run_id: Its id.

    Raises:
        NotFound: The experiment has no such run.
        Unavailable: No server answers at the workspace's address.

    Example:
        >>> run = ws.get_run("9a1f...")  # doctest: +SKIP
        >>> run.get_metrics()  # doctest: +SKIP
        {'rmse': [61.2, 55.8, 53.9], 'alpha': 0.1}
        >>> run.download_file("plots/residuals.png")  # doctest: +SKIP
    """

    def __init__(self, experiment: Experiment, run_id: str) -> None:
        self._workspace = experiment.workspace
        self._experiment: Experiment | None = experiment
        record = _read(experiment.workspace, run_id)
        if record.info.experiment_id != experiment.id:
            raise NotFound(f"Run {run_id!r} belongs to another experiment than {experiment.name!r}.")
        self._settle(record)
        self._read_job()

    def _settle(self, record: WireRun) -> None:
        RunRecord.__init__(self, record)
        RunFiles.__init__(self, self._workspace.connection, record.info.run_id)
        self._begin_logging()
        self._sink: RunSink | None = None
        self._tracking_uri = self._workspace.tracking_uri
        self._outputs: str | None = None
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
        """
        found = Run._of(workspace, _read(workspace, run_id))
        found._read_job()
        return found

    @classmethod
    def get_context(cls, allow_offline: bool = True) -> Run:
        """Return the run that this process is part of, as ``runyard run``, MLflow or a job began it.

        It is the one that ``MLFLOW_RUN_ID`` or ``AZUREML_RUN_ID`` names. Without one, as when a script is
        tried by hand, it is a run that prints what is logged; its id begins with ``OfflineRun``.

        Args:
            allow_offline: Whether a run that only prints will do.

        Raises:
            InvalidState: There is no run, and ``allow_offline`` is false.
            NotFound: The workspace has no such run.

        Example:
            >>> run = Run.get_context()
            >>> run.log("loss", 0.5)  # doctest: +SKIP
            offline run: metric loss = 0.5 (step 0)
        """
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
            Unavailable: No server answers at the workspace's address.
        """
        runs = experiment.get_runs(type, tags, properties, include_children)
        return (run for run in runs if status in {None, run.status})

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> MetricValues:
        """Return the metrics: a number where one value was logged, the list of values where several were.

        Rows and tables come by their columns, pictures as the names of their files, and so do charts unless
        ``populate`` asks for them.

        Values are in the order in which they were logged. This reads every point; the charts of the
        Studio are thinned, this is not.

        Args:
            name: Only this metric; the answer is still a dict, and empty when the run has none of that name.
            recursive: Also the metrics of the runs below this one; values of equal names follow one another.
            run_type: With ``recursive``, only runs whose source is of this type.
            populate: Whether charts are read too, in the JSON that they were logged in.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.get_metrics("rmse")  # doctest: +SKIP
            {'rmse': [61.2, 55.8, 53.9]}
        """
        self._refresh()
        below = list(self.get_children(recursive=True, type=run_type))[::-1] if recursive else []
        return merged(run._values(name, populate=populate) for run in [self, *below])

    def _values(self, name: str | None, *, populate: bool) -> MetricValues:
        marks = marks_of(self._known_tags())
        keys = builtins.list(self.latest_metrics)
        if name is not None:
            marks, wanted = (
                {key: mark for key, mark in marks.items() if key == name},
                metric_keys(marks, name),
            )
            keys = [key for key in wanted if key in self.latest_metrics]
        numbers = read_metrics(self._connection, self.id, keys)
        return read_marked(self._connection, self.id, marks, numbers, populate=populate)

    def get_metric_points(self, name: str) -> MetricPoints:
        """Return every point of a metric with its step and time, as arrays; empty ones if it has none.

        Args:
            name: The metric.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> points = run.get_metric_points("rmse")  # doctest: +SKIP
            >>> pandas.Series(points.values, points.steps).plot()  # doctest: +SKIP
        """
        self._flush_before()
        return read_points(self._connection, self.id, [name]).get(name, MetricPoints.empty())

    def get_params(self) -> dict[str, str]:
        """Return the params, which MLflow keeps as text.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._refresh()
        return self.params

    def get_tags(self) -> dict[str, str]:
        """Return the tags, those that MLflow's client set (``mlflow.*``) among them.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._refresh()
        return self.tags

    def get_properties(self) -> dict[str, str]:
        """Return what was added as properties, and what MLflow's client recorded when the run began.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._refresh()
        return self.properties

    def get_status(self) -> str:
        """Return where the run is now: ``Queued``, ``Running``, ``Completed``, ``Failed`` or ``Canceled``.

        One that was submitted may be ``Starting`` or ``Preparing`` too, or ``NotResponding``: nothing is
        heard of it.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._refresh()
        return self.status

    @property
    def status(self) -> str:
        """Where it was in its life when it was last read; see :meth:`get_status`."""
        return self._job_status(super().status)

    def get_details(self) -> dict[str, Any]:
        """Return what the server knows of the run, under the names that Azure's SDK uses.

        ``parameters``, ``metrics`` (the latest values), ``tags`` and what follows them are Runyard's own.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.get_details()["status"]  # doctest: +SKIP
            'Completed'
        """
        self._refresh()
        info, contents = self._record.info, self._record
        return {
            "runId": self.id,
            "target": "local",
            "status": self.status,
            "startTimeUtc": utc_text(self.started_ms),
            "endTimeUtc": utc_text(self.ended_ms),
            "properties": self.properties,
            "inputDatasets": [
                {"name": item.dataset.name, "digest": item.dataset.digest, "source": item.dataset.source}
                for item in contents.inputs.dataset_inputs
            ],
            "outputDatasets": [],
            **self._error(),
            "submittedBy": info.user_id or self.tags.get("mlflow.user", ""),
            "parameters": self.params,
            "metrics": self.latest_metrics,
            "tags": self.tags,
            "displayName": self.display_name,
            "experimentId": info.experiment_id,
            "artifactUri": info.artifact_uri,
            "lifecycleStage": info.lifecycle_stage,
            "inputModels": [item.model_id for item in contents.inputs.model_inputs],
            "outputModels": [item.model_id for item in contents.outputs.model_outputs],
            "portalUrl": self.get_portal_url(),
            **self._job_details(),
        }

    def _error(self) -> dict[str, Any]:
        known = self._known_tags()
        if self.status != "Failed" or ERROR_TAG not in known:
            return {}
        said = {"code": known.get(ERROR_CODE_TAG, "UserError"), "message": known[ERROR_TAG]}
        return {"error": {"error": said}}

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, AbstractDataset]] | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: object = None,
    ) -> Model:
        """Register files of this run as the next version of a model, and return it. Nothing is copied.

        Args:
            model_name: The model's name; it is made if there is none.
            model_path: A file or a folder of the run; by default the one that is called as the model is.
            tags: What may change.
            properties: What is written once.
            model_framework: What it was made with, as ``ScikitLearn``.
            model_framework_version: Which version of that.
            description: What it is.
            datasets: What it was made with, as ``[("training data", dataset)]``.
            sample_input_dataset: Taken for Azure's scripts; no effect.
            sample_output_dataset: As ``sample_input_dataset``.
            resource_configuration: As ``sample_input_dataset``.

        Raises:
            NotFound: The run has no such file or folder.
            InvalidParameter: No model can have this name, or a dataset is not registered.
            Forbidden: The credential does not allow it.

        Example:
            >>> run.register_model("ridge", "outputs/ridge.pkl")  # doctest: +SKIP
            Model('ridge', version=1)
        """
        path = checked_name(model_path or model_name)
        names = self.get_file_names()
        if not any(name == path or name.startswith(f"{path}/") for name in names):
            raise NotFound(f"Run {self.id!r} has no file or folder {path!r}. It has {len(names)} files.")
        framework = (model_framework, model_framework_version)
        noted = {**(tags or {}), **dataset_tags(datasets)}
        new = new_version(model_name, noted, properties, description, framework)
        source = f"runs:/{self.id}/{path}"
        return Model._of(self._workspace, register_source(self._connection, new, source, run_id=self.id))

    def delete(self) -> None:
        """Move the run to the trash, from where :meth:`restore` brings it back.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._connection.tell(f"{MLFLOW}/runs/delete", RunId(run_id=self.id))
        self._refresh()

    def restore(self) -> None:
        """Bring the run back from the trash.

        Raises:
            NotFound: The run does not exist any more.
        """
        self._connection.tell(f"{MLFLOW}/runs/restore", RunId(run_id=self.id))
        self._refresh()

    def remove(
        self,
        *,
        metrics: Collection[str] = (),
        params: Collection[str] = (),
        tags: Collection[str] = (),
        files: Collection[str] = (),
        dry_run: bool = False,
    ) -> RemovedPartsAnswer:
        """Remove parts of the run for good, without a way back, and return how much that was.

        Args:
            metrics: Keys of metrics; all their points go.
            params: Keys of params.
            tags: Keys of tags.
            files: Names of files or folders, as :meth:`get_file_names` gives them.
            dry_run: Only say how much it would be.

        Raises:
            NotFound: The run has none of them, or does not exist any more.
            InvalidParameter: Nothing was named.
            Forbidden: The credential does not allow it.

        Example:
            >>> run.remove(metrics=["debug/gradients"], files=["cache"]).artifact_bytes  # doctest: +SKIP
            10485760
        """
        parts = RemoveParts(
            run_ids=[self.id],
            metric_keys=[*metrics],
            param_keys=[*params],
            tag_keys=[*tags],
            artifact_paths=[*files],
            dry_run=dry_run,
        )
        removed = self._workspace.trash.remove_parts(parts)
        if not removed.runs:
            named = ", ".join([*metrics, *params, *tags, *files])
            raise NotFound(f"Run {self.id!r} has nothing of what was to be removed: {named}.")
        self._refresh()
        return removed

    def get_portal_url(self) -> str:
        """Return the address of the run's page in the Studio."""
        info = self._record.info
        return f"{self._workspace.tracking_uri}/#/experiments/{info.experiment_id}/runs/{info.run_id}"

    def show(self) -> None:
        """Show the run below a notebook's cell, kept up to date while it goes on; elsewhere print a line.

        Raises:
            NotFound: The run does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.show()  # doctest: +SKIP
        """
        if interactive_shell() is None or isinstance(self._sink, ScreenSink):
            print_line(repr(self))
        else:
            RunWidget(self).show()

    @property
    def experiment(self) -> Experiment:
        """The experiment that the run belongs to."""
        if self._experiment is None:
            self._experiment = self._workspace.get_experiment(self._record.info.experiment_id)
        return self._experiment

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
        self._record = _read(self._workspace, self.id)
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


def find_runs(
    workspace: Workspace,
    experiment_ids: Collection[str],
    *,
    filter_text: str = "",
    order_by: Collection[str] = NEWEST_FIRST,
    view: View = View.ACTIVE_ONLY,
) -> Iterator[Run]:
    """Yield the runs of some experiments that a filter lets through, reading pages as they are needed.

    Args:
        workspace: Where to look.
        experiment_ids: The experiments.
        filter_text: Conditions in MLflow's grammar, as ``metrics.rmse < 60 and params.alpha = '0.1'``.
        order_by: MLflow's order clauses, as ``metrics.rmse ASC``.
        view: Whether to look at active runs, at those in the trash, or at both.

    Raises:
        InvalidFilter: The filter or the order does not follow the grammar.
        Unavailable: No server answers at the workspace's address.
    """
    found = search_runs(
        workspace.connection, experiment_ids, filter_text=filter_text, order_by=order_by, view=view
    )
    return (Run._of(workspace, record) for record in found)


def _read(workspace: Workspace, run_id: str) -> WireRun:
    flush_all()
    found = workspace.connection.get(f"{MLFLOW}/runs/get", RunAnswer, RunId(run_id=run_id)).run
    if found.info.run_id != run_id:
        raise InternalError(f"The server answered with run {found.info.run_id!r} instead of {run_id!r}.")
    return found
