"""Which runs have crossed a threshold, in SQL over summaries: no point is read."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, exists, literal_column, select

from runyard.entities.experiment import LifecycleStage
from runyard.entities.webhook import Comparison, Threshold, Webhook
from runyard.stores.metadata.schema import experiments, metric_keys, metric_series, runs
from runyard.stores.metadata.schema_operation import webhook_crossings

_COMPARED: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}


def crossed(webhook: Webhook, run_ids: Sequence[str] | None) -> list[Select[Any]]:
    """Return what selects the active runs that have crossed a webhook's threshold and were not told of yet.

    Without ``run_ids`` only those that are under way, or log the metric though they have ended: each of the
    two has an index that holds little else.
    """
    if run_ids is not None:
        return [_crossed(webhook, runs.c.run_id.in_(run_ids))]
    running: ColumnElement[bool] = literal_column("runs.status = 'RUNNING'", Boolean())
    return [_crossed(webhook, running), _crossed(webhook, metric_series.c.is_live)]


def _crossed(webhook: Webhook, which: ColumnElement[bool]) -> Select[Any]:
    limit = webhook.threshold
    if limit is None:
        raise ValueError(f"webhook {webhook.webhook_id} has no threshold")
    series = metric_series.c
    furthest = series.maximum if limit.comparison.is_upward else series.minimum
    told = exists().where(
        webhook_crossings.c.webhook_id == webhook.webhook_id,
        webhook_crossings.c.run_number == series.run_number,
    )
    return (
        select(
            runs.c.run_number,
            runs.c.run_id,
            runs.c.name,
            runs.c.experiment_id,
            experiments.c.workspace,
            furthest.label("value"),
        )
        .select_from(
            metric_series.join(metric_keys, metric_keys.c.key_id == series.key_id)
            .join(runs, runs.c.run_number == series.run_number)
            .join(experiments, experiments.c.experiment_id == series.experiment_id)
        )
        .where(
            metric_keys.c.key == limit.metric,
            _COMPARED[limit.comparison](furthest, limit.value),
            runs.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
            which,
            ~told,
            *_places(webhook, limit),
        )
        .order_by(runs.c.run_number)
    )


def _places(webhook: Webhook, limit: Threshold) -> list[ColumnElement[bool]]:
    places = []
    if webhook.workspace is not None:
        places.append(experiments.c.workspace == webhook.workspace)
    if limit.experiment_id is not None:
        places.append(metric_series.c.experiment_id == int(limit.experiment_id))
    return places
