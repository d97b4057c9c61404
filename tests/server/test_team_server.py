"""`runyard serve` as a process, on its socket and with its files: S12, S14 to S16, S26, S27, S30."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.settings import Mode, Settings
from tests.running_server import RunningServer, free_port, scrubbed

WHO = "/api/v1/caller"
CREATE = "/api/2.0/mlflow/experiments/create"


def runyard(*arguments, timeout_s=60):
    """Run the command line to its end and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "runyard", *map(str, arguments)],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def first_key(home):
    """Make the administrator of a new home and return their key."""
    with contextlib.closing(open_stores(Settings(mode=Mode.SERVE, home=home))) as stores:
        return administration(stores).make_first_administrator("ann").text


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("team") / "home"


@pytest.fixture(scope="module")
def admin_key(home):
    return first_key(home)


@pytest.fixture(scope="module")
def server(home, admin_key):
    running = RunningServer(home, mode="serve").start()
    yield running
    running.close()


def raw(server, *lines, body=b"", wait_s=60.0):
    """Send bytes as they are and return all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received.decode()


# --- S14 --------------------------------------------------------------------------------------------------


def test_an_idle_connection_outlives_those_of_clients(server):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    answers = []
    for wait_s in (0, 6):  # httpx gives up an idle connection after 5 s, and servers often do
        time.sleep(wait_s)
        connection.request("GET", "/healthz")
        answers.append((connection.getresponse().read(), connection.sock.getsockname()))
    connection.close()
    assert answers[0] == answers[1]


def test_s14_serve_does_not_leave_loopback_without_an_administrator(tmp_path):
    refused = runyard("serve", "--home", tmp_path / "new", "--host", "0.0.0.0", "--port", free_port())
    assert refused.returncode == 1
    assert "runyard admin init" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_s14_serve_does_not_leave_loopback_unencrypted(tmp_path):
    first_key(tmp_path / "home")
    refused = runyard("serve", "--home", tmp_path / "home", "--host", "0.0.0.0", "--port", free_port())
    assert refused.returncode == 1
    assert "--tls-cert" in refused.stderr
    assert "--insecure-http" in refused.stderr


def test_s14_up_does_not_leave_loopback_at_all(tmp_path):
    refused = runyard("up", "--home", tmp_path / "new", "--host", "0.0.0.0", "--port", free_port())
    assert refused.returncode == 1
    assert "runyard serve" in refused.stderr


def test_s12_a_key_revoked_at_the_machine_is_refused_within_a_second(home, server):
    made = runyard(
        "admin", "key", "create", "--home", home, "--name", "laptop", "--scope", "contributor", "--json"
    )
    key = json.loads(made.stdout)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        token = client.post("/api/v1/token", json={}, headers=bearer(key["api_key"])).json()["access_token"]
        for secret in (key["api_key"], token):
            assert client.get(WHO, headers=bearer(secret)).json()["scope"] == "contributor"
        assert runyard("admin", "key", "revoke", key["key_id"], "--home", home).returncode == 0
        time.sleep(1)
        for secret in (key["api_key"], token):
            assert client.get(WHO, headers=bearer(secret)).status_code == 401


# --- the wall, on a real socket ---------------------------------------------------------------------------


def test_s15_an_absolute_form_target_is_refused_whatever_host_it_names(server, admin_key):
    for named in ("evil.example", f"127.0.0.1:{server.port}", "localhost"):
        answer = raw(
            server,
            f"GET http://{named}{WHO} HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Authorization: Bearer {admin_key}",
            "Connection: close",
        )
        assert answer.startswith("HTTP/1.1 403 ")
        assert "PERMISSION_DENIED" in answer
        assert "ann" not in answer


@pytest.mark.parametrize(
    "hosts",
    [
        ["Host: evil.example"],
        ["Host: localhost", "Host: evil.example"],
        ["Host: localhost", "host: localhost"],
        ["Host: localhost evil.example"],
        ["Host:"],
        [],
    ],
)
def test_s15_a_wrong_or_second_or_missing_host_is_refused(server, admin_key, hosts):
    answer = raw(
        server, f"GET {WHO} HTTP/1.1", *hosts, f"Authorization: Bearer {admin_key}", "Connection: close"
    )
    assert answer.startswith(("HTTP/1.1 403 ", "HTTP/1.1 400 "))
    assert "ann" not in answer


def test_s16_a_foreign_page_changes_nothing_even_with_a_credential(server, admin_key):
    with httpx.Client(base_url=server.url, headers=bearer(admin_key), timeout=60) as client:
        for origin in ("http://evil.example", "null", server.url.replace("127.0.0.1", "localhost")):
            answer = client.post(CREATE, json={"name": "forged"}, headers={"Origin": origin})
            assert answer.status_code == 403
        found = client.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "forged"})
        assert found.status_code == 404
        own = client.post(CREATE, json={"name": "own"}, headers={"Origin": server.url})
        assert own.status_code == 200


def test_s27_a_chunked_body_without_end_is_answered_and_cut_off(server, admin_key):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = [
            f"POST {CREATE} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {admin_key}",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
            "",
            "",
        ]
        connection.sendall("\r\n".join(head).encode())
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        with pytest.raises(OSError):  # noqa: PT011 - a reset or a broken pipe, as the kernel finds it
            connection.sendall(chunk * 100)


def test_s27_a_body_over_the_limit_is_refused_to_a_client_that_sends_it_whole(server, admin_key):
    with httpx.Client(base_url=server.url, headers=bearer(admin_key), timeout=60) as client:
        answer = client.post(
            CREATE, content=b"x" * (33 * 1024 * 1024), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
        assert "33554432 bytes" in answer.json()["message"]
        assert client.get(WHO).status_code == 200


def test_an_answer_does_not_say_what_made_it(server):
    answer = httpx.get(server.url + "/health", timeout=60)
    assert answer.text == "OK"
    assert "server" not in answer.headers
    assert "uvicorn" not in str(answer.headers).lower()


def test_a_websocket_is_not_opened(server):
    answer = raw(
        server,
        "GET /health HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Connection: close",
    )
    assert " 101 " not in answer


# --- files and logs ---------------------------------------------------------------------------------------


def test_s26_nobody_else_on_the_machine_can_read_the_home(server, home):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.get("/health").status_code == 200
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    assert len(modes) > 4
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_s30_no_credential_is_in_the_servers_output_or_beside_its_data(server, home, admin_key):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        token = client.post("/api/v1/token", json={}, headers=bearer(admin_key)).json()["access_token"]
        for secret in (admin_key, token, admin_key + "x", token + "x"):
            client.get(WHO, headers=bearer(secret))
            client.get("/no/such/route", headers=bearer(secret))
            client.post(CREATE, content=b"{", headers=bearer(secret))
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (admin_key[16:], token.rpartition(".")[2]):
        assert secret not in server.output
        assert secret.encode() not in kept
