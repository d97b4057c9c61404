"""The cookie of a signed-in browser: how it is read, set and taken away."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from runyard.errors import Forbidden

SESSION: Final = "runyard-session"
SIGNING_IN: Final = "runyard-signing-in"
_HOST: Final = "__Host-"
"""Browsers take a cookie of such a name from this very host alone, over TLS, and for all its paths."""


def session_of(scope: Scope) -> str | None:
    """Return what the session's cookie holds, or ``None`` without one.

    Raises:
        Forbidden: There are several: one of them is somebody else's.
    """
    return _read(scope, SESSION)


def signing_in_of(scope: Scope) -> str | None:
    """Return what a sign-in that is under way left in the browser.

    Raises:
        Forbidden: There are several.
    """
    return _read(scope, SIGNING_IN)


def is_from_own_page(scope: Scope) -> bool:
    """Whether a browser says that a page of this server sent a request; the wall has checked ``Origin``."""
    headers = dict(scope["headers"])
    return b"origin" in headers or headers.get(b"sec-fetch-site") == b"same-origin"


def set_session(scope: Scope, value: str, lifetime_s: int) -> tuple[bytes, bytes]:
    """Return the header that signs a browser in; an empty ``value`` signs it out."""
    return _header(scope, SESSION, value, lifetime_s, "Strict")


def set_signing_in(scope: Scope, value: str, lifetime_s: int) -> tuple[bytes, bytes]:
    """Return the header that a sign-in leaves in a browser, which comes back from another site with it."""
    return _header(scope, SIGNING_IN, value, lifetime_s, "Lax")


def _read(scope: Scope, name: str) -> str | None:
    # The plain name is not taken in place of the other: a neighbour's page could have set that one.
    full_name, found = _full_name(scope, name), []
    for header, value in scope["headers"]:
        if header == b"cookie":
            pairs = (part.strip().partition("=") for part in value.decode("latin-1").split(";"))
            found += [content for given, _, content in pairs if given == full_name and content]
    if len(found) > 1:
        raise Forbidden("The browser sent two sessions. Delete this server's cookies and sign in anew.")
    return found[0] if found else None


def _full_name(scope: Scope, name: str) -> str:
    return _HOST + name if scope["scheme"] == "https" and not scope.get("root_path") else name


def _header(scope: Scope, name: str, value: str, lifetime_s: int, same_site: str) -> tuple[bytes, bytes]:
    prefix = scope.get("root_path", "")
    is_secure = scope["scheme"] == "https"
    parts = [
        f"{_full_name(scope, name)}={value}",
        f"Path={prefix or '/'}",
        f"Max-Age={lifetime_s if value else 0}",
    ]
    parts += ["HttpOnly", f"SameSite={same_site}", *(["Secure"] if is_secure else [])]
    return b"set-cookie", "; ".join(parts).encode("latin-1")
