"""A server that knows one job, for rules of launchers: it has the code, and keeps what the script prints."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote


class AgentServer:
    """Listens while it is entered, and lets every agent do what it asks to.

    Args:
        host: The address to listen at, on a port that is free.
    """

    def __init__(self, host: str) -> None:
        self._code: dict[str, bytes] = {}
        self._artifacts: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> AgentServer:
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep_code(self, files: Mapping[str, str]) -> str:
        """Keep files as the code of the job, and return what an assignment calls that."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        sha256 = hashlib.sha256(content.getvalue()).hexdigest()
        self._code[f"/api/v1/snapshots/{sha256}/content"] = content.getvalue()
        return sha256

    def console(self, stream: str) -> str:
        """Return what has come of a stream."""
        pieces = sorted(
            (name, content) for name, content in self._artifacts.items() if f"/console/{stream}." in name
        )
        return b"".join(content for _, content in pieces).decode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_GET(self) -> None:
                path = next((each for each in outer._code if self.path.endswith(each)), None)
                self._answer(200 if path else 404, outer._code[path] if path else b"{}")

            def do_POST(self) -> None:
                self._body()
                self._answer(200, b"{}")

            def do_PUT(self) -> None:
                outer._artifacts[unquote(self.path)] = self._body()
                self._answer(200, b"{}")

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        return Handler
