"""The one seam to a server: a request goes in, an answer or the server's own error comes out."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from runyard._version import __version__
from runyard.errors import RunyardError, Unauthenticated, Unavailable, error_for
from runyard.sdk.addresses import is_loopback, origin, server_url, without_workspace

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
SLOWEST_BYTES_PER_S = 16 * 1024
"""How slow a line may be for a body to get through: while it is sent, one limit of time is for all of it."""
LONGEST_WAIT_S = 30.0
CHUNK_BYTES = 1 << 20

_CA_VARIABLES = ("RUNYARD_CA", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_REFUSED_UNDONE = (408, 429, 503)
_MAYBE_DONE = (502, 504)


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask of a server.

    Args:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: Path below the transport's address, quoted, with a slash in front.
        query: Pairs of the query string.
        body: The body, ready to be sent, or a file that can be read again from its beginning.
        content_type: What the body is.
        is_repeatable: Whether a second execution does no harm. Only such a request is sent again when the
            connection breaks or a gateway gives up after the server may have begun.
        authorization: A secret for this one request, in place of the transport's own credential.
        accept: Which form the answer is wanted in.
        headers: What else is said of the body, as its checksum.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | BinaryIO | None = None
    content_type: str = "application/json"
    is_repeatable: bool = False
    authorization: str | None = field(default=None, repr=False)
    accept: str = "*/*"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Answer:
    """A server's answer with a body that is still to be read; close it, or use it in a ``with``.

    Args:
        status: The HTTP status, always below 300.
        headers: Its headers; names in any case.
        body: The body in pieces.
        release: Gives the connection back.
    """

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]
    release: Callable[[], None] = field(default=lambda: None)

    def read(self) -> bytes:
        """Return the whole body and give the connection back."""
        with self:
            return b"".join(self.body)

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Transport(ABC):
    """Carries requests to one server. Tests and other wires replace the world by subclassing this."""

    @abstractmethod
    def send(self, request: Request) -> Answer:
        """Send a request and return the answer.

        Raises:
            RunyardError: The class that the server raised, found by its status and its error code.
            Unavailable: Nobody answers at the address, or not in time.
        """


class Credential(Protocol):
    """Something that has a token for one server."""

    def token(self) -> str | None:
        """Return a token that is valid now, or None when there is none."""

    def renewed(self, refused: str) -> str | None:
        """Return another token than the one that the server just refused, or None."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates count, and which one to show.

    Args:
        authorities: A file of authorities, or whether to look at certificates at all.
        client_certificate: A file with this client's own certificate and its key.
    """

    authorities: str | bool = True
    client_certificate: str | None = None


class HttpTransport(Transport):
    """Requests over HTTP, with patience for a busy server and a credential for no other host.

    Args:
        url: Address of the server.
        credential: Where the token comes from; None sends none.
        read_timeout_s: How long to wait for the next byte of an answer.
        is_patient: Whether to try again when nobody answers or a server is busy; else all of that is an
            error at once, also a connection that takes longer than ``read_timeout_s``.
        trust: Whose certificates count; None asks ``RUNYARD_CA`` and its like.

    Raises:
        InvalidParameter: ``url`` is not a server's address.
    """

    def __init__(
        self,
        url: str,
        credential: Credential | None = None,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        is_patient: bool = True,
        trust: Trust | None = None,
    ) -> None:
        self.url = server_url(url)
        self._credential = credential
        self._is_patient = is_patient
        self._timeouts_s = (CONNECT_TIMEOUT_S if is_patient else read_timeout_s, read_timeout_s)
        self._trust = trust or usual_trust()
        self._sessions = {
            is_repeatable: _session(self.url, _retries(is_repeatable) if is_patient else Retry(0, read=False))
            for is_repeatable in (False, True)
        }

    def __repr__(self) -> str:
        return f"HttpTransport({self.url!r})"

    def send(self, request: Request) -> Answer:
        """Send a request; a token that the server refuses is renewed once. See :meth:`Transport.send`."""
        credential = None if request.authorization else self._credential
        token = credential.token() if credential else request.authorization
        response = self._exchange(request, token)
        if response.status_code == requests.codes.unauthorized and credential and token:
            another = credential.renewed(token)
            if another:
                response.close()
                response = self._exchange(request, another)
        if response.status_code >= requests.codes.multiple_choices:
            with response:
                _raise_for(response, self.url, has_credential=token is not None)
        return Answer(
            response.status_code, response.headers, _chunks(response, self.url), release=response.close
        )

    def _exchange(self, request: Request, token: str | None) -> requests.Response:
        session = self._sessions[request.is_repeatable]
        # Bytes are wanted as they are stored: a transparent gunzip would change a .gz file's content.
        headers = {"Accept": request.accept, "Accept-Encoding": "identity", **dict(request.headers)}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if request.body is not None and not isinstance(request.body, bytes):
            request.body.seek(0)
        try:
            return session.request(
                request.method,
                self.url + request.path,
                params=list(request.query),
                data=request.body,
                headers=headers,
                auth=_Bearer(token),
                timeout=self._timeouts_for(request),
                verify=self._trust.authorities,
                cert=self._trust.client_certificate,
                # A redirect could lead to another host, and a POST would turn into a GET on the way.
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise _unavailable(error, self.url) from error

    def _timeouts_for(self, request: Request) -> tuple[float, float]:
        connect_s, read_s = self._timeouts_s
        # Of a file, each piece that is sent has the time for itself.
        size_bytes = len(request.body) if self._is_patient and isinstance(request.body, bytes) else 0
        sending_s = size_bytes / SLOWEST_BYTES_PER_S
        return connect_s + sending_s, read_s + sending_s


class _Bearer(AuthBase):
    """Sets the token, and, without one, keeps requests from looking for a password in ``~/.netrc``."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            # A secret that is no bearer's, as MLflow's names and passwords are, says its scheme itself.
            scheme = "" if self._token.startswith("Basic ") else "Bearer "
            prepared.headers["Authorization"] = scheme + self._token
        return prepared


class _BoundedRetry(Retry):
    """Retries that never sleep longer than :data:`LONGEST_WAIT_S`, whatever a server asks for."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        asked_s = super().get_retry_after(response)
        return None if asked_s is None else min(asked_s, LONGEST_WAIT_S)


def _session(url: str, retries: Retry) -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = f"runyard/{__version__}"
    # A proxy for the outside world can't reach this machine's own loopback.
    session.trust_env = not is_loopback(url)
    session.mount(url, HTTPAdapter(pool_maxsize=16, max_retries=retries))
    return session


def _retries(is_repeatable: bool) -> Retry:
    return _BoundedRetry(
        total=None,
        connect=2,
        read=3 if is_repeatable else 0,
        status=5,
        other=0,
        redirect=0,
        status_forcelist=_REFUSED_UNDONE + (_MAYBE_DONE if is_repeatable else ()),
        allowed_methods=None,
        backoff_factor=0.2,
        backoff_max=LONGEST_WAIT_S,
        raise_on_status=False,
        respect_retry_after_header=True,
    )


def usual_trust() -> Trust:
    """Return what ``RUNYARD_CA`` or one of its like says."""
    return Trust(next((path for name in _CA_VARIABLES if (path := os.environ.get(name))), True))


def _chunks(response: requests.Response, url: str) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK_BYTES)
    except requests.RequestException as error:
        raise _unavailable(error, url) from error


def _raise_for(response: requests.Response, url: str, *, has_credential: bool) -> NoReturn:
    if response.is_redirect:
        target = origin(response.headers.get("Location", ""))
        raise RunyardError(f"The server at {response.url} redirects to {target}. Use that address.")
    content = _error_body(response)
    code, message = str(content.get("error_code", "")), str(content.get("message", ""))
    error = error_for(response.status_code, code, message or f"{response.status_code} {response.reason}.")
    raise (
        _with_a_way_on(error, url, has_credential=has_credential)
        if isinstance(error, Unauthenticated)
        else error
    )


def _with_a_way_on(error: Unauthenticated, url: str, *, has_credential: bool) -> Unauthenticated:
    """Return what a server says of a credential, with what the person can do."""
    login = f"`runyard login {without_workspace(url)}`"
    if has_credential:
        return Unauthenticated(f"{error} If it has ended, {login} gets another; who is locked out gets none.")
    return Unauthenticated(f"{error} Set RUNYARD_TOKEN to an API key of this server, or log in: {login}.")


def _error_body(response: requests.Response) -> dict[str, Any]:
    try:
        content = json.loads(response.content)
    except (ValueError, requests.RequestException):
        return {}
    return content if isinstance(content, dict) else {}


def _unavailable(error: requests.RequestException, url: str) -> RunyardError:
    # SSLError and ProxyError are ConnectionErrors too: the order matters.
    if isinstance(error, requests.exceptions.SSLError):
        return Unavailable(
            f"The certificate of {url} is not trusted. Name its authority's file in RUNYARD_CA. ({error})"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Unavailable(f"The proxy on the way to {url} does not let the request through. ({error})")
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return Unavailable(f"The server at {url} does not answer in time.")
    if _was_refused(error):
        return Unavailable(
            f"No server answers at {url}. Start one with `runyard up`, or set RUNYARD_URL to another address."
        )
    return Unavailable(f"The connection to {url} failed. ({error})")


def _was_refused(error: BaseException) -> bool:
    """Tell whether nobody listened, however deep the libraries have wrapped that."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError):
            return True
        reason = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        seen = reason if isinstance(reason, BaseException) else seen.__cause__ or seen.__context__
    return False
