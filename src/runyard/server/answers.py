"""The shapes of all answers: JSON, plain text, and the one shape of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from runyard.errors import NotImplementedHere, RunyardError, Unauthenticated
from runyard.protocol import wire
from runyard.protocol.error_classes import error_body

NO_CONTENT = 204
WHOLE = "runyard.response.whole"
"""What a server names in a request's ``extensions`` if it takes head and body of an answer in one message."""
CUT_OFF = "runyard.response.cut_off"
"""The message by which such a server hangs up in the middle of an answer, and its log is silent about it."""
JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_EMPTY = b"{}"
_IN_NO_LINE = re.compile(rb"[^ -~]")


class Answer(Response):
    """A whole answer whose headers are known: made and sent at a fraction of what Starlette's costs."""

    reason = b""
    """What the first line says behind the status, if it isn't the status's own words."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        content_type: bytes = JSON,
        more_headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *more_headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        status, headers = self.status_code, self.raw_headers
        if WHOLE in scope.get("extensions", ()):
            message = {"type": WHOLE, "status": status, "headers": headers, "body": self.body}
            await send(message | {"reason": self.reason} if self.reason else message)
        else:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": self.body})


def json_response(answer: Any, status: int = 200) -> Response:
    """Return ``answer`` as JSON; text is sent as it is, as MLflow does for ``/health``."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, str):
        return Answer(answer.encode(), content_type=TEXT)
    if status == NO_CONTENT:
        return Answer(b"", status)
    body = wire.encode(answer)
    return DONE if body == _EMPTY else Answer(body, status)


def streamed_response(parts: Iterator[bytes]) -> Response:
    """Return JSON that is made while it is sent, part by part, each in a worker thread."""
    return StreamingResponse(parts, media_type=JSON.decode())


def error_response(error: RunyardError, scope: Scope) -> Response:
    """Return an error in the shape that MLflow's clients read, with what to do in the headers."""
    body: dict[str, Any] = dict(error_body(error.code, error.message, type(error)))
    request_id = scope.get("state", {}).get("request_id")
    if request_id and error.http_status >= 500:
        body["request_id"] = request_id
    is_of_azure = _is_of_azure(scope.get("path", ""))
    if is_of_azure:
        # azureml-core walks the details to print an error, and fails by itself where there are none at all.
        body["error"] = {"code": error.code, "message": error.message, "details": []}
    headers = []
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="runyard"'))
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    answer = Answer(wire.encode(body), error.http_status, more_headers=tuple(headers))
    if is_of_azure and isinstance(error, NotImplementedHere):
        # azureml-core has no class for what its service of datasets is refused with, and prints this line.
        answer.reason = _IN_NO_LINE.sub(b"?", error.message.encode())
    return answer


def _is_of_azure(path: str) -> bool:
    """Whether who asks looks for an error where Azure's services put it; MLflow's clients don't."""
    return "/subscriptions/" in path.lower() and not path.startswith("/mlflow/")


DONE = Answer(_EMPTY)
"""What is answered to a request that asked for nothing but to be done."""
