"""Answers HTTP requests: address, route, caller, permission, body, handler, answer.

A request that changes something small is answered in the event loop, together with others of the same
moment (``commits_together``). All else, and whatever needs to ask the store who sent it, has large
bodies or takes long, goes to a worker thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from runyard.auth.permissions import UNAUTHENTICATED_TEXT, Open, Permission
from runyard.entities.audit import AuditEvent, Outcome
from runyard.errors import Forbidden, RunyardError, Unauthenticated
from runyard.server.addresses import WORKSPACE_HEADER, Address, parse_address
from runyard.server.admission import Admission
from runyard.server.answers import Answer, error_response, json_response
from runyard.server.arguments import arguments_of, check_content_type, named_in
from runyard.server.asked import (
    ACTION,
    AGAIN,
    ANSWERING,
    BY_TUNNEL,
    CALLER,
    CLIENT,
    LASTING,
    REQUEST_ID,
    ROUTE,
    SAFE_METHODS,
    TARGET,
    WORKSPACE,
    client_of,
)
from runyard.server.azure_requests import as_azure_reads_it, authorization_elsewhere
from runyard.server.bodies import HAS_COME, is_large, read_whole
from runyard.server.cookies import is_from_own_page, session_of
from runyard.server.known_callers import Authenticate
from runyard.server.peers import check_own_user
from runyard.server.reaching import check_part, has_whole
from runyard.server.repeated import Repeated
from runyard.server.routing import Route, RouteTable
from runyard.server.shown_pages import SIGN_IN_FOR_MLFLOW, ShownPage, ShownPages
from runyard.services.audit import said_by, target_of
from runyard.services.call import Call
from runyard.services.operation import Operation
from runyard.settings import Mode, Settings
from runyard.stores.opening import Stores

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_MAX_BYTES_IN_LOOP = 256 * 1024


class _Asked(NamedTuple):
    """A request whose route and workspace are known and whose body has been read."""

    route: Route
    values: dict[str, str]
    address: Address
    authorization: str | None
    query: bytes
    body: bytes
    accept: str | None
    state: dict[str, Any]

    def arguments(self) -> dict[str, object]:
        return arguments_of(self.route, self.values, self.query, self.body, self.accept)


class Dispatcher:
    """The ASGI application behind the wall.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        routes: The table of routes.
        authenticate: Returns who sent an ``Authorization`` header; ``None`` if nobody did.
        pages: The Studio and MLflow's pages.
        operation: The server that this is part of.
    """

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        routes: Iterable[Route],
        authenticate: Authenticate,
        pages: ShownPages,
        operation: Operation,
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._table = RouteTable(route.under(settings) for route in routes)
        self._admission = Admission(stores, settings, authenticate, operation)
        self._pages = pages
        self._operation = operation
        self._retrying = stores.database.retrying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            self._check_tunnel(scope)
            response = as_azure_reads_it(await self._respond(scope, receive), scope)
        except RunyardError as error:
            response = error_response(error, scope)
        except ClientDisconnect:
            return
        lasting = scope["state"].get(LASTING)
        if lasting is not None and not isinstance(response, Answer):
            send = lasting.sending(send)
        await response(scope, receive, send)

    def _check_tunnel(self, scope: Scope) -> None:
        """Refuse what comes by a tunnel without a credential: at its end is whoever is on that host."""
        if BY_TUNNEL in scope["state"] and self._authorization(scope, dict(scope["headers"])) is None:
            raise Unauthenticated(UNAUTHENTICATED_TEXT)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        headers = dict(scope["headers"])
        method: str = scope["method"]
        address = parse_address(scope["path"], _text(headers.get(WORKSPACE_HEADER)))
        state: dict[str, Any] = scope["state"]
        state[CLIENT] = client_of(scope)
        page = self._pages.find(scope, address)
        if page is not None:
            return await self._shown(page, scope)
        authorization = self._authorization(scope, headers)
        route, values, address = self._find(method, address, authorization)
        state[ROUTE], state[ACTION], state[TARGET] = route.path, route.action, values
        state[WORKSPACE] = address.workspace
        if isinstance(route.permits, Open) and not route.is_raw and route.opened_by is None:
            # It says nothing of the data and needs none: a probe is answered while the database is away.
            return json_response(route.handler(self._admission.open_call()))
        if authorization is None:
            # Costs no look-up, so it comes before a stranger's body is read.
            self._admission.check_stranger(route.permits, address.workspace)
        if route.runs_code and authorization is None and self._operation.address:
            await run_sync(check_own_user, scope)
        if route.is_raw:
            return await self._answer_raw(route, values, address, authorization, scope, receive)
        if route.request is not None and method in _WITH_BODY:
            check_content_type(_text(headers.get(b"content-type")))
        if HAS_COME not in state and is_large(headers):
            # Else anybody who makes a credential up could have it kept in memory.
            await self._admission.admitted(route, address, authorization, state)
        body = await read_whole(receive)
        accept = _text(headers.get(b"accept"))
        asked = _Asked(route, values, address, authorization, scope["query_string"], body, accept, state)
        if route.commits_together and len(body) <= _MAX_BYTES_IN_LOOP:
            response = await self._answer_in_loop(asked)
            if ANSWERING in state and not address.prefix.startswith("/mlflow"):  # an answer in Azure's words
                small = asked._replace(body=b"", state={})  # it is kept for as long as the connection
                begin = partial(self._begin_again, small)
                state[AGAIN] = Repeated(scope, begin, state[ANSWERING])
            return response
        return await run_sync(self._retrying, partial(self._answer, asked))

    def _find(
        self, method: str, address: Address, authorization: str | None
    ) -> tuple[Route, dict[str, str], Address]:
        """Return the route, what its path names, and the address with the workspace that it is about."""
        try:
            route, values = self._table.find(method, address.path)
        except RunyardError:
            if authorization is None:  # a stranger does not learn which addresses there are
                self._admission.check_stranger(Permission.IDENTIFY, None)
            raise
        if route.workspace_in is not None:
            address = address._replace(workspace=values[route.workspace_in])
        return route, values, address

    async def _answer_raw(
        self,
        route: Route,
        values: dict[str, str],
        address: Address,
        authorization: str | None,
        scope: Scope,
        receive: Receive,
    ) -> Response:
        """Let a handler read the body and answer by itself."""
        state = scope["state"]
        call = await self._admission.admitted(route, address, authorization, state)
        http = Request(scope, receive)
        named = {**http.query_params, **values, "headers": http.headers}
        if not has_whole(call, route):
            await run_sync(check_part, call, route, named)
        lasting = self._admission.let_last(route, address, authorization, named, state)
        if lasting is not None:
            http = Request(scope, lasting.receiving(receive))
        response: Response = await route.handler(call, http=http, **values)
        if route.is_audited:
            await run_sync(self._write_down, route, state, call, values)
        return response

    async def _answer_in_loop(self, asked: _Asked) -> Response:
        call = await self._admission.admitted(asked.route, asked.address, asked.authorization, asked.state)
        return json_response(await self._submitted(asked, call))

    def _begin_again(self, asked: _Asked, body: bytes, state: dict[str, Any]) -> asyncio.Future[Any] | None:
        """Begin to answer a request that is another one but for its body; see ``repeated.py``."""
        if len(body) > _MAX_BYTES_IN_LOOP:
            return None
        asked = asked._replace(body=body, state=state)
        try:
            call = self._admission.from_memory(asked.route, asked.address, asked.authorization, state)
            if call is None:
                return None
            return self._submitted(asked, call)
        except RunyardError:
            return None

    def _submitted(self, asked: _Asked, call: Call) -> asyncio.Future[Any]:
        """Have a request answered in one transaction with others of the same moment."""
        return self._stores.commits.submit(partial(self._handled, asked, call, asked.arguments()))

    def _answer(self, asked: _Asked) -> Response:
        call = self._admission.admit(asked.route, asked.address, asked.authorization, asked.state)
        arguments = asked.arguments()
        if not asked.route.is_atomic:
            response = json_response(self._handled(asked, call, arguments), asked.route.status)
            if not isinstance(response, Answer):
                named = named_in(arguments)
                self._admission.let_last(asked.route, asked.address, asked.authorization, named, asked.state)
            return response
        with self._stores.atomic():
            answer = self._handled(asked, call, arguments)
        return json_response(answer, asked.route.status)

    def _handled(self, asked: _Asked, call: Call, arguments: dict[str, object]) -> Any:
        """Return what the handler answers, once it is clear that the caller may have it."""
        route = asked.route
        if not has_whole(call, route):
            check_part(call, route, named_in(arguments))
        answer = route.handler(call, **arguments)
        if route.is_audited:
            self._write_down(route, asked.state, call, named_in(arguments))
        return answer

    def _write_down(
        self, route: Route, state: dict[str, Any], call: Call, named: Mapping[str, object]
    ) -> None:
        event = AuditEvent(
            at_ms=call.now_ms(),
            action=route.action,
            outcome=Outcome.DONE,
            client=state[CLIENT],
            workspace=call.workspace.name,
            target=target_of(named),
            request_id=state.get(REQUEST_ID, ""),
        )
        self._stores.metadata.audit.append([said_by(event, call.caller or state.get(CALLER))])

    def _authorization(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the credential that was sent, in a header or by a browser that is signed in."""
        sent = headers.get(b"authorization")
        if sent is not None:  # an empty one is a wrong one
            return sent.decode("latin-1")
        return authorization_elsewhere(scope, self._settings) or self._session(scope)

    def _session(self, scope: Scope) -> str | None:
        """Return the credential of a browser that is signed in, as if it had sent it in a header.

        Raises:
            Forbidden: It changes something, and the browser does not say that a page of ours sent it.
        """
        # Whoever is at the machine needs none, and one from elsewhere must not lock them out.
        cookie = session_of(scope) if self._settings.mode is Mode.SERVE else None
        if cookie is None:
            return None
        if scope["method"] not in SAFE_METHODS and not is_from_own_page(scope):
            raise Forbidden("A browser that is signed in must say which page sends this, and did not.")
        return f"Bearer {cookie}"

    async def _shown(self, page: ShownPage, scope: Scope) -> Response:
        """A page, or for who has to sign in first the way there."""
        state = scope["state"]
        state[ROUTE] = page.route
        if self._settings.mode is Mode.UP or not page.is_for_signed_in:
            return page.response
        authorization = self._authorization(scope, dict(scope["headers"]))
        try:
            caller = await run_sync(
                self._retrying, partial(self._admission.find_caller, authorization, state)
            )
        except Unauthenticated:
            caller = None
        return RedirectResponse(SIGN_IN_FOR_MLFLOW, status_code=303) if caller is None else page.response


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
