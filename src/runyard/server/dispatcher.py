"""Answers HTTP requests: address, route, caller, permission, body, handler, answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from runyard.auth.permissions import Caller, Open, Permission, authorize
from runyard.errors import InvalidParameter, RunyardError
from runyard.protocol import wire
from runyard.server.addresses import WORKSPACE_HEADER, Address, parse_address
from runyard.server.answers import error_response, json_response
from runyard.server.known_workspaces import KnownWorkspaces
from runyard.server.routing import Route, RouteTable
from runyard.server.studio_files import StudioFiles
from runyard.services.call import Call
from runyard.settings import Settings
from runyard.stores.opening import Stores

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_JSON = "application/json"
_MAX_QUERY_FIELDS = 2000

Authenticate = Callable[[str | None], Caller | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose route and workspace are known and whose body has been read."""

    route: Route
    values: dict[str, str]
    address: Address
    authorization: str | None
    query: str
    body: bytes


class Dispatcher:
    """The ASGI application behind the wall.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        routes: The table of routes.
        authenticate: Returns who sent an ``Authorization`` header; ``None`` if nobody did.
        studio: The Studio's files.
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        routes: Iterable[Route],
        authenticate: Authenticate,
        studio: StudioFiles,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._table = RouteTable(routes)
        self._authenticate = authenticate
        self._studio = studio
        self._workspaces = KnownWorkspaces(stores.metadata.workspaces)
        self._retrying = stores.database.retrying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        http = Request(scope, receive)
        try:
            response = await self._respond(http)
        except RunyardError as error:
            response = error_response(error, http)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, http: Request) -> Response:
        address = parse_address(http.scope["path"], http.headers.get(WORKSPACE_HEADER))
        page = self._page(http, address)
        if page is not None:
            return page
        authorization = http.headers.get("authorization")
        route, values = self._find(http.method, address.path, authorization)
        if authorization is None:
            # Costs no look-up, so it comes before a stranger's body is read.
            authorize(self._authenticate(None), route.permits, address.workspace)
        if route.is_raw:
            call = await run_sync(self._retrying, lambda: self._admit(route, address, authorization))
            response: Response = await route.handler(call, http=http, **values)
            return response
        if route.request is not None and http.method in _WITH_BODY:
            _check_content_type(http)
        query = http.scope["query_string"].decode("latin-1")
        asked = _Asked(route, values, address, authorization, query, await http.body())
        return await run_sync(self._retrying, lambda: self._answer(asked))

    def _find(self, method: str, path: str, authorization: str | None) -> tuple[Route, dict[str, str]]:
        try:
            return self._table.find(method, path)
        except RunyardError:
            if authorization is None:  # a stranger does not learn which addresses there are
                authorize(self._authenticate(None), Permission.IDENTIFY, None)
            raise

    def _page(self, http: Request, address: Address) -> Response | None:
        """The Studio's page or one of its files, if that is what was asked for."""
        if http.method not in ("GET", "HEAD"):
            return None
        if address.prefix and not address.path:
            # "./": a workspace called "https:host" must not become the address of another host.
            return RedirectResponse("./" + http.url.path.rsplit("/", 1)[-1] + "/", status_code=308)
        if address.path == "/" or address.path.startswith("/studio/") or address.path == "/index.html":
            return self._studio.response(address.path.removeprefix("/"))
        return None

    def _answer(self, asked: _Asked) -> Response:
        route = asked.route
        call = self._admit(route, asked.address, asked.authorization)
        arguments: dict[str, object] = dict(asked.values)
        if route.request is not None:
            arguments["body"] = _decode(route, asked)
        return json_response(route.handler(call, **arguments))

    def _admit(self, route: Route, address: Address, authorization: str | None) -> Call:
        """Return the call if its sender may make it.

        An open route needs no valid credential either: a probe may send one that has expired.
        """
        caller = None if isinstance(route.permits, Open) else self._authenticate(authorization)
        authorize(caller, route.permits, address.workspace)
        return Call(self._stores, self._settings, self._workspaces.get(address.workspace), caller)


def _decode(route: Route, asked: _Asked) -> object:
    assert route.request is not None
    if route.method == "GET":
        return wire.decode_query(route.request, _pairs(asked.query), asked.body)
    if route.method == "DELETE" and not asked.body:
        return wire.decode_query(route.request, _pairs(asked.query))
    return wire.decode(route.request, asked.body)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise InvalidParameter(
            f"The query is not valid UTF-8, or has more than {_MAX_QUERY_FIELDS} fields."
        ) from None


def _check_content_type(http: Request) -> None:
    """Refuse a body that a form on another site could have sent (MLflow's guard and words)."""
    sent = http.headers.get("content-type")
    if sent is None:
        raise InvalidParameter("Bad Request. Content-Type header is missing.")
    if sent.split(";")[0].strip().lower() != _JSON:
        raise InvalidParameter(f"Bad Request. Content-Type must be one of ['{_JSON}'].")
