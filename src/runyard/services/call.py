"""A call: who asks, in which workspace, and what the server has to answer with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from runyard.auth.permissions import Caller, Permission
from runyard.entities.workspace import Workspace
from runyard.services.operation import Operation
from runyard.settings import Settings
from runyard.stores.opening import Stores

STEP_BACK_MS = 1_000
_latest_ms = 0


def system_now_ms() -> int:
    """Milliseconds since the epoch by this machine's clock, which stands while it is set back a little.

    So nothing is stamped as older than what was there before it, unless the clock was wrong by a second.
    """
    global _latest_ms
    now_ms = time.time_ns() // 1_000_000
    if not 0 < _latest_ms - now_ms < STEP_BACK_MS:
        _latest_ms = now_ms
    return _latest_ms


@dataclass(frozen=True, slots=True)
class Call:
    """What a service needs to know of a request.

    Args:
        stores: What the server remembers.
        settings: How the server runs.
        workspace: The workspace that the request's address names.
        caller: Who asks; ``None`` on routes that are open to everybody.
        operation: The server that was asked.
        is_page_of_one: Whether one of MLflow's pages asks that shows one workspace and can't turn to others.
    """

    stores: Stores
    settings: Settings
    workspace: Workspace
    caller: Caller | None
    operation: Operation = field(default_factory=Operation)
    is_page_of_one: bool = False

    def experiments_to_read(self) -> frozenset[str] | None:
        """Return the only experiments of the workspace whose contents the caller may see; ``None`` for all.

        Searches ask for no others, so that neither rows nor counts nor page tokens tell of them.
        """
        name = self.workspace.name
        if self.caller is None or self.caller.may(Permission.READ, name):
            return None
        return self.caller.experiments_with(Permission.READ, name)

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return system_now_ms()
