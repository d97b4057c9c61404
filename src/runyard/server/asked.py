"""What a request's state tells, besides its answer, once it has ended: its id, its route, who sent it."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

REQUEST_ID: Final = "request_id"
ROUTE: Final = "route"
CALLER: Final = "caller"
CLIENT: Final = "client"
ACTION: Final = "action"
WORKSPACE: Final = "workspace"
TARGET: Final = "target"
BY_TUNNEL: Final = "by_tunnel"
"""Is there where a request came by a tunnel: then it is never the person's at this machine."""
LASTING: Final = "lasting"
"""What looks again, while a request goes on, whether its sender may still have it."""

ANSWERING: Final = "answering"
"""The wall, where it lets the application say that a request may be answered again."""
AGAIN: Final = "again"
"""What answers the next request of the same connection whose head is the same, byte for byte."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""What changes nothing, so that neither the page that sends it nor the audit log matters."""
PAGES: Final = "(studio)"
"""The route of the Studio's files, which no table holds."""
MLFLOW_PAGES: Final = "(mlflow)"
"""The route of MLflow's pages, which no table holds either."""
NO_ROUTE: Final = "(none)"
"""The route of what was refused, or meant nothing, before one was found."""


def client_of(scope: Scope) -> str:
    """Return the address that a request came from, as the audit log tells it; empty if nobody knows."""
    if BY_TUNNEL in scope["state"]:
        return "tunnel"
    return scope["client"][0] if scope.get("client") else ""
