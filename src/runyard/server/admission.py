"""Who may make a request: by its credential, its route and its workspace, from memory where that will do."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from anyio.to_thread import run_sync

from runyard.auth.permissions import Caller, Open, Permission, authorize
from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace
from runyard.errors import Unauthenticated
from runyard.server.addresses import Address
from runyard.server.asked import CALLER, CLIENT, LASTING
from runyard.server.known_callers import Authenticate, KnownCallers
from runyard.server.known_workspaces import KnownWorkspaces
from runyard.server.lasting import Lasting
from runyard.server.reaching import authorize_route, check_part, has_whole
from runyard.server.routing import Route
from runyard.services.call import Call, system_now_ms
from runyard.services.operation import Operation
from runyard.services.tokens import authenticate as authenticate_at
from runyard.services.tokens import is_guess
from runyard.settings import Settings
from runyard.stores.opening import Stores

_NONE_LOOKED_UP = Workspace(DEFAULT_WORKSPACE, "", 0)


class Admission:
    """Lets requests in, each with the call that its handler gets.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        authenticate: Returns who sent an ``Authorization`` header; ``None`` if nobody did.
        operation: The server that this is part of.
    """

    def __init__(
        self, stores: Stores, settings: Settings, authenticate: Authenticate, operation: Operation
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._operation = operation
        credentials, rights = stores.metadata.credentials, stores.metadata.rights
        self._callers = KnownCallers(authenticate, lambda: credentials.changes() + rights.changes())
        self._workspaces = KnownWorkspaces(stores.metadata.workspaces)
        self._retrying = stores.database.retrying

    def check_stranger(self, permits: Permission | Open, workspace: str | None) -> None:
        """Return if somebody without a credential may have what a route permits; that costs no look-up."""
        authorize(self._callers.find(None), permits, workspace)

    def open_call(self) -> Call:
        """Return the call of a request that needs no sender: nothing is looked up for it."""
        return self._call(_NONE_LOOKED_UP, None)

    def find_caller(self, authorization: str | None, state: dict[str, Any]) -> Caller | None:
        """Return who sent a credential; who sends one wrong one after the other has to wait."""
        try:
            caller = self._callers.find(authorization)
        except Unauthenticated:
            if authorization is not None and is_guess(self._stores, authorization):
                self._operation.guesses.check(state[CLIENT])
                self._operation.guesses.note_wrong(state[CLIENT])
            raise
        state[CALLER] = caller
        return caller

    async def admitted(
        self, route: Route, address: Address, authorization: str | None, state: dict[str, Any]
    ) -> Call:
        """Return the call if its sender may make it; the store is asked, in a thread, only if need be."""
        call = self.from_memory(route, address, authorization, state)
        if call is not None:
            return call
        return await run_sync(self._retrying, partial(self.admit, route, address, authorization, state))

    def from_memory(
        self, route: Route, address: Address, authorization: str | None, state: dict[str, Any]
    ) -> Call | None:
        """Return the call if its sender may make it; ``None`` if only the store can tell."""
        if isinstance(route.permits, Open):
            return self.open_call()
        caller = self._callers.remembered(authorization)
        if caller is None:
            return None
        state[CALLER] = caller
        if route.is_of_server:
            authorize(caller, route.permits, None)
            return self._call(_NONE_LOOKED_UP, caller, address)
        authorize_route(caller, route, address.workspace)
        workspace = self._workspaces.remembered(address.workspace)
        return None if workspace is None else self._call(workspace, caller, address)

    def admit(self, route: Route, address: Address, authorization: str | None, state: dict[str, Any]) -> Call:
        """Return the call if its sender may make it.

        An open route looks nobody and nothing up: it answers while the database does not, and a probe may
        send a credential that has expired.
        """
        if isinstance(route.permits, Open):
            return self.open_call()
        caller = self.find_caller(authorization, state)
        if route.is_of_server:
            authorize(caller, route.permits, None)
            return self._call(_NONE_LOOKED_UP, caller, address)
        authorize_route(caller, route, address.workspace)
        by_mlflow = not address.prefix and "/mlflow/" in route.path
        return self._call(self._workspaces.get(address.workspace, by_mlflow), caller, address)

    def let_last(
        self,
        route: Route,
        address: Address,
        authorization: str | None,
        named: Mapping[str, object],
        state: dict[str, Any],
    ) -> Lasting | None:
        """Have what lasts of a request end with its sender's right to it; without a credential none ends."""
        if authorization is None or isinstance(route.permits, Open):
            return None
        check = partial(self._check_again, route, address, authorization, named, system_now_ms())
        lasting = state[LASTING] = Lasting(partial(self._retrying, check))
        return lasting

    def _check_again(
        self, route: Route, address: Address, authorization: str, named: Mapping[str, object], began_ms: int
    ) -> None:
        """Return if the sender of a request may still have it.

        A credential is looked at as of the request's beginning: one that ran out meanwhile ends nothing, for
        a large file may take longer than a token is good for; one that was ended does.
        """
        caller = authenticate_at(self._stores, self._settings, authorization, began_ms)
        if route.is_of_server:
            authorize(caller, route.permits, None)
            return
        authorize_route(caller, route, address.workspace)
        call = self._call(self._workspaces.get(address.workspace), caller, address)
        if not has_whole(call, route):
            check_part(call, route, named)

    def _call(self, workspace: Workspace, caller: Caller | None, address: Address | None = None) -> Call:
        is_page_of_one = address is not None and address.is_mlflow_page_of_one
        return Call(self._stores, self._settings, workspace, caller, self._operation, is_page_of_one)
