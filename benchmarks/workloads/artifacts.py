"""Files through the server: one large, many small."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import Counter

from benchmarks import client
from benchmarks.client import OK, PIECE
from benchmarks.trial import CLIENTS, Measured, Trial
from benchmarks.workloads.logging import rate

MB = 1_000_000
LARGE_PIECES = 512
SMALL_BYTES = 10_000
SMALL_FILES = 2000
CAP_S = 8.0
BINARY = "application/octet-stream"
KEYS = ("upload", "download", "small_up", "small_down")


async def move_files(trial: Trial) -> None:
    """J: 512 MB up and down, then files of 10 kB by 8 clients."""
    base = f"/api/2.0/mlflow-artifacts/artifacts/bench/{uuid.uuid4().hex[:8]}"
    async with trial.connection() as connection:
        probe = trial.address.send(f"{base}/probe", b"probe", "PUT", BINARY)
        status = (await connection.request(probe)).status
    if status != OK:
        trial.leave_out(KEYS, f"not offered ({status})")
        return
    await _move_large(trial, base)
    await _move_small(trial, base)


async def _move_large(trial: Trial, base: str) -> None:
    piece, count = os.urandom(PIECE), trial.extent.count(LARGE_PIECES)
    ups, downs = [], []
    for number in range(trial.extent.repeats):
        path = f"{base}/large{number}"
        cpu_s, started = trial.server.cpu_s(), time.perf_counter()
        status = await asyncio.to_thread(client.upload, trial.address, path, piece, count)
        ups.append(_throughput(trial, count * PIECE, cpu_s, started, status == OK))
        cpu_s, started = trial.server.cpu_s(), time.perf_counter()
        status, length = await asyncio.to_thread(client.download, trial.address, path)
        downs.append(_throughput(trial, length, cpu_s, started, (status, length) == (OK, count * PIECE)))
    trial.record("upload", ups)
    trial.record("download", downs)


def _throughput(trial: Trial, length: int, cpu_s: float, started: float, is_good: bool) -> Measured:
    wall_s = time.perf_counter() - started
    failures = Counter() if is_good else Counter({"refused or incomplete": 1})
    return Measured(length / MB / wall_s, (trial.server.cpu_s() - cpu_s) * 1e3, failures)


async def _move_small(trial: Trial, base: str) -> None:
    blob, count = os.urandom(SMALL_BYTES), trial.extent.count(SMALL_FILES, least=CLIENTS)
    ups, downs = [], []
    for number in range(trial.extent.repeats):
        paths = [
            [f"{base}/small{number}/{name}" for name in range(lane, count, CLIENTS)]
            for lane in range(CLIENTS)
        ]
        puts = [[trial.address.send(path, blob, "PUT", BINARY) for path in lane] for lane in paths]
        put = await trial.drive(puts, CAP_S)
        ups.append(rate(put))
        kept = len(put.latencies_s) // CLIENTS  # a slow server got to so many of each lane
        gets = [[trial.address.get(path) for path in lane[:kept]] for lane in paths]
        downs.append(rate(await trial.drive(gets, CAP_S)))
    trial.record("small_up", ups)
    trial.record("small_down", downs)
