"""What a server does behind the requests for whoever operates it, in threads of its own."""

from __future__ import annotations

from runyard.services.call import system_now_ms
from runyard.services.operation import Operation
from runyard.services.periodic import Periodic
from runyard.services.usage import measure_due
from runyard.settings import Settings
from runyard.stores.opening import Stores

QUOTAS_READ_EVERY_S = 5.0
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
        self._quotas = Periodic("quotas", QUOTAS_READ_EVERY_S, self._read_quotas)
        self._measuring = Periodic("usage-measuring", LOOKED_FOR_MEASURING_EVERY_S, self._measure)

    def start(self) -> None:
        """Begin; quotas hold from now on."""
        self._operation.standings.refresh(self._stores, self._settings)
        for each in (self._measuring, self._quotas):
            each.start()

    def close(self) -> None:
        """End after what is under way."""
        for each in (self._measuring, self._quotas):
            each.close()

    def _read_quotas(self) -> None:
        self._operation.standings.refresh(self._stores, self._settings, is_urgent=False)

    def _measure(self) -> None:
        measure_due(
            self._stores,
            system_now_ms,
            lambda worked_s: self._measuring.rest(REST_PER_WORK * worked_s),
        )
