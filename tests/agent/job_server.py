"""A real HTTP server that knows one job, as the contract of agents has it; it can be away, refuse and cancel.

It is there for what the genuine one does only when something breaks. It keeps the rules of the genuine one:
one agent for each attempt, one end, which may be told twice.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

KEY = "ryj_of-the-job"
WORKSPACE = "/workspaces/lab"
ARTIFACTS = f"{WORKSPACE}/api/2.0/mlflow-artifacts/artifacts/"


@dataclass
class Answer:
    """What a request is answered with; a status of 0 closes the connection without a word."""

    status: int
    body: bytes = b"{}"


def refusal(status: int, code: str, message: str = "no") -> Answer:
    """Return an answer as the genuine server's errors are."""
    return Answer(status, json.dumps({"error_code": code, "message": message}).encode())


@dataclass
class KnownJob:
    """What the server knows of the job."""

    agent_id: str = ""
    statuses: list[str] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    is_cancel_requested: bool = False
    is_lost: bool = False


Fault = Callable[[str, str], "Answer | None"]


class JobServer:
    """Answers as long as it is entered; :meth:`stop` and :meth:`start` take it away and bring it back."""

    def __init__(self) -> None:
        self.job = KnownJob()
        self.artifacts: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.fault: Fault = lambda method, path: None
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """The address of the workspace."""
        return f"http://127.0.0.1:{self._port}{WORKSPACE}"

    def start(self) -> None:
        """Begin to answer, at the same address as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Be away: nobody listens any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Answer nothing as long as it is entered; what comes meanwhile is answered then."""
        with self._lock:
            yield

    def console(self, stream: str, below: str = "") -> bytes:
        """Return all that the server has of a stream."""
        begin = f"0/run/artifacts/console/{below}{stream}."
        return b"".join(content for path, content in sorted(self.artifacts.items()) if path.startswith(begin))

    def answer(self, method: str, path: str, body: bytes, key: str) -> Answer:
        """Return what a request is answered with."""
        with self._lock:
            self.requests.append((method, path))
            fault = self.fault(method, path)
            if fault is not None:
                return fault
            if key != f"Bearer {KEY}":
                return refusal(401, "UNAUTHENTICATED")
            if method == "PUT" and path.startswith(ARTIFACTS):
                name = unquote(path.removeprefix(ARTIFACTS))
                self.artifacts[name] = body
                self.puts.append(name)
                return Answer(200)
            if method == "GET":
                content = self.files.get(path.removeprefix(WORKSPACE))
                missing = refusal(404, "RESOURCE_DOES_NOT_EXIST", "no such file")
                return missing if content is None else Answer(200, content)
            return self._of_job(path.removeprefix(f"{WORKSPACE}/api/v1/jobs/run/"), json.loads(body))

    def _of_job(self, what: str, message: dict[str, Any]) -> Answer:
        job = self.job
        if job.is_lost or message["agent_id"] != (job.agent_id or message["agent_id"]):
            return refusal(400, "INVALID_STATE", "another agent has this job")
        if what == "end" and message in (job.ends or [message]):
            job.ends = [message]
            return Answer(200)
        if job.ends:
            return refusal(400, "INVALID_STATE", "this job is over")
        job.agent_id = message["agent_id"]
        if what == "report":
            job.statuses.append(message["status"])
            return Answer(200, json.dumps({"is_cancel_requested": job.is_cancel_requested}).encode())
        return Answer(200)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                key = self.headers.get("Authorization") or ""
                answer = outer.answer(self.command, self.path, body, key)
                if answer.status == 0:
                    self.close_connection = True
                    return
                # An agent that was killed does not wait for it.
                with contextlib.suppress(ConnectionError):
                    self.send_response(answer.status)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = _answer

            def log_message(self, format: str, *args: object) -> None:
                """Keep the tests' output free of an access log."""

        return Handler
