"""`runyard up` and `runyard serve` say where they are, refuse what can't be, and stop cleanly."""

import json
import os
import subprocess
import sys
from pathlib import Path

from runyard import Workspace
from tests.conftest import ServerStarter
from tests.running_server import free_port, scrubbed


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runyard", *arguments],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_up_says_where_it_is_and_what_to_do_next_and_stops_cleanly(start_server: ServerStarter):
    server = start_server()
    assert f"is up at {server.url}" in server.output
    assert f"MLFLOW_TRACKING_URI={server.url}" in server.output
    assert json.loads((server.home / "server.json").read_text())["url"] == server.url
    assert Workspace.from_config(server.home / "config.json").url == server.url
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_a_second_server_on_the_same_home_is_refused_with_where_the_first_one_is(
    start_server: ServerStarter,
):
    server = start_server()
    second = run("up", "--home", str(server.home), "--port", str(free_port()))
    assert second.returncode == 1
    assert server.url in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_refused_with_what_to_do(start_server: ServerStarter, tmp_path: Path):
    server = start_server()
    second = run("up", "--home", str(tmp_path / "other"), "--port", str(server.port))
    assert second.returncode == 5
    assert "--port" in second.stderr


def test_up_stays_on_this_machine(tmp_path: Path):
    ended = run("up", "--home", str(tmp_path / "home"), "--host", "0.0.0.0", "--port", str(free_port()))
    assert ended.returncode == 1
    assert "runyard serve" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_team_s_server_stays_on_this_machine_until_it_has_an_administrator(tmp_path: Path):
    ended = run("serve", "--home", str(tmp_path / "home"), "--host", "0.0.0.0", "--port", str(free_port()))
    assert ended.returncode == 1
    assert "runyard admin init" in ended.stderr


def test_serve_says_how_to_get_in(start_server: ServerStarter):
    server = start_server(mode="serve")
    assert f"serves at {server.url}" in server.output
    assert "runyard admin init" in server.output


def test_a_setting_that_is_none_is_one_line(tmp_path: Path):
    environment = {**scrubbed(os.environ), "RUNYARD_PORT": "many", "RUNYARD_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "runyard", "up"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "RUNYARD_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
