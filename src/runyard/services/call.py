"""A call: who asks, in which workspace, and what the server has to answer with."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runyard.auth.permissions import Caller
from runyard.entities.workspace import Workspace
from runyard.settings import Settings
from runyard.stores.opening import Stores


def system_now_ms() -> int:
    """Milliseconds since the epoch by this machine's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """What a service needs to know of a request.

    Args:
        stores: What the server remembers.
        settings: How the server runs.
        workspace: The workspace that the request's address names.
        caller: Who asks; ``None`` on routes that are open to everybody.
    """

    stores: Stores
    settings: Settings
    workspace: Workspace
    caller: Caller | None

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return system_now_ms()
