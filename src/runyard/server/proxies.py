"""The server behind a proxy: whom it believes about who sent a request, how, and under which prefix."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from runyard.errors import InvalidParameter
from runyard.settings import Settings

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_HEADER = b"x-forwarded-prefix"


def behind_proxies(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return ``app`` as the proxies that the settings name show it; if they name none, ``app`` itself.

    Raises:
        InvalidParameter: What is named is no address of a proxy, or no path.
    """
    prefix = settings.root_path.rstrip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise InvalidParameter(f"root_path must be a path like '/runyard', not {settings.root_path!r}.")
    for proxy in settings.trusted_proxies:
        _check_network(proxy)
    if not settings.trusted_proxies:
        return Prefixed(app, prefix, ()) if prefix else app
    # Who sent the request and whether over TLS, by uvicorn's own rules; its types of ASGI are its own, too.
    believing: Any = ProxyHeadersMiddleware(cast(Any, app), list(settings.trusted_proxies))
    return Prefixed(believing, prefix, believing.trusted_hosts)


class Prefixed:
    """Takes the prefix that a proxy shows the server under off the path of each request that has it.

    Args:
        app: Sees the path without it; below ``root_path`` in the scope is what was taken off.
        prefix: As ``/runyard``, or empty.
        trusted: The senders whose ``X-Forwarded-Prefix`` goes before it.
    """

    def __init__(self, app: ASGIApp, prefix: str, trusted: Container[str]) -> None:
        self._app = app
        self._prefix = prefix
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            prefix, path = self._prefix_of(scope), scope["path"]
            if prefix and (path == prefix or path.startswith(prefix + "/")):
                scope = {**scope, "root_path": prefix, "path": path[len(prefix) :]}
        await self._app(scope, receive, send)

    def _prefix_of(self, scope: Scope) -> str:
        client = scope.get("client")
        if client is None or client[0] not in self._trusted:
            return self._prefix
        told = dict(scope["headers"]).get(_HEADER, b"").decode("latin-1").rstrip("/")
        return told if _PREFIX.fullmatch(told) else self._prefix


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise InvalidParameter(
            f"trusted_proxies has {text!r}; a proxy is named by its address or network, as '10.0.0.0/8'."
        ) from None
