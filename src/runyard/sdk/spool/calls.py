"""What a record is on the wire: the calls that a server gets for it."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from runyard.errors import AlreadyExists, InvalidState, NotFound
from runyard.protocol import limits
from runyard.protocol.messages.common import KeyValue, key_values
from runyard.protocol.messages.experiments import (
    CreateExperiment,
    CreateExperimentAnswer,
    ExperimentAnswer,
    GetExperimentByName,
)
from runyard.protocol.messages.logged_models import (
    CreateLoggedModel,
    FinalizeLoggedModel,
    LoggedModelAnswer,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from runyard.protocol.messages.runs import CreateRun, RunAnswer, RunId, UpdateRun
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.spool.folder import SpoolFolder
from runyard.sdk.spool.records import (
    FileLogged,
    Logged,
    ModelBegun,
    ModelUpdated,
    Point,
    Posted,
    RunBegun,
    RunUpdated,
)

PROXIED_SCHEME = "mlflow-artifacts"

REPEATABLE = frozenset(f"{MLFLOW}/runs/{name}" for name in ("log-inputs", "outputs", "log-model"))
"""The calls that do no harm when they are sent twice, beside those that have records of their own."""

OtherRecord = RunBegun | RunUpdated | Posted | FileLogged | ModelBegun | ModelUpdated

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_MODELS = f"{MLFLOW}/logged-models"


class LoggedBatch(msgspec.Struct, omit_defaults=True):
    """Body of ``runs/log-batch``, whose values are already in the words of the wire."""

    run_id: str
    metrics: list[Point]
    params: list[KeyValue]
    tags: list[KeyValue]
    batch_id: str


class GatheredLogs:
    """What several records say of one run, as long as it fits into one call."""

    def __init__(self, first: Logged) -> None:
        self.run_id = first.run_id
        self._metrics = list(first.metrics)
        self._params = dict(first.params)
        self._tags = dict(first.tags)

    def take(self, record: Logged) -> bool:
        """Take another record in unless it needs a call of its own; return whether it was taken."""
        metrics = len(self._metrics) + len(record.metrics)
        params = len(self._params) + len(record.params)
        tags = len(self._tags) + len(record.tags)
        if (
            record.run_id != self.run_id
            or max(params, tags) > limits.MAX_PARAMS_OR_TAGS
            or metrics + params + tags > min(limits.MAX_METRICS, limits.MAX_ENTITIES)
            # A second value for a param is refused; what was logged before it must not be refused with it.
            or not self._params.keys().isdisjoint(record.params)
        ):
            return False
        self._metrics += record.metrics
        self._params |= record.params
        self._tags |= record.tags
        return True

    def send(self, connection: Connection, batch_id: str) -> None:
        """Log it all; the same id again changes nothing.

        Raises:
            RunyardError: What the server raised.
        """
        body = LoggedBatch(
            run_id=self.run_id,
            metrics=self._metrics,
            params=key_values(self._params),
            tags=key_values(self._tags),
            batch_id=batch_id,
        )
        connection.tell_encoded(f"{MLFLOW}/runs/log-batch", msgspec.json.encode(body))


class RecordCalls:
    """Does on a server what records other than :class:`Logged` say.

    Args:
        connection: Reaches the workspace.
        spool: Where the records' files lie.
    """

    def __init__(self, connection: Connection, spool: SpoolFolder) -> None:
        self._connection = connection
        self._spool = spool
        self._folders: dict[str, str] = {}

    def send(self, record: OtherRecord) -> None:
        """Do what a record says; twice does no harm.

        Raises:
            RunyardError: What the server raised.
        """
        match record:
            case RunBegun():
                self._begin_run(record)
            case RunUpdated():
                update = UpdateRun(
                    run_id=record.run_id, status=record.status, end_time=record.ended_ms, run_name=record.name
                )
                self._connection.tell(f"{MLFLOW}/runs/update", update)
            case Posted():
                if record.path not in REPEATABLE:
                    raise InvalidState(f"{record.path} is no call that a spool may hold.")
                self._connection.tell_encoded(record.path, record.body.encode())
            case FileLogged():
                self._upload(record)
            case ModelBegun():
                self._begin_model(record)
            case ModelUpdated():
                self._update_model(record)

    def _begin_run(self, record: RunBegun) -> None:
        wanted = CreateRun(
            run_id=record.run_id,
            experiment_id=record.experiment_id or self._experiment_named(record.experiment_name),
            user_id=record.user_id,
            run_name=record.name,
            start_time=record.started_ms,
            tags=key_values(record.tags),
        )
        answer = self._connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer, is_repeatable=True)
        if answer.run.info.run_id != record.run_id:
            raise InvalidState(
                f"What answers began run {answer.run.info.run_id} in place of {record.run_id}."
            )

    def _begin_model(self, record: ModelBegun) -> None:
        wanted = CreateLoggedModel(
            model_id=record.model_id,
            experiment_id=record.experiment_id or self._experiment_named(record.experiment_name),
            name=record.name,
            model_type=record.model_type,
            source_run_id=record.source_run_id,
            params=key_values(record.params),
            tags=key_values(record.tags),
        )
        answer = self._connection.post(_MODELS, wanted, LoggedModelAnswer, is_repeatable=True)
        made = answer.model.info.model_id
        if made != record.model_id:
            raise InvalidState(f"What answers began model {made} in place of {record.model_id}.")

    def _update_model(self, record: ModelUpdated) -> None:
        path = f"{_MODELS}/{quote(record.model_id, safe='')}"
        if record.params:
            self._connection.tell(f"{path}/params", LogLoggedModelParams(params=key_values(record.params)))
        if record.tags:
            self._connection.tell(f"{path}/tags", SetLoggedModelTags(tags=key_values(record.tags)), "PATCH")
        if record.status:
            self._connection.tell(path, FinalizeLoggedModel(status=record.status), "PATCH")

    def _experiment_named(self, name: str) -> str:
        path = f"{MLFLOW}/experiments/create"
        try:
            return self._find_experiment(name)
        except NotFound:
            wanted = CreateExperiment(name=name)
        try:
            made = self._connection.post(path, wanted, CreateExperimentAnswer, is_repeatable=True)
        except AlreadyExists:
            return self._find_experiment(name)
        return made.experiment_id

    def _find_experiment(self, name: str) -> str:
        query = GetExperimentByName(experiment_name=name)
        answer = self._connection.get(f"{MLFLOW}/experiments/get-by-name", ExperimentAnswer, query)
        return answer.experiment.experiment_id

    def _upload(self, record: FileLogged) -> None:
        content = self._spool.file(record.content)
        # A spool may come from somebody else: what it says must lead to no other file and no other address.
        if content.is_symlink():
            raise InvalidState(f"{record.content!r} is no file of the spool.")
        if not {"", ".", ".."}.isdisjoint(f"{record.folder}/{record.path}".split("/")):
            raise InvalidState(f"{record.path!r} is no path of an artifact.")
        if not content.exists():
            # It was uploaded, and the process ended before it could note that.
            return
        folder = self._folder_of(record.run_id, record.model_id) or record.folder
        try:
            self._connection.put_file(f"{_ARTIFACTS}/{quote(f'{folder}/{record.path}')}", content)
        except OSError as error:
            raise InvalidState(f"{content} can't be read: {error}") from error

    def _folder_of(self, run_id: str, model_id: str) -> str:
        """Return where the files of a run or a model go: a client that was offline could only guess."""
        owner = run_id or model_id
        if owner and owner not in self._folders:
            uri = self._run_uri(run_id) if run_id else self._model_uri(model_id)
            scheme, _, folder = uri.partition(":/")
            if scheme != PROXIED_SCHEME:
                raise InvalidState(f"The files of {owner} lie at {uri}, not with the server.")
            self._folders[owner] = folder.lstrip("/")
        return self._folders.get(owner, "")

    def _run_uri(self, run_id: str) -> str:
        answer = self._connection.get(f"{MLFLOW}/runs/get", RunAnswer, RunId(run_id=run_id))
        return answer.run.info.artifact_uri

    def _model_uri(self, model_id: str) -> str:
        path = f"{_MODELS}/{quote(model_id, safe='')}"
        return self._connection.get(path, LoggedModelAnswer).model.info.artifact_uri
