"""What becomes of a request when the server is slow, gone, elsewhere, or not what it should be."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3.connection

from runyard.errors import InternalError, NotFound, RunyardError, Unauthenticated, Unavailable
from runyard.protocol.messages.workspaces import ServerAnswer
from runyard.sdk import transport
from runyard.sdk.connection import Connection, connect
from runyard.sdk.credentials import FixedToken
from runyard.sdk.transport import HttpTransport, Request
from tests.running_server import RunningServer, free_port
from tests.sdk.scripted_server import Received, Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]

GET = Request("GET", "/thing", is_repeatable=True)
POST_ONCE = Request("POST", "/thing", body=b"{}")
POST_AGAIN = Request("POST", "/thing", body=b"{}", is_repeatable=True)


@pytest.fixture(autouse=True)
def _without_long_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "LONGEST_WAIT_S", 0.01)


class Renewable:
    """A credential that has a new token whenever one is refused."""

    def __init__(self):
        self.number = 0

    def token(self) -> str:
        return f"token-{self.number}"

    def renewed(self, refused: str) -> str:
        assert refused == self.token()
        self.number += 1
        return self.token()


def test_the_error_is_the_server_s_own_class_with_its_own_words(server: RunningServer):
    with pytest.raises(NotFound, match="No Experiment with id=987654321 exists"):
        HttpTransport(server.url).send(
            Request("GET", "/api/2.0/mlflow/experiments/get", query=(("experiment_id", "987654321"),))
        )


def test_a_server_that_does_not_run_is_said_how_to_start():
    with pytest.raises(Unavailable, match="runyard up") as refused:
        HttpTransport(f"http://127.0.0.1:{free_port()}").send(GET)
    assert "Max retries" not in str(refused.value)


def test_a_server_that_says_nothing_is_given_up_at_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"does not answer in time|failed"):
            HttpTransport(url, read_timeout_s=0.05).send(POST_ONCE)


def test_a_body_has_the_time_that_its_size_takes_on_a_slow_line(monkeypatch: pytest.MonkeyPatch):
    """The limit while it is sent is that for the connection, and one for all of it."""
    size_bytes, pieces = 100_000, 8
    new_socket = urllib3.connection.HTTPConnection._new_conn

    def small(connection: urllib3.connection.HTTPConnection) -> socket.socket:
        made = new_socket(connection)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return made

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "_new_conn", small)
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT_S", 0.1)

    def read_slowly() -> None:
        with listener.accept()[0] as line:
            left = size_bytes
            while left > 0:
                left -= len(line.recv(size_bytes // pieces))
                time.sleep(0.4 / pieces)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        reading = threading.Thread(target=read_slowly, daemon=True)
        reading.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert HttpTransport(url).send(Request("POST", "/thing", body=b"x" * size_bytes)).read() == b"{}"
        reading.join()


@pytest.mark.parametrize("request_", [GET, POST_ONCE, POST_AGAIN], ids=["get", "post", "repeatable post"])
@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_server_that_refused_before_it_began_is_asked_again(
    scripted: Start, request_: Request, status: int
):
    busy = Scripted(status, headers={"Retry-After": "86400"})
    server = scripted([busy, busy, Scripted(body=b'{"a": 1}')])
    assert HttpTransport(server.url).send(request_).read() == b'{"a": 1}'
    assert len(server.received) == 3


@pytest.mark.parametrize("status", [502, 504])
def test_what_may_have_happened_already_is_repeated_only_where_that_does_no_harm(
    scripted: Start, status: int
):
    for request in (GET, POST_AGAIN):
        server = scripted([Scripted(status), Scripted(body=b"{}")])
        assert HttpTransport(server.url).send(request).status == 200
    once = scripted([Scripted(status), Scripted(body=b"{}")])
    with pytest.raises(Unavailable):
        HttpTransport(once.url).send(POST_ONCE)
    assert len(once.received) == 1


def test_a_server_that_stays_busy_is_given_up_with_its_own_error(scripted: Start):
    answer = Scripted(503, b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The disk is asleep."}')
    server = scripted([answer])
    with pytest.raises(Unavailable, match="disk is asleep"):
        HttpTransport(server.url).send(GET)
    assert len(server.received) == 6


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_stays_here(scripted: Start, status: int):
    elsewhere = scripted([Scripted()])
    server = scripted([Scripted(status, headers={"Location": f"{elsewhere.url}/thing"})])
    with pytest.raises(RunyardError, match=elsewhere.url):
        HttpTransport(server.url, FixedToken("secret")).send(POST_ONCE)
    assert elsewhere.received == []


def test_a_refused_token_is_renewed_once(scripted: Start):
    def only_the_second(request: Received) -> Scripted:
        return Scripted(200 if request.headers["Authorization"] == "Bearer token-1" else 401)

    server = scripted(only_the_second)
    credential = Renewable()
    assert HttpTransport(server.url, credential).send(POST_ONCE).status == 200
    refusing = scripted([Scripted(401)])
    with pytest.raises(Unauthenticated):
        HttpTransport(refusing.url, credential).send(POST_ONCE)
    assert len(refusing.received) == 2


def test_without_a_credential_a_refusal_says_where_to_put_one(scripted: Start):
    server = scripted([Scripted(401, b'{"error_code": "UNAUTHENTICATED", "message": "Who are you?"}')])
    way = rf"Who are you\? Set RUNYARD_TOKEN to an API key .* `runyard login {server.url}`\.$"
    with pytest.raises(Unauthenticated, match=way):
        HttpTransport(f"{server.url}/workspaces/vision").send(GET)
    assert "Authorization" not in server.received[0].headers


def test_a_credential_that_is_refused_comes_with_the_way_to_another_one(scripted: Start):
    server = scripted([Scripted(401, b'{"error_code": "UNAUTHENTICATED", "message": "Who are you?"}')])
    way = rf"Who are you\? If it has ended, `runyard login {server.url}` gets another; .* gets none\.$"
    with pytest.raises(Unauthenticated, match=way):
        HttpTransport(f"{server.url}/workspaces/vision", FixedToken("secret")).send(GET)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'{"message": null}', b"\xff"])
def test_an_error_page_of_something_else_is_still_an_error_with_its_status(scripted: Start, body: bytes):
    server = scripted([Scripted(418, body)])
    with pytest.raises(RunyardError):
        HttpTransport(server.url).send(GET)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"product": 5}', b"", b"\xff"])
def test_an_answer_of_another_kind_of_server_is_said_to_be_one(scripted: Start, body: bytes):
    server = scripted([Scripted(200, body)])
    with pytest.raises(InternalError, match="no Runyard server"):
        Connection(HttpTransport(server.url)).get("/api/v1/server", ServerAnswer)


def test_a_connection_that_breaks_in_the_body_is_an_error_and_no_short_answer(scripted: Start):
    server = scripted([Scripted(200, b"x" * 1000, cut_at=100)])
    with pytest.raises(Unavailable):
        HttpTransport(server.url).send(GET).read()


def test_a_proxy_for_the_outside_world_is_not_asked_for_this_machine(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert connect(server.url).get("/api/v1/server", ServerAnswer).product == "Runyard"


def test_a_password_of_the_netrc_file_is_not_sent(
    scripted: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(transport, "is_loopback", lambda url: False)
    server = scripted([Scripted()])
    HttpTransport(server.url).send(GET).read()
    HttpTransport(server.url, FixedToken("mine")).send(GET).read()
    assert [request.headers.get("Authorization") for request in server.received] == [None, "Bearer mine"]


@pytest.mark.parametrize("variable", ["RUNYARD_CA", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_authority_is_trusted_when_it_is_named(
    scripted: Start, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
):
    for name in transport._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = scripted([Scripted(body=b"private")], tls=tls)
    with pytest.raises(Unavailable, match="RUNYARD_CA"):
        HttpTransport(server.url).send(POST_ONCE)
    monkeypatch.setenv(variable, str(certificate))
    assert HttpTransport(server.url).send(GET).read() == b"private"
