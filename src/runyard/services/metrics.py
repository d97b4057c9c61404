"""Reading metrics: whole histories, samples of them, and what a chart draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.messages.metrics import ReadSeries
from runyard.protocol.paging import page_token, parse_page_token
from runyard.protocol.wire import invalid, invalid_value
from runyard.services.call import Call
from runyard.stores.metrics.base import Axis, ThinnedSeries, Window
from runyard.stores.metrics.points import Points

MAX_HISTORY_PAGE = 25_000
MAX_RAW_POINTS = 250_000
MAX_RUNS_AT_ONCE = 100
MAX_SAMPLE_PER_RUN = 2_500
MAX_SERIES_KEYS = 50
MAX_SERIES_WIDTH = 4_000

_POINTS_OF_A_LINE = 2**40
"""More than any series has: an offset of this many is one line of a chart."""


@dataclass(frozen=True, slots=True)
class History:
    """Points of one metric of one run."""

    run_id: str
    points: Points


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart; ``origin_ms`` is what its times count from, ``is_raw`` that it is not thinned."""

    run_id: str
    key: str
    origin_ms: int
    axis: Axis
    thinned: ThinnedSeries
    is_raw: bool = False


def get_history(
    call: Call, run_id: str, key: str, limit: int | None, token: str | None
) -> tuple[History, str | None]:
    """Return points of one metric in order of timestamp, step, value, and the token of the page behind them.

    Without a ``limit`` these are all points. A run that is not there has none, as in MLflow's own store.
    """
    if limit is not None and limit <= 0:
        raise InvalidParameter(f"{invalid_value('max_results', limit)} It must be a positive integer.")
    offset = parse_page_token(token)
    if not call.stores.metadata.runs.find_run_ids(call.workspace.name, [run_id]):
        return History(run_id, Points.empty()), None
    asked = None if limit is None else limit + 1
    points = call.stores.metrics.read_history(run_id, key, asked, offset)
    if limit is None or len(points) <= limit:
        return History(run_id, points), None
    return History(run_id, points[:limit]), page_token(offset + limit)


def get_history_of_runs(
    call: Call, run_ids: Sequence[str], key: str | None, limit: int | None
) -> list[History]:
    """Return the points of one metric in several runs, by run id, at most 25,000 in all."""
    if not run_ids:
        raise InvalidParameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > MAX_RUNS_AT_ONCE:
        raise InvalidParameter(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_RUNS_AT_ONCE} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    if key is None:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    left = MAX_HISTORY_PAGE if limit is None else min(limit, MAX_HISTORY_PAGE)
    if left < 0:
        raise invalid("max_results", limit, "It must not be negative.")
    found: list[History] = []
    with call.stores.snapshot():
        for run_id in call.stores.metadata.runs.find_run_ids(call.workspace.name, sorted(set(run_ids))):
            found.append(History(run_id, call.stores.metrics.read_history(run_id, key, left)))
            left -= len(found[-1].points)
    return found


def sample_history_of_runs(
    call: Call, run_ids: Sequence[str], key: str, limit: int | None, steps: tuple[int | None, int | None]
) -> list[History]:
    """Return for each run at most ``limit`` evenly taken points of one metric.

    Source: MLflow's ``metrics/get-history-bulk-interval``.
    """
    if len(run_ids) > MAX_RUNS_AT_ONCE:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS_AT_ONCE} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    if limit is not None and not 1 <= limit <= MAX_SAMPLE_PER_RUN:
        raise InvalidParameter(f"max_results must be between 1 and {MAX_SAMPLE_PER_RUN}.")
    span, most = _step_span(*steps), limit or MAX_SAMPLE_PER_RUN
    with call.stores.snapshot():
        known = call.stores.metadata.runs.find_run_ids(call.workspace.name, run_ids)
        return [
            History(run_id, call.stores.metrics.sample_history(run_id, key, most, span)) for run_id in known
        ]


def _step_span(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if start > end:
        raise InvalidParameter(
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}."
        )
    return start, end


def read_series(call: Call, asked: ReadSeries) -> tuple[list[ChartLine], str | None]:
    """Return the lines of a chart that have points, and the token of the page behind them.

    Each is thinned to the width that was asked for, and there is one page; all points come in pages.
    """
    limits.check_page_size(len(asked.run_ids), MAX_RUNS_AT_ONCE, "run_ids")
    limits.check_page_size(len(asked.keys), MAX_SERIES_KEYS, "keys")
    limits.check_page_size(asked.width, MAX_SERIES_WIDTH, "width")
    if asked.x not in ("step", "time", "relative"):
        raise invalid("x", asked.x, "Expected step, time or relative.")
    with call.stores.snapshot():
        if asked.raw:
            return _raw_page(call, asked)
        lines = [line for run_id in asked.run_ids for line in _lines(call, asked, run_id)]
    return [line for line in lines if line.thinned.point_count], None


def _lines(call: Call, asked: ReadSeries, run_id: str) -> Iterator[ChartLine]:
    axis, origin_ms, window = _look(call, asked, run_id)
    thinned = call.stores.metrics.thin(run_id, asked.keys, window, asked.width)
    for key, each in zip(asked.keys, thinned, strict=True):
        yield ChartLine(run_id, key, origin_ms, axis, each)


def _raw_page(call: Call, asked: ReadSeries) -> tuple[list[ChartLine], str | None]:
    """Return all points of one line after the other, from where the token says until the page is full."""
    left = MAX_RAW_POINTS if asked.max_results is None else asked.max_results
    limits.check_page_size(left, MAX_RAW_POINTS)
    window = f"from {asked.start} to {asked.end}"
    question = {"run_ids": asked.run_ids, "keys": asked.keys, "x": asked.x, "window": window}
    first, offset = divmod(parse_page_token(asked.page_token, question), _POINTS_OF_A_LINE)
    names = [(run_id, key) for run_id in asked.run_ids for key in asked.keys]
    lines: list[ChartLine] = []
    for number, (run_id, key) in enumerate(names[first:], first):
        axis, origin_ms, within = _look(call, asked, run_id)
        points = call.stores.metrics.read_history(run_id, key, left + 1, offset, within)
        some = points[:left]
        if len(some):
            lines.append(ChartLine(run_id, key, origin_ms, axis, ThinnedSeries(len(some), some), is_raw=True))
        if len(points) > left:
            return lines, page_token(number * _POINTS_OF_A_LINE + offset + left, question)
        left, offset = left - len(points), 0
    return lines, None


def _look(call: Call, asked: ReadSeries, run_id: str) -> tuple[Axis, int, Window]:
    """Return the axis of a run's lines, what its times count from, and the window to look at."""
    run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    origin_ms = max(run.started_ms or 0, 0) if asked.x == "relative" else 0
    window = Window(
        axis=Axis.STEP if asked.x == "step" else Axis.TIME,
        start=None if asked.start is None else asked.start + origin_ms,
        end=None if asked.end is None else asked.end + origin_ms,
    )
    return window.axis, origin_ms, window
