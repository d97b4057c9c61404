"""Searching runs: pages, filters, orders, beside writers, and as the store grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks import mlflow_copies, samples
from benchmarks.client import API, Connection
from benchmarks.trial import Load, Measured, Trial
from benchmarks.workloads.logging import fresh_runs, new_experiment

FILTERED: dict[str, Any] = {
    "filter": "metrics.m1 > 0.5 and params.p1 = 'x'",
    "order_by": ["metrics.m2 DESC"],
    "max_results": 100,
}
# m3 is 1 - m2: the runs that this keeps are the last ones in the order that it asks for.
AGAINST: dict[str, Any] = {
    "filter": "metrics.m3 > 0.8",
    "order_by": ["metrics.m2 DESC"],
    "max_results": 100,
}
SEARCH_CAP_S = 6.0
PAGING_CAP_S = 12.0
WRITING_S = 4.0
WRITERS = 4
PAGE = 1000


async def search_runs(trial: Trial) -> None:
    """F: pages of 10,000 runs with 20 metrics, 20 params and 5 tags each."""
    experiment, note = await _experiment_of(trial, 10_000)
    await trial.settle()
    for key, asked in (
        ("search_1000", {"max_results": 1000}),
        ("search_100", {"max_results": 100}),
        ("search_order", FILTERED),
    ):
        await measure_search(trial, key, {"experiment_ids": [experiment], **asked}, note)
    await trial.repeat("page_all", lambda: _page_through(trial, experiment), note)
    await _search_beside_writers(trial, experiment, note)


async def search_growing(trial: Trial) -> None:
    """F-growth: the same questions to 1,000 and to 100,000 runs; peers are spared the latter."""
    sizes = [("1k", 1000), ("100k", 100_000)] if trial.is_runyard else [("1k", 1000)]
    for name, size in sizes:
        experiment, note = await _experiment_of(trial, size, patience=3)
        await trial.settle()
        for key, asked in (
            ("search_100", {"max_results": 100}),
            ("search_order", FILTERED),
            ("search_against", AGAINST),
        ):
            await measure_search(trial, f"{key}_of_{name}", {"experiment_ids": [experiment], **asked}, note)
    trial.leave_out(
        [f"{key}_of_100k" for key in ("search_100", "search_order", "search_against")],
        "not asked of peers: seeding takes too long",
    )


async def _experiment_of(trial: Trial, full: int, patience: float = 1) -> tuple[str, str]:
    """Make an experiment of so many runs, or as many as the time allows; return its id and a note on that."""
    wanted, cap_s = trial.extent.count(full, least=5), trial.extent.seed_s * patience
    async with trial.connection() as connection:
        experiment = await new_experiment(connection, "F")

    async def put(connection: Connection, number: int) -> None:
        message = samples.new_run(experiment, f"run {number}", samples.searched_tags(number))
        run = (await connection.call("runs/create", message))["run"]["info"]["run_id"]
        await connection.call("runs/log-batch", {"run_id": run, **samples.searched_content(number)})
        await connection.call(
            "runs/update", {"run_id": run, "status": "FINISHED", "end_time": samples.EPOCH_MS}
        )

    done = await trial.seed(range(wanted), put, cap_s)
    if done < wanted and trial.server.contestant.product == "mlflow" and trial.server.cluster is None:
        mlflow_copies.copy_runs(trial.server.folder / "mlflow.db", experiment, wanted - done)
        return experiment, f"{wanted:,} runs, {wanted - done:,} of them copies made in its own tables"
    late = f": {wanted:,} were not there in time" if done < wanted else ""
    return experiment, "" if done >= full else f"{done:,} runs{late}"


async def measure_search(
    trial: Trial, key: str, message: dict[str, Any], note: str, share: float = 0.5, times: int = 15
) -> None:
    """Search again and again and record the time within which a share of the answers came."""
    request = trial.address.call("runs/search", message)
    load, _ = await trial.ask(request, trial.extent.count(times, least=2), SEARCH_CAP_S)
    trial.record(key, [_quantile(load, share)], note)


def _quantile(load: Load, share: float) -> Measured:
    return Measured(load.quantile_ms(share), load.cpu_ms, load.failures)


async def _page_through(trial: Trial, experiment: str) -> Measured:
    rows, load, token = 0, Load(), ""
    loop = asyncio.get_running_loop()
    async with trial.connection() as connection:
        cpu_s, started = trial.server.cpu_s(), loop.time()
        while loop.time() - started < PAGING_CAP_S:
            message = {"experiment_ids": [experiment], "max_results": PAGE}
            request = trial.address.call("runs/search", message | ({"page_token": token} if token else {}))
            body = await trial.timed(connection, request, load)
            if load.failures:
                break
            page = msgspec.json.decode(body)
            rows += len(page.get("runs", ()))
            token = page.get("next_page_token", "")
            if not token:
                break
        load.cpu_s = trial.server.cpu_s() - cpu_s
    return Measured(rows / sum(load.latencies_s) if rows else float("nan"), load.cpu_ms, load.failures)


async def _search_beside_writers(trial: Trial, experiment: str, note: str) -> None:
    runs = await fresh_runs(trial, "writers", WRITERS)
    seconds = trial.extent.seconds(WRITING_S)
    steps = list(samples.batches(trial.extent.count(8000, least=20), samples.names("m", 10), size=10))
    writing = asyncio.create_task(trial.drive([_step_requests(trial, run, steps) for run in runs], seconds))
    found = Load()
    request = trial.address.call("runs/search", {"experiment_ids": [experiment], **FILTERED})
    async with trial.connection() as connection:
        while True:
            await trial.timed(connection, request, found)
            if writing.done():
                break
    written = await writing
    trial.record("search_writing", [Measured(found.median_ms, None, found.failures)], note)
    trial.record("writing_steps", [Measured(written.per_s, None, written.failures)], note)


def _step_requests(trial: Trial, run: str, steps: Sequence[bytes]) -> list[bytes]:
    return [trial.address.send(API + "runs/log-batch", samples.batch(run, step)) for step in steps]
