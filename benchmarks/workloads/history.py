"""Reading histories: whole ones, pages, and what charts draw of them, as they grow."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from urllib.parse import quote, urlencode

import msgspec

from benchmarks import samples
from benchmarks.client import API, Connection
from benchmarks.trial import Load, Measured, Trial
from benchmarks.workloads.logging import fresh_runs

KEY = "loss"
INTERVAL = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?"
SERIES = "/api/v1/series"
PAGE = 25_000
FIRST_PAGE = 10_000
READ_CAP_S = 15.0
ASK_CAP_S = 6.0
TIMES = 7
CHART_POINTS = 320
CHART_WIDTH = 1000
CHART_RUNS = 20


async def read_histories(trial: Trial) -> None:
    """G: a run of a million points, whole; 20 runs of 100,000 each, as a chart wants them."""
    (run,), note = await seed_runs(trial, "G", 1, 1_000_000)
    await trial.settle()
    await trial.repeat("history", lambda: _read_all(trial, run, None), note)
    await trial.repeat("history_pages", lambda: _read_all(trial, run, PAGE), note)
    runs, note = await seed_runs(trial, "G", CHART_RUNS, 100_000)
    await trial.settle()
    await measure_interval(trial, "interval_20", runs, note)
    await measure_series(trial, "series_20", runs, note)
    if trial.extent.is_large and trial.is_runyard:
        runs, note = await seed_runs(trial, "G", CHART_RUNS, 10_000_000, patience=30)
        await trial.settle(600)
        await measure_interval(trial, "interval_20_large", runs, note)
    trial.leave_out(["interval_20_large"], "only with --large, and not asked of peers")


async def read_growing(trial: Trial) -> None:
    """G-growth: the same two questions to runs of 10^4 to 10^7 points; peers are spared the last."""
    sizes = {"10k": 10**4, "100k": 10**5, "1M": 10**6} | ({"10M": 10**7} if trial.is_runyard else {})
    for name, size in sizes.items():
        runs, note = await seed_runs(trial, "G-growth", 1, size)
        await trial.settle(40 if size < 10**7 else 100)
        await measure_interval(trial, f"interval_of_{name}", runs, note)
        request = trial.address.get(f"{API}metrics/get-history?{_query(runs[0], FIRST_PAGE)}")
        load, _ = await trial.ask(request, trial.extent.count(TIMES, least=2), ASK_CAP_S)
        trial.record(f"page_of_{name}", [_median(load)], note)
    trial.leave_out(["interval_of_10M", "page_of_10M"], "not asked of peers: seeding takes too long")


async def seed_runs(
    trial: Trial, name: str, count: int, full: int, patience: float = 1
) -> tuple[list[str], str]:
    """Log so many points into each run, or as many as the time allows; return the runs and a note on that."""
    runs = await fresh_runs(trial, name, count)
    per_run = trial.extent.count(full // samples.MAX_METRICS)
    cap_s = trial.extent.seed_s * patience

    size = samples.MAX_METRICS
    batch_of = functools.lru_cache(maxsize=2)(lambda turn: samples.encoded(size, [KEY], turn * size))

    async def put(connection: Connection, number: int) -> None:
        # All runs get the same batch before any gets the next: they are equally long whenever time is over.
        turn, place = divmod(number, count)
        request = trial.address.send(API + "runs/log-batch", samples.batch(runs[place], batch_of(turn)))
        (await connection.request(request)).json()

    done = await trial.seed(range(per_run * count), put, cap_s) // count
    for run in runs:
        async with trial.connection() as connection:
            await connection.call(
                "runs/update", {"run_id": run, "status": "FINISHED", "end_time": samples.EPOCH_MS}
            )
    if done * size >= full:
        return runs, ""
    late = f": {per_run * size:,} were not there in time" if done < per_run else ""
    return runs, f"{done * size:,} points a run{late}"


async def _read_all(trial: Trial, run: str, page_size: int | None) -> Measured:
    load, count, token = Load(), 0, ""
    stop = time.perf_counter() + READ_CAP_S
    async with trial.connection() as connection:
        cpu_s = trial.server.cpu_s()
        while time.perf_counter() < stop:
            path = f"{API}metrics/get-history?{_query(run, page_size)}"
            request = trial.address.get(path + (f"&page_token={quote(token)}" if token else ""))
            body = await trial.timed(connection, request, load)
            if load.failures:
                break
            count += body.count(b'"timestamp"')
            token = _next_token(body)
            if not token:
                break
        load.cpu_s = trial.server.cpu_s() - cpu_s
    return Measured(count / sum(load.latencies_s) if count else float("nan"), load.cpu_ms, load.failures)


def _next_token(body: bytes) -> str:
    """Return the token of the next page, without decoding a million points for it."""
    if body.rfind(b'"next_page_token"') < 0:
        return ""
    return str(msgspec.json.decode(body, type=_Tail).next_page_token)


class _Tail(msgspec.Struct):
    next_page_token: str = ""


def _query(run: str, page_size: int | None) -> str:
    return urlencode({"run_id": run, "metric_key": KEY} | ({"max_results": page_size} if page_size else {}))


async def measure_interval(trial: Trial, key: str, runs: Iterable[str], note: str, metric: str = KEY) -> None:
    """Ask for evenly taken points of runs, as MLflow's own charts do."""
    asked = [("run_ids", run) for run in runs] + [("metric_key", metric), ("max_results", str(CHART_POINTS))]
    request = trial.address.get(INTERVAL + urlencode(asked))
    load, _ = await trial.ask(request, trial.extent.count(TIMES, least=2), ASK_CAP_S)
    _record_if_offered(trial, key, load, note)


async def measure_series(trial: Trial, key: str, runs: list[str], note: str, metric: str = KEY) -> None:
    """Ask Runyard for the lines of a chart."""
    if not trial.is_runyard:
        trial.leave_out([key], "Runyard's own")
        return
    asked = msgspec.json.encode({"run_ids": runs, "keys": [metric], "x": "step", "width": CHART_WIDTH})
    load, _ = await trial.ask(
        trial.address.send(SERIES, asked), trial.extent.count(TIMES, least=2), ASK_CAP_S
    )
    _record_if_offered(trial, key, load, note)


def _record_if_offered(trial: Trial, key: str, load: Load, note: str) -> None:
    if any(text.startswith(("404", "405", "501")) for text in load.failures):
        trial.leave_out([key], "not offered")
    else:
        trial.record(key, [_median(load)], note)


def _median(load: Load) -> Measured:
    return Measured(load.median_ms, load.cpu_ms, load.failures)
