"""Which hosts a server answers for, and which websites may send it something.

A browser sends requests for any page that it shows. ``Host`` tells when a stranger's name was
made to point at this machine (DNS rebinding), ``Origin`` whose page a request comes from. Both
are compared whole, never by a pattern: look-alikes are the usual way around.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from collections.abc import Iterable

from runyard.errors import Forbidden, InvalidParameter
from runyard.settings import Mode, Settings

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANY = "*"


class AllowedHosts:
    """The names that a request may be addressed to; the port may be any, as behind a tunnel.

    Raises:
        InvalidParameter: ``up`` is to answer for all names. It asks for no credential, so every website
            that its owner visits could then use it.
    """

    def __init__(self, settings: Settings) -> None:
        self._is_team = settings.mode is Mode.SERVE
        configured = {name.lower() for name in settings.allowed_hosts}
        self._allows_all = _ANY in configured
        if self._allows_all and not self._is_team:
            raise InvalidParameter(
                "allowed_hosts '*' is for `runyard serve`: `runyard up` asks for no credential, "
                "so name the hosts that it answers for."
            )
        self._names = frozenset(
            _LOCAL_NAMES | configured | (_own_names(settings) if self._is_team else set())
        )
        self._is_allowed = functools.lru_cache(256)(self._find)

    def check(self, host: str) -> None:
        """Return if a request with this ``Host`` header is meant for this server.

        Raises:
            Forbidden: It is not, or the header is missing or no host.
        """
        if not self._is_allowed(host):
            raise Forbidden(
                "The request has no Host header."
                if not host
                else f"This server does not answer for the host {host[:100]!r}. "
                "If that is a name of it, add the name to the setting allowed_hosts."
            )

    def _find(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower()
        return self._allows_all or name in self._names or self._is_own_address(name)

    def _is_own_address(self, name: str) -> bool:
        """Whether it is an address and not a name: nobody can make an address point elsewhere."""
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return self._is_team or address.is_loopback


class AllowedOrigins:
    """The websites whose pages may send something: the server's own, and those that the settings name.

    Raises:
        InvalidParameter: What is named is not an origin.
    """

    def __init__(self, configured: Iterable[str]) -> None:
        self._configured = frozenset(configured)
        for origin in self._configured:
            if _ORIGIN.fullmatch(origin) is None:
                raise InvalidParameter(
                    f"allowed_origins has {origin!r}; an origin is 'https://host' or 'https://host:port', "
                    "in lower case and without a path."
                )
        self._is_allowed = functools.lru_cache(256)(self._find)

    def check(self, origin: str, host: str, scheme: str) -> None:
        """Return if a page of ``origin`` may send a request to ``host``, which came over ``scheme``.

        Raises:
            Forbidden: It may not.
        """
        if not self._is_allowed(origin, host, scheme):
            raise Forbidden(
                f"A page of {origin[:100]!r} may not send this. "
                "If it is a page of yours, add its origin to the setting allowed_origins."
            )

    def _find(self, origin: str, host: str, scheme: str) -> bool:
        if origin in self._configured:
            return True
        page, here = _ORIGIN.fullmatch(origin), _HOST.fullmatch(host)
        if page is None or here is None:
            return False
        # A proxy that ends TLS hands the request on over http: the page is then https and nobody is fooled.
        if page["scheme"] not in {scheme, "https"}:
            return False
        default_port = _DEFAULT_PORTS[page["scheme"]]
        return page["name"] == here["name"].lower() and int(page["port"] or default_port) == int(
            here["port"] or default_port
        )


def _own_names(settings: Settings) -> set[str]:
    # Not getfqdn(): it asks the network, and start-up would wait for an answer that may never come.
    machine = socket.gethostname().lower()
    return {settings.host.lower(), machine, machine.partition(".")[0]}
