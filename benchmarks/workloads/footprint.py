"""What is left behind: bytes on disk for a point, memory, and how long a start takes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import samples
from benchmarks.client import API, Connection
from benchmarks.contestants import Contestant, running
from benchmarks.trial import Measured, Trial
from benchmarks.workloads.logging import fresh_runs

POINTS = 400_000
# Figure -> points of a series, keys of a run: as many points in all, however they are spread.
SHAPES = {"disk_20": (20, 100), "disk_200": (200, 100), "disk_5000": (5000, 10)}
SLOW_START_S = 4.0


async def measure_disk(trial: Trial) -> None:
    """H: bytes a point, once the server has nothing more to tidy up."""
    for key, (length, width) in SHAPES.items():
        full = POINTS // (length * width)
        wanted = trial.extent.count(full)
        await trial.settle()
        before = trial.server.bytes_in_use()
        runs = await fresh_runs(trial, "H", wanted)
        done = await _log_shape(trial, runs, length, width)
        await trial.settle()
        per_point = (trial.server.bytes_in_use() - before) / (done * length * width)
        note = "" if done == full else f"{done} of {full} runs"
        trial.record(key, [Measured(per_point)], note)


async def _log_shape(trial: Trial, runs: list[str], length: int, width: int) -> int:
    keys = samples.names("series", width)
    bodies = list(samples.batches(length * width // samples.MAX_METRICS, keys))

    async def put(connection: Connection, run: str) -> None:
        for body in bodies:
            request = trial.address.send(API + "runs/log-batch", samples.batch(run, body))
            (await connection.request(request)).json()
        await connection.call(
            "runs/update", {"run_id": run, "status": "FINISHED", "end_time": samples.EPOCH_MS}
        )

    return await trial.seed(runs, put, trial.extent.seed_s / 2)


def measure_memory(trial: Trial, key: str) -> None:
    """Record what the server's processes hold now."""
    held = trial.server.memory()
    trial.record(key, [Measured(held.megabytes)], f"{held.process_count} process(es)")


def measure_start(trial: Trial, folder: Path) -> None:
    """I: record the start of this trial's server and, where that was quick, a few more in fresh folders."""
    times = [trial.server.started_in_s]
    if times[0] < SLOW_START_S:
        times += [_start_once(trial.server.contestant, folder) for _ in range(trial.extent.repeats - 1)]
    trial.record("start", [Measured(time_s) for time_s in times])


def _start_once(contestant: Contestant, folder: Path) -> float:
    with (
        tempfile.TemporaryDirectory(dir=folder) as fresh,
        running(contestant, _passable(Path(fresh)) / "again") as server,
    ):
        return server.started_in_s


def _passable(folder: Path) -> Path:
    folder.chmod(0o711)  # PostgreSQL's own user must get to the folder below
    return folder
