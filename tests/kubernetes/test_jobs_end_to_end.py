"""Jobs on a cluster from their submission to their end, with a real server and real agents in pods."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from runyard import ComputeTarget, KubernetesCompute, Workspace
from runyard.services.launched_jobs import LAUNCHES_OF_AN_ATTEMPT
from tests.compute.hostile_job import expect_as_given
from tests.compute.mishaps import begin, expect_deleted, expect_lost_and_found
from tests.compute.test_jobs_end_to_end import SLOW, WITHIN_S, Jobs, has_printed
from tests.kubernetes.cluster import KubernetesCluster
from tests.running_server import RunningServer, scrubbed
from tests.waiting import until

pytestmark = pytest.mark.slow


class ClusterJobs(Jobs):
    """A client of a server's jobs, which sends them to the cluster."""

    def __init__(self, server: RunningServer, cluster: KubernetesCluster) -> None:
        super().__init__(server)
        self.cluster = cluster
        self.attach("cluster")

    def attach(self, name: str) -> None:
        settings = {"namespace": "ml", "server_url": self.server.url, "cpu": "100m", "memory": "64Mi"}
        body = {
            "name": name,
            "kind": "kubernetes",
            "slots": 4,
            "settings": settings,
            "credential": {"kubeconfig": self.cluster.kubeconfig()},
        }
        self.ask("POST", "compute", json=body)

    def submit(self, script: str, *arguments: object, **more) -> str:
        return super().submit(script, *arguments, **({"compute": "cluster"} | more))


@pytest.fixture(scope="module")
def jobs(server: RunningServer, cluster: KubernetesCluster) -> ClusterJobs:
    return ClusterJobs(server, cluster)


def test_what_a_script_logs_in_a_pod_lands_in_its_run(jobs: ClusterJobs):
    script = """
        import json, mlflow, sys
        from pathlib import Path

        with mlflow.start_run():
            mlflow.log_param("words", json.dumps(sys.argv[1:]))
            mlflow.log_metric("loss", 0.5)
        Path("outputs").mkdir(exist_ok=True)
        Path("outputs/model.bin").write_bytes(b"model")
        print(json.dumps(sys.argv[1:]))
    """
    words = ["a b", "'\"", "$(touch x)", "$(HOME)", "`id`", "\n", "😀é", "", "--", "-x", "*", "%s"]
    run_id = jobs.submit(script, *words)
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr")
    # MLflow's client says a line or two before it.
    assert json.loads(jobs.printed(run_id).splitlines()[-1]) == words
    run = jobs.run(run_id)
    assert [each["key"] for each in run["data"]["metrics"]] == ["loss"]
    assert {each["key"]: each["value"] for each in run["data"]["params"]}["words"] == json.dumps(words)
    query = {"run_uuid": run_id, "path": "outputs/model.bin"}
    kept = requests.get(f"{jobs.server.url}/get-artifact", params=query, timeout=120)
    assert kept.content == b"model"
    until(lambda: not jobs.cluster.objects.list("jobs", {"runyard/run": run_id}))
    assert not jobs.cluster.objects.list("secrets", {"runyard/run": run_id})


def test_names_and_words_reach_a_script_in_a_pod_as_they_are(jobs: ClusterJobs):
    expect_as_given(jobs)


def test_a_script_gets_nothing_of_the_cluster(jobs: ClusterJobs):
    run_id = jobs.submit("import os; print(sorted(os.environ))")
    assert jobs.ended(run_id)["status"] == "completed"
    assert "KUBERNETES" not in jobs.printed(run_id)


def test_a_script_that_fails_ends_its_job_with_the_reason(jobs: ClusterJobs):
    job = jobs.ended(jobs.submit("raise ValueError('why it is so')"))
    assert (job["status"], job["exit_code"]) == ("failed", 1)
    assert "why it is so" in job["reason"]


def test_a_running_job_is_canceled_with_all_its_processes(jobs: ClusterJobs):
    script = """
        import signal, subprocess, sys, time
        subprocess.Popen(["sleep", "98761"], start_new_session=True)
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(600)
    """
    run_id = jobs.submit(script)
    until(lambda: "ready" in jobs.printed(run_id), WITHIN_S)
    assert is_there("sleep 98761")
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    job = jobs.ended(run_id)
    assert (job["status"], job["reason"]) == ("canceled", "canceled by local")
    assert "told" in jobs.printed(run_id)
    until(lambda: not is_there("sleep 98761"))


def is_there(words: str) -> bool:
    """Whether a process of these words lives on this machine."""
    return any(each.info["cmdline"] == words.split() for each in psutil.process_iter(["cmdline"]))


def test_r18_an_agent_that_is_killed_ends_the_attempt_and_its_script(jobs: ClusterJobs, tmp_path: Path):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, max_attempts=2)
    for attempt in (1, 2):
        until(partial(has_printed, jobs, run_id, "first line", attempt), WITHIN_S)
        jobs.cluster.kill_agent(f"{run_id}/{attempt}")
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("failed", 2)
    assert "exit code 137" in job["reason"]
    assert begun.read_text() == "begun\n" * 2


def test_a_cluster_is_detached_with_its_jobs_only_if_that_is_forced(jobs: ClusterJobs, tmp_path: Path):
    jobs.attach("leaving")
    run_id = begin(jobs, tmp_path, compute="leaving")
    agent = jobs.cluster.agent_pid(f"{run_id}/1")
    expect_deleted(jobs, "leaving", run_id)
    assert not psutil.pid_exists(agent)
    for kind in ("jobs", "secrets"):
        assert not jobs.cluster.objects.list(kind, {"runyard/run": run_id})


def test_r11_an_agent_in_a_pod_that_is_silent_is_lost_and_comes_back(jobs: ClusterJobs, tmp_path: Path):
    run_id = begin(jobs, tmp_path)
    agent = jobs.cluster.agent_pid(f"{run_id}/1")
    expect_lost_and_found(
        jobs,
        tmp_path,
        run_id,
        lambda: os.kill(agent, signal.SIGSTOP),
        lambda: os.kill(agent, signal.SIGCONT),
    )


# The agent asks this Python for the SDK to prepare a job in Azure's words: it answers when it may.
HELD = """#!/bin/sh
if [ "$1" = -c ]; then
    echo asked >> {folder}/asked
    while [ -e {folder}/hold ]; do sleep 0.05; done
fi
exec {python} "$@"
"""


def held(jobs: ClusterJobs, folder: Path) -> str:
    """Return a job whose agent goes on preparing."""
    (folder / "hold").touch()
    python = folder / "python"
    python.write_text(HELD.format(folder=shlex.quote(str(folder)), python=shlex.quote(sys.executable)))
    python.chmod(0o755)
    environment = {"python": {"user_managed": True, "interpreter": str(python)}}
    script = "print('ran')"
    run_id = jobs.submit(script, environment=environment, is_azureml=True)
    until((folder / "asked").exists, WITHIN_S)
    return run_id


def test_r18_an_agent_killed_while_it_prepares_is_followed_by_another(jobs: ClusterJobs, tmp_path: Path):
    run_id = held(jobs, tmp_path)
    jobs.cluster.kill_agent(f"{run_id}/1")
    (tmp_path / "hold").unlink()
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("completed", 1), job
    assert "ran" in jobs.printed(run_id)
    assert len((tmp_path / "asked").read_text().splitlines()) > 1


def test_r18_an_agent_killed_each_time_that_it_prepares_ends_the_job(jobs: ClusterJobs, tmp_path: Path):
    run_id = held(jobs, tmp_path)
    for launch in range(1, LAUNCHES_OF_AN_ATTEMPT + 1):
        until(partial(asked_often, tmp_path, launch), WITHIN_S)
        jobs.cluster.kill_agent(f"{run_id}/1")
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert "exit code 137" in job["reason"]
    assert jobs.printed(run_id) == ""


def asked_often(folder: Path, times: int) -> bool:
    """Whether so many agents have begun to prepare."""
    return len((folder / "asked").read_text().splitlines()) >= times


def test_r18_jobs_go_on_while_the_server_is_dead_and_their_ends_are_whole(start_server, cluster, tmp_path):
    jobs = ClusterJobs(start_server(), cluster)
    begun, go_on = [tmp_path / "one", tmp_path / "two"], tmp_path / "go on"
    told, killed = (jobs.submit(SLOW, each, go_on) for each in begun)
    for run_id in (told, killed):
        until(partial(has_printed, jobs, run_id, "first line", 1), WITHIN_S)
    jobs.server.kill9()
    go_on.touch()
    for run_id in (told, killed):
        until(partial(has_ended, jobs, run_id))
    # One agent will never tell the server itself: its node has its last words.
    cluster.kill_agent(f"{killed}/1")
    until(lambda: phase(jobs, killed) == "Failed")
    jobs.server.start()
    for run_id in (told, killed):
        job = jobs.ended(run_id)
        assert (job["status"], job["exit_code"]) == ("completed", 0)
    assert jobs.printed(told) == "first line\nlast line\n"
    assert [each.read_text() for each in begun] == ["begun\n"] * 2


def has_ended(jobs: ClusterJobs, run_id: str) -> bool:
    """Whether an agent has written an end for its node to read."""
    pod = jobs.cluster.pod_of(f"{run_id}/1")
    assert pod is not None
    folder = jobs.cluster.kubelet.containers[pod["metadata"]["uid"]].folder
    return "completed" in (folder / "termination-log").read_text()


def phase(jobs: ClusterJobs, run_id: str) -> str:
    pod = jobs.cluster.pod_of(f"{run_id}/1")
    return "" if pod is None else pod["status"]["phase"]


def test_a_cluster_is_attached_by_sdk_and_command_line(jobs: ClusterJobs, tmp_path: Path):
    config = tmp_path / "kubeconfig"
    config.write_text(jobs.cluster.kubeconfig())
    words = [
        "--kind",
        "kubernetes",
        "--setting",
        "namespace=ml",
        "--setting",
        "cpu=0.1",
        "--setting",
        "memory=64Mi",
    ]
    words += ["--setting", f"server_url={jobs.server.url}", "--credential", f"kubeconfig=@{config}"]
    environment = {**scrubbed(os.environ), "RUNYARD_URL": jobs.server.url}
    command = [sys.executable, "-m", "runyard", "compute", "attach", "by-hand", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ws = Workspace(url=jobs.server.url)
    found = ComputeTarget(ws, "by-hand")
    assert (type(found), found.type) == (KubernetesCompute, "Kubernetes")
    pair: dict[str, Any] = {"server": jobs.cluster.server, "token": jobs.cluster.token, "ca": jobs.cluster.ca}
    wanted = KubernetesCompute.attach_configuration("ml", server_url=jobs.server.url, **pair)
    made = KubernetesCompute.attach(ws, "by-code", wanted)
    run_id = Jobs.submit(jobs, "print('in a pod')", compute="by-code")
    assert jobs.ended(run_id)["status"] == "completed"
    assert jobs.cluster.token not in str(jobs.ask("GET", "compute"))
    for each in (found, made):
        each.delete()


def test_a_cluster_that_refuses_is_no_target(jobs: ClusterJobs):
    body = {
        "name": "other",
        "kind": "kubernetes",
        "settings": {"namespace": "ml", "server_url": jobs.server.url},
        "credential": {"kubeconfig": jobs.cluster.kubeconfig({"token": "t", "exec": {"command": "id"}})},
    }
    answer = requests.post(f"{jobs.server.url}/api/v1/compute", json=body, timeout=120)
    assert answer.status_code == 400
    assert "exec" in answer.json()["message"]
    body["credential"] = {"kubeconfig": jobs.cluster.kubeconfig({"token": "wrong"})}
    answer = requests.post(f"{jobs.server.url}/api/v1/compute", json=body, timeout=120)
    assert (answer.status_code, "Unauthorized" in answer.json()["message"]) == (400, True)
    assert "other" not in [each["name"] for each in jobs.ask("GET", "compute")["compute_targets"]]
