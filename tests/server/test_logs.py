"""What the server logs of requests, and that no secret of theirs is in it."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path

import httpx
import pytest

from runyard.server.logs import ACCESS, ASKED, JsonLine, TextLine
from tests.conftest import ServerStarter
from tests.running_server import RunningServer
from tests.server.local import BASE, Local
from tests.server.team import Team
from tests.waiting import until

JSON_LOGS = {"RUNYARD_LOG_FORMAT": "json", "RUNYARD_ACCESS_LOG": "true", "RUNYARD_LOG_LEVEL": "debug"}


def lines(server: RunningServer) -> list[dict[str, object]]:
    """Return the lines of the log that are JSON: beside them a server prints how to reach it."""
    return [json.loads(line) for line in server.output.splitlines() if line.startswith("{")]


def requests(server: RunningServer) -> list[dict[str, object]]:
    return [line for line in lines(server) if line["logger"] == ACCESS]


def test_each_request_is_a_json_object_with_its_route_and_not_its_path(start_server: ServerStarter):
    server = start_server(environment=JSON_LOGS)
    answer = httpx.get(f"{server.url}{BASE}/runs/get?run_id=canary-query", timeout=60)
    until(lambda: any(line["route"] == f"{BASE}/runs/get" for line in requests(server)))
    (told,) = [line for line in requests(server) if line["route"] == f"{BASE}/runs/get"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert (told["method"], told["status"], told["caller"]) == ("GET", 404, "local")
    assert (told["level"], told["client"]) == ("info", "127.0.0.1")
    assert isinstance(told["duration_ms"], float)
    assert str(told["time"]).endswith("+00:00")


def test_the_servers_own_records_are_json_objects_too(start_server: ServerStarter):
    server = start_server(environment=JSON_LOGS)
    until(lambda: any(str(line["logger"]).startswith("uvicorn") for line in lines(server)))
    assert server.stop() == 0
    others = [line for line in server.output.splitlines() if not line.startswith("{")]
    assert all(line.startswith(("Runyard ", "  ")) for line in others)


def test_without_the_setting_no_request_is_logged(start_server: ServerStarter):
    server = start_server(environment={"RUNYARD_LOG_FORMAT": "json", "RUNYARD_LOG_LEVEL": "debug"})
    httpx.get(f"{server.url}/version", timeout=60)
    assert server.stop() == 0
    assert lines(server)
    assert requests(server) == []


def test_as_text_a_request_is_a_line_for_people(start_server: ServerStarter):
    server = start_server(environment={"RUNYARD_ACCESS_LOG": "1"})
    httpx.get(f"{server.url}/version", timeout=60)
    until(lambda: "route=/version" in server.output)
    (line,) = [line for line in server.output.splitlines() if "route=/version" in line]
    assert " INFO runyard.access: request_id=" in line
    assert "status=200" in line


def test_s30_what_somebody_calls_a_run_is_no_line_of_the_log(start_server: ServerStarter):
    """Nor does it tell the terminal anything that shows the log."""
    server = start_server()
    name = "x\n2026-11-28 00:00:00,000 ERROR runyard.server: forged\x1b[2J\u2028\r\x85y"
    called = {"experiment_id": "0", "run_name": name}
    with httpx.Client(base_url=f"{server.url}/api/2.0/mlflow/runs", timeout=60) as client:
        run_id = client.post("/create", json=called).json()["run"]["info"]["run_id"]
        client.post("/update", json={"run_id": run_id, "status": "FAILED"}).raise_for_status()
    until(lambda: "has failed" in server.output)
    (line,) = [line for line in server.output.splitlines() if "forged" in line]
    assert line.endswith(r"forged\x1b[2J\u2028\r\x85y' of workspace 'default' has failed.")
    assert " WARNING runyard.events: Run 'x\\n2026" in line


def test_as_text_an_exception_follows_the_line_of_its_record():
    fault = ValueError("two\nlines")
    record = logging.LogRecord("a", logging.ERROR, "f", 1, "%s", ("b\nc\n",), (type(fault), fault, None))
    assert TextLine("%(name)s: %(message)s").format(record) == "a: b\\nc\nValueError: two\nlines"


def test_an_exception_is_one_line_with_the_requests_id():
    fault = ValueError("two\nlines")
    name, where = "runyard.server", (logging.ERROR, "f", 1)
    record = logging.getLogger(name).makeRecord(
        name, *where, "%s failed", ("it",), (type(fault), fault, None)
    )
    setattr(record, ASKED, {"request_id": "7"})
    line = JsonLine().format(record)
    told = json.loads(line)
    assert "\n" not in line
    assert (told["message"], told["request_id"], told["level"]) == ("it failed", "7", "error")
    assert told["exception"].endswith("ValueError: two\nlines")


def test_a_fault_is_logged_by_the_route_and_not_by_the_path(local: Local, monkeypatch, caplog):
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(local.stores.metadata.experiments), "get_experiment", broken)
    assert local.ask("GET", f"{BASE}/experiments/get?experiment_id=7&x=canary").status_code == 500
    (record,) = [record for record in caplog.records if record.name == "runyard.server"]
    assert f"{BASE}/experiments/get failed" in record.getMessage()
    assert "canary" not in caplog.text


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_s30_no_secret_of_a_request_is_in_the_log(
    log_format: str, start_server: ServerStarter, tmp_path: Path
):
    home = tmp_path / "team"
    team = Team(home)
    key = team.admin_key
    team.close()
    server = start_server(home, mode="serve", environment=JSON_LOGS | {"RUNYARD_LOG_FORMAT": log_format})
    numbers = itertools.count()
    canaries: list[str] = []

    def canary() -> str:
        canaries.append(f"canary{next(numbers):03d}x")
        return canaries[-1]

    with httpx.Client(base_url=server.url, timeout=60) as client:
        good = {"Authorization": f"Bearer {key}"}
        token = client.post("/api/v1/token", json={}, headers=good).json()["access_token"]
        for path in ("/version", f"{BASE}/runs/get", "/no/such", "/api/v1/token", "/metrics", "/readyz"):
            for name in (
                "Authorization",
                "X-Api-Key",
                "Cookie",
                "X-MLFLOW-WORKSPACE",
                "Origin",
                "X-Forwarded-For",
            ):
                client.get(path, headers={name: f"Bearer {canary()}"})
                client.post(path, headers={name: canary()}, json={})
            client.get(path, headers=good, params={"token": canary(), "run_id": canary(), canary(): "x"})
            client.post(
                path, headers=good, json={"password": canary(), "name": canary(), canary(): [canary()]}
            )
            client.post(path, headers=good, content=f'{{"broken": "{canary()}'.encode())
            client.get(f"{path}/{canary()}", headers=good)
            client.get(f"/workspaces/{canary()}{path}", headers=good)
            client.request(canary().upper(), path, headers=good)
        client.get("/version", auth=("anybody", canary()))
        last = client.get("/version", headers={"Authorization": f"Bearer {token}"})
    until(lambda: last.headers["x-request-id"] in server.output)
    for secret in (key[16:], token.rpartition(".")[2], *canaries):
        assert secret not in server.output
