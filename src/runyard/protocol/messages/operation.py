"""Messages for whoever operates the server."""

from __future__ import annotations

from runyard.protocol.messages.common import Wire


class AliveAnswer(Wire):
    """Answer of ``healthz``."""

    is_alive: bool


class ReadyAnswer(Wire):
    """Answer of ``readyz``: why not, if it is not."""

    is_ready: bool
    problems: list[str]
