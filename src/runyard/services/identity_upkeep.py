"""What a server does for identity beside its answers: it writes down refusals and rotates its signing key."""

from __future__ import annotations

import logging

from runyard.errors import RunyardError
from runyard.services.call import system_now_ms
from runyard.services.periodic import Periodic
from runyard.services.refusals import Refusals
from runyard.services.tokens import rotate_if_due
from runyard.settings import Settings
from runyard.stores.opening import Stores

TICK_S = 1.0
DAY_MS = 24 * 3600 * 1000

_log = logging.getLogger("runyard.audit")


class IdentityUpkeep:
    """A thread that works from :meth:`start` to :meth:`close`."""

    def __init__(self, stores: Stores, refusals: Refusals, settings: Settings) -> None:
        self._stores = stores
        self._refusals = refusals
        self._max_key_age_ms = settings.signing_key_days * DAY_MS
        self._upkeep = Periodic("identity", TICK_S, self._work)

    def start(self) -> None:
        """Begin."""
        self._upkeep.start()

    def close(self) -> None:
        """Stop, and write down what was refused until now."""
        self._upkeep.close()
        self.write_refusals(is_ending=True)

    def write_refusals(self, *, is_ending: bool = False) -> None:
        """Write into the audit log what is due; what can't be written now is kept for the next time."""
        events = self._refusals.due(is_ending=is_ending)
        if not events:
            return
        try:
            self._stores.database.retrying(lambda: self._stores.metadata.audit.append(events))
        except RunyardError as error:
            self._refusals.give_back(events)
            _log.warning("%d refusals are not in the audit log yet: %s", len(events), error)

    def _work(self) -> None:
        self.write_refusals()
        self._stores.database.retrying(
            lambda: rotate_if_due(self._stores, self._max_key_age_ms, system_now_ms())
        )
