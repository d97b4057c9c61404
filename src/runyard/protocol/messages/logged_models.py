"""MLflow's messages about logged models."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.logged_model import LoggedModel, LoggedModelMetric, LoggedModelStatus
from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values
from runyard.protocol.messages.metrics import WireMetric
from runyard.protocol.wire import invalid, wire_float

_STATUSES = {
    **{str(number): status for number, status in enumerate(LoggedModelStatus)},
    **{status.value: status for status in LoggedModelStatus},
    "PENDING": LoggedModelStatus.PENDING,
    "READY": LoggedModelStatus.READY,
    "FAILED": LoggedModelStatus.UPLOAD_FAILED,
}


class CreateLoggedModel(Wire):
    """Body of ``POST logged-models``."""

    experiment_id: str
    name: str | None = None
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []
    # Runyard's own, as `run_id` is when a run is created.
    model_id: str | None = None


class GetLoggedModel(Wire):
    """Query of ``GET logged-models/{model_id}``."""

    allow_deleted: str = "false"


class FinalizeLoggedModel(Wire):
    """Body of ``PATCH logged-models/{model_id}``."""

    status: str | Int64
    model_id: str | None = None


class LogLoggedModelParams(Wire):
    """Body of ``logged-models/{model_id}/params``."""

    params: list[KeyValue] = []
    model_id: str | None = None


class SetLoggedModelTags(Wire):
    """Body of ``logged-models/{model_id}/tags``."""

    tags: list[KeyValue] = []
    model_id: str | None = None


class WireMeasuredOn(Wire):
    """A dataset that metrics were measured on."""

    dataset_name: str = ""
    dataset_digest: str | None = None


class WireModelOrder(Wire):
    """One sort key of a search."""

    field_name: str = ""
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchLoggedModels(Wire):
    """Body of ``logged-models/search``."""

    experiment_ids: list[str] | None = None
    filter: str | None = None
    datasets: list[WireMeasuredOn] = []
    max_results: Int64 | None = None
    order_by: list[WireModelOrder] = []
    page_token: str | None = None


class ListLoggedModelArtifacts(Wire):
    """Query of ``logged-models/{model_id}/artifacts/directories``."""

    artifact_directory_path: str | None = None
    page_token: str | None = None


class WireLoggedModelInfo(Wire, omit_defaults=False):
    """The row of a logged model with its tags."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str
    source_run_id: str
    status_message: str | UnsetType = UNSET
    tags: list[KeyValue] | UnsetType = UNSET


class WireLoggedModelData(Wire):
    """What was logged to a model."""

    params: list[KeyValue] | UnsetType = UNSET
    metrics: list[WireMetric] | UnsetType = UNSET


class WireLoggedModel(Wire, omit_defaults=False):
    """A logged model on the wire."""

    info: WireLoggedModelInfo
    data: WireLoggedModelData


class LoggedModelAnswer(Wire, omit_defaults=False):
    """One logged model."""

    model: WireLoggedModel


class SearchLoggedModelsAnswer(Wire):
    """A page of logged models."""

    models: list[WireLoggedModel] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class ListLoggedModelArtifactsAnswer(Wire):
    """Answer of ``artifacts/directories``."""

    root_uri: str
    files: list[WireFile] | UnsetType = UNSET


def model_status(text: str | int) -> LoggedModelStatus:
    """Return the status that a request names by MLflow's long or short word or by its number.

    Raises:
        InvalidParameter: There is no such status.
    """
    status = _STATUSES.get(str(text).upper())
    if status is None:
        expected = ", ".join(each.value for each in LoggedModelStatus)
        raise invalid("status", text, f"Expected one of {expected}.")
    return status


def wire_logged_model(model: LoggedModel) -> WireLoggedModel:
    """Return a model as MLflow writes it."""
    info = WireLoggedModelInfo(
        model_id=model.model_id,
        experiment_id=model.experiment_id,
        name=model.name,
        creation_timestamp_ms=model.created_ms,
        last_updated_timestamp_ms=model.updated_ms,
        artifact_uri=model.artifact_uri,
        status=model.status.value,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        status_message=model.status_message or UNSET,
        tags=key_values(model.tags) or UNSET,
    )
    data = WireLoggedModelData(
        params=key_values(model.params) or UNSET,
        metrics=[_wire_metric(metric, model.model_id) for metric in model.metrics] or UNSET,
    )
    return WireLoggedModel(info=info, data=data)


def _wire_metric(metric: LoggedModelMetric, model_id: str) -> WireMetric:
    return WireMetric(
        key=metric.key,
        value=wire_float(metric.value),
        timestamp=metric.timestamp_ms,
        step=metric.step,
        model_id=model_id,
        dataset_name=metric.dataset_name or UNSET,
        dataset_digest=metric.dataset_digest or UNSET,
        run_id=metric.run_id,
    )
