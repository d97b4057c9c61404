"""The metadata of a machine at Amazon whose role gives out keys that end sooner than is worth keeping them.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
"""

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

TOKEN_HEADER = "X-aws-ec2-metadata-token"
ROLE = "runyard-server"
_TOKEN = "metadata-token"
_KEYS = "/latest/meta-data/iam/security-credentials"


class MachineRole:
    """Gives keys to whoever asks as version 2 of the service has it.

    Args:
        key: The id of the key.
        secret: Its secret.

    Attributes:
        asked: How often the keys were asked for.
    """

    def __init__(self, key: str, secret: str) -> None:
        self.asked = 0
        self._key, self._secret = key, secret
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "MachineRole":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> str | None:
        """Return what lies at an address of the service; ``None`` if nothing does."""
        if path.rstrip("/") == _KEYS:
            return ROLE
        if path != f"{_KEYS}/{ROLE}":
            return None
        self.asked += 1
        keys = {"AccessKeyId": self._key, "SecretAccessKey": self._secret, "Token": ""}
        ends = datetime.now(timezone.utc) + timedelta(seconds=60)
        return json.dumps(keys | {"Code": "Success", "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        role = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                is_asked = self.path == "/latest/api/token" and f"{TOKEN_HEADER}-ttl-seconds" in self.headers
                self.say(_TOKEN if is_asked else None, 404)

            def do_GET(self) -> None:
                if self.headers.get(TOKEN_HEADER) == _TOKEN:
                    self.say(role.answer(self.path), 404)
                else:
                    self.say(None, 401)

            def say(self, text: str | None, otherwise: int) -> None:
                body = (text or "").encode()
                self.send_response(otherwise if text is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing on standard error."""

        return Handler
