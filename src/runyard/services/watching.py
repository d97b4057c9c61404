"""What nobody does and somebody should know: runs that fell silent, quotas and disks that fill up."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence

from runyard.entities.event import Event, EventKind, SilentRun
from runyard.protocol.timestamps import moment_of
from runyard.services.standings import Standing
from runyard.settings import Settings
from runyard.stores.opening import Stores

NOTED_AT_ONCE = 1000
DAY_MS = 24 * 3600 * 1000
NEARLY_FULL = 0.05
LEAST_FREE_BYTES = 10**9
MOST_FREE_BYTES = 20 * 10**9
"""More than this is never called little, however large the disk is."""


def note_silent_runs(stores: Stores, settings: Settings, now_ms: int) -> int:
    """Note the runs that are said to be running and were not heard of for long; return how many are new.

    They are heard of when something of theirs changes: points, params, tags, a name. It is to be called
    again and again, as what it sees is what has changed since the last time.
    """
    if not settings.stuck_after_s:
        return 0
    stores.metrics.settle()  # a run changes when its points are joined
    if stores.metrics.is_behind:
        return 0
    stores.database.retrying(lambda: stores.metadata.events.watch_runs(now_ms))
    before_ms = now_ms - settings.stuck_after_s * 1000
    count = 0
    while True:
        taken, new = stores.database.retrying(lambda: _note_silent(stores, before_ms, now_ms))
        count += new
        if not taken:  # or another server is at the rest
            return count


def note_quotas(stores: Stores, standings: Sequence[Standing], now_ms: int) -> int:
    """Note once a day which quotas are used to 80 % or more; return how many are new."""
    day = now_ms // DAY_MS
    return _add(
        stores,
        [
            Event(
                kind=EventKind.QUOTA_WARNING,
                workspace=standing.workspace,
                happened_ms=now_ms,
                message=f"Workspace '{standing.workspace}' has {standing.used[what]} {what.noun}, of "
                f"{standing.limits[what]} that its quota {what.value} lets it have.",
                subject={
                    "quota": what.value,
                    "used": standing.used[what],
                    "limit": standing.limits[what],
                },
                once=f"quota:{standing.workspace}:{what.value}:{standing.limits[what]}:{day}",
            )
            for standing in standings
            for what in standing.nearly_reached
        ],
    )


def note_disk(stores: Stores, settings: Settings, now_ms: int) -> int:
    """Note once a day that the disk of the home is nearly full; return whether that is new."""
    disk = shutil.disk_usage(settings.home)
    least = max(LEAST_FREE_BYTES, min(NEARLY_FULL * disk.total, MOST_FREE_BYTES))
    if disk.free >= least:
        return 0
    host = socket.gethostname()
    event = Event(
        kind=EventKind.DISK_WARNING,
        workspace=None,
        happened_ms=now_ms,
        message=f"The disk of the data on {host} has {disk.free} of {disk.total} bytes left.",
        subject={"host": host, "free_bytes": disk.free, "total_bytes": disk.total},
        once=f"disk:{host}:{now_ms // DAY_MS}",
    )
    return _add(stores, [event])


def _note_silent(stores: Stores, before_ms: int, now_ms: int) -> tuple[int, int]:
    """Note some, and return how many, and of how many it was not known."""
    with stores.atomic():
        taken = stores.metadata.events.take_silent_runs(before_ms, NOTED_AT_ONCE)
        return len(taken), sum(stores.metadata.events.add_event(_silent(run, now_ms)) for run in taken)


def _silent(run: SilentRun, now_ms: int) -> Event:
    heard = moment_of(run.heard_ms).isoformat(timespec="seconds")
    return Event(
        kind=EventKind.RUN_STUCK,
        workspace=run.workspace,
        happened_ms=now_ms,
        message=f"Run '{run.name}' of workspace '{run.workspace}' is said to be running, and was last heard "
        f"of at {heard}.",
        subject={
            "run_id": run.run_id,
            "run_name": run.name,
            "experiment_id": run.experiment_id,
            "heard_ms": run.heard_ms,
        },
        once=f"stuck:{run.run_id}:{run.heard_ms}",
    )


def _add(stores: Stores, events: Sequence[Event]) -> int:
    if not events:
        return 0

    def add() -> int:
        with stores.atomic():
            return sum(stores.metadata.events.add_event(event) for event in events)

    return stores.database.retrying(add)
