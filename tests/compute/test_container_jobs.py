"""Jobs in containers from their submission to their end: a real server, a host over SSH, a real podman."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compute.hostile_job import expect_as_given
from tests.compute.ssh_hosts import SshHost, needs_hosts
from tests.compute.test_jobs_end_to_end import Jobs
from tests.container_engine import IMAGE, TestsPodman, needs_engines
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = [pytest.mark.slow, needs_engines, needs_hosts]

# The image has no client of MLflow's.
LOGS = """
    import json, os, pathlib, sys, time, urllib.request
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 0.5, "timestamp": 1, "step": 0}
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps(body).encode(),
        {
            "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    urllib.request.urlopen(request, timeout=60).close()
    print(json.dumps([sys.executable, sys.argv[1:]]), flush=True)
    while sys.argv[1] == "waits":
        time.sleep(0.1)
"""
WORDS = ["a b", "$(id)", "ü\nü"]


class BoxedJobs(Jobs):
    """A client that submits jobs in the tests' image."""

    def submit_boxed(self, *arguments: str, **more: Any) -> str:
        docker: dict[str, Any] = {"docker": {"image": IMAGE}}
        return self.submit(LOGS, *arguments, environment=docker, **more)

    def logged(self, run_id: str) -> Any:
        return {each["key"]: each["value"] for each in self.run(run_id)["data"].get("metrics", ())}


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestsPodman]:
    engine = TestsPodman(tmp_path_factory.mktemp("podman"))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory, podman: TestsPodman) -> Iterator[BoxedJobs]:
    home = tmp_path_factory.mktemp("server") / "home"
    server = RunningServer(home, None, "up", {**podman.environment, "RUNYARD_LOCAL_SLOTS": "2"}).start()
    yield BoxedJobs(server)
    server.close()


def test_a_script_in_an_image_logs_into_the_run_that_was_submitted(jobs: BoxedJobs, podman: TestsPodman):
    run_id = jobs.submit_boxed("ends", *WORDS)
    assert jobs.ended(run_id)["status"] == "completed", jobs.printed(run_id, "setup")
    assert json.loads(jobs.printed(run_id)) == ["/usr/bin/python3", ["ends", *WORDS]]
    assert jobs.logged(run_id) == {"loss": 0.5}
    assert podman.containers() == []


def test_names_and_words_reach_a_script_in_an_image_as_they_are(jobs: BoxedJobs):
    expect_as_given(jobs, environment={"docker": {"image": IMAGE}})


def test_r11_a_container_goes_on_while_the_server_is_away_and_is_canceled_after_it(
    jobs: BoxedJobs, podman: TestsPodman
):
    run_id = jobs.submit_boxed("waits")
    until(lambda: jobs.printed(run_id) != "")
    pid = podman.pid()
    jobs.server.kill9()
    jobs.server.start()
    jobs.until(run_id, "running")
    assert Path(f"/proc/{pid}").exists()
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    assert jobs.ended(run_id)["status"] == "canceled"
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert podman.containers() == []


def test_a_container_on_a_host_logs_through_the_tunnel(jobs: BoxedJobs, podman: TestsPodman, tmp_path: Path):
    host = SshHost(tmp_path, "c", podman.environment)
    try:
        attach = {"name": "vm-c", "kind": "ssh", "credential": {"private_key": host.key}}
        jobs.ask("POST", "compute", json={**attach, "settings": host.settings})
        run_id = jobs.submit_boxed("ends", *WORDS, compute="vm-c")
        assert jobs.ended(run_id)["status"] == "completed", jobs.printed(run_id, "setup")
        assert json.loads(jobs.printed(run_id)) == ["/usr/bin/python3", ["ends", *WORDS]]
        assert jobs.logged(run_id) == {"loss": 0.5}
        shut = {**attach, "name": "vm-shut", "settings": {**host.settings, "use_containers": False}}
        jobs.ask("POST", "compute", json=shut)
        refused = jobs.ended(jobs.submit_boxed("ends", compute="vm-shut"))
        assert refused["status"] == "failed"
        assert "this compute target runs no containers" in refused["reason"]
    finally:
        host.close()
    assert podman.containers() == []
