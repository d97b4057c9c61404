"""What a run logs: metrics, params, tags, what it read and what it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.metric import Metric, MetricBatch
from runyard.entities.run import DatasetInput, ModelInput, ModelOutput, Run
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.protocol import limits
from runyard.protocol.messages.common import KeyValue
from runyard.services.call import Call
from runyard.services.runs import RUN_NAME_TAG, get_active_run

LOGGED_MODELS_TAG = "mlflow.log-model.history"
MAX_DATASET_NAME_LENGTH = 500
MAX_DATASET_DIGEST_LENGTH = 36
MAX_DATASET_SCHEMA_LENGTH = 1_048_575
MAX_DATASET_SOURCE_LENGTH = 65_535
MAX_DATASET_PROFILE_LENGTH = 16_777_215
MAX_INPUT_TAG_KEY_LENGTH = 255
MAX_INPUT_TAG_VALUE_LENGTH = 500


def log_metric(call: Call, run_id: str, metric: Metric) -> None:
    """Append one point to an active run."""
    limits.check_metrics([metric], in_batch=False)
    with call.stores.atomic():
        _append(call, get_active_run(call, run_id), [metric])


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


def log_batch(
    call: Call, run_id: str, metrics: Sequence[Metric], params: Sequence[KeyValue], tags: Sequence[KeyValue]
) -> None:
    """Log metrics, params and tags to an active run: all of them or, after an error, none."""
    limits.check_batch(len(metrics), len(params), len(tags))
    limits.check_metrics(metrics, in_batch=True)
    limits.check_params(params, in_batch=True)
    limits.check_tags(tags, in_batch=True)
    with call.stores.atomic():
        run = get_active_run(call, run_id)
        if params:
            _add_params(call, run_id, {param.key: param.value for param in params})
        _append(call, run, metrics)
        _set_tags(call, run_id, {tag.key: tag.value for tag in tags})


def log_inputs(
    call: Call, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]
) -> None:
    """Note which datasets and models an active run read."""
    if len(datasets) > limits.MAX_DATASETS:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limits.MAX_DATASETS} datasets. Got "
            f"{len(datasets)} datasets. Please split up datasets across multiple requests and try again."
        )
    for index, item in enumerate(datasets):
        _check_dataset(item, f"datasets[{index}]")
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
        history = [*_noted_models(tags.get(LOGGED_MODELS_TAG, "[]")), model]
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


def _append(call: Call, run: Run, metrics: Sequence[Metric]) -> None:
    call.stores.metrics.append(run.run_id, MetricBatch.of(metrics))
    of_models: dict[str, list[LoggedModelMetric]] = {}
    for metric in metrics:
        if metric.model_id:
            of_models.setdefault(metric.model_id, []).append(_of_model(metric, run.run_id))
    for model_id, points in of_models.items():
        call.stores.metadata.logged_models.append_metrics(model_id, points)


def _of_model(metric: Metric, run_id: str) -> LoggedModelMetric:
    return LoggedModelMetric(
        key=metric.key,
        value=metric.value,
        timestamp_ms=metric.timestamp_ms,
        step=metric.step,
        run_id=run_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )


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
