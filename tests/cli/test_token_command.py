"""`runyard token` prints what a bare client needs, and no more than that."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runyard.cli.token import _assignment
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer, scrubbed


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    """`runyard serve` with a first administrator, and the administrator's key."""
    home = tmp_path_factory.mktemp("team") / "home"
    made = subprocess.run(
        [sys.executable, "-m", "runyard", "admin", "init", "--home", str(home), "--json"],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    running = RunningServer(home, mode="serve").start()
    yield running, json.loads(made.stdout)["api_key"]
    running.close()


@pytest.fixture
def _as_administrator(team: tuple[RunningServer, str], monkeypatch: pytest.MonkeyPatch) -> None:
    running, api_key = team
    monkeypatch.setenv("RUNYARD_URL", running.url)
    monkeypatch.setenv("RUNYARD_TOKEN", api_key)


@pytest.mark.usefixtures("_as_administrator")
def test_the_two_lines_let_a_bare_client_in(runyard: CommandLine, team: tuple[RunningServer, str]):
    ended = runyard("token")
    variables = dict(line.removeprefix("export ").split("=", 1) for line in ended.out.splitlines())
    assert list(variables) == ["MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"]
    uri, token = (shlex.split(value)[0] for value in variables.values())
    assert uri == f"{team[0].url}/workspaces/default"
    answer = httpx.get(
        f"{uri}/api/2.0/mlflow/experiments/get?experiment_id=0",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert team[1] not in ended.out + ended.err
    assert "good until" in ended.err


@pytest.mark.usefixtures("_as_administrator")
def test_the_token_is_as_narrow_and_as_short_as_it_was_asked_for(
    runyard: CommandLine, team: tuple[RunningServer, str]
):
    ended = runyard("token", "--scope", "reader", "--expires-in-s", 60, "--json").json
    assert time.time() * 1000 < ended["expires_ms"] <= time.time() * 1000 + 61_000
    headers = {"Authorization": f"Bearer {ended['MLFLOW_TRACKING_TOKEN']}"}
    base = f"{ended['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments"
    assert httpx.get(f"{base}/get?experiment_id=0", headers=headers, timeout=60).status_code == 200
    assert httpx.post(f"{base}/create", json={"name": "no"}, headers=headers, timeout=60).status_code == 403
    assert (
        httpx.get(f"{team[0].url}/workspaces/other/api/v1/server", headers=headers, timeout=60).status_code
        == 403
    )


@pytest.mark.usefixtures("_as_administrator")
def test_a_token_in_place_of_a_key_is_printed_as_it_is(runyard: CommandLine, monkeypatch: pytest.MonkeyPatch):
    token = runyard("token", "--json").json["MLFLOW_TRACKING_TOKEN"]
    monkeypatch.setenv("RUNYARD_TOKEN", token)
    ended = runyard("token", "--json")
    assert ended.json["MLFLOW_TRACKING_TOKEN"] == token
    assert "as it is" in ended.err


def test_without_a_credential_a_team_s_server_ends_with_4(
    runyard: CommandLine, team: tuple[RunningServer, str]
):
    ended = runyard("token", "--url", team[0].url)
    assert ended.code == 4
    assert ended.out == ""
    assert "RUNYARD_TOKEN" in ended.err


def test_one_s_own_server_needs_no_token_and_gives_one_when_it_is_asked_for(
    runyard: CommandLine, server: RunningServer
):
    ended = runyard("token", "--url", server.url)
    assert ended.out == f"export MLFLOW_TRACKING_URI={server.url}/workspaces/default\n"
    assert "needs no token" in ended.err
    forced = runyard("token", "--url", server.url, "--force", "--json").json
    assert forced["MLFLOW_TRACKING_TOKEN"].count(".") == 2


def test_a_workspace_that_is_not_there_gets_no_lines(runyard: CommandLine, server: RunningServer):
    ended = runyard("token", "--url", server.url, "--workspace", "nowhere")
    assert (ended.code, ended.out) == (3, "")


def test_each_shell_reads_its_line(tmp_path: Path):
    odd = 'it\'s $HOME `x` "y"'
    script = f'{_assignment("posix", "NAME", odd)}\nprintf %s "$NAME"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == odd
    assert _assignment("fish", "NAME", "v") == "set -gx NAME v"
    assert _assignment("powershell", "NAME", "it's") == "$env:NAME = 'it''s'"
