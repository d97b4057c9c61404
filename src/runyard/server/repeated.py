"""Requests that a connection sends again in the same words: a training logs all its metrics with one head.

What may be done is decided by a request's head, by who holds the credential in it, and by its body.
Where the bytes of a head are those of a request that was answered before on the same connection, what
follows from them alone is known: host, origin, size, workspace, route and its permission. Who holds the
credential and what they may do is looked up again, and the body is checked as ever. Whatever is not
plain takes the long way, and that decides anew.

The long way costs some 50 of the 100 microseconds of a metric from one of eight clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Scope

from runyard.server.asked import REQUEST_ID
from runyard.services.traffic import Traffic

Header = tuple[bytes, bytes]
Told = tuple[int, list[Header], bytes]
"""Status, headers and body of an answer."""


class Asking(Protocol):
    """Begins what a body asks for."""

    def __call__(self, body: bytes, state: dict[str, Any]) -> asyncio.Future[Any] | None:
        """Return what will be the handler's answer; ``None`` if nothing has begun and the long way decides.

        Args:
            body: All of the request's body.
            state: The request's; is told who sent it.
        """


class Answering(Protocol):
    """Gives requests their ids, makes their answers, and counts them."""

    traffic: Traffic

    def next_request_id(self) -> str:
        """Return the id of a new request."""

    def told(self, scope: Scope, answered: asyncio.Future[Any]) -> Told:
        """Return what is sent of a handler's answer, or of what it raised."""

    def note(self, scope: Scope, status: int, duration_s: float) -> None:
        """Count a request that has ended."""


class Repeated:
    """A request that came once and may come again with another body.

    Args:
        scope: The request that came.
        asking: The application's part.
        answering: The wall's.
    """

    __slots__ = ("_answering", "_asking", "_scope", "_state")

    def __init__(self, scope: Scope, asking: Asking, answering: Answering) -> None:
        self._scope = {name: scope[name] for name in ("type", "method", "path", "client")}
        self._state = dict(scope["state"])
        self._asking, self._answering = asking, answering

    def ask(self, body: bytes, on_answer: Callable[[Told], None]) -> bool:
        """Have a body answered, and return whether it will be; if not, nothing has happened.

        Args:
            body: All of the request's body.
            on_answer: Called once, with the answer.
        """
        began_s = time.perf_counter()
        state = {**self._state, REQUEST_ID: self._answering.next_request_id()}
        answered = self._asking(body, state)
        if answered is None:
            return False
        scope = {**self._scope, "state": state}
        self._answering.traffic.in_flight += 1

        def settle(answered: asyncio.Future[Any]) -> None:
            self._answering.traffic.in_flight -= 1
            told = self._answering.told(scope, answered)
            on_answer(told)
            self._answering.note(scope, told[0], time.perf_counter() - began_s)

        answered.add_done_callback(settle)
        return True
