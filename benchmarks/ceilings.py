"""What the machine can do at best: no server that does more than this can be faster than this."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import msgspec
import uvloop

from benchmarks import samples
from benchmarks.client import API, Address, Connection
from benchmarks.contestants import ROOT, DidNotStart, free_port, is_healthy
from benchmarks.trial import Extent

CLIENTS = (1, 8, 32)
STARTS_WITHIN_S = 20.0
SYNCHRONOUS = {"NORMAL": "kill -9", "FULL": "loss of power"}


@dataclass(frozen=True)
class Ceiling:
    """One limit of the machine."""

    key: str
    title: str
    unit: str
    value: float


class _Metric(msgspec.Struct):
    key: str
    value: float
    timestamp: int
    step: int


class _Batch(msgspec.Struct):
    run_id: str
    metrics: list[_Metric]


def measure_ceilings(folder: Path, extent: Extent) -> list[Ceiling]:
    """Measure all of them; takes some 20 seconds at full extent."""
    return [*_network(folder, extent), *_database(folder, extent), *_disk(folder, extent), *_codecs(extent)]


def _network(folder: Path, extent: Extent) -> Iterator[Ceiling]:
    run_id = "0" * 32
    tiny = msgspec.json.encode({"run_id": run_id, **samples.points(1, ["loss"])[0]})
    batch = samples.batch(run_id, next(samples.batches(1, samples.names("m", 10))))
    with _noop_server(folder) as address:
        for clients in CLIENTS:
            per_s = _drive(address, address.send(f"{API}runs/log-metric", tiny), clients, extent)
            yield Ceiling(
                f"noop_{clients}", f"no-op server, one metric a call, {clients} clients", "calls/s", per_s
            )
        for clients in CLIENTS[:2]:
            per_s = _drive(address, address.send(f"{API}runs/log-batch", batch), clients, extent)
            title = f"no-op server, batches of 1000 metrics, {clients} clients"
            yield Ceiling(f"noop_batch_{clients}", title, "points/s", per_s * samples.MAX_METRICS)


@contextmanager
def _noop_server(folder: Path) -> Iterator[Address]:
    address = Address("127.0.0.1", free_port())
    command = [sys.executable, "-m", "uvicorn", "benchmarks.noop_server:app", "--port", str(address.port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with (folder / "noop.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not is_healthy(address):
            if time.monotonic() > deadline or process.poll() is not None:
                raise DidNotStart(f"the no-op server: {(folder / 'noop.log').read_text()}")
            time.sleep(0.02)
        yield address
    finally:
        process.terminate()
        process.wait()


def _drive(address: Address, request: bytes, clients: int, extent: Extent) -> float:
    """Return answers a second, the median of a few bursts."""
    seconds = extent.seconds(1.0, least=0.05)

    async def lane(stop: float) -> int:
        connection = Connection(address)
        count = 0
        for _ in repeat(None):
            await connection.request(request)
            count += 1
            if time.perf_counter() > stop:
                break
        connection.close()
        return count

    async def burst() -> float:
        started = time.perf_counter()
        counts = await asyncio.gather(*(lane(started + seconds) for _ in range(clients)))
        return sum(counts) / (time.perf_counter() - started)

    async def bursts() -> float:
        return statistics.median([await burst() for _ in range(extent.repeats)])

    return uvloop.run(bursts())


def _database(folder: Path, extent: Extent) -> Iterator[Ceiling]:
    packed = os.urandom(16 * samples.MAX_METRICS)
    rows = [(number, number, number, number) for number in range(samples.MAX_METRICS)]
    for synchronous, survives in SYNCHRONOUS.items():
        with closing(_open(folder / f"{synchronous}.db", synchronous)) as connection:

            def one_row(connection: sqlite3.Connection = connection) -> None:
                connection.execute("INSERT INTO points VALUES (1, 2, 3, 4)")

            def many_rows(connection: sqlite3.Connection = connection) -> None:
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", rows)
                connection.execute("COMMIT")

            def one_blob(connection: sqlite3.Connection = connection) -> None:
                connection.execute("INSERT INTO batches (points) VALUES (?)", (packed,))

            for key, title, write, held in (
                ("row", "one row a transaction", one_row, 1),
                ("rows", "1000 rows a transaction", many_rows, 1000),
                ("blob", "1000 points packed into one row", one_blob, 1000),
            ):
                yield Ceiling(
                    f"sqlite_{key}_{synchronous.lower()}",
                    f"SQLite, {title}, survives {survives}",
                    "points/s",
                    _rate(write, extent) * held,
                )


def _open(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("CREATE TABLE points (series INTEGER, clock INTEGER, step INTEGER, value INTEGER)")
    connection.execute("CREATE TABLE batches (number INTEGER PRIMARY KEY, points BLOB)")
    return connection


def _disk(folder: Path, extent: Extent) -> Iterator[Ceiling]:
    piece = os.urandom(4096)
    file = os.open(folder / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:

        def append() -> None:
            os.write(file, piece)
            os.fdatasync(file)

        yield Ceiling("fdatasync", "append 4 kB and wait for the disk", "per s", _rate(append, extent))
    finally:
        os.close(file)


def _codecs(extent: Extent) -> Iterator[Ceiling]:
    body = samples.batch("0" * 32, next(samples.batches(1, samples.names("m", 10))))
    content, typed = json.loads(body), msgspec.json.decode(body, type=_Batch)
    decoder, encoder = msgspec.json.Decoder(_Batch), msgspec.json.Encoder()
    for key, title, work in (
        ("decode_json", "decode a batch of 1000 metrics, json", lambda: json.loads(body)),
        ("decode_msgspec", "decode a batch of 1000 metrics, msgspec", lambda: decoder.decode(body)),
        ("encode_json", "encode 1000 points, json", lambda: json.dumps(content)),
        ("encode_msgspec", "encode 1000 points, msgspec", lambda: encoder.encode(typed)),
    ):
        per_s = _rate(work, extent, time.process_time) * samples.MAX_METRICS
        yield Ceiling(key, title, "points/CPU s", per_s)


def _rate(
    work: Callable[[], object], extent: Extent, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return how often a second the work is done, the median of a few goes."""
    seconds, rates = extent.seconds(0.4, least=0.02), []
    for _ in range(extent.repeats):
        count, started = 0, clock()
        while (spent := clock() - started) < seconds:
            work()
            count += 1
        rates.append(count / spent)
    return statistics.median(rates)
