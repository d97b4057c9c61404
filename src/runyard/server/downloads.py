"""A file as an HTTP answer: in pieces, in part if asked for, and never as a page that a browser would run."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import AsyncIterator
from email.utils import formatdate
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from runyard.protocol import wire
from runyard.protocol.error_classes import error_body
from runyard.server.answers import Answer
from runyard.server.digests import DIGEST_HEADER, digest_field
from runyard.services.artifacts import ArtifactDownload

SMALL_BYTES = 64 * 1024

# Text in the eyes of MLflow, whatever the machine's own table of types says.
_TEXT_EXTENSIONS = frozenset({
    "cf", "cfg", "cnf", "conf", "csv", "err", "hocon", "ini", "ipynb", "js", "json", "log", "md", "mlmodel",
    "mlproject", "prop", "properties", "py", "py3", "rst", "toml", "tsv", "txt", "xml", "yaml", "yml",
})  # fmt: skip
_TYPES = mimetypes.MimeTypes()  # Python's own table, the same on every machine
_BINARY = "application/octet-stream"
_ACTIVE = re.compile(r"html|xml|script|rfc822")
_SHOWABLE = ("image/", "audio/", "video/", "font/", "application/")

_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]+")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

# An attachment has no page, so none of this matters to a download; it is for whoever frames or opens it.
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}


def download_response(
    http: Request, download: ArtifactDownload, name: str, *, is_at_hand: bool = False
) -> Response:
    """Return the answer that sends an open file under ``name``, or the part of it that was asked for.

    It closes the file, however the answer ends.

    Args:
        http: The request, which may ask for a part, or for nothing if it has this version.
        download: The open file.
        name: What the file is called, and by that what type it is of.
        is_at_hand: Whether a small file takes less time here than in a worker thread.
    """
    file = download.file
    headers = _INERT | {
        "Content-Type": content_type(name),
        "Content-Disposition": content_disposition(name),
        "Last-Modified": formatdate(file.modified_ms / 1000, usegmt=True),
    }
    if file.etag:
        headers["ETag"] = f'"{file.etag}"'
    if file.sha256:
        headers[DIGEST_HEADER] = digest_field(file.sha256)
    if _is_known(http, headers):
        download.close()
        return Response(status_code=304, headers=headers)
    part = _asked_part(http, headers, file.size_bytes)
    if part is not None and not part:
        download.close()
        return _unsatisfiable(file.size_bytes)
    status = 200 if part is None else 206
    part = range(file.size_bytes) if part is None else part
    headers["Content-Length"] = str(len(part))
    if status == 206:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size_bytes}"
    if http.method == "HEAD":
        download.close()
        return Response(status_code=status, headers=headers)
    if is_at_hand and len(part) <= SMALL_BYTES:
        body = download.read(part.start, len(part))
        if len(body) == len(part):
            download.close()
            return _whole(body, status, headers)
    return _Download(download, part, status, headers)


def _whole(body: bytes, status: int, headers: dict[str, str]) -> Response:
    """Return an answer that goes out in one piece, which a client takes at half the cost of two."""
    encoded = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    content_type = encoded.pop(b"content-type")
    del encoded[b"content-length"]  # an answer counts its own
    return Answer(body, status, content_type, tuple(encoded.items()))


class _Download(StreamingResponse):
    def __init__(
        self, download: ArtifactDownload, part: range, status_code: int, headers: dict[str, str]
    ) -> None:
        super().__init__(_pieces(download, part), status_code, headers)
        self._download = download

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._download.close()


async def _pieces(download: ArtifactDownload, part: range) -> AsyncIterator[bytes]:
    offset = part.start
    while offset < part.stop:
        wanted = min(download.preferred_read_bytes, part.stop - offset)
        piece = await run_sync(download.read, offset, wanted)
        if not piece:
            return  # cut short on disk; the length that was promised tells the client
        offset += len(piece)
        yield piece


def content_type(name: str) -> str:
    """Return the type of a file by its name, and none that a browser would run as a page or script."""
    extension = name.rpartition(".")[2].lower()
    guessed = _TYPES.guess_type(name)[0] or _BINARY
    if extension in _TEXT_EXTENSIONS or guessed.startswith("text/") or guessed == "image/svg+xml":
        return "text/plain"
    if _ACTIVE.search(guessed) or not guessed.startswith(_SHOWABLE):
        return _BINARY
    return guessed


def content_disposition(name: str) -> str:
    """Return the header that makes a file of this name a download (RFC 6266)."""
    if _TOKEN.fullmatch(name):
        return f"attachment; filename={name}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").strip()
    escaped = (plain or "download").replace("\\", "\\\\").replace('"', '\\"')
    return f"attachment; filename=\"{escaped}\"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_CHARACTERS)}"


def _is_known(http: Request, headers: dict[str, str]) -> bool:
    """Whether the caller has this version already."""
    tags = http.headers.get("if-none-match")
    if tags is None:
        return http.headers.get("if-modified-since") == headers["Last-Modified"]
    known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return headers.get("ETag") in known or "*" in known


def _asked_part(http: Request, headers: dict[str, str], size_bytes: int) -> range | None:
    """Return which bytes were asked for, empty if there are none such; ``None`` stands for all.

    What is no single range of bytes is answered with all of the file, as HTTP allows.
    """
    asked = _RANGE.fullmatch(http.headers.get("range", "").replace(" ", ""))
    if asked is None or asked.group(0) == "bytes=-":
        return None
    if http.headers.get("if-range") not in (None, headers.get("ETag"), headers["Last-Modified"]):
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size_bytes - int(last)), size_bytes)
    if last and int(last) < int(first):
        return None
    return range(min(int(first), size_bytes), min(int(last) + 1, size_bytes) if last else size_bytes)


def _unsatisfiable(size_bytes: int) -> Response:
    message = f"The range that was asked for lies outside the file, which has {size_bytes} bytes."
    body = error_body("INVALID_PARAMETER_VALUE", message)
    headers = {"Content-Range": f"bytes */{size_bytes}"}
    return Response(wire.encode(body), 416, headers, "application/json")
