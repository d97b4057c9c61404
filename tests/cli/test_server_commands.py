"""`runyard up` and `runyard serve` say where they are, refuse what can't be, and stop cleanly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Workspace
from tests.conftest import ServerStarter
from tests.running_server import RunningServer, free_port, scrubbed

WITHIN_S = 600  # for a machine that has much else to do


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runyard", *arguments],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
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


@pytest.mark.parametrize(("mode", "port"), [("up", "99999"), ("serve", "-1")])
def test_a_port_that_none_is_is_refused(tmp_path: Path, mode: str, port: str):
    ended = run(mode, "--home", str(tmp_path / "home"), "--port", port)
    assert ended.returncode == 1
    assert ended.stderr == f"error: port must be from 0 to 65535, not {port} (flag --port).\n"


@pytest.mark.parametrize("home", ["taken", "x" * 300, "taken/below"])
def test_a_home_that_is_no_folder_and_can_t_become_one_is_named(tmp_path: Path, home: str):
    (tmp_path / "taken").touch()
    ended = run("up", "--home", str(tmp_path / home))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: home can't be the folder '{tmp_path / home}': ")
    assert "Errno" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_certificate_that_is_none_is_refused_before_the_server_says_that_it_is_up(tmp_path: Path):
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing.pem"
    empty.touch()
    for key, said in ((missing, f"tls_key '{missing}' can't be read: No such"), (empty, "are no chain of")):
        place = ("--home", str(tmp_path / "home"), "--port", "0")
        ended = run("serve", *place, "--tls-cert", str(empty), "--tls-key", str(key))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert said in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


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


def test_serve_says_where_people_find_it_once_there_is_an_administrator(tmp_path: Path):
    home = tmp_path / "home"
    assert run("admin", "init", "--home", str(home)).returncode == 0
    server = RunningServer(home, mode="serve", environment={"RUNYARD_PUBLIC_URL": "https://ml.example/"})
    try:
        server.start()
        assert "serves at https://ml.example\n" in server.output
        assert f"listens at  {server.url}\n" in server.output
        assert "runyard login https://ml.example\n" in server.output
        assert "admin init" not in server.output
    finally:
        server.close()


def test_a_setting_that_is_none_is_one_line(tmp_path: Path):
    environment = {**scrubbed(os.environ), "RUNYARD_PORT": "many", "RUNYARD_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "runyard", "up"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "RUNYARD_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
