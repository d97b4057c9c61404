"""The server as an agent sees it: calls with the job's key, refusals told apart from what passes."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import logging
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlsplit

ANSWERS_WITHIN_S = 30.0
FIRST_REST_S = 0.25
LONGEST_REST_S = 30.0
LOOKS_EVERY_S = 0.1
MAX_ANSWER_BYTES = 10_000_000
DIGEST = "Repr-Digest"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

_PASSING = frozenset({408, 425, 429})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_log = logging.getLogger("runyard.agent")

T = TypeVar("T")


class Refused(Exception):
    """The server says no, and will say it again.

    Args:
        status: HTTP's.
        code: The server's word for why.
        message: What it says.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Away(Exception):
    """No answer, or none that says yes or no: the same may succeed later.

    Args:
        message: What happened.
        rest_s: After how many seconds the server wants to be asked again; 0 if it did not say.
        is_answer: Whether the server has said so itself.
    """

    def __init__(self, message: str, rest_s: float = 0.0, *, is_answer: bool = False) -> None:
        super().__init__(message)
        self.rest_s = rest_s
        self.is_answer = is_answer


class GivenUp(Exception):
    """There is no need to try again: the agent was told to stop, or the job is not its any more."""


class Server:
    """Calls below the address of a workspace.

    Args:
        url: That address.
        key: The job's key.
        ca: Whose certificates count, in PEM; empty for those that the machine trusts.
    """

    def __init__(self, url: str, key: str, ca: str = "") -> None:
        self._url = url
        self._key = key
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if urlsplit(url).scheme == "https":
            context = ssl.create_default_context(cadata=ca or None)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        if urlsplit(url).hostname in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and return the answer.

        Raises:
            Refused: The server says no.
            Away: It says nothing now.
        """
        content = json.dumps(body).encode("ascii")
        return self._ask("POST", path, content, {"Content-Type": "application/json"})

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer to a question.

        Raises:
            Refused: The server says no.
            Away: It says nothing now.
        """
        return self._ask("GET", path, None, {})

    def put_artifact(self, path: str, content: bytes | BinaryIO, size_bytes: int) -> None:
        """Write an artifact, in place of one that may be there.

        Raises:
            Refused: The server says no.
            Away: It says nothing now.
        """
        self.put(f"{ARTIFACTS}/{quote(path)}", content, size_bytes)

    def put(self, address: str, content: bytes | BinaryIO, size_bytes: int, digest: str = "") -> None:
        """Write a file to an address; with a digest the server keeps it only if it has that.

        Raises:
            Refused: The server says no.
            Away: It says nothing now.
        """
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"}
        if digest:
            headers[DIGEST] = digest
        self._ask("PUT", address, content, headers)

    def download(self, path: str, target: Path, max_bytes: int) -> None:
        """Write what lies at an address below the workspace's, or at a whole one there, into a file.

        Where the server says what SHA-256 it has, that is looked at.

        Raises:
            Refused: The server says no.
            Away: It says nothing now, or stops in the middle.
            ValueError: It is more than so many bytes, or it doesn't lie there.
            OSError: The file can't be written.
        """
        with target.open("wb") as opened, self._open("GET", path, None, {}) as answer:
            expected = answer.headers.get("Content-Length")
            if expected is not None and int(expected) > max_bytes:
                raise ValueError(f"{path} has {expected} bytes, and the limit is {max_bytes}")
            size_bytes, digest = _copy(answer, opened, max_bytes, path)
            if expected is not None and size_bytes != int(expected):
                raise Away(f"{path} ended after {size_bytes} of {expected} bytes")
            if answer.headers.get(DIGEST, digest) != digest:
                raise Away(f"{path} did not arrive as it was sent")

    def _ask(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        with self._open(method, path, body, headers) as answer:
            try:
                content = json.loads(answer.read(MAX_ANSWER_BYTES) or b"{}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise Away(f"{method} {path}: {_said(error)}") from None
        if not isinstance(content, dict):
            raise Away(f"{method} {path} was answered by something else than Runyard")
        return content

    def _open(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        request = urllib.request.Request(
            self._address(path),
            data=body,
            headers={**headers, "Authorization": f"Bearer {self._key}", "User-Agent": "runyard-agent"},
            method=method,
        )
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=ANSWERS_WITHIN_S)
        except urllib.error.HTTPError as error:
            with error:
                raise _no(error, f"{method} {path}") from None
        except (OSError, http.client.HTTPException) as error:
            # Name and number of an address that is not there come as errors of the system too.
            raise Away(f"{method} {path}: {_said(error)}") from None
        return answer

    def _address(self, path: str) -> str:
        if path.startswith("/"):
            return self._url + path
        if not path.startswith(f"{self._url}/"):
            raise ValueError(f"{path} does not lie below {self._url}")
        return path


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows nobody to where the key must not go."""

    def redirect_request(self, *_: object) -> None:
        """Take the redirection as the answer that it is."""


def patiently(
    call: Callable[[], T], is_given_up: Callable[[], bool], answers: Callable[[], int] = lambda: 0
) -> T:
    """Call until the server has answered, with growing rests between, for days if need be.

    Args:
        call: What to do.
        is_given_up: Tells whether there is no need any more.
        answers: Counts what the server answers to somebody else: as soon as it does, it is asked again.

    Raises:
        Refused: The server says no.
        GivenUp: There is no need any more.
    """
    rest_s = FIRST_REST_S
    while True:
        if is_given_up():
            raise GivenUp
        try:
            return call()
        except Away as away:
            _log.info("%s", away)
            rest(max(rest_s, away.rest_s), is_given_up, answers)
            rest_s = min(rest_s * 2, LONGEST_REST_S)


def rest(rest_s: float, is_given_up: Callable[[], bool], answers: Callable[[], int] = lambda: 0) -> None:
    """Wait before the next try, no longer than :data:`LONGEST_REST_S`; see :func:`patiently`."""
    # Spread, so that not all agents come back at the same moment.
    until_s = time.monotonic() + min(rest_s, LONGEST_REST_S) * random.uniform(0.75, 1.0)
    count = answers()
    while not is_given_up() and answers() == count and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOKS_EVERY_S))


def digest_of(sha256: bytes) -> str:
    """Return a SHA-256 as a header says it."""
    return f"sha-256=:{base64.b64encode(sha256).decode('ascii')}:"


def _copy(answer: http.client.HTTPResponse, opened: BinaryIO, max_bytes: int, path: str) -> tuple[int, str]:
    """Write all of an answer, and return its size and its digest."""
    size_bytes, sha256 = 0, hashlib.sha256()
    while True:
        try:
            piece = answer.read(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"{path}: {_said(error)}") from None
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            raise ValueError(f"{path} has more than {max_bytes} bytes")
        if not piece:
            return size_bytes, digest_of(sha256.digest())
        sha256.update(piece)
        opened.write(piece)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _no(error: urllib.error.HTTPError, what: str) -> Exception:
    try:
        content = json.loads(error.read(MAX_ANSWER_BYTES))
        code, message = str(content["error_code"]), str(content.get("message", ""))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        # A proxy's page says nothing about the job, whatever its status.
        return Away(f"{what}: {error.code}")
    if error.code >= 500 or error.code in _PASSING:
        rest_s = _seconds(error.headers.get("Retry-After"))
        return Away(f"{what}: {error.code} {message}", rest_s, is_answer=True)
    return Refused(error.code, code, message)


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 0.0
