"""MLflow's routes that log something to a run."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty, KeyValue
from runyard.protocol.messages.logging import (
    DeleteTag,
    LogBatch,
    LogMetric,
    LogModel,
    LogParam,
    SetTag,
    metric_batch,
    model_metrics,
)
from runyard.protocol.messages.runs import (
    LogInputs,
    LogOutputs,
    dataset_inputs,
    model_inputs,
    model_outputs,
)
from runyard.server.routing import Routes
from runyard.services import logging, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/runs"


@routes.post(
    f"{_BASE}/log-metric",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Append one point of a metric.",
    commits_together=True,
)
def log_metric(call: Call, body: LogMetric) -> Empty:
    """Append one point."""
    sent = [body]
    batch = logging.Batch(metric_batch(sent), model_metrics=model_metrics(sent, body.run_id))
    logging.log_metric(call, body.run_id, batch)
    return Empty()


@routes.post(
    f"{_BASE}/log-parameter",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Set a param once.",
    commits_together=True,
)
def log_param(call: Call, body: LogParam) -> Empty:
    """Set a param."""
    logging.log_param(call, body.run_id, KeyValue(key=body.key, value=body.value))
    return Empty()


@routes.post(
    f"{_BASE}/set-tag",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Set a tag.",
    commits_together=True,
)
def set_tag(call: Call, body: SetTag) -> Empty:
    """Set a tag."""
    logging.set_tag(call, body.run_id, KeyValue(key=body.key, value=body.value))
    return Empty()


@routes.post(
    f"{_BASE}/delete-tag",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Delete a tag.",
    commits_together=True,
)
def delete_tag(call: Call, body: DeleteTag) -> Empty:
    """Delete a tag."""
    logging.delete_tag(call, body.run_id, body.key)
    return Empty()


@routes.post(
    f"{_BASE}/log-batch",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Log metrics, params and tags; a `batch_id` (UUIDv7) seen within 30 days changes nothing.",
    commits_together=True,
)
def log_batch(call: Call, body: LogBatch) -> Empty:
    """Log a batch: all of it or nothing."""
    batch = logging.Batch(
        metric_batch(body.metrics),
        body.params,
        body.tags,
        model_metrics(body.metrics, body.run_id),
        body.batch_id or None,
    )
    logging.log_batch(call, body.run_id, batch)
    return Empty()


@routes.post(
    f"{_BASE}/log-inputs", permits=Permission.CONTRIBUTE, of=reach.run, summary="Note what a run read."
)
def log_inputs(call: Call, body: LogInputs) -> Empty:
    """Note datasets and models that a run read."""
    logging.log_inputs(call, body.run_id, dataset_inputs(body.datasets), model_inputs(body.models))
    return Empty()


@routes.post(
    f"{_BASE}/outputs", permits=Permission.CONTRIBUTE, of=reach.run, summary="Note what a run wrote."
)
def log_outputs(call: Call, body: LogOutputs) -> Empty:
    """Note models that a run wrote."""
    logging.log_outputs(call, body.run_id, model_outputs(body.models))
    return Empty()


@routes.post(
    f"{_BASE}/log-model",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Note a model of an older client.",
)
def log_model(call: Call, body: LogModel) -> Empty:
    """Note a model that a client before MLflow 3 logged."""
    logging.log_model(call, body.run_id, body.model_json)
    return Empty()
