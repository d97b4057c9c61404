"""Which runs have crossed a threshold, in SQL over summaries: no point is read."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, select, true

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


_looked_at = runs.alias("looked_at")
# As the index of such runs says it, which with a bound value SQLite would not use.
_IS_RUNNING = _looked_at.c.status == literal_column("'RUNNING'")


def crossed(webhook: Webhook, run_ids: Sequence[str] | None) -> Select[Any]:
    """Return what selects the active runs that have crossed a webhook's threshold and were not told of yet.

    Without ``run_ids`` it looks at those that are under way, which are few among all.
    """
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
            .join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
        )
        .where(
            metric_keys.c.key == limit.metric,
            _COMPARED[limit.comparison](furthest, limit.value),
            runs.c.lifecycle_stage == LifecycleStage.ACTIVE.value,
            _running(limit) if run_ids is None else _named(limit, run_ids),
            ~told,
            _place(webhook),
        )
    )


def _running(limit: Threshold) -> ColumnElement[bool]:
    """Select by a list of its own what is under way: planners without statistics would walk all runs."""
    running = select(_looked_at.c.run_number).where(_IS_RUNNING)
    if limit.experiment_id is not None:
        running = running.where(_looked_at.c.experiment_id == int(limit.experiment_id))
    return runs.c.run_number.in_(running)


def _named(limit: Threshold, run_ids: Sequence[str]) -> ColumnElement[bool]:
    named = runs.c.run_id.in_(run_ids)
    if limit.experiment_id is None:
        return named
    return and_(named, runs.c.experiment_id == int(limit.experiment_id))


def _place(webhook: Webhook) -> ColumnElement[bool]:
    return true() if webhook.workspace is None else experiments.c.workspace == webhook.workspace
