"""What a running server knows of itself: whether it is stopping, and whether it can do its work."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from runyard.errors import RunyardError
from runyard.services.code_looks import CodeLooks
from runyard.services.guesses import Guesses
from runyard.services.oidc import OidcProvider
from runyard.services.opened_stores import OpenedStores
from runyard.services.refusals import Refusals
from runyard.services.standings import Standings
from runyard.services.traffic import Traffic
from runyard.settings import Settings
from runyard.stores.opening import Stores

LOOK_WITHIN_S: Final = 3.0
LEAST_FREE_BYTES: Final = 64 * 1024 * 1024

NO_ANSWER: Final = "The database does not answer."
OTHER_SCHEMA: Final = "The database has the schema of another version of Runyard."
NO_ROOM: Final = f"The disk of the data has less than {LEAST_FREE_BYTES // 1024**2} MiB left."
STOPPING: Final = "The server is stopping."


class Looks:
    """Looks at something that may not come back, once at a time however many ask."""

    def __init__(self) -> None:
        self._look: Future[list[str]] | None = None

    async def look(self, find: Callable[[], list[str]], within_s: float) -> list[str] | None:
        """Return what ``find`` finds, called in a thread; ``None`` if that takes too long.

        Who asks while it is being looked gets what that look finds.
        """
        if self._look is None or self._look.done():
            self._look = _in_a_thread(find)
        asked = asyncio.wrap_future(self._look)
        done, _ = await asyncio.wait([asked], timeout=within_s)
        return asked.result() if done else None


@dataclass(slots=True)
class Operation:
    """One server, from its start to its end.

    Args:
        is_stopping: Whether it was told to stop.
        traffic: What it has answered.
        refusals: What it has refused, as far as the audit log does not tell of it yet.
        guesses: Who tried codes and keys that there are none of.
        provider: The provider of identities that people sign in by, if there is one.
        standings: How workspaces stand with their quotas.
        opened: The stores of datastores that were opened lately.
        has_mlflow_pages: Whether MLflow's own pages are shown below ``/mlflow/``.
        address: Where processes of this machine reach it; empty until it takes connections.
        authority: The certificate (PEM) that they trust it by, if it has made its own.
        tunnel: The socket that tunnels of hosts lead to; empty until it takes connections.
        job_submitted: Set when the queue of jobs has something to do.
        sweep_due: Set when a sweep may have something to do.
        code_looks: What was seen in the code of jobs.
    """

    is_stopping: bool = False
    traffic: Traffic = field(default_factory=Traffic)
    refusals: Refusals = field(default_factory=Refusals)
    guesses: Guesses = field(default_factory=Guesses)
    provider: OidcProvider | None = None
    standings: Standings = field(default_factory=Standings)
    opened: OpenedStores = field(default_factory=OpenedStores)
    has_mlflow_pages: bool = False
    address: str = ""
    authority: str = ""
    tunnel: str = ""
    job_submitted: threading.Event = field(default_factory=threading.Event)
    sweep_due: threading.Event = field(default_factory=threading.Event)
    code_looks: CodeLooks = field(default_factory=CodeLooks)
    _looks: Looks = field(default_factory=Looks)

    async def find_problems(
        self, stores: Stores, settings: Settings, within_s: float = LOOK_WITHIN_S
    ) -> list[str]:
        """Return why the server should get no requests just now, in words that give nothing away."""
        found = await self._looks.look(lambda: _problems(stores, settings), within_s)
        stopping = [STOPPING] if self.is_stopping else []
        return stopping + ([NO_ANSWER] if found is None else found)


def _problems(stores: Stores, settings: Settings) -> list[str]:
    problems = []
    try:
        if not stores.database.has_current_schema():
            problems.append(OTHER_SCHEMA)
    except RunyardError:
        problems.append(NO_ANSWER)
    if shutil.disk_usage(settings.home).free < LEAST_FREE_BYTES:
        problems.append(NO_ROOM)
    return problems


def _in_a_thread(find: Callable[[], list[str]]) -> Future[list[str]]:
    """Call ``find`` in a thread that nobody waits for at the end of the process."""
    found: Future[list[str]] = Future()

    def look() -> None:
        try:
            found.set_result(find())
        except BaseException as error:  # noqa: BLE001 - who asked is told, whatever it was
            found.set_exception(error)

    threading.Thread(target=look, name="runyard-readiness", daemon=True).start()
    return found
