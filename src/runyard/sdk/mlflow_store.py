"""MLflow's own REST store, but that what a training loop logs goes through the spool."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import mlflow
from mlflow.entities import Experiment, Run, RunInfo, RunStatus
from mlflow.exceptions import MlflowException, RestException
from mlflow.store.tracking.rest_store import RestStore
from requests import RequestException

from runyard.entities.run_names import random_name
from runyard.sdk.mlflow_auth import announce_known
from runyard.sdk.mlflow_copies import CopyingStore, is_copied
from runyard.sdk.mlflow_entities import RUN_NAME_TAG, BegunRun, mlflow_experiment, offline_experiment
from runyard.sdk.mlflow_logged_models import BegunModels
from runyard.sdk.mlflow_spool import outbox_for, spool_credential
from runyard.sdk.spool.choices import spool_root
from runyard.sdk.spool.known_workspaces import Answerer, KnownExperiment, KnownWorkspaces, ask_who_answers
from runyard.sdk.spool.launched import launched_run
from runyard.sdk.spool.outbox import Outbox
from runyard.sdk.spool.records import Logged, Point, Posted, RunBegun, RunUpdated, point_value
from runyard.sdk.spool.trust import lend_trust

try:
    from mlflow.utils.credentials import get_default_host_creds
except ImportError:  # where earlier ones, such as 2.0, have it
    from mlflow.tracking._tracking_service.utils import _get_default_host_creds as get_default_host_creds

DEFAULT_EXPERIMENT = KnownExperiment("0", "Default", "mlflow-artifacts:/0")
ASKED_AGAIN_AFTER_S = 5.0
MAX_BEGUN = 10_000

_log = logging.getLogger("runyard.spool")

# By their names: not every version of MLflow has all of them.
_SPOOLED_CALLS = {
    "LogInputs": "/api/2.0/mlflow/runs/log-inputs",
    "LogOutputs": "/api/2.0/mlflow/runs/outputs",
    "LogModel": "/api/2.0/mlflow/runs/log-model",
}


def open_store(store_uri: str, artifact_uri: str | None = None, **_: Any) -> RestStore:
    """Return MLflow's store for an http(s) address: with a spool if a Runyard is there, else MLflow's own.

    It is what MLflow's plugin group ``mlflow.tracking_store`` knows for ``http`` and ``https``.

    Raises:
        InvalidParameter: A setting of the spool can't be what it is.
    """
    announce_known(store_uri)
    get_host_creds = partial(get_default_host_creds, store_uri)
    if is_copied(store_uri):
        return CopyingStore(get_host_creds)
    # MLflow 1 has too few of the calls that a run needs.
    outbox = outbox_for(store_uri) if int(mlflow.__version__.split(".")[0]) > 1 else None
    if outbox is None:
        return RestStore(get_host_creds)
    lend_trust()
    return SpoolingStore(get_host_creds, outbox)


# What MLflow raises when no answer comes, or one that it can't read.
_NO_GOOD_ANSWER = (MlflowException, RequestException, ValueError)
_OUT_OF_ORDER = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")


class SpoolingStore(RestStore):  # type: ignore[misc]  # MLflow has no types
    """Keeps what is logged in a spool and returns; what reads waits, for a while, until that is sent.

    Args:
        get_host_creds: As MLflow's store has it.
        outbox: Where to put what is logged.
    """

    def __init__(self, get_host_creds: Any, outbox: Outbox) -> None:
        super().__init__(get_host_creds)
        self.outbox = outbox
        self._known = KnownWorkspaces(spool_root())
        self._begun: dict[str, BegunRun] = {}
        self._offline_experiments: dict[str, str] = {}
        self._ending = ""
        self._asked_s = float("-inf")
        self._is_reachable = self._has_warned = False
        self._models = BegunModels(outbox, self._place_of)
        self._launched = launched_run(outbox.tracking_uri)
        if self._launched is not None:
            # Its own spool may be sent later than this one.
            self._begin(self._launched.begun, self._launched_experiment_id(self._launched.begun))

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Iterable[Any], run_name: str | None
    ) -> Run:
        """Begin a run under an id that is made here; nobody is asked."""
        texts = {tag.key: str(tag.value) for tag in tags}
        name = run_name or texts.get(RUN_NAME_TAG) or random_name()
        experiment_id = str(experiment_id or DEFAULT_EXPERIMENT.experiment_id)
        offline_name, _ = self._place_of(experiment_id)
        record = RunBegun(
            run_id=uuid.uuid4().hex,
            experiment_id="" if offline_name else experiment_id,
            experiment_name=offline_name,
            user_id=user_id or "",
            name=name,
            started_ms=start_time or _now_ms(),
            tags={**texts, RUN_NAME_TAG: name},
        )
        return self._begin(record, experiment_id).shown()

    def log_metric(self, run_id: str, metric: Any) -> None:
        """Keep one point."""
        self._log(Logged(run_id, metrics=[_point(metric)]))

    def log_param(self, run_id: str, param: Any) -> None:
        """Keep one param; that it had another value before shows when it is sent."""
        self._log(Logged(run_id, params={param.key: str(param.value)}))

    def set_tag(self, run_id: str, tag: Any) -> None:
        """Keep one tag."""
        self._log(Logged(run_id, tags={tag.key: str(tag.value)}))

    def log_batch(
        self, run_id: str, metrics: Iterable[Any] = (), params: Iterable[Any] = (), tags: Iterable[Any] = ()
    ) -> None:
        """Keep points, params and tags together."""
        self._log(
            Logged(
                run_id,
                metrics=[_point(metric) for metric in metrics],
                params={param.key: str(param.value) for param in params},
                tags={tag.key: str(tag.value) for tag in tags},
            )
        )

    def update_run_info(
        self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Keep a new status, end or name of a run."""
        self._ending = ""
        status = RunStatus.to_string(run_status) if run_status is not None else None
        if status is not None and self._is_launched(run_id) and self._leaves_end(status):
            status = end_time = None
        update = RunUpdated(run_id, status=status, ended_ms=end_time, name=run_name)
        begun = self._begun.get(run_id)
        self.outbox.add(update)
        if begun is None:
            # Only who set an end or a name by hand looks at this answer.
            begun = BegunRun(RunBegun(run_id, experiment_id="0"), "0", "")
        begun.update(update)
        return begun.shown().info

    def shut_down_async_logging(self) -> None:
        """Let MLflow's own queue run dry; it asks for that right before it ends a run."""
        super().shut_down_async_logging()
        # Next it reads the run, only to print a link to it: that is not worth waiting for the network.
        self._ending = "next"

    def get_run(self, run_id: str) -> Run:
        """Return a run with all that was logged; one begun here is shown as it is known here, if need be."""
        begun = self._begun.get(run_id)
        is_ending, self._ending = bool(self._ending), ""
        if begun is not None and begun.is_new and self._is_launched(run_id):
            return self._shown_as_chosen(begun)
        if begun is not None and (is_ending or not self._is_current()):
            return begun.shown()
        return super().get_run(run_id)

    def get_metric_history(self, run_id: str, metric_key: str, *paging: Any, **more: Any) -> Any:
        """Return all points of a metric; while nobody answers, the last that this process logged."""
        begun = self._begun.get(run_id)
        if begun is not None and not self._is_current():
            return begun.history(metric_key)
        return super().get_metric_history(run_id, metric_key, *paging, **more)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment, as it was last seen while nobody answers."""
        wanted = str(experiment_id)
        if wanted in self._offline_experiments:
            return mlflow_experiment(offline_experiment(self._offline_experiments[wanted]))
        known = self._known.find(self.outbox.tracking_uri, experiment_id=wanted)
        if known is None and wanted == DEFAULT_EXPERIMENT.experiment_id:
            known = DEFAULT_EXPERIMENT
        if known is not None and not self._reaches_server():
            return mlflow_experiment(known)
        try:
            return self._remembered(super().get_experiment(experiment_id))
        except _NO_GOOD_ANSWER as error:
            if known is None or _is_an_answer(error):
                raise
            return mlflow_experiment(known)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """Return the experiment of a name; while nobody answers, None only means that it was never seen."""
        if self._reaches_server():
            try:
                found = super().get_experiment_by_name(experiment_name)
            except _NO_GOOD_ANSWER as error:
                if _is_an_answer(error):
                    raise
            else:
                return None if found is None else self._remembered(found)
        known = self._known.find(self.outbox.tracking_uri, name=experiment_name)
        if known is None and experiment_name in self._offline_experiments.values():
            known = offline_experiment(experiment_name)
        return None if known is None else mlflow_experiment(known)

    def create_experiment(self, name: str, artifact_location: str | None = None, tags: Any = None) -> str:
        """Make an experiment; while nobody answers, return a stand-in for its id: its first run makes it."""
        is_plain = not artifact_location and not tags
        if not is_plain or self._reaches_server():
            try:
                made: str = super().create_experiment(name, artifact_location, tags)
            except _NO_GOOD_ANSWER as error:
                if not is_plain or _is_an_answer(error):
                    raise
            else:
                return made
        stand_in = offline_experiment(name).experiment_id
        self._offline_experiments[stand_in] = name
        return stand_in

    def _call_endpoint(self, api: Any, json_body: str | None = None, *others: Any, **named: Any) -> Any:
        """Make any other call once what was logged is sent; keep it if it only adds to a run or a model."""
        path = _SPOOLED_CALLS.get(api.DESCRIPTOR.name)
        if path is not None:
            self.outbox.add(Posted(path, json_body or "{}"))
            return api.Response()
        endpoint = named.get("endpoint") or (others[0] if others else "")
        answer = self._models.answer(api, json_body or "{}", endpoint or "", self._is_current)
        if answer is not None:
            return answer
        self.outbox.flush()
        return super()._call_endpoint(api, json_body, *others, **named)

    def _begin(self, record: RunBegun, experiment_id: str) -> BegunRun:
        _, location = self._place_of(experiment_id)
        begun = BegunRun(record, experiment_id, f"{location}/{record.run_id}/artifacts")
        if len(self._begun) >= MAX_BEGUN:
            self._begun.pop(next(iter(self._begun)))
        self._begun[record.run_id] = begun
        self.outbox.add(record)
        return begun

    def _place_of(self, experiment_id: str) -> tuple[str, str]:
        """Return the name of an experiment that has no id yet, else nothing; and where its artifacts go."""
        known = self._known.find(self.outbox.tracking_uri, experiment_id=experiment_id)
        location = known.artifact_location if known else f"mlflow-artifacts:/{experiment_id}"
        return self._offline_experiments.get(experiment_id, ""), location.rstrip("/")

    def _is_launched(self, run_id: str) -> bool:
        return self._launched is not None and self._launched.begun.run_id == run_id

    def _launched_experiment_id(self, begun: RunBegun) -> str:
        known = self._known.find(self.outbox.tracking_uri, name=begun.experiment_name)
        if begun.experiment_id or known is not None:
            return begun.experiment_id or (known.experiment_id if known else "")
        return offline_experiment(begun.experiment_name).experiment_id

    def _leaves_end(self, status: str) -> bool:
        """Leave a run's end to `runyard run`, which sees how the script ends; return whether that went."""
        assert self._launched is not None
        return status == "RUNNING" or self._launched.note_end(status)

    def _shown_as_chosen(self, begun: BegunRun) -> Run:
        """Return a launched run as one of the script's chosen experiment: MLflow raises at another."""
        chosen = mlflow.tracking.fluent._active_experiment_id
        if chosen is None:
            return begun.shown()
        name = self.get_experiment(chosen).name
        if name != (begun.experiment_name or DEFAULT_EXPERIMENT.name) and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "The run that `runyard run` began stays in the experiment %r. To have it in %r, say "
                "`runyard run --experiment` with that name.",
                begun.experiment_name or DEFAULT_EXPERIMENT.name,
                name,
            )
        return begun.shown(chosen)

    def _log(self, record: Logged) -> None:
        self.outbox.add(record)
        begun = self._begun.get(record.run_id)
        if begun is not None:
            begun.log(record)

    def _is_current(self) -> bool:
        """Tell whether the server has all that was logged, and answers."""
        return self.outbox.flush() and self._reaches_server()

    def _reaches_server(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._asked_s > ASKED_AGAIN_AFTER_S:
            address = self.outbox.tracking_uri
            self._is_reachable = ask_who_answers(address, spool_credential(address)) is not Answerer.NOBODY
            self._asked_s = time.monotonic()
        return self._is_reachable

    def _remembered(self, found: Experiment) -> Experiment:
        known = KnownExperiment(str(found.experiment_id), found.name, found.artifact_location)
        self._known.remember(self.outbox.tracking_uri, known)
        return found


def _is_an_answer(error: Exception) -> bool:
    """Tell whether the server said no, and not that the network or the server is out of order."""
    return isinstance(error, RestException) and error.error_code not in _OUT_OF_ORDER


def _point(metric: Any) -> Point:
    return Point(
        str(metric.key),
        point_value(float(metric.value)),
        int(metric.timestamp),
        int(metric.step or 0),
        getattr(metric, "model_id", None) or "",
        getattr(metric, "dataset_name", None) or "",
        getattr(metric, "dataset_digest", None) or "",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
