"""Runs of days with tokens of an hour: the genuine MLflow client, against a server whose days are short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from runyard.app import administration, open_stores
from runyard.errors import Unauthenticated
from runyard.sdk.credentials import ApiKey, seconds_also_asleep
from runyard.sdk.mlflow_auth import HostBoundAuth, announce
from runyard.sdk.transport import Credential, HttpTransport
from runyard.settings import Mode, Settings
from tests.running_server import RunningServer, scrubbed
from tests.sdk.scripted_server import Received, Scripted, ScriptedServer
from tests.sdk.shifted_server import AHEAD_S
from tests.waiting import until

Start = Callable[..., ScriptedServer]
HOURS = 75
LIVES_S = 3600
ROOT = Path(__file__).parents[2]


class Lab:
    """A team's server, the key of its administrator, and the file that its clock goes by."""

    def __init__(self, folder: Path) -> None:
        self.ahead_s = folder / "ahead"
        self.set_clock(0)
        home = folder / "home"
        stores = open_stores(Settings(mode=Mode.SERVE, home=home))
        self.key = administration(stores).make_first_administrator("ann").text
        stores.close()
        program = (str(Path(__file__).with_name("shifted_server.py")),)
        environment = {AHEAD_S: str(self.ahead_s), "RUNYARD_ACCESS_LOG": "true", "RUNYARD_LOG_LEVEL": "info"}
        self.server = RunningServer(home, mode="serve", environment=environment, program=program).start()

    def set_clock(self, ahead_s: float) -> None:
        new = self.ahead_s.with_suffix(".new")
        new.write_text(str(ahead_s))
        new.replace(self.ahead_s)

    def token(self) -> str:
        sent = {"Authorization": f"Bearer {self.key}"}
        made = requests.post(f"{self.server.url}/api/v1/token", json={}, headers=sent, timeout=60)
        return str(made.json()["access_token"])

    def status(self, token: str) -> int:
        sent = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.server.url}/api/v1/caller", headers=sent, timeout=60).status_code

    def exchanges(self) -> int:
        return self.server.output.count("route=/api/v1/token")

    def run(self, code: str, *, python: str = sys.executable, ends_well: bool = True) -> str:
        """Run a user's program; it sets the clock, which its last argument names."""
        environment = scrubbed(os.environ) | {"HOME": str(self.ahead_s.parent), "RUNYARD_TOKEN": self.key}
        # What is sent in the background could not keep up with a clock that runs this fast.
        environment["RUNYARD_SPOOL"] = "off"
        arguments = [self.server.url, str(HOURS), str(self.ahead_s)]
        ended = subprocess.run(
            [python, "-c", code, *arguments],
            env=environment,
            cwd=self.ahead_s.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode == 0) == ends_well, ended.stderr
        return ended.stdout.splitlines()[-1] if ends_well else ended.stderr

    def points(self, run_id: str) -> list[float]:
        asked = {"run_id": run_id, "metric_key": "loss", "max_results": "10000"}
        sent = {"Authorization": f"Bearer {self.key}"}
        path = f"{self.server.url}/api/2.0/mlflow/metrics/get-history"
        answer = requests.get(path, params=asked, headers=sent, timeout=60).json()
        return [each["value"] for each in answer["metrics"]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("long"))
    yield lab
    lab.server.close()


@pytest.fixture(autouse=True)
def _first_moment(lab: Lab) -> None:
    lab.set_clock(0)


LOGS = """
import os, sys
from pathlib import Path

url, hours, ahead_s = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])

def half_hours():
    for number in range(2 * hours):
        new = ahead_s.with_suffix(".new")
        new.write_text(str(number * 1800))
        new.replace(ahead_s)
        yield number
"""

# The plugin as MLflow finds it; the clock is the only thing that is not a user's.
WITH_PLUGIN = (
    LOGS
    + """
import mlflow
from runyard.sdk.credentials import ApiKey
from runyard.sdk.mlflow_auth import announce
from runyard.sdk.transport import HttpTransport

key = ApiKey(os.environ["RUNYARD_TOKEN"], HttpTransport(url), clock=lambda: float(ahead_s.read_text()))
announce(url, key)
mlflow.set_tracking_uri(url)
with mlflow.start_run() as run:
    for number in half_hours():
        mlflow.log_metric("loss", number, step=number)
    mlflow.log_text("done", "note.txt")
print(run.info.run_id)
"""
)

# A clock that stands still, as Python's own does while a laptop sleeps: each token that ends is refused.
WITH_A_SLEEPING_CLOCK = WITH_PLUGIN.replace(
    "clock=lambda: float(ahead_s.read_text())", "clock=lambda: 1000.0"
)

# What docs/how-to/sign-in.md tells an MLflow client without Runyard.
WITHOUT_RUNYARD = (
    LOGS
    + """
import json, urllib.request
import mlflow

def renew():
    key = os.environ["RUNYARD_TOKEN"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/api/v1/token", b"{}", headers)
    with urllib.request.urlopen(asked) as answer:
        os.environ["MLFLOW_TRACKING_TOKEN"] = json.load(answer)["access_token"]

renew()
mlflow.set_tracking_uri(url)
with mlflow.start_run() as run:
    for number in half_hours():
        renew()
        mlflow.log_metric("loss", number, step=number)
assert "runyard" not in sys.modules
print(run.info.run_id)
"""
)

WITH_A_TOKEN_ALONE = WITHOUT_RUNYARD.replace("        renew()\n", "").replace(
    "import mlflow\n", "import mlflow\nos.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'] = '0'\n"
)


def bare_python() -> str:
    """An environment with MLflow's client and without Runyard."""
    python = ROOT / ".envs" / "skinny-3.17" / "bin" / "python"
    if not python.exists():
        pytest.skip("the environments of the clients are not installed: make test")
    return str(python)


def test_the_servers_tokens_end_with_its_clock(lab):
    token = lab.token()
    assert lab.status(token) == 200
    lab.set_clock(LIVES_S - 60)
    assert lab.status(token) == 200
    lab.set_clock(LIVES_S + 120)
    until(lambda: lab.status(token) == 401)


@pytest.mark.slow
# A server remembers for a moment of its own whom it has just known, which is half a day here.
@pytest.mark.parametrize(
    ("program", "at_least"),
    [(WITH_PLUGIN, HOURS // 2), (WITH_A_SLEEPING_CLOCK, 2)],
    ids=["clock", "sleeping clock"],
)
def test_a_run_of_three_days_never_notices_that_tokens_end(lab, program, at_least):
    before = lab.exchanges()
    run_id = lab.run(program)
    assert lab.points(run_id) == [float(number) for number in range(2 * HOURS)]
    # One for each hour, and not one for each request.
    assert at_least <= lab.exchanges() - before <= 2 * HOURS - 1
    assert lab.key not in lab.server.output


@pytest.mark.slow
def test_a_client_without_runyard_renews_by_the_documented_endpoint(lab):
    assert len(lab.points(lab.run(WITHOUT_RUNYARD, python=bare_python()))) == 2 * HOURS


@pytest.mark.slow
def test_a_token_alone_does_not_last_that_long(lab):
    assert "expired or revoked" in lab.run(WITH_A_TOKEN_ALONE, python=bare_python(), ends_well=False)


# --- where a token goes -----------------------------------------------------------------------------------


class Credentials:
    """Tokens by number; asked for another, the next."""

    def __init__(self, last: int = 9) -> None:
        self.number, self.last = 1, last

    def token(self) -> str:
        return f"token-{self.number}"

    def renewed(self, refused: str) -> str | None:
        if self.number >= self.last:
            raise Unauthenticated("The key was revoked.")
        self.number += 1
        return self.token()


def sent(server: ScriptedServer) -> list[str | None]:
    return [request.headers.get("Authorization") for request in server.received]


def refusing_first(request: Received) -> Scripted:
    """Takes the second token alone, and answers with the body that it was sent."""
    is_good = request.headers.get("Authorization") == "Bearer token-2"
    return Scripted(200 if is_good else 401, request.body)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., requests.Response]:
    monkeypatch.setattr("runyard.sdk.mlflow_auth._announced", {})
    monkeypatch.delenv("MLFLOW_TRACKING_AUTH", raising=False)

    def ask(url: str, credential: Credential, path: str = "/x", **how: object) -> requests.Response:
        announce(url, credential)
        return requests.request("POST", url + path, auth=HostBoundAuth(), timeout=60, **how)  # type: ignore[arg-type]

    return ask


@pytest.mark.parametrize("body", [b"bytes", "text", None, "file"])
def test_a_refused_token_is_replaced_once_and_the_request_sent_again_whole(
    scripted: Start, ask, tmp_path, body
):
    (tmp_path / "file").write_bytes(b"not sent" + b"of a file" * 50_000)
    with (tmp_path / "file").open("rb") as opened:
        opened.seek(8)
        server = scripted(refusing_first)
        answer = ask(server.url, Credentials(), data=opened if body == "file" else body)
    assert answer.status_code == 200
    assert sent(server) == ["Bearer token-1", "Bearer token-2"]
    wanted = {"file": b"of a file" * 50_000, "text": b"text", b"bytes": b"bytes", None: b""}[body]
    assert answer.content == wanted
    assert [each.status_code for each in answer.history] == [401]


def test_a_body_that_can_be_read_once_is_not_sent_in_halves(scripted: Start, ask):
    server = scripted([Scripted(401)])
    assert ask(server.url, Credentials(), data=iter([])).status_code == 401
    assert len(server.received) == 1


def test_a_key_that_has_ended_leaves_the_servers_own_refusal(scripted: Start, ask):
    server = scripted([Scripted(401, json.dumps({"message": "ended"}).encode())])
    answer = ask(server.url, Credentials(last=1))
    assert (answer.status_code, answer.json()) == (401, {"message": "ended"})
    assert ask(server.url, Credentials()).status_code == 401
    assert len(server.received) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_token_to_another_host(scripted: Start, ask, status):
    other = scripted([Scripted(401)])
    server = scripted([Scripted(status, headers={"Location": f"{other.url}/taken"})])
    answer = ask(server.url, Credentials(), data=b"x")
    assert answer.status_code == 401
    assert sent(server) == ["Bearer token-1"]
    # Nor does its refusal bring it another one.
    assert sent(other) == [None]


def test_a_redirect_within_the_host_keeps_the_token(scripted: Start, ask):
    def answer(request: Received) -> Scripted:
        if request.path == "/x":
            return Scripted(307, headers={"Location": "/y"})
        return refusing_first(request)

    server = scripted(answer)
    assert ask(server.url, Credentials(), data=b"x").content == b"x"
    assert [request.path for request in server.received] == ["/x", "/y", "/y"]


def test_the_clock_of_tokens_goes_on_while_the_machine_sleeps():
    first = seconds_also_asleep()
    assert seconds_also_asleep() >= first
    assert "s" * 43 not in repr(ApiKey(f"ry_0123456789ab_{'s' * 43}", HttpTransport("http://127.0.0.1:9")))
