"""Where a server may listen: on this machine only, unless whoever asks for more has made it safe."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from runyard.errors import InvalidParameter, InvalidState
from runyard.settings import Mode, Settings


def check_bind(settings: Settings, has_administrator: bool) -> None:
    """Return if a server with these settings may listen where they say.

    Args:
        settings: Mode, address and TLS files.
        has_administrator: Whether somebody could sign in at all.

    Raises:
        InvalidParameter: The settings contradict each other, or reach further than they protect.
        InvalidState: Other machines could connect and there is no administrator yet.
    """
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise InvalidParameter("TLS needs both files: give --tls-cert and --tls-key together.")
    if is_loopback(settings.host):
        return
    if settings.mode is Mode.UP:
        raise InvalidParameter(
            f"`runyard up` asks for no credential, so it listens on loopback only, not on {settings.host!r}. "
            "For other machines run `runyard admin init` once, then `runyard serve`."
        )
    if not has_administrator:
        raise InvalidState(
            f"`runyard serve` listens on {settings.host!r} only once there is an administrator. "
            f"Run `runyard admin init --home {settings.home}` first; it prints the API key to sign in with."
        )
    if settings.tls_cert is None and not settings.insecure_http:
        raise InvalidParameter(
            f"On {settings.host!r} credentials would cross the network unencrypted. Give --tls-cert and "
            "--tls-key, or --insecure-http if something in front of this server ends TLS."
        )


def check_certificate(settings: Settings) -> None:
    """Refuse a server whose certificate and key are none, before it says that it is up.

    Raises:
        InvalidParameter: A file can't be read, or they are no pair.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return
    for name, path in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        _check_readable(name, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=lambda: b"")
    except ssl.SSLError as error:
        raise InvalidParameter(
            f"tls_cert '{settings.tls_cert}' and tls_key '{settings.tls_key}' are no chain of certificates "
            f"and its key without a password, in PEM: {error.reason or error}."
        ) from None


def _check_readable(name: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise InvalidParameter(f"{name} '{path}' can't be read: {error.strerror}.") from None


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine to itself alone; a name that DNS could point elsewhere does not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
