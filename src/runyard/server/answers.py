"""The shapes of all answers: JSON, plain text, and the one shape of errors."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from runyard.errors import RunyardError, StorageFull, TooManyRequests, Unauthenticated, Unavailable
from runyard.protocol import wire

RETRY_AFTER_S = 2


def json_response(answer: Any, status: int = 200) -> Response:
    """Return ``answer`` as JSON; text is sent as it is, as MLflow does for ``/health``."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, str):
        return Response(answer, status, media_type="text/plain")
    return Response(wire.encode(answer), status, media_type="application/json")


def error_response(error: RunyardError, http: Request) -> Response:
    """Return an error in the shape that MLflow's clients read, with what to do in the headers."""
    body = {"error_code": error.code, "message": error.message}
    request_id = http.scope.get("state", {}).get("request_id")
    if request_id and error.http_status >= 500:
        body["request_id"] = request_id
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="runyard"'
    if isinstance(error, (StorageFull, Unavailable, TooManyRequests)):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(wire.encode(body), error.http_status, headers, "application/json")
