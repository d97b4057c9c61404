"""`runyard config`: each setting, where it comes from, and no password."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.cli.conftest import CommandLine
from tests.conftest import ServerStarter


def test_it_explains_where_each_value_comes_from(runyard: CommandLine, tmp_path: Path, monkeypatch):
    file = tmp_path / "team.toml"
    file.write_text('port = 7000\ndatabase = "postgresql://u:canary@h/d"\n')
    monkeypatch.setenv("RUNYARD_CONFIG", str(file))
    monkeypatch.setenv("RUNYARD_DRAIN_S", "9")
    told = runyard("config", "--explain", "--json", "--host", "::1")
    rows = {row["name"]: row for row in told.json}
    assert rows["port"] | {"help": ""} == {
        "name": "port", "value": 7000, "origin": f"{file}:1", "help": "",
    }  # fmt: skip
    assert rows["drain_s"]["origin"] == "variable RUNYARD_DRAIN_S"
    assert (rows["host"]["value"], rows["host"]["origin"]) == ("::1", "flag --host")
    assert (rows["root_path"]["value"], rows["root_path"]["origin"]) == ("", "default")
    assert rows["database"]["value"] == "postgresql://u@h/d"
    people = runyard("config", "--explain").out
    assert f"port = 7000\n  from  {file}:1\n  Port to listen on" in people
    assert "port" in runyard("config").out
    assert "canary" not in told.out + people


def test_a_server_takes_its_settings_from_the_file_in_its_home(start_server: ServerStarter, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "runyard.toml").write_text("max_body_bytes = 100\n")
    server = start_server(home)
    sent = httpx.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"tags": ["x" * 200]}, timeout=60)
    assert sent.status_code == 413
