"""The one client for requests that this server sends to others: webhooks, sign-in providers, imports.

Whoever may write a URL into this server could otherwise make it ask what only it can reach: the machine
itself, its network, the cloud's metadata. So a URL is looked at when it is given and again when it is used,
the name is looked up once, and the connection goes to the very address that was looked at.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from runyard._version import __version__
from runyard.compute.base import resolve
from runyard.compute.cutting import Cut, cut_after
from runyard.errors import InvalidParameter, Unavailable
from runyard.services.outbound_addresses import Address, Allowed, literal_address
from runyard.settings import Settings

SCHEMES: Final = ("http", "https")
MAX_URL_LENGTH: Final = 2000
MAX_ANSWER_BYTES: Final = 1024 * 1024
MAX_ADDRESSES: Final = 4
WITHIN_S: Final = 15.0
CONNECTED_WITHIN_S: Final = 5.0
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")
_AS_WRITTEN: Final = "/%:@!$&'()*+,;=~?-._"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f\\]")

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a name; ``OSError`` if it has none."""


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """What came back.

    Args:
        status: The HTTP status; redirects are answers like others, and are not followed.
        headers: By name in lower case; of equal ones the last.
        body: What was read of the body.
        is_whole: Whether that is all of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the other side says that it went well."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    request_target: str


class OutboundClient:
    """Sends requests to public addresses and to what the setting ``outbound_allow`` lists; for any thread.

    Args:
        settings: Whom to allow.
        within_s: How long a request may take in all, whatever the other side does.
        max_answer_bytes: How much of an answer's body is read.
        tls: Whom to believe in TLS; left out, the system's authorities (or ``SSL_CERT_FILE``).
        resolve: Looks names up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        within_s: float = WITHIN_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._allowed = Allowed(settings.outbound_allow)
        self._within_s = within_s
        self._max_answer_bytes = max_answer_bytes
        self._tls = tls
        self._resolve = resolve
        self._cuts: set[Cut] = set()
        self._is_closed = False

    def close(self) -> None:
        """Cut what is under way, which ends as if no answer came, and send nothing any more."""
        self._is_closed = True
        for cut in list(self._cuts):
            cut.now()

    def check(self, url: str, field: str = "url") -> None:
        """Return if a request could go to this URL now; to be called where somebody writes one down.

        Raises:
            InvalidParameter: Not http or https, not a URL, no such host, or an address that is not public.
        """
        self._addresses(_target(url, field), field)

    def lookup(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses that a connection to a host may be made to, for what does not speak HTTP.

        Raises:
            InvalidParameter: No such host, or an address that is not public.
        """
        return [str(each) for each in self._addresses(_Target("", host, port, ""), "host")]

    def check_named(self, url: str, field: str) -> None:
        """Return if the administrator named this URL's host; whether it is known is not asked.

        For what another client than this one will ask: that follows redirects and looks names up again, so
        that a host is public today says nothing of tomorrow.

        Raises:
            InvalidParameter: Not http or https, not a URL, or a host that ``outbound_allow`` does not name.
        """
        target = _target(url, field)
        if not self._allowed.is_named(target.host):
            raise _refused(
                field,
                f"the setting outbound_allow does not name {target.host!r}. An administrator can add it",
            )

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> OutboundAnswer:
        """Send a request and return the answer, whatever its status; blocks.

        Raises:
            InvalidParameter: As :meth:`check`; nothing was sent.
            Unavailable: No answer came, or not in time; the other side may have got the request.
        """
        target = _target(url, "url")
        addresses = self._addresses(target, "url")
        until_s = time.monotonic() + self._within_s
        sent = {"User-Agent": f"runyard/{__version__}", "Connection": "close", **(headers or {})}
        try:
            with (
                closing(_connected(addresses, target.port, until_s)) as opened,
                self._ended_at(until_s, opened) as cut,
                closing(self._connection(target, opened)) as connection,
            ):
                connection.request(method, target.request_target, body, sent)
                with connection.getresponse() as got:
                    answer = self._read(got)
                if cut.is_done:  # where no length was told, what was cut off looks whole
                    raise TimeoutError
                return answer
        except (OSError, http.client.HTTPException) as error:
            why = "did not answer in time" if time.monotonic() >= until_s else _why(error)
            raise Unavailable(f"{target.host} {why}.") from error

    def _addresses(self, target: _Target, field: str) -> list[Address]:
        """Return where a host is, if a request may go to each of the places."""
        literal = literal_address(target.host)
        try:
            told = [str(literal)] if literal else self._resolve(target.host, target.port)
            found = [ipaddress.ip_address(each) for each in told]
        except (OSError, ValueError):
            raise _refused(field, f"the host {target.host!r} is not known") from None
        for address in found:
            if not self._allowed.lets_through(target.host, address):
                raise _refused(
                    field,
                    f"{target.host!r} is at {address}, which is not a public address. "
                    "An administrator can allow it by the setting outbound_allow",
                )
        if not found:
            raise _refused(field, f"the host {target.host!r} has no address")
        return found[:MAX_ADDRESSES]

    def _connection(self, target: _Target, opened: socket.socket) -> http.client.HTTPConnection:
        if target.scheme == "http":
            return _Connection(target, opened)
        return _Connection(target, opened, self._tls or ssl.create_default_context())

    @contextmanager
    def _ended_at(self, until_s: float, opened: socket.socket) -> Iterator[Cut]:
        """Cut a connection at a moment, or when the client is closed."""
        opened.settimeout(max(0.1, until_s - time.monotonic()))
        with cut_after(until_s - time.monotonic(), opened) as cut:
            self._cuts.add(cut)
            if self._is_closed:
                cut.now()
            try:
                yield cut
            finally:
                self._cuts.discard(cut)

    def _read(self, answer: http.client.HTTPResponse) -> OutboundAnswer:
        read = answer.read(self._max_answer_bytes + 1)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        is_whole = len(read) <= self._max_answer_bytes
        return OutboundAnswer(answer.status, headers, read[: self._max_answer_bytes], is_whole)


class _Connection(http.client.HTTPConnection):
    """Speaks over a socket that is connected; the host's name is for its header and its certificate alone."""

    def __init__(self, target: _Target, opened: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 80 if tls is None else 443
        self._opened = opened
        self._tls = tls

    def connect(self) -> None:
        if self._tls is None:
            self.sock = self._opened
        else:
            self.sock = self._tls.wrap_socket(self._opened, server_hostname=self.host.rstrip("."))


def _connected(addresses: Sequence[Address], port: int, until_s: float) -> socket.socket:
    """Return a socket to the first of the addresses that answers."""
    fault: OSError = OSError("no address")
    for address in addresses:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((str(address), port), min(left_s, CONNECTED_WITHIN_S))
        except OSError as error:
            fault = error
    raise fault


def _target(url: str, field: str) -> _Target:
    """Return what a URL says, read once: what is looked at is what is used."""
    if len(url) > MAX_URL_LENGTH:
        raise _refused(field, f"it has {len(url)} characters; at most {MAX_URL_LENGTH} are allowed")
    if _UNPRINTABLE.search(url):
        raise _refused(field, "it has blanks, backslashes or control characters in it")
    try:
        parsed = urlsplit(url)
        host, port = _host(parsed), parsed.port
    except ValueError:
        raise _refused(field, "it is no URL") from None
    if parsed.scheme not in SCHEMES:
        raise _refused(field, f"its scheme is {parsed.scheme!r}; expected http or https")
    if "@" in parsed.netloc:
        raise _refused(field, "it has a user name or a password in it")
    if not (_NAME.fullmatch(host) or (":" in host and "%" not in host and literal_address(host))):
        raise _refused(field, "it names no host")
    if port == 0:
        raise _refused(field, "its port is 0; expected 1 to 65535")
    default = 80 if parsed.scheme == "http" else 443
    return _Target(parsed.scheme, host, port or default, _request_target(parsed))


def _host(parsed: SplitResult) -> str:
    host = parsed.hostname or ""
    return host if host.isascii() else host.encode("idna").decode()


def _request_target(parsed: SplitResult) -> str:
    query = f"?{parsed.query}" if parsed.query else ""
    return quote(f"{parsed.path or '/'}{query}", safe=_AS_WRITTEN)


def _refused(field: str, why: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid value for '{field}': this server sends nothing to it, as {why}.")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not good: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection"
    return f"can't be asked ({type(error).__name__})"
