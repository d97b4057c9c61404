"""Writing: runs, single metrics, batches, params and tags, many runs at once."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Iterable, Sequence

from benchmarks import samples
from benchmarks.client import API, Connection
from benchmarks.trial import CLIENTS, Load, Measured, Trial

CAP_S = 3.0
WARM_UPS = 4
TRAINED_RUNS = 20
FLEET = 200
FLEET_METRICS = 50
PLAIN_CLIENTS = 50


async def new_experiment(connection: Connection, name: str) -> str:
    """Create an experiment and return its id."""
    made = await connection.call("experiments/create", {"name": f"{name} {uuid.uuid4().hex[:8]}"})
    return str(made["experiment_id"])


async def new_runs(connection: Connection, experiment_id: str, count: int) -> list[str]:
    """Create runs and return their ids."""
    runs = []
    for number in range(count):
        made = await connection.call("runs/create", samples.new_run(experiment_id, f"run {number}"))
        runs.append(str(made["run"]["info"]["run_id"]))
    return runs


async def fresh_runs(trial: Trial, name: str, count: int) -> list[str]:
    """Create runs in an experiment of their own."""
    async with trial.connection() as connection:
        return await new_runs(connection, await new_experiment(connection, name), count)


def rate(load: Load, per_answer: int = 1) -> Measured:
    """Return answers, or what they hold, a second."""
    return Measured(load.per_s * per_answer, load.cpu_ms, load.failures)


async def warm_up(trial: Trial) -> None:
    """Have every process of the server answer something, so that nobody is measured while it still loads."""
    async with trial.connection() as connection:
        experiment = await new_experiment(connection, "warm-up")
        (run,) = await new_runs(connection, experiment, 1)
    requests = [
        trial.address.call("runs/search", {"experiment_ids": [experiment], "max_results": 5}),
        *_single_metrics(trial, run, 3),
    ]
    for _ in range(WARM_UPS):
        await trial.drive([requests] * CLIENTS, CAP_S)


async def create_runs(trial: Trial) -> None:
    """A: one client creates runs."""
    async with trial.connection() as connection:
        experiment = await new_experiment(connection, "A")

    async def once() -> Measured:
        tags = samples.pairs("tag", 1)
        messages = [
            samples.new_run(experiment, f"run {number}", tags) for number in range(trial.extent.count(500))
        ]
        load = await trial.drive(
            [[trial.address.call("runs/create", message) for message in messages]], CAP_S
        )
        return Measured(load.median_ms, load.cpu_ms, load.failures)

    await trial.repeat("create_run", once)


def _single_metrics(trial: Trial, run_id: str, count: int, first: int = 0) -> list[bytes]:
    points = samples.points(count, ["loss"], first)
    return [trial.address.call("runs/log-metric", {"run_id": run_id, **point}) for point in points]


async def log_single_metrics(trial: Trial) -> None:
    """B: one metric a call."""
    for key, clients, full in (("one_metric_1", 1, 4000), ("one_metric_8", CLIENTS, 2000)):

        async def once(clients: int = clients, count: int = trial.extent.count(full)) -> Measured:
            runs = await fresh_runs(trial, "B", clients)
            return rate(await trial.drive([_single_metrics(trial, run, count) for run in runs], CAP_S))

        await trial.repeat(key, once)


async def log_batches(trial: Trial) -> None:
    """C: 100 steps of 10 metrics a call."""
    await _log_batches(trial, "batch_1", 1, samples.names("m", 10), trial.extent.count(400))
    await _log_batches(trial, "batch_8", CLIENTS, samples.names("m", 10), trial.extent.count(100))


async def log_wide_batches(trial: Trial) -> None:
    """C-wide: one step of 1000 metrics a call."""
    await _log_batches(trial, "wide_8", CLIENTS, samples.names("wide", 1000), trial.extent.count(60))


async def _log_batches(trial: Trial, key: str, clients: int, keys: Sequence[str], count: int) -> None:
    bodies = list(samples.batches(count, keys))

    async def once() -> Measured:
        runs = await fresh_runs(trial, "C", clients)
        load = await trial.drive([_batch_requests(trial, run, bodies) for run in runs], CAP_S)
        return rate(load, samples.MAX_METRICS)

    await trial.repeat(key, once)


def _batch_requests(trial: Trial, run_id: str, bodies: Iterable[bytes]) -> list[bytes]:
    return [trial.address.send(API + "runs/log-batch", samples.batch(run_id, body)) for body in bodies]


async def log_into_one_run(trial: Trial) -> None:
    """same-run: 8 clients log into one run, as the workers of a distributed training do."""
    count, batch_count = trial.extent.count(1500), trial.extent.count(60)
    keys = [samples.names(f"worker{client}/m", 10) for client in range(CLIENTS)]
    bodies = [list(samples.batches(batch_count, keys[client])) for client in range(CLIENTS)]

    async def calls() -> Measured:
        (run,) = await fresh_runs(trial, "same run", 1)
        lanes = [_single_metrics(trial, run, count, client * count) for client in range(CLIENTS)]
        return rate(await trial.drive(lanes, CAP_S))

    async def batches() -> Measured:
        (run,) = await fresh_runs(trial, "same run", 1)
        load = await trial.drive([_batch_requests(trial, run, lane) for lane in bodies], CAP_S)
        return rate(load, samples.MAX_METRICS)

    await trial.repeat("same_run_calls", calls)
    await trial.repeat("same_run_batches", batches)


async def log_params_and_tags(trial: Trial) -> None:
    """D: 100 params and 100 tags in one call, each into a run of its own."""
    content = {"params": samples.pairs("param", 100), "tags": samples.pairs("tag", 100)}

    async def once() -> Measured:
        runs = await fresh_runs(trial, "D", trial.extent.count(60))
        requests = [trial.address.call("runs/log-batch", {"run_id": run, **content}) for run in runs]
        load = await trial.drive([requests], CAP_S)
        return Measured(load.median_ms, load.cpu_ms, load.failures)

    await trial.repeat("params_tags", once)


async def train(trial: Trial) -> None:
    """E: 20 runs at once, each logs 200 steps of 10 metrics as fast as it can."""
    bodies = list(samples.batches(trial.extent.count(200), samples.names("m", 10), size=10))
    loads = []
    for _ in range(trial.extent.repeats):
        runs = await fresh_runs(trial, "E", TRAINED_RUNS)
        loads.append(await trial.drive([_batch_requests(trial, run, bodies) for run in runs], 2 * CAP_S))
    trial.record("steps", [rate(load) for load in loads])
    trial.record("steps_p95", [Measured(load.quantile_ms(0.95), load.cpu_ms) for load in loads])


async def train_fleet(trial: Trial) -> None:
    """fleet: 200 runs that log 50 metrics each second, then 50 plain clients as fast as they can."""
    fleet, seconds = trial.extent.count(FLEET, least=4), trial.extent.seconds(8)
    runs = await fresh_runs(trial, "fleet", fleet)
    load = await _pace(trial, runs, seconds)
    note = "" if fleet == FLEET else f"{fleet} runs"
    points = Measured(load.per_s * FLEET_METRICS, load.cpu_ms, load.failures)
    trial.record("fleet_points", [points], note)
    trial.record("fleet_p99", [Measured(load.quantile_ms(0.99), load.cpu_ms)], note)

    async def once() -> Measured:
        runs = await fresh_runs(trial, "plain", trial.extent.count(PLAIN_CLIENTS, least=4))
        count = trial.extent.count(600)
        return rate(await trial.drive([_single_metrics(trial, run, count) for run in runs], CAP_S))

    await trial.repeat("fleet_calls", once)


async def _pace(trial: Trial, runs: Sequence[str], seconds: float) -> Load:
    """Have each run log a batch a second, not all at the same moment."""
    load, source = Load(), random.Random(3)
    keys = samples.names("m", FLEET_METRICS)
    steps = list(samples.batches(int(seconds) + 1, keys, size=FLEET_METRICS))

    async def log(run: str, offset_s: float) -> None:
        async with trial.connection() as connection:
            for number, request in enumerate(_batch_requests(trial, run, steps)):
                due = started + offset_s + number
                if due - started > seconds:
                    return
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await trial.timed(connection, request, load)

    cpu_s, started = trial.server.cpu_s(), time.perf_counter()
    await asyncio.gather(*(log(run, source.random() * min(1.0, seconds)) for run in runs))
    load.wall_s = max(time.perf_counter() - started, seconds)
    load.cpu_s = trial.server.cpu_s() - cpu_s
    return load
