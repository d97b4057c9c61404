"""What a search must find, said in plain Python over plain values: the second opinion on the SQL."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Not, Operator, Or, Statistic
from runyard.protocol.ordering import Order
from runyard.stores.metadata.base import Search

_COMPARE = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
}


@dataclass(frozen=True)
class OracleRun:
    """A run as the oracle sees it.

    ``metrics`` holds the values of each in the order of their steps, ``datasets`` (name, digest, context) of
    each input; ``is_live`` says that the run is still written to, which no search may notice.
    """

    run_id: str
    name: str = "run"
    user_id: str = "ann"
    status: str = "RUNNING"
    artifact_uri: str = "mlflow-artifacts:/1"
    started_ms: int | None = 0
    ended_ms: int | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str, str | None]] = ()
    is_live: bool = False
    experiment_id: int = 1
    lifecycle_stage: str = "active"


def expected(runs: Iterable[OracleRun], search: Search) -> list[str]:
    """Return the ids of the runs that a search must answer, in its order."""
    stages = [stage.value for stage in search.view.stages]
    looked_at = [
        run
        for run in runs
        if str(run.experiment_id) in search.experiment_ids and run.lifecycle_stage in stages
    ]
    found = [run for run in looked_at if search.filter is None or holds(search.filter, run)]
    found.sort(key=lambda run: run.run_id)
    if not any(each.entity is Entity.ATTRIBUTE and each.key == "started_ms" for each in search.order):
        found = _sorted(found, Order(Entity.ATTRIBUTE, "started_ms", ascending=False))
    for each in reversed(search.order):
        found = _sorted(found, each)
    return [run.run_id for run in found]


def _sorted(runs: list[OracleRun], order: Order) -> list[OracleRun]:
    values = {run.run_id: _sorted_by(order, run) for run in runs}
    numbers = [run for run in runs if not _is_nothing(values[run.run_id])]
    nans = [run for run in runs if _is_nan(values[run.run_id])]
    missing = [run for run in runs if values[run.run_id] is None]
    ordered = sorted(numbers, key=lambda run: values[run.run_id], reverse=not order.ascending)
    return ordered + nans + missing


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_nothing(value: Any) -> bool:
    return value is None or _is_nan(value)


def _sorted_by(order: Order, run: OracleRun) -> Any:
    if order.own_key is not None and order.own_key in run.metrics:
        return value_of(order.entity, order.own_key, run)
    return value_of(order.entity, order.key, run, order.statistic)


def value_of(entity: Entity, key: str, run: OracleRun, statistic: Statistic = Statistic.LAST) -> Any:
    """Return what a run has for a key, ``None`` if nothing."""
    if entity is Entity.ATTRIBUTE:
        return getattr(run, key)
    if entity is not Entity.METRIC:
        return (run.params if entity is Entity.PARAM else run.tags).get(key)
    if key not in run.metrics or statistic is Statistic.LAST:
        return run.metrics[key][-1] if key in run.metrics else None
    numbers = [value for value in run.metrics[key] if not math.isnan(value)] or [math.nan]
    return min(numbers) if statistic is Statistic.MINIMUM else max(numbers)


def holds(filter: Filter, run: OracleRun) -> bool:
    """Return whether a filter lets a run through."""
    if isinstance(filter, And):
        return all(holds(term, run) for term in filter.terms)
    if isinstance(filter, Or):
        return any(holds(term, run) for term in filter.terms)
    if isinstance(filter, Not):
        return not holds(filter.term, run)
    if filter.entity is Entity.DATASET:
        place = ("name", "digest", "context").index(filter.key)
        return any(_compare(dataset[place], filter) for dataset in run.datasets)
    value = value_of(filter.entity, filter.key, run, filter.statistic)
    if filter.operator is Operator.IS_NULL:
        return value is None
    if filter.operator is Operator.IS_NOT_NULL:
        return value is not None
    return _compare(value, filter)


def _compare(value: Any, comparison: Comparison) -> bool:
    wanted: Any = comparison.value
    if value is None:
        return False
    if comparison.operator is Operator.IN:
        return value in wanted
    if comparison.operator is Operator.NOT_IN:
        return value not in wanted
    if comparison.operator is Operator.LIKE:
        return like(value, wanted)
    if comparison.operator is Operator.ILIKE:
        return like(value.lower(), wanted.lower())
    return bool(_COMPARE[comparison.operator](value, wanted))


def like(text: str, pattern: str) -> bool:
    """Return whether SQL's pattern matches: ``%`` is any text, ``_`` one character, nothing escapes."""
    expression = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None
