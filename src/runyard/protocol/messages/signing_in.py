"""Messages of Runyard's own routes about signing in: from a browser and from a machine."""

from __future__ import annotations

from runyard.protocol.messages.common import Wire


class WireProvider(Wire, omit_defaults=False):
    """A provider of identities: what to call it, and where its sign-in begins."""

    name: str
    login_path: str


class WaysToSignInAnswer(Wire, omit_defaults=False):
    """Which ways there are to sign in, besides an API key."""

    oidc: WireProvider | None


class SessionAnswer(Wire, omit_defaults=False):
    """Who has signed in, and until when."""

    name: str
    expires_ms: int | None


class EndSessionAnswer(Wire, omit_defaults=False):
    """Where a browser goes to end its session with the provider of identities too, if it has one there."""

    provider_sign_out_url: str | None


class BeginLogin(Wire):
    """Body of ``POST /api/v1/device/authorize``; ``machine`` is what the person will read."""

    machine: str = ""


class BeginLoginAnswer(Wire, omit_defaults=False):
    """A login in the words of RFC 8628; times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class FetchLogin(Wire):
    """Body of ``POST /api/v1/device/token``."""

    device_code: str


class FetchLoginAnswer(Wire, omit_defaults=False):
    """The API key of a login that was approved; no other call ever returns it."""

    api_key: str
    name: str
    expires_ms: int | None


class LoginAnswer(Wire, omit_defaults=False):
    """A machine that asks to be logged in."""

    user_code: str
    machine: str
    client: str
    created_ms: int
    expires_ms: int
    state: str
