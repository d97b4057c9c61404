"""The wall around the application: what gets no further, and what no answer leaves without.

It knows nothing of routes and credentials. It refuses requests that a browser was tricked into
sending (Host, Origin), bounds what is read of a body, gives each request an id, sets the headers
that keep browsers strict, and turns a fault into an answer that gives nothing away.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runyard.entities.audit import AuditEvent, Outcome
from runyard.errors import Forbidden, InternalError, RunyardError
from runyard.server.addresses import parse_address
from runyard.server.answers import CUT_OFF, WHOLE, error_response, json_response
from runyard.server.asked import (
    ACTION,
    ANSWERING,
    CALLER,
    NO_ROUTE,
    REQUEST_ID,
    ROUTE,
    SAFE_METHODS,
    TARGET,
    WORKSPACE,
    client_of,
)
from runyard.server.bodies import RequestBody
from runyard.server.logs import ACCESS, ASKED
from runyard.server.origins import AllowedHosts, AllowedOrigins
from runyard.server.repeated import Told
from runyard.services.audit import said_by, target_of
from runyard.services.operation import Operation
from runyard.settings import Settings

BODY_TIMEOUT_S = 60.0

_log = logging.getLogger("runyard.server")
_access_log = logging.getLogger(ACCESS)

_REFUSED = frozenset({401, 403, 429})
_ONCE = frozenset({b"host", b"origin", b"authorization", b"x-mlflow-workspace", b"content-type"})
# Artifacts are streamed to the store, whatever their size; the store and the disk set their limit.
_UPLOAD = re.compile(
    r"/(?:(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts|api/v1/datastores/[^/]+/files|api/v1/snapshots"
    r"|blobs\.blob\.core\.windows\.net)/.+",
    re.DOTALL,
)
# OpenTelemetry's exporters compress what they send; `protocol/otlp.py` bounds what comes out.
_SPANS = "/v1/traces"

Headers = Mapping[bytes, bytes]

# Each is set unless the application has set it: the Studio's pages bring a policy of their own.
STRICT_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cache-control", b"no-store"),
)


def wall(app: ASGIApp, settings: Settings, operation: Operation | None = None) -> ASGIApp:
    """Return ``app`` behind the wall that ``settings`` ask for; ``operation`` counts what it answers.

    Raises:
        InvalidParameter: A setting would open a server without credentials to every website.
    """
    return Wall(app, settings, BODY_TIMEOUT_S, operation)


class Wall:
    """An ASGI application around another.

    Args:
        app: Sees only what passes; may raise any error.
        settings: Which hosts, origins and sizes pass.
        body_timeout_s: How long a body that is not an upload may take to arrive.
        operation: The server that this is part of; it counts what is answered.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        body_timeout_s: float,
        operation: Operation | None = None,
    ) -> None:
        self._app = app
        self._hosts = AllowedHosts(settings)
        self._origins = AllowedOrigins(settings.allowed_origins)
        self._max_body_bytes = settings.max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._operation = operation or Operation()
        self.traffic = self._operation.traffic
        self._logs_requests = settings.access_log
        # Counted from a number of its own: no two starts of a server give the same id.
        self._request_numbers = itertools.count(secrets.randbits(62))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is no HTTP request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self.next_request_id()
        state = scope.setdefault("state", {})
        state[REQUEST_ID] = request_id
        if not self._logs_requests:
            state[ANSWERING] = self
        answer = _Answer(send, request_id)
        began_s = time.perf_counter()
        self.traffic.in_flight += 1
        try:
            headers = _read_once(scope["headers"])
            answer.body = body = self._body(scope, headers, receive)
            self._check_sender(scope, headers)
            body.check_head(headers)
            await self._app(scope, body.receive, answer.send)
        except RunyardError as error:
            await self._refuse(error, scope, receive, answer)
        except Exception:  # noqa: BLE001 - whatever it was, the caller gets the request's id, the log the rest
            await self._refuse(_failed(scope), scope, receive, answer)
        finally:
            self.traffic.in_flight -= 1
            self.note(scope, answer.status, time.perf_counter() - began_s)

    def next_request_id(self) -> str:
        """Return the id of a new request."""
        return f"{next(self._request_numbers):016x}"

    def told(self, scope: Scope, answered: asyncio.Future[Any]) -> Told:
        """Return what is sent of a handler's answer, or of what it raised."""
        try:
            response = json_response(answered.result())
        except RunyardError as error:
            response = error_response(error, scope)
        except Exception:  # noqa: BLE001 - as above
            response = error_response(_failed(scope), scope)
        request_id = (b"x-request-id", scope["state"][REQUEST_ID].encode())
        return response.status_code, [*_with_strict(response.raw_headers), request_id], bytes(response.body)

    def note(self, scope: Scope, status: int, duration_s: float) -> None:
        """Count a request that has ended and, if asked to, log it."""
        route = scope["state"].get(ROUTE, NO_ROUTE)
        self.traffic.note(route, scope["method"], status, duration_s)
        if status in _REFUSED and scope["method"] not in SAFE_METHODS:
            self._operation.refusals.note(_refusal(scope))
        if self._logs_requests:
            told = _told(scope, route, status, duration_s)
            text = " ".join(f"{name}={value}" for name, value in told.items())
            _access_log.info("%s", text, extra={ASKED: told})

    def _check_sender(self, scope: Scope, headers: Headers) -> None:
        """Refuse what a page of another site, or one that took over a name of this host, may have sent."""
        host = headers.get(b"host", b"").decode("latin-1")
        self._hosts.check(host)
        if scope["method"] in SAFE_METHODS:
            return
        origin = headers.get(b"origin")
        if origin is not None:
            self._origins.check(origin.decode("latin-1"), host, scope["scheme"])
        elif headers.get(b"sec-fetch-site") == b"cross-site":
            raise Forbidden("A page of another site may not send this.")

    def _body(self, scope: Scope, headers: Headers, receive: Receive) -> RequestBody:
        is_upload = scope["method"] == "PUT" and _is_of_upload(scope["path"])
        max_bytes = None if is_upload else self._max_body_bytes
        is_compressible = scope["method"] == "POST" and scope["path"].endswith(_SPANS)
        return RequestBody(
            scope, headers, receive, max_bytes, self._body_timeout_s, may_be_compressed=is_compressible
        )

    async def _refuse(self, error: RunyardError, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if answer.has_started:
            # Half an answer can't be taken back: it is cut off, so that nobody takes it for whole.
            if error.http_status >= 500:
                raise error
            _log.warning(
                "%s was cut off: %s",
                _named(scope),
                error.message,
                extra={ASKED: {REQUEST_ID: scope["state"][REQUEST_ID]}},
            )
            if WHOLE in scope.get("extensions", ()):
                await answer.cut_off()
            return
        await error_response(error, scope)(scope, receive, answer.send)


class _Answer:
    """Puts the request's id and the strict headers on whatever is sent."""

    __slots__ = ("_request_id", "_send", "body", "has_started", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = (b"x-request-id", request_id.encode())
        self.body: RequestBody | None = None
        self.has_started = False
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            self.has_started = True
            self.status = message["status"]
            headers = _with_strict(message.get("headers", ()))
            headers.append(self._request_id)
            if self.body is None or not self.body.will_end:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)

    async def cut_off(self) -> None:
        await self._send({"type": CUT_OFF})


def _is_of_upload(path: str) -> bool:
    """Whether a path is that of an upload; what only has one in it, as the name of a secret, is not."""
    return _UPLOAD.fullmatch(parse_address(path).path) is not None


def _named(scope: Scope) -> str:
    """A request for the log, by its id and route: its path and query may hold what is nobody's business."""
    state = scope["state"]
    return f"request {state[REQUEST_ID]}: {scope['method']!a} {state.get(ROUTE, NO_ROUTE)}"


def _told(scope: Scope, route: str, status: int, duration_s: float) -> dict[str, object]:
    """What the log tells of a request, by name."""
    caller = scope["state"].get(CALLER)
    client = scope.get("client")
    return {
        REQUEST_ID: scope["state"][REQUEST_ID],
        "client": client[0] if client else None,
        "method": ascii(scope["method"])[1:-1],
        "route": route,
        "status": status,
        "duration_ms": round(duration_s * 1000, 3),
        "caller": None if caller is None else ascii(caller.name)[1:-1],
    }


def _refusal(scope: Scope) -> AuditEvent:
    """What the audit log tells of a request that was refused."""
    state = scope["state"]
    event = AuditEvent(
        at_ms=time.time_ns() // 1_000_000,
        action=state.get(ACTION, NO_ROUTE),
        outcome=Outcome.REFUSED,
        client=client_of(scope),
        workspace=state.get(WORKSPACE, ""),
        target=target_of(state.get(TARGET, {})),
        request_id=state[REQUEST_ID],
    )
    return said_by(event, state.get(CALLER))


def _failed(scope: Scope) -> InternalError:
    """Write the fault that is being handled into the log, and return what its sender is told of it."""
    _log.exception("%s failed", _named(scope), extra={ASKED: {REQUEST_ID: scope["state"][REQUEST_ID]}})
    return InternalError("The server failed; its log says why.")


def _with_strict(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with the strict ones that it has not set itself."""
    given = list(headers)
    return given + list(_strict_headers(tuple([name for name, _ in given])))


@lru_cache(256)
def _strict_headers(names: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the strict headers that an answer with headers of these names has not set itself."""
    given = {name.lower() for name in names}
    return tuple(header for header in STRICT_HEADERS if header[0] not in given)


def _read_once(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers by name; those that decide something may come once only."""
    pairs = list(pairs)
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        for name in _ONCE:
            if names[name] > 1:
                raise Forbidden(f"The request has more than one {name.decode().title()}; send it once.")
    return found
