"""Jobs on a real Ray cluster of two nodes: the launcher by the rules, and jobs from submission to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard import Workspace
from runyard.compute.base import AgentState, Launch, Launcher, Opening
from runyard.compute.ray import KIND, RaySettings
from runyard.entities.compute_target import FOR_POOLS
from runyard.errors import Unavailable
from runyard.testing.launcher_rules import NOBODY, RUN_ID, LauncherRules, assignment, report_of, state_of
from tests.azureml_alias.test_alias import FROM_REMOTE
from tests.azureml_alias.test_framework_notebooks import frameworks
from tests.azureml_alias.test_learning_notebooks import FROM_LEARNING, said_by_cells
from tests.compute.hostile_job import expect_as_given
from tests.compute.mishaps import begin, expect_deleted, expect_lost_and_found, expect_out_of_memory
from tests.compute.test_jobs_end_to_end import Jobs
from tests.faulty_network import FaultyNetwork
from tests.ray_cluster import RayCluster, is_possible
from tests.running_server import RunningServer
from tests.waiting import until

__all__ = ["frameworks"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_possible(), reason="needs Ray, iproute2 and root for network namespaces"),
]
SCRIPTS = Path(__file__).parent.parent / "azureml_alias" / "scripts"
WORDS = ["a b", "'\"", "$(touch x)", "`id`", "\n", "😀é", "", "--", "-x", "*", "%s", "~"]


@pytest.fixture(scope="module")
def ray() -> Iterator[RayCluster]:
    cluster = RayCluster()
    yield cluster
    cluster.close()


def opened(ray: RayCluster, folder: Path, token: str = "", resources=None, server=NOBODY) -> Launcher:
    settings = RaySettings(ray.address, server_url=server, resources_per_slot=resources or {})
    return KIND.open(Opening(folder, "ray", settings, {"token": token or ray.token}))


def processes_with(ray: RayCluster, *wanted: str) -> list[int]:
    """Return the processes on the nodes that were started with words that end so."""
    found = []
    for name in ray.network.names:
        for pid in ray.network.pids(name):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if all(any(word.endswith(each) for word in words) for each in wanted):
                found.append(pid)
    return found


def agent_process(ray: RayCluster, launched: str) -> int:
    """Return the process of an agent on any of the nodes, as soon as there is one."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = processes_with(ray, "--kept", launched)
        return bool(found)

    until(is_there)
    return found[0]


class JobsOnRay(Jobs):
    """A client of a server's jobs, and what a target on the cluster is told."""

    def __init__(self, server: RunningServer, ray: RayCluster, network: FaultyNetwork) -> None:
        super().__init__(server)
        self._token = ray.token
        self.network = network
        self.settings = {"address": ray.address, "server_url": network.url}

    def attach(self, name: str, **more: object) -> None:
        told = {"settings": self.settings | more, "credential": {"token": self._token}}
        self.ask("POST", "compute", json={"name": name, "kind": "ray", "slots": 2} | told)


class TestRayLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _on(self, ray: RayCluster) -> None:
        self.ray = ray

    def open_launcher(self, folder: Path) -> Launcher:
        return opened(self.ray, folder)

    @property
    def own_address(self) -> str:
        return self.ray.network.bridge

    def open_launcher_to(self, folder: Path, server: str) -> Launcher:
        return opened(self.ray, folder, server=server)

    def kill_agent(self, launched: str) -> None:
        os.kill(agent_process(self.ray, launched), signal.SIGKILL)

    def test_the_key_is_in_nothing_that_the_dashboard_shows(self, launcher, ray):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        agent = agent_process(ray, launched)
        jobs = ray.ask("GET", "/api/jobs/").json()
        own = max((each for each in jobs if each["metadata"]), key=lambda each: each["start_time"])
        logs = ray.ask("GET", f"/api/jobs/{own['submission_id']}/logs").text
        assert "Running entrypoint" in logs
        for said in (json.dumps(jobs), logs, ray.ask("GET", "/api/v0/actors?detail=true").text):
            assert "ryj_" not in said
        assert b"ryj_" not in Path(f"/proc/{agent}/cmdline").read_bytes()
        assert b"ryj_" not in Path(f"/proc/{agent}/environ").read_bytes()
        # Ray unpacks what it gets into a folder that others may look into.
        (unpacked,) = (ray.folder / "t").rglob(f"{Path(own['runtime_env']['working_dir']).stem}/agent.pyz")
        assert unpacked.stat().st_mode & 0o777 == 0o600
        assert not unpacked.with_name("assignment.json").exists()

    def test_what_waits_for_room_in_vain_can_be_canceled(self, tmp_path, ray):
        launcher = opened(ray, tmp_path, resources={"second": 2})
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        assert state_of(launcher, launched) is AgentState.ALIVE
        launcher.cancel(launched)
        assert state_of(launcher, launched) is AgentState.GONE
        launcher.forget(launched)
        assert list(launcher.list_launched()) == []

    def test_two_servers_on_one_cluster_do_not_see_each_other_s_jobs(self, launcher, tmp_path, ray):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        other = opened(ray, tmp_path / "other")
        assert list(other.list_launched()) == []
        other.forget(launched)
        assert state_of(launcher, launched) is AgentState.ALIVE

    def test_a_wrong_token_is_said_to_be_one(self, tmp_path, ray):
        launcher = opened(ray, tmp_path, token="b" * 64)
        with pytest.raises(Unavailable, match="'token' must be"):
            launcher.check()
        assert report_of(launcher, f"{RUN_ID}/1").state is AgentState.UNKNOWN


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, ray: RayCluster) -> Iterator[JobsOnRay]:
    """A server with a target on the cluster, whose nodes reach it at an address of this machine."""
    allowed = {"RUNYARD_ALLOWED_HOSTS": ray.network.bridge}
    server = RunningServer(tmp_path_factory.mktemp("server") / "home", environment=allowed).start()
    network = FaultyNetwork(server.url, host=ray.network.bridge)
    jobs = JobsOnRay(server, ray, network)
    jobs.attach("ray")
    yield jobs
    network.close()
    server.close()


def test_a_job_runs_on_a_node_and_all_that_it_says_arrives(jobs, ray):
    jobs.attach("gpus", gpus_per_slot=1, resources_per_slot={"second": 1})
    script = """
        import json, os, sys
        from pathlib import Path
        import mlflow

        with mlflow.start_run():
            mlflow.log_param("words", len(sys.argv))
            mlflow.log_metric("loss", 0.5)
        Path("outputs").mkdir(exist_ok=True)
        Path("outputs/model.bin").write_bytes(b"model")
        names = ("HOME", "CUDA_VISIBLE_DEVICES", "RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR")
        print(json.dumps([sys.argv[1:], [os.environ.get(name) for name in names]]))
    """
    run_id = jobs.submit(script, *WORDS, compute="gpus")
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr")
    words, (home, gpus, address, config) = json.loads(jobs.printed(run_id).splitlines()[-1])
    assert words == WORDS
    assert (home, gpus, config) == (str(ray.home(1)), "0", None)
    assert address == f"{ray.network.addresses[0]}:6379"
    data = jobs.run(run_id)["data"]
    assert {each["key"]: each["value"] for each in data["params"]}["words"] == str(len(WORDS) + 1)
    assert [each["value"] for each in data["metrics"]] == [0.5]
    # Nothing is left on the node, and Ray has forgotten the job.
    until(lambda: run_id not in ray.ask("GET", "/api/jobs/").text)
    assert not (ray.home(1) / ".runyard" / "jobs" / run_id).exists()


def test_names_and_words_reach_a_script_on_a_node_as_they_are(jobs):
    expect_as_given(jobs, compute="ray")


def test_a_script_joins_the_cluster_that_it_runs_on(jobs, ray):
    script = """
        import ray

        ray.init(log_to_driver=False)

        @ray.remote(resources={"second": 0.1})
        def where():
            return ray.util.get_node_ip_address()

        print(ray.get(where.remote()), len(ray.nodes()))
    """
    run_id = jobs.submit(script, compute="ray")
    assert jobs.ended(run_id)["status"] == "completed", jobs.printed(run_id, "stderr")
    assert jobs.printed(run_id).split() == [ray.network.addresses[1], "2"]


def test_a_script_that_fails_says_how(jobs, ray):
    script = "import sys\nprint('no data', file=sys.stderr)\nsys.exit(3)\n"
    run_id = jobs.submit(script, compute="ray")
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("failed", 3)
    assert job["reason"] == "exit code 3: no data"


STUBBORN = """
    import signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]])
    print("first line", flush=True)
    time.sleep(300)
    time.sleep(300)
"""


def test_to_cancel_ends_the_script_and_what_it_has_started(jobs, ray):
    run_id = jobs.submit(textwrap.dedent(STUBBORN), "canceled-here", compute="ray")
    until(lambda: "first line" in jobs.printed(run_id))
    assert processes_with(ray, "canceled-here")
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    assert jobs.ended(run_id)["status"] == "canceled"
    until(lambda: not processes_with(ray, "canceled-here"))
    assert "asked to end" in jobs.printed(run_id)


def test_an_agent_that_is_killed_takes_its_script_with_it(jobs, ray):
    run_id = jobs.submit(textwrap.dedent(STUBBORN), "killed-here", compute="ray")
    until(lambda: "first line" in jobs.printed(run_id))
    os.kill(agent_process(ray, f"{run_id}/1"), signal.SIGKILL)
    job = jobs.ended(run_id)
    assert (job["status"], "its agent is gone" in job["reason"]) == ("failed", True)
    until(lambda: not processes_with(ray, "killed-here"))


def test_a_server_that_is_killed_finds_the_end_of_a_job_complete(jobs, ray, tmp_path):
    done = tmp_path / "done"
    script = """
        import pathlib, sys, time
        print("first line", flush=True)
        while not pathlib.Path(sys.argv[1]).exists():
            time.sleep(0.05)
        print("last line", flush=True)
    """
    run_id = jobs.submit(script, done, compute="ray")
    until(lambda: "first line" in jobs.printed(run_id))
    jobs.server.kill9()
    done.touch()
    jobs.server.start()
    assert jobs.ended(run_id)["status"] == "completed"
    assert jobs.printed(run_id).split("\n") == ["first line", "last line", ""]


def test_r11_a_node_that_can_not_reach_the_server_loses_its_job_and_brings_it_back(jobs, tmp_path):
    run_id = begin(jobs, tmp_path, compute="ray")
    expect_lost_and_found(jobs, tmp_path, run_id, jobs.network.cut, jobs.network.heal)


def test_a_script_on_ray_that_runs_out_of_memory_has_failed_and_says_so(jobs, tmp_path):
    expect_out_of_memory(jobs, tmp_path, compute="ray")


def test_ray_is_detached_with_its_jobs_only_if_that_is_forced(jobs, ray, tmp_path):
    jobs.attach("leaving")
    run_id = begin(jobs, tmp_path, compute="leaving")
    expect_deleted(jobs, "leaving", run_id)
    assert not processes_with(ray, str(tmp_path / "begun"))
    assert run_id not in ray.ask("GET", "/api/jobs/").text
    assert not any((ray.home(node) / ".runyard" / "jobs" / run_id).exists() for node in (0, 1))


def in_azures_words(jobs: JobsOnRay, folder: Path, *words: str | Path) -> tuple[Any, str]:
    """Run one of the alias's scripts; return what it says last, and what is said beside that."""
    jobs.ask("PATCH", "compute/ray", json={"tags": {FOR_POOLS: "true"}})
    ran = subprocess.run(
        [sys.executable, "-m", "runyard.azureml", *words],
        cwd=folder,
        env={**os.environ, "RUNYARD_URL": jobs.server.url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return json.loads(ran.stdout.splitlines()[-1]), ran.stderr


def test_a_script_for_azure_ml_s_first_sdk_has_its_cluster_on_ray(jobs, tmp_path):
    said, beside = in_azures_words(jobs, tmp_path, SCRIPTS / "submitting.py", SCRIPTS / "remote")
    assert (said["status"], said["loss"], said["target"]) == ("Completed", 0.25, "cpu-cluster")
    assert "a pool of 2 slots on a ray cluster" in beside
    assert jobs.ask("GET", "compute/cpu-cluster")["compute_target"]["kind"] == "ray"


def test_notebooks_that_learn_from_datasets_run_on_ray(jobs, tmp_path, frameworks):
    Workspace.get("default", url=jobs.server.url).write_config(tmp_path)
    jobs.ask("PATCH", "compute/ray", json={"tags": {FOR_POOLS: "true"}})
    assert said_by_cells(frameworks, tmp_path) == FROM_LEARNING
    assert jobs.ask("GET", "compute/cpu-cluster")["compute_target"]["kind"] == "ray"


def test_notebooks_about_remote_training_run_on_ray(jobs, tmp_path):
    Workspace.get("default", url=jobs.server.url).write_config(tmp_path)
    said, _ = in_azures_words(jobs, tmp_path, SCRIPTS / "remote_cells.py")
    assert said == FROM_REMOTE
    assert jobs.ask("GET", "compute/cpu-cluster")["compute_target"]["kind"] == "ray"
