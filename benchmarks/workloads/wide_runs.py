"""A fiftieth of the data set of FastTrackML's issue 860: runs with 1,500 metrics, 150 params and 50 tags."""

from __future__ import annotations

from typing import Any

from benchmarks import samples
from benchmarks.client import API, Connection
from benchmarks.trial import Trial
from benchmarks.workloads.history import measure_interval, measure_series
from benchmarks.workloads.logging import new_experiment
from benchmarks.workloads.search import measure_search

EXPERIMENTS = 50
RUNS = 1500
METRICS = 1500
STEPS = 20
PARAMS = 150
TAGS = 50
SHOWN = 100
# Values of their own for each run would keep the client too busy to load the server.
VARIANTS = 8
KEYS = ("wide_table", "wide_search", "wide_chart", "wide_series")


async def look_at_wide_runs(trial: Trial) -> None:
    """R14, ftml-860: the table of an experiment's runs, a search among them, and a chart of 100."""
    experiments = EXPERIMENTS if trial.extent.is_large else 1
    async with trial.connection() as connection:
        made = [await new_experiment(connection, "wide") for _ in range(experiments)]
    wanted = trial.extent.count(RUNS, least=2) * experiments
    cap_s = trial.extent.seed_s * (100 if trial.extent.is_large else 1)
    shown, done = await _seed(trial, made, wanted, cap_s)
    late = f", as there were after {cap_s:.0f} s at most" if done < wanted else ""
    note = "" if done == RUNS * experiments else f"{done:,} of {RUNS * experiments:,} runs{late}"
    await trial.settle(600 if trial.extent.is_large else 40)
    asked: dict[str, Any] = {"experiment_ids": [made[0]]}
    await measure_search(trial, "wide_table", asked | {"max_results": SHOWN}, note, share=0.95, times=20)
    filtered = {"filter": "metrics.metric7 > 0.5", "order_by": ["metrics.metric8 DESC"], "max_results": 20}
    await measure_search(trial, "wide_search", asked | filtered, note, share=0.95, times=20)
    await measure_interval(trial, "wide_chart", shown, note, "metric7")
    await measure_series(trial, "wide_series", shown, note, "metric7")


async def _seed(trial: Trial, experiments: list[str], wanted: int, cap_s: float) -> tuple[list[str], int]:
    """Make the runs in turn in each experiment; return the first of those that were made and their number."""
    points, keys = METRICS * trial.extent.count(STEPS, least=2), samples.names("metric", METRICS)
    count = points // samples.MAX_METRICS
    variants = [list(samples.batches(count, keys, seed=seed)) for seed in range(min(VARIANTS, wanted))]
    tags = samples.pairs("tag", TAGS)
    params = list(samples.cut(samples.pairs("param", PARAMS), samples.MAX_PARAMS))
    shown: list[str] = []

    async def put(connection: Connection, number: int) -> None:
        message = samples.new_run(experiments[number % len(experiments)], f"run {number}", tags)
        run = str((await connection.call("runs/create", message))["run"]["info"]["run_id"])
        for part in params:
            await connection.call("runs/log-batch", {"run_id": run, "params": part})
        for body in variants[number % len(variants)]:
            request = trial.address.send(API + "runs/log-batch", samples.batch(run, body))
            (await connection.request(request)).json()
        await connection.call(
            "runs/update", {"run_id": run, "status": "FINISHED", "end_time": samples.EPOCH_MS}
        )
        if len(shown) < SHOWN:
            shown.append(run)

    return shown, await trial.seed(range(wanted), put, cap_s)
