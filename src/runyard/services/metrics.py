"""Reading metrics: whole histories, samples of them, and what a chart draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runyard.entities.metric import Point
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.messages.metrics import ReadSeries
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.wire import invalid, invalid_value
from runyard.services.call import Call
from runyard.stores.metrics.base import Axis, ThinnedSeries, Window

MAX_HISTORY_PAGE = 25_000
MAX_RUNS_AT_ONCE = 100
MAX_SAMPLE_PER_RUN = 2_500
MAX_SERIES_KEYS = 50
MAX_SERIES_WIDTH = 4_000


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart; ``origin_ms`` is what its times count from."""

    run_id: str
    key: str
    origin_ms: int
    axis: Axis
    thinned: ThinnedSeries


def get_history(call: Call, run_id: str, key: str, limit: int | None, page_token: str | None) -> Page[Point]:
    """Return points of one metric in order of timestamp, step, value; all of them without a ``limit``.

    A run that is not there has no points, as in MLflow's own store.
    """
    if limit is not None and limit <= 0:
        raise InvalidParameter(f"{invalid_value('max_results', limit)} It must be a positive integer.")
    offset = parse_page_token(page_token)
    if not call.stores.metadata.runs.find_run_ids(call.workspace.name, [run_id]):
        return Page([], None)
    asked = None if limit is None else limit + 1
    points = call.stores.metrics.read_history(run_id, key, asked, offset)
    return Page(points, None) if limit is None else page_of(points, limit, offset)


def get_history_of_runs(
    call: Call, run_ids: Sequence[str], key: str | None, limit: int | None
) -> list[tuple[str, Point]]:
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
    found: list[tuple[str, Point]] = []
    for run_id in call.stores.metadata.runs.find_run_ids(call.workspace.name, sorted(set(run_ids))):
        points = call.stores.metrics.read_history(run_id, key, left - len(found))
        found.extend((run_id, point) for point in points)
    return found


def sample_history_of_runs(
    call: Call, run_ids: Sequence[str], key: str, limit: int | None, steps: tuple[int | None, int | None]
) -> list[tuple[str, Point]]:
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
    span = _step_span(*steps)
    known = call.stores.metadata.runs.find_run_ids(call.workspace.name, run_ids)
    return [
        (run_id, point)
        for run_id in known
        for point in call.stores.metrics.sample_history(run_id, key, limit or MAX_SAMPLE_PER_RUN, span)
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


def read_series(call: Call, asked: ReadSeries) -> list[ChartLine]:
    """Return the lines of a chart, each thinned to the width that was asked for; empty ones are left out."""
    limits.check_page_size(len(asked.run_ids), MAX_RUNS_AT_ONCE, "run_ids")
    limits.check_page_size(len(asked.keys), MAX_SERIES_KEYS, "keys")
    limits.check_page_size(asked.width, MAX_SERIES_WIDTH, "width")
    if asked.x not in ("step", "time", "relative"):
        raise invalid("x", asked.x, "Expected step, time or relative.")
    with call.stores.snapshot():
        lines = [line for run_id in asked.run_ids for line in _lines(call, asked, run_id)]
    return [line for line in lines if line.thinned.point_count]


def _lines(call: Call, asked: ReadSeries, run_id: str) -> Iterable[ChartLine]:
    run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    origin_ms = (run.started_ms or 0) if asked.x == "relative" else 0
    axis = Axis.STEP if asked.x == "step" else Axis.TIME
    window = Window(
        axis=axis,
        start=None if asked.start is None else asked.start + origin_ms,
        end=None if asked.end is None else asked.end + origin_ms,
    )
    thinned = call.stores.metrics.thin(run_id, asked.keys, window, asked.width)
    for key, each in zip(asked.keys, thinned, strict=True):
        yield ChartLine(run_id, key, origin_ms, axis, each)
