"""An HTTP server on loopback that keeps what it is sent, for the tests of what this server sends."""

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and what is answered: the statuses in turn, the last of them again and again."""

    port: int
    statuses: list[int] = field(default_factory=lambda: [200])
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"thank you"
    received: list[Received] = field(default_factory=list)
    connections: list[tuple[str, int]] = field(default_factory=list)
    delay: threading.Event = field(default_factory=threading.Event)
    """Nothing is answered while this is not set."""

    def next_status(self) -> int:
        """Return what to answer now."""
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            came = Received(self.command, self.path, headers, self.rfile.read(length))
            receiver.received.append(came)
            receiver.delay.wait(60)
            self.send_response(receiver.next_status())
            for name, value in receiver.answer_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def get_request(self):
            accepted, place = super().get_request()
            receiver.connections.append(place)
            return accepted, place

        def handle_error(self, request, client_address) -> None:
            return

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    receiver.delay.set()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
