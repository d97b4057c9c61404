"""S12: what goes on for long ends with the right to it within the second: files up and down, long answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from runyard.errors import Forbidden, Unavailable
from runyard.server.lasting import LOOKS_EVERY_S, Lasting
from runyard.services.call import system_now_ms
from runyard.stores.artifacts.folder import INCOMING
from tests.running_server import RunningServer
from tests.server.azure_client import Client
from tests.server.team import Team
from tests.server.test_team_server import first_key
from tests.waiting import until

ALPHA = "/workspaces/alpha"
FILES = f"{ALPHA}/api/2.0/mlflow-artifacts/artifacts"
MB = 1024 * 1024
PIECES = [bytes([number]) * MB for number in range(6)]
CONTENT = b"".join(PIECES)
POINTS = 26_000
"""More than one piece of an answer."""
_numbers = itertools.count()


class Exchange:
    """One request to the application itself, in the middle of which an administrator does something."""

    def __init__(self, team: Team, *done: Any) -> None:
        self.team = team
        self.done = done
        self.status = 0
        self.received = b""
        self.is_whole = False

    async def _happen(self) -> None:
        if self.done:
            method, path, *body = self.done
            key = {"Authorization": f"Bearer {self.team.admin_key}"}
            what = {"params" if method == "DELETE" else "json": body[0]} if body else {}
            answer = await self.team._client.request(method, path, headers=key, **what)
            answer.raise_for_status()
        await asyncio.sleep(LOOKS_EVERY_S)

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        is_first = not self.received
        self.received += message.get("body", b"")
        self.is_whole = message["type"] != "http.response.start" and not message.get("more_body", False)
        if is_first and self.received and not self.is_whole:
            await self._happen()

    async def _body(self, pieces: list[bytes]) -> AsyncGenerator[dict[str, Any], None]:
        for number, piece in enumerate(pieces, 1):
            if number == 3:
                await self._happen()
            yield {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        await asyncio.Event().wait()  # whoever asks on waits until the answer is there

    def go(self, method: str, path: str, key: str, pieces: list[bytes] | None = None) -> Exchange:
        """Send it and return this, with what came back."""
        path, _, query = path.partition("?")
        headers = [(b"host", b"127.0.0.1:5000"), (b"transfer-encoding", b"chunked")]
        headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "headers": headers,
        }
        body = self._body(pieces or [b""])
        self.team._loop.run_until_complete(self.team.served(scope, body.__anext__, self._send))
        self.team._loop.run_until_complete(body.aclose())
        return self


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("lasting") / "home")
    yield team
    team.close()


@pytest.fixture(scope="module")
def experiment_id(team):
    path = f"{ALPHA}/api/2.0/mlflow/experiments/create"
    made = team.ask("POST", path, {"name": "lasting"}, key=team.admin_key).json()["experiment_id"]
    team.ask("PUT", f"{FILES}/{made}/large.bin", CONTENT, key=team.admin_key).raise_for_status()
    return made


def taken(team, experiment_id, what):
    """Return the key of somebody new, and what takes from them what they do with it."""
    name = f"somebody-{next(_numbers)}"
    key = team.person(name)
    match what:
        case "the key":
            team.grant(name, "contributor", "alpha")
            return key, ("DELETE", f"/api/v1/keys/{key[3:15]}")
        case "the person":
            team.grant(name, "contributor", "alpha")
            return key, ("PATCH", f"/api/v1/principals/{name}", {"is_disabled": True})
        case "the role":
            team.grant(name, "contributor", "alpha")
            return key, ("DELETE", f"{ALPHA}/api/v1/grants", {"principal": name})
        case "the role in the experiment":
            team.grant(name, "contributor", "alpha", experiment_id)
            whom = {"principal": name, "experiment_id": experiment_id}
            return key, ("DELETE", f"{ALPHA}/api/v1/grants", whom)
        case "the group":
            group = f"group-of-{name}"
            body = {"name": group, "kind": "group"}
            team.ask("POST", "/api/v1/principals", body, key=team.admin_key).raise_for_status()
            member = f"/api/v1/groups/{group}/members/{name}"
            team.ask("PUT", member, {}, key=team.admin_key).raise_for_status()
            team.grant(group, "contributor", "alpha")
            return key, ("DELETE", member)
    raise AssertionError(what)


EACH = pytest.mark.parametrize(
    "what", ["the key", "the person", "the role", "the role in the experiment", "the group"]
)


@EACH
def test_s12_a_download_ends_with_what_it_was_allowed_by(team, experiment_id, what):
    key, done = taken(team, experiment_id, what)
    path = f"{FILES}/{experiment_id}/large.bin"
    went = Exchange(team).go("GET", path, key)
    assert (went.status, went.received, went.is_whole) == (200, CONTENT, True)
    went = Exchange(team, *done).go("GET", path, key)
    assert (went.status, went.is_whole) == (200, False), "half an answer must not look whole"
    assert CONTENT.startswith(went.received)
    assert len(went.received) <= 2 * MB


@EACH
def test_s12_an_upload_ends_with_what_it_was_allowed_by_and_leaves_nothing(team, experiment_id, what):
    key, done = taken(team, experiment_id, what)
    path = f"{FILES}/{experiment_id}/{next(_numbers)}.bin"
    went = Exchange(team, *done).go("PUT", path, key, PIECES)
    assert went.status == (401 if what in ("the key", "the person") else 403), went.received
    assert team.ask("GET", path, key=team.admin_key).status_code == 404
    assert not list((team.settings.artifact_root / INCOMING).iterdir())


def test_s12_an_upload_goes_on_while_its_sender_may(team, experiment_id):
    key, _ = taken(team, experiment_id, "the role")
    path = f"{FILES}/{experiment_id}/{next(_numbers)}.bin"
    assert Exchange(team).go("PUT", path, key, PIECES).status == 200
    assert team.ask("GET", path, key=key).content == CONTENT


def test_a_role_that_becomes_narrower_ends_what_it_no_longer_gives(team, experiment_id):
    name = f"somebody-{next(_numbers)}"
    key = team.person(name)
    team.grant(name, "contributor", "alpha")
    narrower = ("PUT", f"{ALPHA}/api/v1/grants", {"principal": name, "role": "reader"})
    path = f"{FILES}/{experiment_id}/large.bin"
    went = Exchange(team, *narrower).go("PUT", f"{path}.new", key, PIECES)
    assert went.status == 403
    team.grant(name, "contributor", "alpha")
    assert Exchange(team, *narrower).go("GET", path, key).received == CONTENT


def test_a_token_that_runs_out_by_itself_ends_nothing_that_has_begun(team, experiment_id, monkeypatch):
    key, ended = taken(team, experiment_id, "the key")
    token = team.ask("POST", "/api/v1/token", {}, key=key).json()["access_token"]
    path = f"{FILES}/{experiment_id}/large.bin"
    went = Exchange(team)

    async def hours_pass():
        later_ms = system_now_ms() + 3 * 3_600_000
        monkeypatch.setattr("runyard.services.tokens.system_now_ms", lambda: later_ms)
        await asyncio.sleep(LOOKS_EVERY_S)
        assert (await team._client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 401

    monkeypatch.setattr(went, "_happen", hours_pass)
    assert went.go("GET", path, token).received == CONTENT
    monkeypatch.undo()
    assert not Exchange(team, *ended).go("GET", path, token).is_whole


def test_a_signed_address_ends_in_the_middle_of_a_file_with_the_key_behind_it(team):
    client = Client(team)
    client.blob("PUT", client.address_to_write("large.bin"), CONTENT, x_ms_blob_type="BlockBlob")
    address = client.address_to_read("large.bin").removeprefix("http://127.0.0.1:5000")
    assert Exchange(team).go("GET", address, "").received == CONTENT
    ended = ("DELETE", f"/api/v1/keys/{client.key.split('_')[1]}")
    went = Exchange(team, *ended).go("GET", address, "")
    assert (went.status, went.is_whole) == (200, False)
    assert Exchange(team).go("GET", address, "").status == 401


def test_s12_a_long_answer_ends_with_what_it_was_allowed_by(team, experiment_id):
    key, ended = taken(team, experiment_id, "the role")
    mlflow = f"{ALPHA}/api/2.0/mlflow"
    made = team.ask("POST", f"{mlflow}/runs/create", {"experiment_id": experiment_id}, key=key)
    run_id = made.json()["run"]["info"]["run_id"]
    for start in range(0, POINTS, 1000):
        points = [{"key": "m", "value": 1, "timestamp": 1, "step": start + step} for step in range(1000)]
        body = {"run_id": run_id, "metrics": points}
        team.ask("POST", f"{mlflow}/runs/log-batch", body, key=key).raise_for_status()
    path = f"{mlflow}/metrics/get-history?run_id={run_id}&metric_key=m"
    assert json.loads(Exchange(team).go("GET", path, key).received)["metrics"][-1]["step"] == POINTS - 1
    assert not Exchange(team, *ended).go("GET", path, key).is_whole


@pytest.mark.parametrize(("fault", "ends"), [(Forbidden("no"), True), (Unavailable("away"), False)])
def test_what_lasts_outlives_a_database_that_is_away(fault, ends, monkeypatch):
    looked: list[int] = []

    def check():
        looked.append(len(looked))
        raise fault

    async def receive():
        return {"type": "http.request", "body": b"x"}

    async def ask():
        received = Lasting(check).receiving(receive)
        for _ in range(3):
            await received()

    monkeypatch.setattr("runyard.server.lasting.LOOKS_EVERY_S", 0)
    with pytest.raises(Forbidden) if ends else contextlib.nullcontext():
        asyncio.run(ask())
    assert looked == ([0] if ends else [0, 1, 2])


def test_s12_a_client_sees_that_its_download_was_cut_off_and_the_log_says_why(tmp_path):
    key = first_key(tmp_path / "home")
    server = RunningServer(tmp_path / "home", mode="serve").start()
    try:
        mine = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.url, headers=mine, timeout=60) as admin:
            made = admin.post("/api/v1/keys", json={"name": "to be ended"}).json()["api_key"]
            path = "/api/2.0/mlflow-artifacts/artifacts/large.bin"
            # More than a connection holds on its way, so that the server waits in the middle of it.
            admin.put(path, content=CONTENT * 8, timeout=60).raise_for_status()
            bearer = {"Authorization": f"Bearer {made}"}
            with httpx.stream("GET", server.url + path, headers=bearer, timeout=60) as answer:
                assert answer.status_code == 200
                admin.delete(f"/api/v1/keys/{made.split('_')[1]}").raise_for_status()
                time.sleep(LOOKS_EVERY_S)
                with pytest.raises(httpx.RemoteProtocolError):
                    answer.read()
        until(lambda: "was cut off: You are not authenticated." in server.output)
        assert "Traceback" not in server.output
        assert "uvicorn" not in server.output  # one line says it
    finally:
        server.close()
