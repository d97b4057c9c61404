"""What a server does behind the requests for whoever operates it, in threads of its own."""

from __future__ import annotations

from runyard.services.call import system_now_ms
from runyard.services.periodic import Periodic
from runyard.services.usage import measure_due
from runyard.stores.opening import Stores

LOOKED_FOR_MEASURING_EVERY_S = 5.0
REST_PER_WORK = 2.0
"""Seconds of rest for each second of measuring, while requests may be waiting for the processor."""


class Housekeeping:
    """The threads, from :meth:`start` to :meth:`close`.

    Args:
        stores: What the server remembers.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._measuring = Periodic("usage-measuring", LOOKED_FOR_MEASURING_EVERY_S, self._measure)

    def start(self) -> None:
        """Begin."""
        self._measuring.start()

    def close(self) -> None:
        """End after what is under way."""
        self._measuring.close()

    def _measure(self) -> None:
        measure_due(
            self._stores,
            system_now_ms,
            lambda worked_s: self._measuring.rest(REST_PER_WORK * worked_s),
        )
