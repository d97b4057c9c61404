"""What comes by the socket that tunnels lead to: nothing is answered without a credential, on `up` either."""

from __future__ import annotations

import http.client
import json
import os
import socket
from pathlib import Path

import pytest
import requests

from runyard.server.routes import ROUTES
from runyard.server.tunnel import MAX_PATH_BYTES, tunnel_listener
from tests.running_server import RunningServer
from tests.waiting import until

PATHS = sorted(
    {(route.method, route.path.replace("{", "").replace(":path}", "").replace("}", "")) for route in ROUTES}
)
PAGES = [
    ("GET", "/"),
    ("GET", "/experiments"),
    ("GET", "/mlflow/"),
    ("GET", "/nowhere"),
    ("OPTIONS", "/"),
    ("HEAD", "/"),
]


class ByTunnel(http.client.HTTPConnection):
    """A client of the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def asked(
    path: Path, method: str, route: str, headers: dict[str, str] | None = None, body: str = ""
) -> tuple[int, str]:
    connection = ByTunnel(path)
    try:
        connection.request(
            method, route, body or None, {"Content-Type": "application/json"} | (headers or {})
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def way_in(server: RunningServer) -> Path:
    return server.home / f"tunnel-{server.port}.sock"


def test_s07_no_route_is_answered_without_a_credential(server: RunningServer):
    let_in = []
    for method, path in [*PATHS, *PAGES]:
        status, said = asked(way_in(server), method, path, body="{}" if method in ("POST", "PUT") else "")
        if status != 401 or (method != "HEAD" and "UNAUTHENTICATED" not in said):
            let_in.append((method, path, status))
    assert len(PATHS) > 300
    assert let_in == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer ry_wrong"},
        {"Authorization": "Basic bG9jYWw6"},
        {"Cookie": "runyard-session=x"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"},
        {"Forwarded": "for=127.0.0.1"},
    ],
    ids=["empty", "wrong", "no password", "cookie", "forwarded", "forwarded by the standard"],
)
def test_s07_no_header_makes_its_sender_the_owner(server: RunningServer, headers: dict[str, str]):
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert asked(way_in(server), "GET", path, headers)[0] == 401
    made = '{"name": "by nobody"}'
    assert asked(way_in(server), "POST", "/api/2.0/mlflow/experiments/create", headers, made)[0] == 401


def test_who_was_refused_there_is_written_down_as_one_who_came_by_it(server: RunningServer):
    assert asked(way_in(server), "POST", "/api/v1/workspaces", body="{}")[0] == 401
    url = f"{server.url}/api/v1/audit?outcome=refused"
    until(lambda: "tunnel" in [each["client"] for each in requests.get(url, timeout=60).json()["entries"]])


def test_who_has_a_credential_is_let_in(server: RunningServer):
    made = requests.post(f"{server.url}/api/v1/token", json={}, timeout=120).json()
    key = {"Authorization": f"Bearer {made['access_token']}"}
    status, said = asked(way_in(server), "GET", "/api/2.0/mlflow/experiments/search?max_results=1", key)
    assert (status, json.loads(said)["experiments"][0]["name"]) == (200, "Default")
    assert asked(way_in(server), "GET", "/health", key) == (200, "OK")
    # The wall stands there as well.
    assert asked(way_in(server), "GET", "/health", key | {"Host": "evil.example"})[0] == 403


def test_s26_it_is_for_its_owner_alone_and_gone_with_the_server(start_server):
    running = start_server()
    path = way_in(running)
    assert path.stat().st_mode & 0o777 == 0o600
    running.kill9()
    assert path.exists()
    running.start()
    assert asked(path, "GET", "/health")[0] == 401
    running.stop()
    assert not path.exists()


def test_a_home_with_a_long_path_has_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    home = tmp_path / ("x" * MAX_PATH_BYTES)
    home.mkdir()
    with tunnel_listener(home, 5000) as listener:
        path = Path(listener.getsockname())
        assert len(os.fsencode(path)) <= MAX_PATH_BYTES
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not path.parent.exists()
    assert list(home.iterdir()) == []
