"""What a server does behind the requests for whoever operates it, in threads of its own."""

from __future__ import annotations

from runyard.entities.quota import Limited
from runyard.services import watching
from runyard.services.assignments import Assignments
from runyard.services.blocks import remove_old_blocks
from runyard.services.call import system_now_ms
from runyard.services.deliveries import Courier, deliver_due
from runyard.services.events import forget_old, tell_new
from runyard.services.job_queue import JobQueue
from runyard.services.launchers import Launchers
from runyard.services.local_uploads import remove_unfinished
from runyard.services.operation import Operation
from runyard.services.outbound import OutboundClient
from runyard.services.periodic import Periodic
from runyard.services.sealing import Sealer
from runyard.services.snapshots import remove_unneeded
from runyard.services.sweep_driver import SweepDriver
from runyard.services.this_machine import MachineTurn, name_of_this_machine
from runyard.services.unregistered_data import note_unregistered
from runyard.services.usage import measure_due
from runyard.services.webhooks import seal_secrets
from runyard.settings import Settings
from runyard.stores.opening import Stores

QUOTAS_READ_EVERY_S = 5.0
TOLD_EVERY_S = 1.0
WATCHED_EVERY_S = 600.0
DELIVERED_EVERY_S = 2.0
DELIVERED_AT_ONCE = 3
"""Webhooks that may be slow to answer before others wait for them."""
UPLOADS_LOOKED_FOR_EVERY_S = 3600.0
SNAPSHOTS_LOOKED_FOR_EVERY_S = 3600.0
JOBS_LOOKED_AT_EVERY_S = 1.0
SWEEPS_LOOKED_AT_EVERY_S = 1.0
LOOKED_FOR_MEASURING_EVERY_S = 5.0
REST_PER_WORK = 2.0
"""Seconds of rest for each second of measuring, while requests may be waiting for the processor."""


class Housekeeping:
    """The threads, from :meth:`start` to :meth:`close`.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        operation: The server that they are part of.
    """

    def __init__(self, stores: Stores, settings: Settings, operation: Operation) -> None:
        self._stores = stores
        self._settings = settings
        self._operation = operation
        self._told_of_quotas: tuple[int, set[tuple[str, Limited]]] = (0, set())
        self._quotas = Periodic("quotas", QUOTAS_READ_EVERY_S, self._read_quotas)
        self._client = OutboundClient(settings)
        self._courier = Courier(self._client, Sealer(settings))
        self._telling = Periodic("events", TOLD_EVERY_S, self._tell)
        self._watching = Periodic("watching", WATCHED_EVERY_S, self._watch)
        self._delivering = [
            Periodic("webhooks", DELIVERED_EVERY_S, self._deliver) for _ in range(DELIVERED_AT_ONCE)
        ]
        self._uploads = Periodic("uploads", UPLOADS_LOOKED_FOR_EVERY_S, self._remove_unfinished)
        self._queue = JobQueue(
            stores,
            settings,
            Assignments(stores, settings, operation),
            Launchers(settings, operation),
            name_of_this_machine(settings),
        )
        self._turn = MachineTurn(settings.home)
        self._jobs = Periodic("jobs", 0, self._run_jobs)
        self._sweep_driver = SweepDriver(stores, settings, operation)
        self._sweeps = Periodic("sweeps", 0, self._drive_sweeps)
        self._snapshots = Periodic(
            "snapshots", SNAPSHOTS_LOOKED_FOR_EVERY_S, lambda: remove_unneeded(stores, system_now_ms())
        )
        self._measuring = Periodic("usage-measuring", LOOKED_FOR_MEASURING_EVERY_S, self._measure)

    def start(self) -> None:
        """Begin; quotas hold from now on."""
        self._operation.standings.refresh(self._stores, self._settings)
        seal_secrets(self._stores, self._courier.sealer)
        for each in self._all():
            each.start()

    def close(self) -> None:
        """End after what is under way."""
        for each in self._all():
            each.tell_to_end()
        self._operation.job_submitted.set()
        self._operation.sweep_due.set()
        self._client.close()
        for each in self._all():
            each.close()
        self._queue.close()
        self._turn.close()

    def _all(self) -> list[Periodic]:
        looking = [
            self._measuring,
            self._quotas,
            self._uploads,
            self._snapshots,
            self._telling,
            self._watching,
        ]
        return [*looking, *self._delivering, self._jobs, self._sweeps]

    def _run_jobs(self) -> None:
        self._operation.job_submitted.wait(JOBS_LOOKED_AT_EVERY_S)
        self._operation.job_submitted.clear()
        if self._turn.is_mine():
            self._queue.work(system_now_ms())

    def _drive_sweeps(self) -> None:
        self._operation.sweep_due.wait(SWEEPS_LOOKED_AT_EVERY_S)
        self._operation.sweep_due.clear()
        self._sweep_driver.work()

    def _remove_unfinished(self) -> None:
        # One that was killed and began again at once has left what looked like uploads of another process.
        self._stores.artifacts.remove_left_behind()
        remove_old_blocks(self._settings)
        remove_unfinished(self._stores, system_now_ms())
        note_unregistered(self._stores, system_now_ms())

    def _read_quotas(self) -> None:
        standings = self._operation.standings.refresh(self._stores, self._settings, is_urgent=False)
        nearly_reached = {(each.workspace, what) for each in standings for what in each.nearly_reached}
        now_ms = system_now_ms()
        told = (now_ms // watching.DAY_MS, nearly_reached)
        if told != self._told_of_quotas:
            watching.note_quotas(self._stores, standings, now_ms)
            self._told_of_quotas = told

    def _tell(self) -> None:
        tell_new(self._stores, system_now_ms())

    def _watch(self) -> None:
        now_ms = system_now_ms()
        watching.note_disk(self._stores, self._settings, now_ms)
        watching.note_silent_runs(self._stores, self._settings, now_ms)
        forget_old(self._stores, now_ms)

    def _deliver(self) -> None:
        deliver_due(self._stores, self._courier, system_now_ms, self._measuring.rest)

    def _measure(self) -> None:
        measure_due(
            self._stores,
            system_now_ms,
            lambda worked_s: self._measuring.rest(REST_PER_WORK * worked_s),
        )
