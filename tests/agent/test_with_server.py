"""Jobs of the genuine server: what it queues, its launcher starts, and agents report about."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.job_folder import tarred
from tests.running_server import RunningServer
from tests.waiting import until

API = "/api/v1"
WITHIN_S = 60.0


class Client:
    """Submits jobs to a server and looks what becomes of them."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server

    def submit(self, code: Mapping[str, str], **spec: Any) -> str:
        archive = tarred(code)
        sha256 = hashlib.sha256(archive).hexdigest()
        self._sent("PUT", f"/snapshots/{sha256}", content=archive)
        body = {"experiment_id": "0", "snapshot": sha256, "script": "train.py", **spec}
        run_id: str = self._sent("POST", "/jobs", json=body)["job"]["run_id"]
        return run_id

    def job(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._sent("GET", f"/jobs/{run_id}")["job"]
        return found

    def cancel(self, run_id: str) -> None:
        self._sent("POST", f"/jobs/{run_id}/cancel", json={})

    def ended(self, run_id: str) -> dict[str, Any]:
        until(lambda: self.job(run_id)["status"] in ("completed", "failed", "canceled"))
        return self.job(run_id)

    def artifact(self, run_id: str, path: str) -> bytes:
        query = {"run_uuid": run_id, "path": path}
        answer = httpx.get(f"{self.server.url}/get-artifact", params=query, timeout=WITHIN_S)
        return answer.content if answer.status_code == 200 else b""

    def until_printed(self, run_id: str, text: bytes) -> None:
        until(lambda: text in self.artifact(run_id, "console/stdout.000001.log"))

    def run(self, run_id: str) -> dict[str, Any]:
        url = f"{self.server.url}/api/2.0/mlflow/runs/get"
        found: dict[str, Any] = httpx.get(url, params={"run_id": run_id}, timeout=WITHIN_S).json()["run"]
        return found

    def place(self, run_id: str) -> Path:
        (found,) = self.server.home.rglob(f"{run_id}/1/assignment.json")
        return found.parent

    def _sent(self, method: str, path: str, **words: Any) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.server.url}{API}{path}", timeout=WITHIN_S, **words)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Client:
    return Client(server)


WAITS = (
    "import os, time\n"
    "print('begun')\n"
    "while not os.path.exists(os.environ['GO']): time.sleep(0.01)\n"
    "print('done')\n"
)
LOGS = (
    "import mlflow\n"
    "with mlflow.start_run() as run:\n"
    "    mlflow.log_metric('loss', 0.5)\n"
    "print(run.info.run_id)\n"
)


def test_a_job_is_run_and_its_run_has_all_of_it(client: Client):
    code = {
        "train.py": "import sys, below.words; print(below.words.SAID, sys.argv[1:])\n"
        "open('outputs/model', 'w').write('weights')\n",
        "below/words.py": "SAID = 'said'\n",
    }
    arguments = ["a b", "$(touch x)", "'\"\n", "é"]
    run_id = client.submit(code, arguments=arguments)
    job = client.ended(run_id)
    assert (job["status"], job["exit_code"], job["reason"]) == ("completed", 0, ""), job
    printed = client.artifact(run_id, "console/stdout.000001.log").decode()
    assert printed == f"said {arguments}\n"
    assert client.artifact(run_id, "outputs/model") == b"weights"
    assert client.run(run_id)["info"]["status"] == "FINISHED"


def test_mlflow_in_the_script_logs_into_the_run_of_the_job(client: Client):
    run_id = client.submit({"train.py": LOGS})
    assert client.ended(run_id)["status"] == "completed"
    assert client.artifact(run_id, "console/stdout.000001.log").decode().splitlines()[-1] == run_id
    assert client.run(run_id)["data"]["metrics"][0]["value"] == 0.5


def test_the_sdk_in_the_script_finds_the_run_of_the_job(client: Client):
    code = "from runyard import Run\nrun = Run.get_context()\nrun.log('loss', 0.25)\nprint(run.id)\n"
    run_id = client.submit({"train.py": code})
    assert client.ended(run_id)["status"] == "completed", client.artifact(run_id, "console/stderr.000001.log")
    assert client.artifact(run_id, "console/stdout.000001.log").decode().splitlines()[-1] == run_id
    assert client.run(run_id)["data"]["metrics"][0]["value"] == 0.25


def test_a_script_that_fails_says_why(client: Client):
    run_id = client.submit({"train.py": "raise ValueError('bad data')"})
    job = client.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("failed", 1)
    assert job["reason"] == "exit code 1: ValueError: bad data"
    assert client.run(run_id)["info"]["status"] == "FAILED"


def test_a_canceled_job_is_canceled(client: Client, tmp_path: Path):
    run_id = client.submit({"train.py": WAITS}, variables={"GO": str(tmp_path / "never")})
    client.until_printed(run_id, b"begun\n")
    client.cancel(run_id)
    assert client.ended(run_id)["status"] == "canceled"
    assert client.run(run_id)["info"]["status"] == "KILLED"


def test_r18_a_job_whose_agent_is_killed_has_failed_once(client: Client, tmp_path: Path):
    run_id = client.submit({"train.py": WAITS}, variables={"GO": str(tmp_path / "never")})
    client.until_printed(run_id, b"begun\n")
    place = client.place(run_id)
    script, agent = (json.loads((place / name).read_text()) for name in ("script.json", "agent.json"))
    os.kill(agent["pid"], signal.SIGKILL)
    job = client.ended(run_id)
    assert job["status"] == "failed"
    assert "its agent is gone" in job["reason"]
    until(lambda: not Path(f"/proc/{script['pid']}").exists())


def test_r18_a_job_goes_on_while_the_server_is_killed_and_started_again(start_server: Any, tmp_path: Path):
    own = Client(start_server())
    run_id = own.submit({"train.py": WAITS}, variables={"GO": str(tmp_path / "go")})
    own.until_printed(run_id, b"begun\n")
    own.server.kill9()
    (tmp_path / "go").touch()
    until(lambda: (own.place(run_id) / "outcome.json").exists())
    own.server.start()
    job = own.ended(run_id)
    assert (job["status"], job["attempt"]) == ("completed", 1), job
    assert own.artifact(run_id, "console/stdout.000001.log") == b"begun\ndone\n"
