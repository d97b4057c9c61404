"""The page that says what Runyard has of MLflow's protocol: it is about all of it, and true."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts.mlflow_endpoints import BESIDE_THE_TABLE, NOT_BUILT, answers, endpoints, shape_of
from tests.running_server import scrubbed
from tests.server.team import Team

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.clients
def test_the_list_is_what_mlflows_own_server_has(tmp_path):
    python = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
    told = subprocess.run(
        [python, "-W", "ignore", Path(__file__).with_name("mlflow_routes.py")],
        cwd=tmp_path,
        env=scrubbed(os.environ)
        | {
            "HOME": str(tmp_path),
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/tracking.db",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of no use to anybody",
            "MLFLOW_AUTH_ADMIN_PASSWORD": "of no use to anybody",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    live = {
        (method, shape_of(path)) for method, path in (line.split(" ", 1) for line in told.stdout.splitlines())
    }
    listed = [endpoint.shape for endpoint in endpoints()]
    assert len(listed) == len(set(listed))
    assert live == set(listed)


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def test_what_is_said_to_be_there_is_and_what_is_refused_says_why(team):
    reader = team.person("rea")
    team.grant("rea", "reader", "default")
    kept = team.kept()
    for endpoint, (is_there, why) in answers().items():
        path = endpoint.path.replace("{", "").replace("}", "")
        assert team.ask(endpoint.method, path).status_code in (200, 401), endpoint
        answer = team.ask(endpoint.method, path, key=reader)
        assert why != NOT_BUILT, endpoint
        if is_there == "no" and endpoint.shape not in BESIDE_THE_TABLE:
            assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED"), endpoint
            assert answer.json()["message"] == why
        elif is_there == "yes":
            assert answer.status_code not in (405, 500), endpoint
            assert answer.status_code != 501 or "current artifact repository" in answer.json()["message"]
    assert team.kept() == kept
