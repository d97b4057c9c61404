"""A running contestant under load: sends requests, times them, and keeps the figures."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.client import OK, Address, Connection
from benchmarks.contestants import Running
from benchmarks.figures import FIGURES, Result

CLIENTS = 8
SEED_CLIENTS = 8
QUIET_SHARE = 0.02
REPEATING_S = 4.0
# A data set that would take this many times longer than it may is given up after this part of the time.
HOPELESS = 3
TRIED = 1 / 3
Item = TypeVar("Item")


@dataclass(frozen=True)
class Extent:
    """How much is done: all counts are those of the documents at scale 1."""

    scale: float = 1.0
    repeats: int = 3
    seed_s: float = 25.0
    is_large: bool = False

    def count(self, full: int, least: int = 1) -> int:
        """Return a count at this scale."""
        return max(least, int(full * self.scale))

    def seconds(self, full: float, least: float = 0.3) -> float:
        """Return a duration at this scale; longer than full is never of use."""
        return max(least, full * min(1.0, self.scale))


@dataclass
class Load:
    """What a burst of requests met with."""

    latencies_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.wall_s

    @property
    def median_ms(self) -> float:
        """The median time of an answer."""
        return self.quantile_ms(0.5)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds that the server spent on an answer."""
        return self.cpu_s / max(1, len(self.latencies_s)) * 1e3

    def quantile_ms(self, share: float) -> float:
        """Return the time within which this share of the answers came."""
        if not self.latencies_s:
            return float("nan")
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3


@dataclass(frozen=True)
class Measured:
    """One reading of a figure."""

    value: float
    cpu_ms: float | None = None
    failures: Counter[str] = field(default_factory=Counter)


class Trial:
    """Runs workloads against one contestant."""

    def __init__(self, server: Running, extent: Extent, address: Address | None = None) -> None:
        self.server = server
        self.extent = extent
        self.address = address or server.address
        self.results: dict[str, Result] = {}

    @property
    def is_runyard(self) -> bool:
        """Whether it speaks our own API too."""
        return self.server.contestant.is_runyard

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Open a connection for a while."""
        connection = Connection(self.address)
        try:
            yield connection
        finally:
            connection.close()

    def record(self, key: str, readings: Sequence[Measured], note: str = "") -> None:
        """Keep the median of the readings of a figure, and what failed meanwhile.

        Raises:
            KeyError: There is no such figure.
        """
        if key not in FIGURES:
            raise KeyError(f"no figure {key!r} in figures.py")
        failures = sum((reading.failures for reading in readings), Counter())
        notes = [note, *(f"{count} × {text}" for text, count in failures.most_common(2))]
        values = sorted(reading.value for reading in readings if reading.value == reading.value)
        costs = [reading.cpu_ms for reading in readings if reading.cpu_ms is not None]
        self.results[key] = Result(
            value=statistics.median(values) if values else None,
            low=values[0] if values else None,
            high=values[-1] if values else None,
            readings=len(values),
            cpu_ms=statistics.median(costs) if costs else None,
            note="; ".join(filter(None, notes)),
            failure_count=failures.total() if hasattr(failures, "total") else sum(failures.values()),
        )

    def leave_out(self, keys: Iterable[str], why: str) -> None:
        """Say why figures are missing."""
        for key in keys:
            self.results.setdefault(key, Result(note=why))

    async def repeat(self, key: str, once: Callable[[], Awaitable[Measured]], note: str = "") -> None:
        """Read a figure as often as is asked for, or as a slow server gets to in time."""
        readings, stop = [await once()], time.perf_counter() + REPEATING_S
        while len(readings) < self.extent.repeats and time.perf_counter() < stop:
            readings.append(await once())
        self.record(key, readings, note)

    async def drive(self, lanes: Sequence[Iterable[bytes]], cap_s: float) -> Load:
        """Send each lane's requests over a connection of its own, in turn, until done or the cap."""
        load = Load()
        stop = time.perf_counter() + cap_s

        async def follow(lane: Iterable[bytes]) -> None:
            async with self.connection() as connection:
                for request in lane:
                    if time.perf_counter() > stop:
                        return
                    await self.timed(connection, request, load)

        cpu_s, started = self.server.cpu_s(), time.perf_counter()
        await asyncio.gather(*(follow(lane) for lane in lanes))
        load.wall_s = time.perf_counter() - started
        load.cpu_s = self.server.cpu_s() - cpu_s
        return load

    async def timed(self, connection: Connection, request: bytes, load: Load) -> bytes:
        """Send a request and note how long the answer took, or how it failed; return its body."""
        started = time.perf_counter()
        try:
            status, body = await connection.request(request)
        except ConnectionError as error:
            load.failures[str(error)] += 1
            return b""
        if status == OK:
            load.latencies_s.append(time.perf_counter() - started)
        else:
            load.failures[f"{status} {body[:100].decode(errors='replace')}"] += 1
        return body

    async def ask(self, request: bytes, times: int, cap_s: float) -> tuple[Load, bytes]:
        """Send one request again and again, at least once; return the times and the last answer."""
        load, body, stop = Load(), b"", time.perf_counter() + cap_s
        async with self.connection() as connection:
            cpu_s, started = self.server.cpu_s(), time.perf_counter()
            for _ in range(times):
                body = await self.timed(connection, request, load)
                if load.failures or time.perf_counter() > stop:
                    break
            load.wall_s = time.perf_counter() - started
            load.cpu_s = self.server.cpu_s() - cpu_s
        return load, body

    async def seed(
        self, items: Sequence[Item], put: Callable[[Connection, Item], Awaitable[None]], cap_s: float
    ) -> int:
        """Have several clients put items in until all are there or the time is over; return how many are.

        Where the time will never do, it ends early: a third of a tenth is as little of use as a tenth.

        Raises:
            RequestFailed: The server refused one.
        """
        left, done, started = iter(items), 0, time.perf_counter()
        hopeless = len(items) * TRIED / HOPELESS

        async def work() -> None:
            nonlocal done
            async with self.connection() as connection:
                for item in left:
                    await put(connection, item)
                    done += 1
                    spent = time.perf_counter() - started
                    if spent > cap_s or (spent > cap_s * TRIED and done < hopeless):
                        return

        await asyncio.gather(*(work() for _ in range(SEED_CLIENTS)))
        return done

    async def settle(self, full_s: float = 40.0) -> None:
        """Wait until the server has nothing more to do in the background, within reason."""
        deadline = time.perf_counter() + self.extent.seconds(full_s, least=0.3)
        window_s, quiet = self.extent.seconds(2.0, least=0.1), 0
        # Runyard rests between two pieces of such work; peers have none.
        wanted = 2 if self.is_runyard else 1
        while quiet < wanted and time.perf_counter() < deadline:
            cpu_s = self.server.cpu_s()
            await asyncio.sleep(window_s)
            is_quiet = self.server.cpu_s() - cpu_s < QUIET_SHARE * window_s * self.server_share
            quiet = quiet + 1 if is_quiet else 0

    @property
    def server_share(self) -> float:
        """How much more than a quiet process a contestant's idle takes: MLflow has some fifteen of them."""
        return float(max(1, self.server.memory().process_count))
