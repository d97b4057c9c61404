"""Keys are exchanged for tokens that are renewed in time, and secrets go nowhere else than they should."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard.errors import InvalidState, Unauthenticated, Unavailable
from runyard.sdk import credentials
from runyard.sdk.credentials import ApiKey, FixedToken, credentials_path, find_credential, known_secret
from runyard.sdk.transport import HttpTransport, Request
from tests.running_server import free_port
from tests.sdk.scripted_server import Received, Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]
KEY = "ry_0123456789ab_" + "s" * 43


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class TokenServer:
    """Grants numbered tokens, until it is told to refuse."""

    def __init__(self, expires_in_s: int = 3600):
        self.granted = 0
        self.refuses_with: int | None = None
        self.expires_in_s = expires_in_s

    def __call__(self, request: Received) -> Scripted:
        assert (request.method, request.path) == ("POST", "/api/v1/token")
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        if self.refuses_with is not None:
            return Scripted(self.refuses_with, b'{"error_code": "", "message": "No."}')
        self.granted += 1
        answer = {
            "access_token": f"token-{self.granted}",
            "token_type": "Bearer",
            "expires_in_s": self.expires_in_s,
            "expires_ms": 0,
            "scope": "owner",
            "workspace": None,
        }
        return Scripted(200, json.dumps(answer).encode())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def token_server() -> TokenServer:
    return TokenServer()


@pytest.fixture
def key(scripted: Start, token_server: TokenServer, clock: Clock) -> ApiKey:
    return ApiKey(KEY, HttpTransport(scripted(token_server).url), clock=clock)


def test_a_token_is_kept_until_shortly_before_it_expires(
    key: ApiKey, token_server: TokenServer, clock: Clock
):
    assert key.token() == "token-1"
    clock.now_s += 3600 - 301
    assert key.token() == "token-1"
    clock.now_s += 2
    assert key.token() == "token-2"
    assert token_server.granted == 2


def test_a_short_token_is_renewed_at_three_quarters_of_its_life(
    key: ApiKey, token_server: TokenServer, clock: Clock
):
    token_server.expires_in_s = 60
    assert key.token() == "token-1"
    clock.now_s += 44
    assert key.token() == "token-1"
    clock.now_s += 2
    assert key.token() == "token-2"


def test_a_token_that_is_still_good_survives_a_server_that_is_away(
    scripted: Start, token_server: TokenServer, clock: Clock
):
    server = ScriptedServer(token_server)
    with server:
        key = ApiKey(KEY, HttpTransport(server.url), clock=clock)
        assert key.token() == "token-1"
    clock.now_s += 3400
    assert key.token() == "token-1"
    clock.now_s += 201
    with pytest.raises(Unavailable):
        key.token()


def test_a_key_that_was_revoked_ends_the_token_too(key: ApiKey, token_server: TokenServer, clock: Clock):
    assert key.token() == "token-1"
    token_server.refuses_with = 401
    clock.now_s += 3400
    with pytest.raises(Unauthenticated):
        key.token()


def test_a_refused_token_is_replaced_by_one_exchange_however_many_report_it(
    key: ApiKey, token_server: TokenServer
):
    assert key.token() == "token-1"
    assert key.renewed("token-1") == "token-2"
    assert key.renewed("token-1") == "token-2"
    assert token_server.granted == 2


def test_threads_that_begin_together_share_one_exchange(key: ApiKey, token_server: TokenServer):
    together = threading.Barrier(16)
    seen: list[str | None] = []

    def ask() -> None:
        together.wait()
        seen.append(key.token())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["token-1"] * 16
    assert token_server.granted == 1


def test_no_secret_is_in_any_representation(key: ApiKey):
    key.token()
    request = Request("POST", "/", authorization="hunter2")
    shown = f"{key!r} {FixedToken('hunter2')!r} {request!r}"
    assert "sss" not in shown
    assert "hunter2" not in shown
    assert "token-1" not in shown


def test_a_token_in_the_environment_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNYARD_TOKEN", "a.jwt.token")
    credential = find_credential("http://127.0.0.1:5000")
    assert credential is not None
    assert credential.token() == "a.jwt.token"
    assert credential.renewed("a.jwt.token") is None


def test_with_an_address_in_the_environment_the_token_is_for_that_server_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("RUNYARD_TOKEN", "a.jwt.token")
    monkeypatch.setenv("RUNYARD_URL", "https://lab.example")
    assert known_secret("https://lab.example/workspaces/x") == "a.jwt.token"
    for other in ("http://lab.example", "https://lab.example:8443", "https://evil.example"):
        assert known_secret(other) is None


def test_all_users_of_a_key_share_its_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(credentials, "_known", {})
    monkeypatch.setenv("RUNYARD_TOKEN", KEY)
    url = f"http://127.0.0.1:{free_port()}"
    assert find_credential(url) is find_credential(f"{url}/workspaces/default")
    assert find_credential(url) is not find_credential("http://127.0.0.1:1")


def write_credentials(content: object, mode: int = 0o600) -> Path:
    path = credentials_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


@pytest.fixture
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.usefixtures("_own_configuration")
def test_the_credentials_file_knows_a_key_per_server(monkeypatch: pytest.MonkeyPatch):
    write_credentials(
        {"servers": {"https://lab.example": {"token": KEY}, "http://127.0.0.1:5000": {"token": "b"}}}
    )
    assert known_secret("https://LAB.example:443/workspaces/a") == KEY
    assert known_secret("http://127.0.0.1:5000") == "b"
    assert known_secret("https://other.example") is None
    monkeypatch.setenv("RUNYARD_TOKEN", "from the environment")
    assert known_secret("https://lab.example") == "from the environment"


@pytest.mark.usefixtures("_own_configuration")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_credentials_file_that_others_can_read_is_refused(mode: int):
    path = write_credentials({"servers": {}}, mode)
    with pytest.raises(InvalidState, match=f"chmod 600 '{path}'"):
        find_credential("https://lab.example")


@pytest.mark.usefixtures("_own_configuration")
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"servers": []}', '{"servers": {"https://a": {}}}'])
def test_a_broken_credentials_file_is_an_error_that_names_it(content: str):
    path = write_credentials(content)
    with pytest.raises(InvalidState, match=str(path)):
        find_credential("https://lab.example")


@pytest.mark.usefixtures("_own_configuration")
def test_without_a_credentials_file_there_is_no_credential():
    assert find_credential("https://lab.example") is None
