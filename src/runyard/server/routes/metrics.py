"""MLflow's routes that read metrics, and our own for charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET
from starlette.responses import Response

from runyard.auth.permissions import Permission
from runyard.protocol import wire
from runyard.protocol.columns import CONTENT_TYPE, ColumnWriter, is_accepted
from runyard.protocol.messages.metrics import (
    GetMetricHistory,
    GetMetricHistoryAnswer,
    GetMetricHistoryBulk,
    GetMetricHistoryBulkAnswer,
    GetMetricHistoryBulkInterval,
    ReadSeries,
    ReadSeriesAnswer,
    SeriesColumns,
    SeriesHeader,
    WireSeries,
    encode_points,
)
from runyard.protocol.wire import wire_floats
from runyard.server.answers import Answer, streamed_response
from runyard.server.routing import Routes
from runyard.services import metrics, reach
from runyard.services.call import Call
from runyard.services.metrics import ChartLine, History
from runyard.stores.metrics.base import Axis

routes = Routes()
_BASE = "/api/2.0/mlflow/metrics"
_POINTS_AT_ONCE = 25_000
"""What is encoded in one go: long answers are made while they are sent."""


@routes.get(
    f"{_BASE}/get-history", permits=Permission.READ, of=reach.run, summary="Read all points of a metric."
)
def get_history(call: Call, body: GetMetricHistory) -> GetMetricHistoryAnswer | Response:
    """Answer points of one metric of one run."""
    history, token = metrics.get_history(
        call, body.run_id, body.metric_key, body.max_results, body.page_token
    )
    if not len(history.points):
        return GetMetricHistoryAnswer()
    blocks = _blocks(body.metric_key, [history], names_runs=False)
    return _points_response(blocks, token, is_long=len(history.points) > _POINTS_AT_ONCE)


@routes.get(
    f"{_BASE}/get-history-bulk",
    permits=Permission.READ,
    of=reach.runs,
    summary="Read a metric of several runs.",
)
def get_history_of_runs(call: Call, body: GetMetricHistoryBulk) -> GetMetricHistoryBulkAnswer | Response:
    """Answer points of one metric of several runs."""
    found = metrics.get_history_of_runs(call, body.run_id, body.metric_key, body.max_results)
    return _points_response(_blocks(body.metric_key or "", found, names_runs=True))


@routes.get(
    f"{_BASE}/get-history-bulk-interval",
    permits=Permission.READ,
    of=reach.runs,
    summary="Read evenly taken points of a metric of several runs.",
)
def sample_history_of_runs(
    call: Call, body: GetMetricHistoryBulkInterval
) -> GetMetricHistoryAnswer | Response:
    """Answer a sample of one metric of several runs."""
    steps = (body.start_step, body.end_step)
    found = metrics.sample_history_of_runs(call, body.run_ids, body.metric_key, body.max_results, steps)
    if not any(len(history.points) for history in found):
        return GetMetricHistoryAnswer()
    return _points_response(_blocks(body.metric_key, found, names_runs=True))


@routes.post(
    "/api/v1/series",
    permits=Permission.READ,
    of=reach.runs,
    summary="Read the lines of a chart, or all their points.",
    binary=CONTENT_TYPE,
)
def read_series(call: Call, body: ReadSeries, accept: str | None) -> ReadSeriesAnswer | Response:
    """Answer lines thinned to the width of a chart, or raw: as JSON, or as binary columns if asked to."""
    lines, token = metrics.read_series(call, body)
    if not is_accepted(accept):
        return ReadSeriesAnswer(series=[_wire_series(line) for line in lines], next_page_token=token or UNSET)
    writer = ColumnWriter()
    header = SeriesHeader(
        series=[SeriesColumns(**_names_of(line), columns=writer.add(_columns_of(line))) for line in lines],
        next_page_token=token or UNSET,
    )
    return Answer(writer.written(header), content_type=CONTENT_TYPE.encode())


def _blocks(key: str, histories: Sequence[History], *, names_runs: bool) -> Iterator[bytes]:
    for history in histories:
        for start in range(0, len(history.points), _POINTS_AT_ONCE):
            some = history.points[start : start + _POINTS_AT_ONCE]
            yield encode_points(
                key,
                some.values.tolist(),
                some.timestamps_ms.tolist(),
                some.steps.tolist(),
                history.run_id if names_runs else None,
            )


def _points_response(blocks: Iterator[bytes], token: str | None = None, *, is_long: bool = False) -> Response:
    def parts() -> Iterator[bytes]:
        separator = b'{"metrics":['
        for block in blocks:
            yield separator + block
            separator = b","
        end = b"]" if separator == b"," else separator + b"]"
        yield end + (b',"next_page_token":' + wire.encode(token) if token else b"") + b"}"

    return streamed_response(parts()) if is_long else Answer(b"".join(parts()))


def _columns_of(line: ChartLine) -> dict[str, Any]:
    """Return a line's columns by the names that they have on the wire."""
    points, buckets = line.thinned.points, line.thinned.buckets
    if len(buckets):
        return {
            "x": buckets.xs - line.origin_ms,
            "last": buckets.lasts,
            "first": buckets.firsts,
            "min": buckets.minima,
            "max": buckets.maxima,
            "mean": buckets.means,
        }
    xs = points.steps if line.axis is Axis.STEP else points.timestamps_ms - line.origin_ms
    found = {"x": xs, "last": points.values}
    return found | {"step": points.steps, "timestamp": points.timestamps_ms} if line.is_raw else found


def _wire_series(line: ChartLine) -> WireSeries:
    lists: dict[str, Any] = {
        name: wire_floats(column.tolist()) if column.dtype.kind == "f" else column.tolist()
        for name, column in _columns_of(line).items()
    }
    return WireSeries(**_names_of(line), **lists)


def _names_of(line: ChartLine) -> dict[str, Any]:
    return {
        "run_id": line.run_id,
        "key": line.key,
        "point_count": line.thinned.point_count,
        "is_bucketed": bool(len(line.thinned.buckets)),
    }
