"""Makes the documents of runs that were left alone, so that who searches them first need not wait for it."""

from __future__ import annotations

import logging
import threading
import time

from runyard.errors import StorageFull, Unavailable
from runyard.services.run_documents import keep_documents, read_documents
from runyard.stores.opening import Stores

TICK_S = 0.5
QUIET_S = 2.0
DOCUMENTS_AT_ONCE = 100
REST_PER_WORK = 3.0
"""Seconds of rest for each second of work, while requests may be waiting for the processor."""
AFTER_FAULT_S = 5.0

_log = logging.getLogger("runyard.store")


class DocumentUpkeep:
    """A thread that makes documents from :meth:`start` to :meth:`close`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runyard-document-upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the documents that are being made."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        pause_s = TICK_S
        while not self._stopping.wait(pause_s):
            began_s = time.monotonic()
            try:
                count = self.tick(QUIET_S)
                pause_s = REST_PER_WORK * (time.monotonic() - began_s) if count else TICK_S
            except (StorageFull, Unavailable):
                pause_s = AFTER_FAULT_S  # they are made when somebody reads the runs
            except Exception:  # noqa: BLE001 - a fault of one run must not end the upkeep of all
                _log.exception("making the documents of runs failed")
                pause_s = AFTER_FAULT_S

    def tick(self, quiet_s: float) -> int:
        """Make some documents of runs that were left alone for ``quiet_s``, and return how many."""
        metadata = self._stores.metadata
        quiet = metadata.documents.take_quiet(quiet_s, DOCUMENTS_AT_ONCE)
        if quiet:
            with self._stores.snapshot():
                _, made = read_documents(self._stores, metadata.runs.locate_runs(quiet))
            # Nobody waits for this thread, and what it drops a reader must make.
            keep_documents(self._stores, made, wait=True)
        return len(quiet)
