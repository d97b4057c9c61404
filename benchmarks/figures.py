"""What is measured, in which unit, and what Runyard must reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A figure of one contestant: the median of its readings, or a note that says why there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    readings: int = 0
    cpu_ms: float | None = None
    note: str = ""
    failure_count: int = 0


@dataclass(frozen=True)
class Figure:
    """A figure and its targets; a multiple is how many times better than that peer's."""

    key: str
    workload: str
    title: str
    unit: str
    is_more_better: bool = False
    target: float | None = None
    times_fasttrackml: float | None = None
    times_mlflow: float | None = None
    times_on_postgres: float | None = None

    def times(self, value: float, other: float) -> float:
        """Return how many times better the first value is than the other."""
        if self.is_more_better:
            return value / other if other else float("inf")
        return other / value if value else float("inf")

    def reaches(self, value: float) -> bool | None:
        """Tell whether a value reaches the target, if there is one."""
        if self.target is None:
            return None
        return value >= self.target if self.is_more_better else value <= self.target


def _rate(key: str, workload: str, title: str, unit: str, **targets: float) -> Figure:
    return Figure(key, workload, title, unit, is_more_better=True, **targets)


def _cost(key: str, workload: str, title: str, unit: str = "ms", **targets: float) -> Figure:
    return Figure(key, workload, title, unit, is_more_better=False, **targets)


_LOGGING = (
    _cost("create_run", "A", "create a run, median", target=0.5, times_fasttrackml=1),
    _rate(
        "one_metric_1",
        "B",
        "one metric a call, 1 client",
        "calls/s",
        target=3500,
        times_fasttrackml=3,
        times_on_postgres=3,
    ),
    _rate(
        "one_metric_8",
        "B",
        "one metric a call, 8 clients",
        "calls/s",
        target=12_000,
        times_fasttrackml=5.5,
        times_on_postgres=3,
    ),
    _rate(
        "batch_1",
        "C",
        "batches of 1000 metrics, 1 client",
        "points/s",
        target=600_000,
        times_fasttrackml=13,
        times_mlflow=65,
        times_on_postgres=3,
    ),
    _rate(
        "batch_8",
        "C",
        "batches of 1000 metrics, 8 clients",
        "points/s",
        target=900_000,
        times_fasttrackml=16,
        times_on_postgres=3,
    ),
    _rate(
        "wide_8",
        "C-wide",
        "batches of 1000 different keys, 8 clients",
        "points/s",
        target=500_000,
        times_fasttrackml=8,
        times_on_postgres=3,
    ),
    _rate("same_run_calls", "same-run", "one metric a call, 8 clients, one run", "calls/s"),
    _rate("same_run_batches", "same-run", "batches of 1000 metrics, 8 clients, one run", "points/s"),
    _cost("params_tags", "D", "100 params and 100 tags, median", target=1.5),
    _rate(
        "steps",
        "E",
        "20 runs log steps of 10 metrics",
        "steps/s",
        target=8000,
        times_fasttrackml=10,
        times_on_postgres=3,
    ),
    _cost("steps_p95", "E", "the same, 95 % of the answers within", target=8),
    _rate("fleet_points", "fleet", "200 runs, 50 metrics a second each", "points/s", target=9_900),
    _cost("fleet_p99", "fleet", "the same, 99 % of the answers within", target=250),
    _rate("fleet_calls", "fleet", "one metric a call, 50 clients, 50 runs", "calls/s"),
)
_SEARCH = (
    _cost(
        "search_1000",
        "F",
        "1000 of 10,000 runs",
        target=12,
        times_fasttrackml=15,
        times_mlflow=180,
        times_on_postgres=3,
    ),
    _cost("search_100", "F", "100 of 10,000 runs", target=2, times_on_postgres=3),
    _cost("search_order", "F", "filter, order by a metric, 100 of 10,000", target=4, times_on_postgres=3),
    _rate("page_all", "F", "page through 10,000 runs", "rows/s", target=80_000, times_on_postgres=3),
    _cost("search_writing", "F", "the filtered search beside 4 writers", target=8),
    _rate("writing_steps", "F", "what the 4 writers log meanwhile", "steps/s", target=5_000),
    _cost("search_100_of_1k", "F-growth", "100 of 1,000 runs"),
    _cost("search_order_of_1k", "F-growth", "filter, order, 100 of 1,000"),
    _cost("search_against_of_1k", "F-growth", "filter against the order, 100 of 1,000"),
    _cost("search_100_of_100k", "F-growth", "100 of 100,000 runs"),
    _cost("search_order_of_100k", "F-growth", "filter, order, 100 of 100,000", target=8),
    _cost("search_against_of_100k", "F-growth", "filter against the order, 100 of 100,000", target=25),
    _cost("wide_table", "ftml-860", "table of 100 runs with 1,500 metrics each, 95 % within", target=300),
    _cost("wide_search", "ftml-860", "filter such runs, order by a metric, 20 rows, 95 % within", target=300),
    _cost("wide_chart", "ftml-860", "chart of 100 such runs (bulk-interval)", target=500),
    _cost("wide_series", "ftml-860", "chart of 100 such runs (/api/v1/series)", target=500),
)
_HISTORY = (
    _rate("history", "G", "history of 1M points, one answer", "points/s", target=3e6),
    _rate("history_pages", "G", "history of 1M points, pages of 25,000", "points/s"),
    _cost("interval_20", "G", "bulk-interval, 20 runs × 100k points", target=10),
    _cost("series_20", "G", "/api/v1/series, 20 runs × 100k points, 1000 wide"),
    _cost("interval_20_large", "G", "bulk-interval, 20 runs × 10M points", target=80),
    *(
        figure
        for size in ("10k", "100k", "1M", "10M")
        for figure in (
            _cost(f"interval_of_{size}", "G-growth", f"bulk-interval of a run of {size} points"),
            _cost(f"page_of_{size}", "G-growth", f"first 10,000 of {size} points"),
        )
    ),
)
_FOOTPRINT = (
    _cost("disk_20", "H", "disk, series of 20 points", "bytes/point", target=14),
    _cost("disk_200", "H", "disk, series of 200 points", "bytes/point", target=12),
    _cost("disk_5000", "H", "disk, series of 5,000 points", "bytes/point", target=12),
    _cost("memory_idle", "memory", "just started (PSS)", "MB", target=120),
    _cost("memory_loaded", "memory", "after all of this (PSS)", "MB", target=200),
    _cost("start", "I", "first start to the first answer", "s", target=1.5),
)
_ARTIFACTS = (
    _rate("upload", "J", "upload of 512 MB", "MB/s", target=1000),
    _rate("download", "J", "download of 512 MB", "MB/s", target=1000),
    _rate("small_up", "J", "uploads of 10 kB, 8 clients", "files/s", target=3000),
    _rate("small_down", "J", "downloads of 10 kB, 8 clients", "files/s", target=5000),
)
FIGURES = {one.key: one for one in (*_LOGGING, *_SEARCH, *_HISTORY, *_FOOTPRINT, *_ARTIFACTS)}
