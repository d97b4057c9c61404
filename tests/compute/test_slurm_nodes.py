"""Jobs on a Slurm cluster of two nodes: where they run, what ends them, and a node that goes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.agent.station import AGENT, SCRIPT
from tests.compute.slurm_jobs import SlurmJobs, slurm_jobs
from tests.slurm_cluster import CPUS, SlurmCluster, installed
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not installed(), reason="no Slurm, or not root")]
NODES = ("one", "two")
WITHIN_S = 300.0
# It says where each attempt was begun.
WHERE = """
    import os, pathlib, sys, time
    node = os.environ["SLURMD_NODENAME"]
    with open(sys.argv[1], "a") as begun:
        begun.write(node + "\\n")
    print("begun on", node, flush=True)
    while not pathlib.Path(sys.argv[2]).exists():
        time.sleep(0.05)
    print("ended on", node, flush=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    with contextlib.closing(SlurmCluster(NODES)) as started:
        yield started


@pytest.fixture(scope="module")
def jobs(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmJobs]:
    with slurm_jobs(cluster, tmp_path_factory.mktemp("slurm")) as jobs:
        yield jobs


def node_of(begun: Path) -> str:
    """Return where the last attempt was begun."""
    until(lambda: begun.exists() and begun.read_text().endswith("\n"), WITHIN_S)
    return begun.read_text().splitlines()[-1]


def test_jobs_of_one_kind_run_on_both_nodes_and_the_others_wait_for_the_first_that_is_free(
    jobs: SlurmJobs, tmp_path: Path
):
    go_on = tmp_path / "go"
    diaries = [tmp_path / str(number) for number in range(4)]
    ids = [jobs.submit(WHERE, each, go_on, slots=CPUS // 2) for each in diaries]
    big = jobs.submit(WHERE, tmp_path / "big", go_on, slots=CPUS)
    nodes = [node_of(each) for each in diaries]
    assert sorted(nodes) == ["one", "one", "two", "two"]
    assert not (tmp_path / "big").exists()
    go_on.touch()
    for run_id, node in zip(ids, nodes, strict=True):
        assert jobs.ended(run_id)["status"] == "completed"
        assert jobs.printed(run_id) == f"begun on {node}\nended on {node}\n"
    assert jobs.ended(big)["status"] == "completed"


def test_what_is_canceled_on_one_node_leaves_the_other_alone(jobs: SlurmJobs, tmp_path: Path):
    go_on = tmp_path / "go"
    first, second = (jobs.submit(WHERE, tmp_path / name, go_on, slots=CPUS) for name in "ab")
    assert {node_of(tmp_path / "a"), node_of(tmp_path / "b")} == set(NODES)
    script = jobs.pid(first, SCRIPT)
    jobs.ask("POST", f"jobs/{first}/cancel", json={})
    assert jobs.ended(first)["status"] == "canceled"
    until(lambda: not Path(f"/proc/{script}").exists())
    assert jobs.in_slurm(second) == "RUNNING"
    go_on.touch()
    assert jobs.ended(second)["status"] == "completed"


def test_r18_a_node_that_goes_ends_its_jobs_and_those_that_may_run_again_do_on_the_other(
    jobs: SlurmJobs, cluster: SlurmCluster, tmp_path: Path
):
    go_on = tmp_path / "go"
    names = ("once", "again")
    jobs.attach("on-one", sbatch_options=["--exclude=two"])
    once = jobs.submit(WHERE, tmp_path / "once", go_on, compute="on-one", slots=CPUS // 2)
    assert node_of(tmp_path / "once") == "one"
    # What is full elsewhere begins on this node.
    filler = jobs.submit(WHERE, tmp_path / "filler", tmp_path / "filled", slots=CPUS)
    assert node_of(tmp_path / "filler") == "two"
    again = jobs.submit(WHERE, tmp_path / "again", go_on, slots=CPUS // 2, max_attempts=2)
    assert node_of(tmp_path / "again") == "one"
    agents = [jobs.pid(each, AGENT) for each in (once, again)]
    (tmp_path / "filled").touch()
    assert jobs.ended(filler)["status"] == "completed"
    # Frozen till Slurm knows that the node is away: told of their ends before, it begins them there again.
    for agent in agents:
        os.kill(agent, signal.SIGSTOP)
    cluster.stop_node("one")
    for agent in agents:
        os.kill(agent, signal.SIGKILL)
    until(lambda: (tmp_path / "again").read_text() == "one\ntwo\n", WITHIN_S)
    failed = jobs.ended(once)
    assert (failed["status"], failed["attempt"]) == ("failed", 1)
    assert "Slurm" in failed["reason"]
    go_on.touch()
    assert (jobs.ended(again)["status"], jobs.job(again)["attempt"]) == ("completed", 2)
    assert jobs.printed(again, attempt=2) == "begun on two\nended on two\n"
    assert [(tmp_path / name).read_text() for name in names] == ["one\n", "one\ntwo\n"]
    # A job for a node that is away waits, says so, and begins when it is back.
    waits = jobs.submit(WHERE, tmp_path / "waits", go_on, compute="on-one")
    until(lambda: "PENDING" in jobs.job(waits)["reason"], WITHIN_S)
    cluster.start_node("one")
    until(lambda: cluster.is_back("one"), WITHIN_S)
    assert jobs.ended(waits)["status"] == "completed"
    assert node_of(tmp_path / "waits") == "one"
    until(lambda: cluster.is_idle("one"))
