"""Google Cloud Storage's XML API and a machine's account there, as a process of its own on loopback.

There is no server of Google's to run. The XML API is S3's but for who is asked for a right and for the names
of some headers, and so is this: it takes a bearer token, which only the machine's metadata gives out, and
hands the request on to a SeaweedFS, in S3's words.

    python -m tests.object_stores.google_storage PORT ADDRESS-OF-S3

Sources: https://cloud.google.com/storage/docs/xml-api/reference-headers and
https://cloud.google.com/compute/docs/metadata/overview.
"""

import secrets
import sys
import time
from collections.abc import AsyncIterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

METADATA = "/computeMetadata/v1/instance/service-accounts/default"
TOKENS_GIVEN = "/tokens-given"
TOKEN_VALID_S = 60
"""Shorter than what a client takes for worth keeping, so that it comes again for each few requests."""
_OF_CONNECTION = {"host", "connection", "transfer-encoding", "authorization"}


class GoogleStorage:
    """The application.

    Args:
        s3: Where objects are kept: a server of S3's protocol that asks nobody for a key.
    """

    def __init__(self, s3: str) -> None:
        self._s3 = httpx.URL(s3)
        self._client = httpx.AsyncClient(timeout=600)
        self._valid_until_s: dict[str, float] = {}

    def app(self) -> Starlette:
        """Return what answers requests."""
        return Starlette(
            routes=[
                Route(f"{METADATA}/token", self._give_token),
                Route(TOKENS_GIVEN, self._count_tokens),
                Route("/{path:path}", self._hand_on, methods=["GET", "HEAD", "PUT", "POST", "DELETE"]),
            ]
        )

    async def _give_token(self, request: Request) -> Response:
        if request.headers.get("metadata-flavor") != "Google":
            return Response("Missing Metadata-Flavor:Google header.", 403)
        token = secrets.token_hex(8)
        self._valid_until_s[token] = time.monotonic() + TOKEN_VALID_S
        return JSONResponse(
            {"access_token": token, "expires_in": TOKEN_VALID_S, "token_type": "Bearer"},
            headers={"Metadata-Flavor": "Google"},
        )

    async def _count_tokens(self, _request: Request) -> Response:
        return JSONResponse(len(self._valid_until_s))

    async def _hand_on(self, request: Request) -> Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or time.monotonic() > self._valid_until_s.get(token, 0):
            text = (
                "<?xml version='1.0'?><Error><Code>AuthenticationRequired</Code><Message>.</Message></Error>"
            )
            return Response(text, 401, media_type="application/xml")
        path = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        sent = self._client.build_request(
            request.method,
            self._s3.copy_with(raw_path=path),
            headers=_renamed(request.headers.items(), "x-goog-", "x-amz-"),
            content=_whole(request),
        )
        answer = await self._client.send(sent, stream=True)
        return StreamingResponse(
            answer.aiter_raw(),
            answer.status_code,
            dict(_renamed(answer.headers.items(), "x-amz-", "x-goog-")),
            background=BackgroundTask(answer.aclose),
        )


async def _whole(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        yield piece


def _renamed(headers: object, ours: str, theirs: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = list(headers)  # type: ignore[call-overload]
    return [
        (name.replace(ours, theirs, 1) if name.startswith(ours) else name, value)
        for name, value in pairs
        if name not in _OF_CONNECTION
    ]


if __name__ == "__main__":
    uvicorn.run(
        GoogleStorage(sys.argv[2]).app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
    )
