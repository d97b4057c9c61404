"""Jobs in images on the nodes of clusters: a real Slurm, a real Ray and a real podman."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from runyard.agent.station import AGENT
from tests.compute.slurm_jobs import slurm_jobs
from tests.compute.test_container_jobs import LOGS, WORDS
from tests.compute.test_jobs_end_to_end import Jobs
from tests.compute.test_ray import JobsOnRay, agent_process
from tests.container_engine import IMAGE, TestsPodman, needs_engines
from tests.faulty_network import FaultyNetwork
from tests.ray_cluster import RayCluster
from tests.ray_cluster import is_possible as has_ray
from tests.running_server import RunningServer
from tests.slurm_cluster import SlurmCluster, installed
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    needs_engines,
    pytest.mark.skipif(not installed(), reason="no Slurm, or not root"),
    pytest.mark.skipif(not has_ray(), reason="needs Ray, iproute2 and root for network namespaces"),
]
NAME = "boxes"
SEES = """
    import json, os, pathlib
    names = ("SLURM_JOB_ID", "RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR", "RUNYARD_CONTAINER_ENGINE")
    pathlib.Path("outputs/model.bin").write_bytes(b"model")
    has = [name for name in names if name in os.environ]
    print(json.dumps([os.getuid(), sorted(os.listdir("/opt")), has]))
"""


@dataclass(frozen=True)
class Boxes:
    """Jobs in the tests' image on one of the clusters.

    Args:
        jobs: Of a server that has a target there.
        podman: Runs their containers.
        agent_of: Returns the process of a run's agent.
        own_variables: What the cluster tells of itself, and a script is to know in a container too.
    """

    jobs: Jobs
    podman: TestsPodman
    agent_of: Callable[[str], int]
    own_variables: frozenset[str]

    def submit(self, script: str, *arguments: str, **more: Any) -> str:
        environment = {"docker": {"image": IMAGE}}
        return self.jobs.submit(script, *arguments, environment=environment, compute=NAME, **more)

    def completed(self, run_id: str) -> str:
        """Return what a job has printed, once it has ended well."""
        ended = self.jobs.ended(run_id)
        assert ended["status"] == "completed", (ended, self.jobs.printed(run_id, "setup"))
        return self.jobs.printed(run_id)


@contextlib.contextmanager
def on_slurm(folder: Path, podman: TestsPodman) -> Iterator[Boxes]:
    with (
        contextlib.closing(SlurmCluster()) as cluster,
        slurm_jobs(cluster, folder, podman.environment) as jobs,
    ):
        jobs.attach(NAME, folder=str(folder / "its jobs"))

        def agent_of(run_id: str) -> int:
            (path,) = (folder / "its jobs").glob(f"*/{run_id}/1/{AGENT}")
            return int(json.loads(path.read_text())["pid"])

        yield Boxes(jobs, podman, agent_of, frozenset({"SLURM_JOB_ID"}))


@contextlib.contextmanager
def on_ray(folder: Path, podman: TestsPodman) -> Iterator[Boxes]:
    with contextlib.ExitStack() as stack:
        ray = stack.enter_context(contextlib.closing(RayCluster(podman.environment)))
        allowed = {"RUNYARD_ALLOWED_HOSTS": ray.network.bridge}
        server = RunningServer(folder / "server", environment=allowed).start()
        stack.callback(server.close)
        network = stack.enter_context(contextlib.closing(FaultyNetwork(server.url, host=ray.network.bridge)))
        jobs = JobsOnRay(server, ray, network)
        jobs.attach(NAME)
        yield Boxes(jobs, podman, lambda run: agent_process(ray, f"{run}/1"), frozenset({"RAY_ADDRESS"}))


@pytest.fixture(scope="module", params=[on_slurm, on_ray], ids=["slurm", "ray"])
def boxes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boxes]:
    with contextlib.closing(TestsPodman(tmp_path_factory.mktemp("podman"))) as podman:
        with request.param(tmp_path_factory.mktemp("cluster"), podman) as boxes:
            yield boxes
        assert podman.containers() == []


def test_a_script_in_an_image_on_a_cluster_logs_and_its_words_arrive(boxes: Boxes):
    run_id = boxes.submit(LOGS, "ends", *WORDS)
    assert json.loads(boxes.completed(run_id)) == ["/usr/bin/python3", ["ends", *WORDS]]
    metrics = boxes.jobs.run(run_id)["data"]["metrics"]
    assert [(each["key"], each["value"]) for each in metrics] == [("loss", 0.5)]
    assert boxes.podman.containers() == []


def test_in_a_container_there_is_of_the_cluster_what_a_script_may_ask_for(boxes: Boxes):
    run_id = boxes.submit(SEES)
    owner, optional, names = json.loads(boxes.completed(run_id))
    assert (owner, optional, frozenset(names)) == (0, [], boxes.own_variables)
    query = {"run_uuid": run_id, "path": "outputs/model.bin"}
    kept = requests.get(f"{boxes.jobs.server.url}/get-artifact", params=query, timeout=120)
    assert kept.content == b"model"


def test_a_canceled_job_on_a_cluster_ends_with_its_container(boxes: Boxes):
    run_id = boxes.submit(LOGS, "waits")
    until(lambda: boxes.jobs.printed(run_id) != "")
    pid = boxes.podman.pid()
    boxes.jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    assert boxes.jobs.ended(run_id)["status"] == "canceled"
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: boxes.podman.containers() == [])


def test_r11_a_container_on_a_cluster_whose_agent_is_killed_is_ended(boxes: Boxes):
    run_id = boxes.submit(LOGS, "waits")
    until(lambda: boxes.jobs.printed(run_id) != "")
    pid = boxes.podman.pid()
    os.kill(boxes.agent_of(run_id), signal.SIGKILL)
    assert boxes.jobs.ended(run_id)["status"] == "failed"
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: boxes.podman.containers() == [])
