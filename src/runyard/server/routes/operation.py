"""Routes for whoever operates the server: is it alive, can it work, how it fares."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Open, Permission
from runyard.protocol import wire
from runyard.protocol.messages.operation import AliveAnswer, ReadyAnswer
from runyard.server.answers import Answer
from runyard.server.routing import Routes
from runyard.services.call import Call
from runyard.services.measurements import CONTENT_TYPE, measure

routes = Routes()


@routes.get(
    "/healthz", permits=Open("probed by whoever restarts dead servers"), summary="Is the process alive."
)
async def healthz(call: Call, http: Request) -> AliveAnswer | Response:
    """Answer from the event loop: neither the database nor a worker thread is asked."""
    return Answer(wire.encode(AliveAnswer(is_alive=True)))


@routes.get(
    "/readyz", permits=Open("probed by load balancers; names no place"), summary="Can it work; 503 if not."
)
async def readyz(call: Call, http: Request) -> ReadyAnswer | Response:
    """Answer what keeps the server from its work."""
    problems = await call.operation.find_problems(call.stores, call.settings)
    answer = ReadyAnswer(is_ready=not problems, problems=problems)
    return Answer(wire.encode(answer), 200 if answer.is_ready else 503)


@routes.get(
    "/metrics",
    permits=Permission.ADMINISTER,
    summary="What the server can be measured by, for Prometheus.",
    opened_by="metrics_open",
)
def metrics(call: Call) -> Response:
    """Answer counts and sizes; none of them names a workspace, a run or a person."""
    return Answer(measure(call), content_type=CONTENT_TYPE.encode())
