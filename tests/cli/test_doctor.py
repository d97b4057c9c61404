"""`runyard doctor` says what is in the way; each fault is made for real."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from runyard.cli.commands import run
from runyard.sdk import diagnosis
from runyard.sdk.spool.folder import SpoolFolder
from tests.running_server import RunningServer


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and what was found by its name."""
    code = run(["doctor", "--json", *words])
    return code, {each["name"]: each for each in json.loads(capsys.readouterr().out)}


def test_where_all_is_well_it_says_so(server: RunningServer, capsys):
    code, found = told(capsys, "--url", server.url)
    assert code == 0
    assert {each["state"] for each in found.values()} == {"good"}
    assert list(found) == [
        "Runyard",
        "MLflow",
        "Tracking URI",
        "Spool",
        "Credential",
        "Server",
        "Clock",
        "Identity",
        "Workspace",
    ]
    assert server.url in found["Server"]["text"]
    assert found["Identity"]["text"].endswith("(administrator)")


def test_a_person_reads_a_line_for_each(server: RunningServer, capsys):
    assert run(["doctor", "--url", server.url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert all(line.startswith("✓ ") for line in lines)


def test_a_server_that_is_not_there_is_a_fault_and_ends_it(capsys):
    code, found = told(capsys, "--url", "http://127.0.0.1:1")
    assert code == 1
    assert list(found)[-1] == "Server"
    assert found["Server"]["state"] == "fault"
    assert "runyard up" in found["Server"]["text"]


def test_a_workspace_that_is_not_there_is_a_fault(server: RunningServer, capsys):
    code, found = told(capsys, "--url", server.url, "-w", "none")
    assert (code, found["Workspace"]["state"]) == (1, "fault")
    assert "runyard workspace list" in found["Workspace"]["advice"]


def test_a_wrong_key_is_a_fault_that_is_not_printed(server: RunningServer, capsys, monkeypatch):
    monkeypatch.setenv("RUNYARD_TOKEN", "ry_000000000000_canary")
    assert run(["doctor", "--url", server.url]) == 1
    printed = capsys.readouterr().out
    assert "✗ " in printed
    assert "from RUNYARD_TOKEN" in printed
    assert "runyard login" in printed
    assert "canary" not in printed


def test_a_credentials_file_that_others_can_read_is_a_fault(server: RunningServer, tmp_path, capsys):
    path = tmp_path / "config" / "runyard" / "credentials.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"servers": {}}')
    path.chmod(0o644)
    code, found = told(capsys, "--url", server.url)
    assert (code, found["Credential"]["state"]) == (1, "fault")
    assert "chmod 600" in found["Credential"]["text"]


@pytest.mark.parametrize("chosen", ["http://user:canary@127.0.0.1:1", "sqlite:///mlflow.db"])
def test_an_address_of_mlflow_s_that_leads_elsewhere_is_told(
    server: RunningServer, capsys, monkeypatch, chosen: str
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", chosen)
    code, found = told(capsys, "--url", server.url)
    assert (code, found["Tracking URI"]["state"]) == (0, "warning")
    assert "canary" not in found["Tracking URI"]["text"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{server.url}/workspaces/default")
    assert told(capsys, "--url", server.url)[1]["Tracking URI"]["state"] == "good"


def test_what_waits_to_be_sent_is_told(server: RunningServer, tmp_path, capsys):
    _, lock = SpoolFolder.make(tmp_path / "spools", server.url)
    lock.release()
    code, found = told(capsys, "--url", server.url)
    assert (code, found["Spool"]["state"]) == (0, "warning")
    assert "1 spools" in found["Spool"]["text"]


def test_a_clock_that_is_wrong_is_told(server: RunningServer, capsys, monkeypatch):
    now_s = time.time
    monkeypatch.setattr(time, "time", lambda: now_s() - 3600)
    code, found = told(capsys, "--url", server.url)
    assert (code, found["Clock"]["state"]) == (0, "warning")
    assert "behind the server" in found["Clock"]["text"]


def test_a_disk_that_is_full_is_a_fault(server: RunningServer, capsys, monkeypatch):
    monkeypatch.setattr(diagnosis, "FREE_BYTES", 1 << 62)
    code, found = told(capsys, "--url", server.url)
    assert (code, found["Spool"]["state"]) == (1, "fault")
    assert "RUNYARD_SPOOL_DIR" in found["Spool"]["advice"]


def test_a_client_without_our_plugins_is_a_fault(server: RunningServer, capsys, monkeypatch):
    monkeypatch.setattr(diagnosis, "PLUGINS", ("mlflow.nothing_of_ours",))
    code, found = told(capsys, "--url", server.url)
    assert (code, found["MLflow"]["state"]) == (1, "fault")
