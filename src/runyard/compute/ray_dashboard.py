"""The HTTP interface of a Ray cluster, which its head's dashboard answers: the Ray Jobs API, by the standard
library. The ray package would bring hundreds of megabytes, and a client that looks names up by itself.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote, urlsplit

from runyard.compute.cutting import cut_after
from runyard.errors import InvalidParameter, NotFound, Unavailable

WITHIN_S = 20.0
CONNECTED_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MOST_SHOWN = 500


class RayDashboard:
    """Asks a Ray dashboard; each question has a connection of its own.

    Args:
        address: Where it is, as ``http://head:8265``.
        lookup: Returns the addresses of a host that may be connected to.
        token: What the cluster's ``RAY_AUTH_MODE=token`` asks for; empty if it asks for nothing.
    """

    def __init__(self, address: str, lookup: Callable[[str, int], Sequence[str]], token: str = "") -> None:
        parsed = urlsplit(address)
        self._address = address
        self._is_secure = parsed.scheme == "https"
        self._host = parsed.hostname or ""
        self._port = parsed.port or (443 if self._is_secure else 80)
        self._base = parsed.path.rstrip("/")
        self._lookup = lookup
        self._token = token

    def list_jobs(self) -> Sequence[Mapping[str, Any]]:
        """Return all jobs that the cluster remembers, those of others too."""
        found = self._asked("GET", "/api/jobs/")
        if not isinstance(found, list) or not all(map(_is_job, found)):
            raise Unavailable(self._is_none)
        return found

    def submit_job(self, job: Mapping[str, Any]) -> None:
        """Give the cluster a job."""
        self._asked("POST", "/api/jobs/", json.dumps(job).encode(), "application/json")

    def stop_job(self, submission_id: str) -> None:
        """Have the cluster end a job, first gently.

        Raises:
            NotFound: It knows none of that name.
        """
        self.ask("POST", f"/api/jobs/{quote(submission_id, safe='')}/stop")

    def delete_job(self, submission_id: str) -> None:
        """Have the cluster forget a job that is over.

        Raises:
            NotFound: It knows none of that name.
        """
        self.ask("DELETE", f"/api/jobs/{quote(submission_id, safe='')}")

    def put_package(self, name: str, content: bytes) -> str:
        """Let the cluster have a package and return its URI; it is gone when no job needs it any more."""
        path = f"/api/packages/gcs/{quote(name, safe='')}"
        try:
            # What is asked for is kept for some minutes also if no job ever names it, and not for good.
            self.ask("GET", path)
        except NotFound:
            self._asked("PUT", path, content, "application/octet-stream")
        return f"gcs://{name}"

    def ask(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        """Return what the dashboard answers, as JSON has it; None where it says nothing.

        Raises:
            Unavailable: It does not answer, not with that token, or can't do it.
            NotFound: There is no such thing.
        """
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            with (
                closing(self._opened()) as opened,
                cut_after(ANSWERED_WITHIN_S, opened) as cut,
                closing(self._connection(opened)) as connection,
            ):
                connection.request(method, f"{self._base}{path}", body, headers)
                with connection.getresponse() as answer:
                    status, content = answer.status, answer.read(MAX_ANSWER_BYTES)
                if cut.is_done:  # where no length was told, what was cut off looks whole
                    raise TimeoutError("it took too long")
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise Unavailable(f"The Ray dashboard at {self._address} does not answer: {why}.") from None
        return self._understood(status, content)

    def _asked(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        """As :meth:`ask`, for what every dashboard has."""
        try:
            return self.ask(method, path, body, content_type)
        except NotFound:
            raise Unavailable(self._is_none) from None

    @property
    def _is_none(self) -> str:
        return f"What answers at {self._address} is no Ray dashboard."

    def _understood(self, status: int, content: bytes) -> Any:
        if status in (401, 403):
            raise Unavailable(
                f"The Ray cluster at {self._address} takes no jobs with this credential: its 'token' must be "
                "the cluster's, as `ray get-auth-token` prints it."
            )
        said = content.decode("utf-8", "replace").strip()
        if status == 404:
            raise NotFound(said[-_MOST_SHOWN:])
        if status >= 300:
            # What Ray says is a traceback, the end of which tells.
            raise Unavailable(f"Ray at {self._address} answers {status}: {said[-_MOST_SHOWN:]}")
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise Unavailable(self._is_none) from None

    def _connection(self, opened: socket.socket) -> http.client.HTTPConnection:
        if self._is_secure:
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=self._host)
        opened.settimeout(WITHIN_S)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=WITHIN_S)
        connection.sock = opened
        return connection

    def _opened(self) -> socket.socket:
        """Return a connection to one of the addresses that were looked at, and to no other."""
        try:
            addresses = self._lookup(self._host, self._port)
        except InvalidParameter as error:
            raise Unavailable(str(error)) from None
        return _connected(addresses, self._port)


def _is_job(found: object) -> bool:
    return isinstance(found, dict) and isinstance(found.get("status"), str)


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    """Return a connection to the first of the addresses that answers."""
    *others, last = addresses or [""]
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), CONNECTED_WITHIN_S)
    return socket.create_connection((last, port), CONNECTED_WITHIN_S)
