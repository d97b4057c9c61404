"""What a run logs: metrics, params, tags, what it read and what it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runyard.auth.permissions import Permission
from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.metric import MetricBatch
from runyard.entities.quota import Limited
from runyard.entities.run import DatasetInput, ModelInput, ModelOutput
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.protocol import limits
from runyard.protocol.messages.common import KeyValue, mapping
from runyard.services import reach
from runyard.services.call import Call
from runyard.services.quotas import take
from runyard.services.runs import RUN_NAME_TAG, check_active, get_active_run

LOGGED_MODELS_TAG = "mlflow.log-model.history"
MAX_DATASET_NAME_LENGTH = 500
MAX_DATASET_DIGEST_LENGTH = 36
MAX_DATASET_SCHEMA_LENGTH = 1_048_575
MAX_DATASET_SOURCE_LENGTH = 65_535
MAX_DATASET_PROFILE_LENGTH = 16_777_215
MAX_INPUT_TAG_KEY_LENGTH = 255
MAX_INPUT_TAG_VALUE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """What a client logs to a run at once.

    Args:
        metrics: Points of metrics.
        params: Params, each of them once.
        tags: Tags; of equal keys the last one counts.
        model_metrics: Those of the points that were measured on logged models, by the model's id.
        batch_id: The client's own id (UUIDv7), the same when it sends this batch again.
    """

    metrics: MetricBatch
    params: Sequence[KeyValue] = ()
    tags: Sequence[KeyValue] = ()
    model_metrics: Mapping[str, Sequence[LoggedModelMetric]] = field(default_factory=dict)
    batch_id: str | None = None


def log_metric(call: Call, run_id: str, batch: Batch) -> None:
    """Append the one point of a batch to an active run."""
    limits.check_metrics(batch.metrics, in_batch=False)
    _check_models(call, batch)
    with call.stores.atomic():
        if batch.model_metrics:
            check_active(call, run_id)
        _append(call, run_id, batch)


def log_param(call: Call, run_id: str, param: KeyValue) -> None:
    """Set a param once; the same value again changes nothing.

    Raises:
        InvalidParameter: The run has another value for it already.
    """
    limits.check_params([param], in_batch=False)
    with call.stores.atomic():
        get_active_run(call, run_id)
        old = call.stores.metadata.runs.find_params(run_id, [param.key]).get(param.key)
        if old is not None and old != param.value:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{param.key}' was already logged with "
                f"value='{old}' for run ID='{run_id}'. Attempted logging new value '{param.value}'."
            )
        call.stores.metadata.runs.add_params(run_id, {param.key: param.value})


def set_tag(call: Call, run_id: str, tag: KeyValue) -> None:
    """Set a tag of an active run, over an older value."""
    limits.check_tags([tag], in_batch=False)
    with call.stores.atomic():
        get_active_run(call, run_id)
        _set_tags(call, run_id, {tag.key: tag.value})


def delete_tag(call: Call, run_id: str, key: str) -> None:
    """Delete a tag of an active run."""
    with call.stores.atomic():
        get_active_run(call, run_id)
        if not call.stores.metadata.runs.delete_tag(run_id, key):
            raise NotFound(f"No tag with name: {key} in run with id {run_id}")


def log_batch(call: Call, run_id: str, batch: Batch) -> None:
    """Log metrics, params and tags to an active run: all of them or, after an error, none.

    A batch whose id was seen within 30 days changes nothing: it is one that got no answer and was sent again.
    """
    limits.check_batch(len(batch.metrics), len(batch.params), len(batch.tags))
    limits.check_metrics(batch.metrics, in_batch=True)
    limits.check_params(batch.params, in_batch=True)
    limits.check_tags(batch.tags, in_batch=True)
    if batch.batch_id is not None:
        limits.check_batch_id(batch.batch_id)
    _check_models(call, batch)
    with call.stores.atomic():
        if batch.params or batch.tags:
            get_active_run(call, run_id)
        elif batch.model_metrics or batch.batch_id is not None or not len(batch.metrics):
            # Points only add to a run, so those who log them need not wait for one another.
            check_active(call, run_id)
        if not _append(call, run_id, batch):
            return
        if batch.params:
            _add_params(call, run_id, mapping(batch.params))
        if batch.tags:
            _set_tags(call, run_id, mapping(batch.tags))


def log_inputs(
    call: Call, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]
) -> None:
    """Note which datasets and models an active run read."""
    if len(datasets) > limits.MAX_DATASETS:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limits.MAX_DATASETS} datasets. Got "
            f"{len(datasets)} datasets. Please split up datasets across multiple requests and try again."
        )
    check_datasets(datasets, "datasets")
    with call.stores.atomic():
        call.stores.metadata.runs.add_inputs(get_active_run(call, run_id), datasets, models)


def log_outputs(call: Call, run_id: str, models: Sequence[ModelOutput]) -> None:
    """Note which logged models an active run wrote."""
    with call.stores.atomic():
        get_active_run(call, run_id)
        call.stores.metadata.runs.add_outputs(run_id, models)


def log_model(call: Call, run_id: str, model_json: str) -> None:
    """Note in a tag that an active run logged a model, as clients before MLflow 3 do.

    Source: ``record_logged_model`` of MLflow's stores and the fields that its handler demands.
    """
    try:
        model = json.loads(model_json)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Malformed model info. \n {model_json} \n is not a valid JSON.") from None
    if not isinstance(model, dict):
        raise InvalidParameter("Malformed model info: 'model_json' must be a JSON object.")
    absent = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(model)
    if absent:
        raise InvalidParameter(f"Model json is missing mandatory fields: {sorted(absent)}")
    with call.stores.atomic():
        get_active_run(call, run_id)
        tags = call.stores.metadata.runs.read_contents([run_id])[run_id].tags
        noted = _noted_models(tags.get(LOGGED_MODELS_TAG, "[]"))
        if model in noted:  # the client got no answer and sends it again
            return
        history = [*noted, model]
        call.stores.metadata.runs.set_tags(run_id, {LOGGED_MODELS_TAG: json.dumps(history)})


def _noted_models(tag: str) -> list[Any]:
    try:
        noted = json.loads(tag)
    except (ValueError, RecursionError):
        noted = None
    if not isinstance(noted, list):
        raise InvalidState(
            f"The run's tag '{LOGGED_MODELS_TAG}' holds no JSON list any more. Delete it first."
        )
    return noted


def _check_models(call: Call, batch: Batch) -> None:
    """Refuse points of models where the caller may not write: a point is kept with its model too."""
    if batch.model_metrics:
        reach.check_reach(call, Permission.CONTRIBUTE, reach.models, {"model_ids": list(batch.model_metrics)})


def _append(call: Call, run_id: str, batch: Batch) -> bool:
    """Keep the points of a batch, if the run takes them; return whether the batch is new."""
    if batch.batch_id is None and not len(batch.metrics):
        return True
    if not call.stores.metrics.append(run_id, batch.metrics, batch.batch_id, call.workspace.name):
        return False
    take(call, Limited.METRIC_POINTS, len(batch.metrics))
    for model_id, metrics in batch.model_metrics.items():
        call.stores.metadata.logged_models.append_metrics(model_id, metrics)
    return True


def _add_params(call: Call, run_id: str, params: Mapping[str, str]) -> None:
    old = call.stores.metadata.runs.find_params(run_id, list(params))
    changed = [
        {"key": key, "old_value": old[key], "new_value": value}
        for key, value in params.items()
        if key in old and old[key] != value
    ]
    if changed:
        raise InvalidParameter(
            f"Changing param values is not allowed. Params were already logged='{changed}' "
            f"for run ID='{run_id}'."
        )
    call.stores.metadata.runs.add_params(run_id, params)


def _set_tags(call: Call, run_id: str, tags: Mapping[str, str]) -> None:
    if tags.get(RUN_NAME_TAG):
        call.stores.metadata.runs.update_run(run_id, name=tags[RUN_NAME_TAG])
    call.stores.metadata.runs.set_tags(run_id, tags)


def check_datasets(datasets: Sequence[DatasetInput], path: str) -> None:
    """Refuse datasets that MLflow would refuse; ``path`` is what the request calls them."""
    for index, item in enumerate(datasets):
        _check_dataset(item, f"{path}[{index}]")


def _check_dataset(item: DatasetInput, path: str) -> None:
    dataset = item.dataset
    for name, text, limit in (
        ("name", dataset.name, MAX_DATASET_NAME_LENGTH),
        ("digest", dataset.digest, MAX_DATASET_DIGEST_LENGTH),
        ("schema", dataset.schema, MAX_DATASET_SCHEMA_LENGTH),
        ("source", dataset.source, MAX_DATASET_SOURCE_LENGTH),
        ("profile", dataset.profile, MAX_DATASET_PROFILE_LENGTH),
    ):
        limits.check_length(text or "", limit, f"{path}.dataset.{name}")
    for key, value in item.tags.items():
        limits.check_length(key, MAX_INPUT_TAG_KEY_LENGTH, f"{path}.tags.key")
        limits.check_length(value, MAX_INPUT_TAG_VALUE_LENGTH, f"{path}.tags.value")
