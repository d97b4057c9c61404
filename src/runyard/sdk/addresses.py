"""Where a server lies: reading, checking and comparing addresses, and the one to use when none is given."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.arguments import text

DEFAULT_URL = "http://127.0.0.1:5000"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_WORKSPACE_PATH = re.compile(r"(/mlflow/v[12]\.0/subscriptions/.*)?/workspaces/[^/]*$")


def server_url(url: str) -> str:
    """Return ``url`` without a slash at its end, once it is known to be the address of a server.

    Raises:
        InvalidParameter: It is not an http(s) address, or it carries a user, a query or a fragment.

    Example:
        >>> server_url("http://127.0.0.1:5000/")
        'http://127.0.0.1:5000'
    """
    try:
        parts = urlsplit(text(url, "url").strip())
    except ValueError as error:
        if isinstance(error, InvalidParameter):
            raise
        raise InvalidParameter(f"{url!r} is not a server's address: {error}.") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise InvalidParameter(f"{url!r} is not a server's address. It has the form {DEFAULT_URL}.")
    if parts.username is not None or parts.password is not None:
        raise InvalidParameter(
            "A server's address must not carry a user or a password. Put the API key into RUNYARD_TOKEN."
        )
    if parts.query or parts.fragment:
        raise InvalidParameter(f"{url!r} is not a server's address: it has a query or a fragment.")
    _port(url)
    return url.strip().rstrip("/")


def one_segment(name: str, field: str) -> str:
    """Return a name as one segment of an address, quoted.

    Raises:
        InvalidParameter: It is empty or made of dots, which clients of HTTP resolve: the request would go
            somewhere else.
    """
    if text(name, field) in ("", ".", ".."):
        raise InvalidParameter(f"Invalid value {name!r} for {field!r}: a name is needed, and none of dots.")
    return quote(name, safe="")


def named_segment(name: str, noun: str) -> str:
    """Return the name of something that a server has, as one segment of an address, quoted.

    Args:
        name: What it is called.
        noun: What it is, for the error: ``compute target``.

    Raises:
        InvalidParameter: It is empty or made of dots.
        NotFound: It has a ``/``, which a server reads as the end of a name, quoted or not.

    Example:
        >>> named_segment("gpu 1", "compute target")
        'gpu%201'
    """
    segment = one_segment(name, "name")
    if "/" in name:
        raise NotFound(f"There is no {noun} {name[:100]!r}: no name of one has a '/'.")
    return segment


def without_workspace(tracking_uri: str) -> str:
    """Return the server's address out of that of one of its workspaces.

    Example:
        >>> without_workspace("http://127.0.0.1:5000/workspaces/vision")
        'http://127.0.0.1:5000'
    """
    return _WORKSPACE_PATH.sub("", tracking_uri.rstrip("/"))


def origin(url: str) -> str:
    """Return scheme, host and port of ``url``, written in one way, so that two can be compared.

    Example:
        >>> origin("HTTPS://Lab.Example/workspaces/vision")
        'https://lab.example:443'
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}:{_port(url)}"


def is_loopback(url: str) -> bool:
    """Tell whether ``url`` names this very machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def home_folder() -> Path:
    """Return the folder of this person's server: ``RUNYARD_HOME``, or ``~/.runyard``."""
    named = os.environ.get("RUNYARD_HOME")
    return Path(named).expanduser() if named else Path.home() / ".runyard"


def default_url(home: Path | None = None) -> str:
    """Return the address to use when no configuration names one.

    It is ``RUNYARD_URL``, else that of the server that runs on ``home`` (its ``server.json``), else
    ``http://127.0.0.1:5000``. With a ``home`` given, ``RUNYARD_URL`` does not count.
    """
    named = os.environ.get("RUNYARD_URL")
    if named and home is None:
        return server_url(named)
    return running_url(home or home_folder()) or DEFAULT_URL


def running_url(home: Path) -> str | None:
    """Return the address that the server on ``home`` wrote down when it began to listen, if there is one."""
    try:
        written = json.loads((home / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    url = written.get("url") if isinstance(written, dict) else None
    return server_url(url) if isinstance(url, str) else None


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise InvalidParameter(f"{url!r} is not a server's address: its port is not a number.") from None
