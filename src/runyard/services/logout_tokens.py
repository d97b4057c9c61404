"""What a provider of identities says when it signs somebody out behind the browser's back.

Source: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry, Token

from runyard.errors import InvalidParameter

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LEEWAY_S: Final = 60
GOOD_FOR_S: Final = 300
"""For how long after it was made a logout token counts, whatever it says of its end itself."""
MAX_NAME_LENGTH: Final = 255
NO_LOGOUT_TOKEN: Final = "This is no logout token of the provider of identities that this server knows."
# Not all that joserfc raises on a hostile header is its own: a list for a string is a TypeError.
NOT_GOOD: Final = (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_TYPES: Final = frozenset({"logout+jwt", "application/logout+jwt", "jwt"})


@dataclass(frozen=True, slots=True)
class Logout:
    """Whom a provider signs out: one session of somebody, or all that they have.

    Args:
        issuer: The provider.
        token_id: What it calls the token that says so; each counts once.
        until_ms: From when on the token is refused anyway.
        subject: What it calls the person.
        session: What it calls the session; without one, all sessions of the person end.
    """

    issuer: str
    token_id: str
    until_ms: int
    subject: str | None
    session: str | None


def logout_of(token: Token, issuer: str, client_id: str, now_s: float | None = None) -> Logout:
    """Return what a token says whose signature was found good.

    Args:
        token: The token.
        issuer: Who must have made it.
        client_id: For whom it must be.
        now_s: Seconds since the epoch; by default what the clock says.

    Raises:
        InvalidParameter: It is of somebody else, for somebody else, too old, or no logout token at all.
    """
    now_s = time.time() if now_s is None else now_s
    claims = token.claims
    try:
        _check_usual(claims, issuer, client_id, now_s)
    except NOT_GOOD:
        raise InvalidParameter(NO_LOGOUT_TOKEN) from None
    events = claims.get("events")
    is_event = isinstance(events, dict) and isinstance(events.get(EVENT), dict)
    # An ID token has a nonce and is signed with the same key: it must not be taken for this.
    if not is_event or "nonce" in claims or str(token.header.get("typ", "jwt")).lower() not in _TYPES:
        raise InvalidParameter(NO_LOGOUT_TOKEN)
    token_id, subject, session = (name_of(claims, name) for name in ("jti", "sub", "sid"))
    if token_id is None or (subject is None and session is None):
        raise InvalidParameter("The logout token does not say what it is called, or who is to be signed out.")
    return Logout(issuer, token_id, int((now_s + GOOD_FOR_S + 2 * LEEWAY_S) * 1000), subject, session)


def name_of(claims: Mapping[str, Any], claim: str) -> str | None:
    """Return a name that a provider gave something, if it is one that can be kept."""
    found = claims.get(claim)
    return found if isinstance(found, str) and 0 < len(found) <= MAX_NAME_LENGTH else None


def _check_usual(claims: Mapping[str, Any], issuer: str, client_id: str, now_s: float) -> None:
    """Check what all tokens of a provider say; raise one of ``NOT_GOOD``."""
    JWTClaimsRegistry(
        now=int(now_s),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
    ).validate(dict(claims))
    # The registry takes a list that has the value in it, too, and a token of any age.
    if claims["iss"] != issuer or claims["iat"] < now_s - GOOD_FOR_S - LEEWAY_S:
        raise ValueError("it is of another provider, or old")
