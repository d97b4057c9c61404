"""Jobs from their submission to their end: a real server, real agents, real scripts, and what kills them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from runyard.agent.station import AGENT, SCRIPT
from tests.browser.signing_in import administer
from tests.compute.hostile_job import expect_as_given
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("RUNYARD_JOB_KILLS", "3"))
WITHIN_S = 300.0
# Slow enough to be killed in the middle, and it says each time that it was begun.
SLOW = """
    import pathlib, sys, time
    with open(sys.argv[1], "a") as begun:
        begun.write("begun\\n")
    print("first line", flush=True)
    while not pathlib.Path(sys.argv[2]).exists():
        time.sleep(0.05)
    print("last line", flush=True)
"""


class Jobs:
    """A client of a server's jobs, with nothing but requests."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        answer = requests.request(method, f"{self.server.url}/api/v1/{path}", timeout=120, **sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, script: str, *arguments: object, script_name: str = "src/train.py", **more: Any) -> str:
        """Submit a script with this Python as it is, and return the id of the job."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as code:
            content = textwrap.dedent(script).encode()
            member = tarfile.TarInfo(script_name)
            member.size = len(content)
            code.addfile(member, io.BytesIO(content))
        sha256 = hashlib.sha256(archive.getvalue()).hexdigest()
        self.ask("PUT", f"snapshots/{sha256}", data=archive.getvalue())
        body = {
            "experiment_id": "0",
            "snapshot": sha256,
            "script": script_name,
            "arguments": [str(each) for each in arguments],
            "environment": {"python": {"user_managed": True}},
        }
        run_id: str = self.ask("POST", "jobs", json=body | more)["job"]["run_id"]
        return run_id

    def job(self, run_id: str) -> Any:
        return self.ask("GET", f"jobs/{run_id}")["job"]

    def until(self, run_id: str, *statuses: str) -> Any:
        until(lambda: self.job(run_id)["status"] in statuses, WITHIN_S)
        return self.job(run_id)

    def ended(self, run_id: str) -> Any:
        return self.until(run_id, "completed", "failed", "canceled")

    def run(self, run_id: str) -> Any:
        path = f"{self.server.url}/api/2.0/mlflow/runs/get"
        return requests.get(path, params={"run_id": run_id}, timeout=120).json()["run"]

    def printed(self, run_id: str, stream: str = "stdout", attempt: int = 1) -> str:
        place = "" if attempt == 1 else f"attempt-{attempt}/"
        query = {"run_uuid": run_id, "path": f"console/{place}{stream}.000001.log"}
        answer = requests.get(f"{self.server.url}/get-artifact", params=query, timeout=120)
        return answer.text if answer.status_code == 200 else ""

    def place(self, run_id: str, attempt: int = 1) -> Path:
        return self.server.home / "jobs" / run_id / str(attempt)

    def pid(self, run_id: str, name: str, attempt: int = 1) -> int:
        path = self.place(run_id, attempt) / name
        until(path.exists)
        return int(json.loads(path.read_text())["pid"])


@pytest.fixture(scope="module")
def jobs(server):
    return Jobs(server)


@pytest.fixture
def own_jobs(start_server):
    return Jobs(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))


def test_what_a_script_logs_lands_in_the_run_that_was_submitted(jobs):
    script = """
        import mlflow
        from pathlib import Path
        from runyard import Run

        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
            with mlflow.start_run(nested=True):
                mlflow.log_param("depth", 2)
        run = Run.get_context()
        run.log("accuracy", 0.9)
        run.flush()
        Path("outputs").mkdir(exist_ok=True)
        Path("outputs/model.bin").write_bytes(b"model")
        print("done", run.id)
    """
    run_id = jobs.submit(script)
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr")
    run = jobs.run(run_id)
    assert {each["key"] for each in run["data"]["metrics"]} == {"loss", "accuracy"}
    assert run["info"]["status"] == "FINISHED"
    assert jobs.printed(run_id).strip().endswith(f"done {run_id}")
    children = requests.post(
        f"{jobs.server.url}/api/2.0/mlflow/runs/search",
        json={"experiment_ids": ["0"], "filter": f"tags.`mlflow.parentRunId` = '{run_id}'"},
        timeout=120,
    ).json()["runs"]
    assert [each["key"] for each in children[0]["data"]["params"]] == ["depth"]
    query = {"run_uuid": run_id, "path": "outputs/model.bin"}
    kept = requests.get(f"{jobs.server.url}/get-artifact", params=query, timeout=120)
    assert kept.content == b"model"
    until(lambda: not jobs.place(run_id).exists())


def test_names_and_words_reach_the_script_as_they_are(jobs):
    expect_as_given(jobs)


def test_a_script_gets_no_secret_of_the_server(start_server):
    secrets = {"RUNYARD_OIDC_CLIENT_SECRET": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    jobs = Jobs(start_server(environment=secrets))
    run_id = jobs.submit("import os; print(sorted(os.environ.items()))", variables={"OWN": "mine"})
    assert jobs.ended(run_id)["status"] == "completed"
    printed = jobs.printed(run_id)
    assert "('OWN', 'mine')" in printed
    assert "hunter2" not in printed


def test_a_script_that_fails_ends_its_job_with_the_reason(jobs):
    run_id = jobs.submit("print('before', flush=True); raise SystemExit(int('3'))")
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("failed", 3)
    assert "exit code 3" in job["reason"]
    wrong = jobs.submit("raise ValueError('why it is so')")
    assert "why it is so" in jobs.ended(wrong)["reason"]
    assert "Traceback" in jobs.printed(wrong, "stderr")


def test_a_script_that_takes_too_long_is_ended(jobs):
    run_id = jobs.submit("import time; print('x', flush=True); time.sleep(600)", max_duration_s=1)
    job = jobs.ended(run_id)
    assert job["status"] == "failed"
    assert "1 s" in job["reason"]


def test_a_running_job_is_canceled_with_all_its_processes(jobs, tmp_path):
    script = """
        import signal, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open(sys.argv[1], "w").write(str(child.pid))
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(600)
    """
    run_id = jobs.submit(script, tmp_path / "child")
    until(lambda: "ready" in jobs.printed(run_id), WITHIN_S)
    child = int((tmp_path / "child").read_text())
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    job = jobs.ended(run_id)
    assert (job["status"], job["reason"]) == ("canceled", "canceled by local")
    assert "told" in jobs.printed(run_id)
    assert jobs.run(run_id)["info"]["status"] == "KILLED"
    until(lambda: not Path(f"/proc/{child}").exists())


def test_of_jobs_that_wait_the_one_of_the_highest_priority_begins_first(jobs, tmp_path):
    jobs.ask("POST", "compute", json={"name": "one-slot", "slots": 1})
    diary, may_end = tmp_path / "diary", tmp_path / "may-end"
    first = jobs.submit(SLOW, diary, may_end, compute="one-slot")
    until(diary.exists, WITHIN_S)
    begins = """
        import sys
        with open(sys.argv[1], "a") as begun:
            begun.write(sys.argv[2] + "\\n")
    """
    waiting = [
        jobs.submit(begins, diary, priority, compute="one-slot", priority=priority)
        for priority in (-1, 0, 2, 1)
    ]
    assert [jobs.job(each)["position"] for each in waiting] == [4, 3, 1, 2]
    may_end.touch()
    assert {jobs.ended(each)["status"] for each in (first, *waiting)} == {"completed"}
    assert diary.read_text().split() == ["begun", "2", "1", "0", "-1"]


# --- R18: what is killed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [AGENT, SCRIPT])
@pytest.mark.parametrize("attempts", [1, 2])
def test_r18_what_is_killed_ends_the_attempt_and_nothing_runs_twice_unasked(jobs, tmp_path, what, attempts):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, max_attempts=attempts)
    for attempt in range(1, attempts + 1):
        until(partial(has_printed, jobs, run_id, "first line", attempt), WITHIN_S)
        os.kill(jobs.pid(run_id, what, attempt), signal.SIGKILL)
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("failed", attempts)
    assert begun.read_text() == "begun\n" * attempts
    assert job["reason"]


def has_printed(jobs: Jobs, run_id: str, what: str, attempt: int) -> bool:
    return what in jobs.printed(run_id, attempt=attempt)


def has_entries(diary: Path, more_than: int) -> bool:
    return diary.exists() and diary.read_text().count("ended") > more_than


def test_r18_a_job_outlives_its_server(own_jobs, tmp_path):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = own_jobs.submit(SLOW, begun, go_on)
    until(lambda: "first line" in own_jobs.printed(run_id), WITHIN_S)
    agent = own_jobs.pid(run_id, AGENT)
    own_jobs.server.kill9()
    go_on.touch()
    script = own_jobs.place(run_id) / "script.json"
    until(lambda: not Path(f"/proc/{json.loads(script.read_text())['pid']}").exists())
    assert Path(f"/proc/{agent}").exists()
    own_jobs.server.start()
    job = own_jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("completed", 1)
    assert own_jobs.printed(run_id) == "first line\nlast line\n"
    assert begun.read_text() == "begun\n"


def test_r18_what_a_script_logs_while_the_server_is_away_is_there_when_the_job_has_ended(own_jobs, tmp_path):
    script = """
        import os, pathlib, sys, time
        import mlflow

        mlflow.start_run()
        mlflow.log_metric("step", 0.0, step=0)
        print("first line", flush=True)
        while not pathlib.Path(sys.argv[1]).exists():
            time.sleep(0.05)
        for step in range(1, 200):
            mlflow.log_metric("step", float(step), step=step)
        os._exit(0)  # it waits for nothing
    """
    go_on = tmp_path / "go on"
    run_id = own_jobs.submit(script, go_on)
    until(lambda: "first line" in own_jobs.printed(run_id), WITHIN_S)
    script_pid = own_jobs.pid(run_id, SCRIPT)
    own_jobs.server.kill9()
    go_on.touch()
    until(lambda: not Path(f"/proc/{script_pid}").exists(), WITHIN_S)
    own_jobs.server.start()
    job = own_jobs.ended(run_id)
    assert (job["status"], job["reason"]) == ("completed", "")
    assert own_jobs.run(run_id)["info"]["status"] == "FINISHED"
    query = {"run_id": run_id, "metric_key": "step", "max_results": 1000}
    path = f"{own_jobs.server.url}/api/2.0/mlflow/metrics/get-history"
    history = requests.get(path, params=query, timeout=120).json()["metrics"]
    assert [each["step"] for each in history] == list(range(200))


@pytest.mark.scaled
def test_r18_many_jobs_on_two_slots_while_the_server_is_killed(own_jobs, tmp_path):
    """Each ends once, however often the server dies, and never more than two run at a time."""
    script = """
        import os, sys, time
        with open(sys.argv[1], "a") as begun:
            begun.write(f"{time.time()} begun {sys.argv[2]}\\n")
        time.sleep(0.3)
        with open(sys.argv[1], "a") as ended:
            ended.write(f"{time.time()} ended {sys.argv[2]}\\n")
    """
    diary = tmp_path / "diary"
    ids = [own_jobs.submit(script, diary, number) for number in range(3 * KILLS)]
    for kill in range(KILLS):
        until(partial(has_entries, diary, 2 * kill), WITHIN_S)
        own_jobs.server.kill9()
        own_jobs.server.start()
    assert {own_jobs.ended(each)["status"] for each in ids} == {"completed"}
    lines = sorted(line.split() for line in diary.read_text().splitlines())
    assert sorted(int(number) for _, what, number in lines if what == "begun") == list(range(len(ids)))
    at_once = most = 0
    for _, what, _ in lines:
        at_once += 1 if what == "begun" else -1
        most = max(most, at_once)
    assert most <= 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_of_the_machine_has_nothing_run_by_the_servers_user(jobs):
    """On `up` nobody needs a credential, and whoever is on the machine reaches loopback."""
    port = jobs.server.port
    script = f"""
        import http.client, json, os, urllib.parse
        "host".encode("idna")  # what is loaded later can't be read any more
        asked = http.client.HTTPConnection("127.0.0.1", {port})
        os.setuid(65534)
        body = json.dumps({{"experiment_id": "0", "command": ["id"]}})
        asked.request("POST", "/api/v1/jobs", body, {{"Content-Type": "application/json"}})
        answer = asked.getresponse()
        print(answer.status, json.loads(answer.read())["message"])
    """
    before = len(jobs.ask("GET", "jobs")["jobs"])
    asked = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert asked.stdout.startswith("403 On `runyard up` jobs are for the user")
    assert len(jobs.ask("GET", "jobs")["jobs"]) == before


def test_a_job_is_sent_by_a_team_and_its_key_opens_no_more_than_its_run(start_server, tmp_path):
    home = tmp_path / "team"
    key = administer(home, "init")
    server = start_server(home=home, mode="serve", environment={"RUNYARD_LOCAL_SLOTS": "1"})
    answer = requests.get(f"{server.url}/api/v1/jobs", timeout=120)
    assert answer.status_code == 401
    script = """
        import os, urllib.error, urllib.request

        def ask(path, method="GET", body=None):
            request = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + path, body, method=method)
            request.add_header("Authorization", "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"])
            request.add_header("Content-Type", "application/json")
            try:
                return urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                return error.code

        print(ask("/api/2.0/mlflow/runs/get?run_id=" + os.environ["MLFLOW_RUN_ID"]))
        print(ask("/api/v1/principals"), ask("/api/v1/keys", "POST", b'{"name": "mine"}'))
    """
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    jobs = Jobs(server)
    jobs.ask = lambda method, path, **sent: _good(  # type: ignore[method-assign]
        session.request(method, f"{server.url}/api/v1/{path}", timeout=120, **sent)
    )
    run_id = jobs.submit(script)
    assert jobs.ended(run_id)["status"] == "completed"
    query = {"run_uuid": run_id, "path": "console/stdout.000001.log"}
    assert session.get(f"{server.url}/get-artifact", params=query, timeout=120).text == "200\n403 403\n"


def _good(answer: requests.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()
