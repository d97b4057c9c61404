"""Metric points in SQL: one row a point, one row a series with its latest point."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from runyard.entities.metric import Bucket, Metric, Point
from runyard.stores.database import Database, chunks, insert_missing, upsert
from runyard.stores.metadata.schema import metric_points, metric_series
from runyard.stores.metrics.base import Axis, MetricStore, ThinnedSeries, Window
from runyard.stores.metrics.buckets import BucketMaker

_Rank = tuple[int, int, float]


class SqlMetrics(MetricStore):
    """Keeps points in the tables ``metric_series`` and ``metric_points``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run_id: str, metrics: Sequence[Metric]) -> None:
        if not metrics:
            return
        with self._database.writing() as connection:
            series = _keep_series(connection, run_id, metrics)
            rows = [
                {
                    "series_id": series[metric.key],
                    "timestamp_ms": metric.timestamp_ms,
                    "step": metric.step,
                    **_value(metric.value),
                }
                for metric in metrics
            ]
            insert_missing(connection, metric_points, rows)

    def read_latest(self, run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        latest: dict[str, list[Metric]] = {run_id: [] for run_id in run_ids}
        with self._database.reading() as connection:
            for part in chunks(run_ids):
                query = select(metric_series).where(metric_series.c.run_id.in_(part))
                for row in connection.execute(query.order_by(metric_series.c.run_id, metric_series.c.key)):
                    value = math.nan if row.last_is_nan else row.last_value
                    latest[row.run_id].append(Metric(row.key, value, row.last_timestamp_ms, row.last_step))
        return latest

    def read_history(self, run_id: str, key: str, limit: int | None = None, offset: int = 0) -> list[Point]:
        columns = metric_points.c
        query = _points(run_id, key).order_by(
            columns.timestamp_ms, columns.step, columns.value, columns.is_nan
        )
        with self._database.reading() as connection:
            return [_point(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def sample_history(
        self, run_id: str, key: str, limit: int, steps: tuple[int, int] | None = None
    ) -> list[Point]:
        points, columns = _points(run_id, key), metric_points.c
        if steps is not None:
            points = points.where(columns.step.between(*steps))
        order = (columns.step, columns.timestamp_ms, columns.value, columns.is_nan)
        part = points.add_columns(func.ntile(limit).over(order_by=order).label("part")).subquery()
        in_part = (part.c.step, part.c.timestamp_ms, part.c.value, part.c.is_nan)
        nth = func.row_number().over(partition_by=part.c.part, order_by=in_part)
        ranked = select(part, nth.label("nth")).subquery()
        firsts = select(ranked).where(ranked.c.nth == 1).order_by(ranked.c.part)
        last = points.order_by(*(column.desc() for column in order)).limit(1)
        with self._database.reading() as connection:
            sampled = [_point(row) for row in connection.execute(firsts)]
            end = [_point(row) for row in connection.execute(last)]
        return _with_end(sampled, end, limit)

    def thin(self, run_id: str, key: str, window: Window, width: int) -> ThinnedSeries:
        columns = metric_points.c
        x = columns.step if window.axis is Axis.STEP else columns.timestamp_ms
        points = _points(run_id, key).where(*_within(x, window))
        extent = points.with_only_columns(func.count(), func.min(x), func.max(x))
        ordered = points.order_by(x, columns.timestamp_ms, columns.step, columns.value)
        with self._database.reading() as connection:
            count, first_x, last_x = connection.execute(extent).one()
            found = (_point(row) for row in connection.execute(ordered))
            if count <= width:
                return ThinnedSeries(count, points=list(found))
            return ThinnedSeries(count, buckets=_buckets(found, window.axis, first_x, last_x, width))


def _points(run_id: str, key: str) -> Select[Any]:
    columns = metric_points.c
    return (
        select(columns.timestamp_ms, columns.step, columns.value, columns.is_nan)
        .join(metric_series, metric_series.c.series_id == columns.series_id)
        .where(metric_series.c.run_id == run_id, metric_series.c.key == key)
    )


def _point(row: Row[Any]) -> Point:
    return Point(row.timestamp_ms, row.step, math.nan if row.is_nan else row.value)


def _value(value: float) -> dict[str, Any]:
    is_nan = math.isnan(value)
    return {"value": 0.0 if is_nan else float(value), "is_nan": is_nan}


def _rank(metric: Metric) -> _Rank:
    return (metric.step, metric.timestamp_ms, 0.0 if math.isnan(metric.value) else float(metric.value))


def _keep_series(connection: Connection, run_id: str, metrics: Sequence[Metric]) -> dict[str, int]:
    """Note the latest point of each key in the batch, and return the id of each key's series."""
    latest: dict[str, Metric] = {}
    for metric in metrics:
        if metric.key not in latest or _rank(metric) > _rank(latest[metric.key]):
            latest[metric.key] = metric
    known = _read_series(connection, run_id, list(latest))
    newer = [
        metric
        for key, metric in latest.items()
        if key not in known or _rank(metric) > _series_rank(known[key])
    ]
    rows = [{"run_id": run_id, "key": metric.key, **_as_latest(metric)} for metric in newer]
    new_keys = [metric.key for metric in newer if metric.key not in known]
    if rows:
        upsert(connection, metric_series, rows, list(_as_latest(newer[0])), unique=("run_id", "key"))
    if new_keys:
        known.update(_read_series(connection, run_id, new_keys))
    return {key: row.series_id for key, row in known.items()}


def _read_series(connection: Connection, run_id: str, keys: Sequence[str]) -> dict[str, Row[Any]]:
    query = select(metric_series).where(metric_series.c.run_id == run_id, metric_series.c.key.in_(keys))
    return {row.key: row for row in connection.execute(query)}


def _series_rank(row: Row[Any]) -> _Rank:
    return (row.last_step, row.last_timestamp_ms, row.last_value)


def _as_latest(metric: Metric) -> dict[str, Any]:
    value = _value(metric.value)
    return {
        "last_step": metric.step,
        "last_timestamp_ms": metric.timestamp_ms,
        "last_value": value["value"],
        "last_is_nan": value["is_nan"],
    }


def _with_end(sampled: list[Point], end: list[Point], limit: int) -> list[Point]:
    """Make the last point the sample's last, in place of another one if the sample is full."""
    if end and (not sampled or repr(sampled[-1]) != repr(end[0])):
        return [*sampled[: limit - 1], end[0]] if len(sampled) >= limit else [*sampled, end[0]]
    return sampled


def _within(x: ColumnElement[int], window: Window) -> list[ColumnElement[bool]]:
    conditions = []
    if window.start is not None:
        conditions.append(x >= window.start)
    if window.end is not None:
        conditions.append(x <= window.end)
    return conditions


def _buckets(points: Iterable[Point], axis: Axis, first_x: int, last_x: int, width: int) -> list[Bucket]:
    """Cut the x range into ``width`` equal parts; a part without points makes no bucket."""
    makers: dict[int, BucketMaker] = defaultdict(BucketMaker)
    span = last_x - first_x + 1
    for point in points:
        x = point.step if axis is Axis.STEP else point.timestamp_ms
        makers[(x - first_x) * width // span].add(x, point.value)
    return [maker.bucket() for maker in makers.values()]
