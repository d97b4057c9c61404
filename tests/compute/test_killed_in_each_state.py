"""R11 and R18: whatever is killed or silent, in whichever state of its life a job is, it ends once and whole.

On one server with SQLite, and on two with one PostgreSQL, of which the one that has the job is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.agent.station import SCRIPT
from runyard.services.launched_jobs import LAUNCHES_OF_AN_ATTEMPT
from tests.compute.held_jobs import (
    FINISHING,
    PREPARING,
    QUEUED,
    RUNNING,
    STARTING,
    HeldJob,
    Replicas,
    hold,
)
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.slow
# A server believes that an agent is lost when it has been there for 45 seconds, and heard nothing for 15.
LOST_WITHIN_S = 180.0


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def jobs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("servers")
    variables = {"RUNYARD_LOCAL_SLOTS": "8"}
    names = ["one"]
    if request.param == "postgres":
        cluster = request.getfixturevalue("cluster")
        variables["RUNYARD_DATABASE"] = cluster.address(cluster.new_database())
        names.append("two")
        # Replicas share their artifacts: here by one folder, as by a mount.
        (folder / "artifacts").mkdir()
        for name in names:
            (folder / name).mkdir()
            (folder / name / "artifacts").symlink_to(folder / "artifacts")
    servers = [RunningServer(folder / name, environment=variables).start() for name in names]
    yield Replicas(servers)
    for server in servers:
        server.close()


def kill_server(job: HeldJob) -> None:
    """Kill the server of a job, and start it again; if there is another, when that has looked at all jobs."""
    owner = job.jobs.owner_of(job.run_id)
    owner.kill9()
    if len(job.jobs.servers) > 1:
        other = job.jobs.submit("print('there')")
        assert job.jobs.ended(other)["status"] == "completed"
    owner.start()


def test_r18_the_server_is_killed_while_a_job_is_queued(jobs: Replicas, tmp_path: Path):
    jobs.ask("POST", "compute", json={"name": "paused"})
    jobs.ask("PATCH", "compute/paused", json={"is_paused": True})
    job = hold(jobs, tmp_path / "job", QUEUED, "paused")
    kill_server(job)
    job.let_go()
    assert (jobs.job(job.run_id)["status"], job.times_begun) == ("queued", 0)
    jobs.ask("PATCH", "compute/paused", json={"is_paused": False})
    job.expect_whole()
    jobs.ask("DELETE", "compute/paused")


def test_r18_the_server_is_killed_while_a_job_starts(jobs: Replicas, tmp_path: Path):
    job = hold(jobs, tmp_path / "job", STARTING)
    agent = job.agent()
    kill_server(job)
    os.kill(agent, signal.SIGCONT)
    job.let_go()
    job.expect_whole()


@pytest.mark.parametrize("state", [PREPARING, RUNNING])
def test_r18_the_server_is_killed_while_a_job_goes_on(jobs: Replicas, tmp_path: Path, state: str):
    job = hold(jobs, tmp_path / "job", state)
    kill_server(job)
    job.let_go()
    job.expect_whole()


@pytest.mark.parametrize("state", [STARTING, PREPARING])
def test_r18_an_agent_killed_before_the_script_began_is_followed_by_another(
    jobs: Replicas, tmp_path: Path, state: str
):
    job = hold(jobs, tmp_path / "job", state)
    first = job.agent()
    os.kill(first, signal.SIGKILL)
    job.let_go()
    job.expect_whole()


def test_r18_an_agent_and_its_server_are_killed_before_the_script_began(jobs: Replicas, tmp_path: Path):
    job = hold(jobs, tmp_path / "job", PREPARING)
    owner, agent = jobs.owner_of(job.run_id), job.agent()
    owner.kill9()
    os.kill(agent, signal.SIGKILL)
    owner.start()
    job.let_go()
    job.expect_whole()


def test_r18_an_agent_that_is_killed_each_time_before_the_script_ends_the_job(jobs: Replicas, tmp_path: Path):
    job = hold(jobs, tmp_path / "job", PREPARING)
    killed: set[int] = set()

    def is_over() -> bool:
        # The folder goes with the job, perhaps while somebody looks into it.
        with contextlib.suppress(FileNotFoundError):
            agent = job.agent_now()
            if agent not in killed:
                killed.add(agent)
                os.kill(agent, signal.SIGKILL)
        return bool(jobs.job(job.run_id)["status"] == "failed")

    until(is_over)
    assert len(killed) == LAUNCHES_OF_AN_ATTEMPT
    assert (jobs.job(job.run_id)["attempt"], job.times_begun) == (1, 0)


@pytest.mark.parametrize("what", ["agent", "script"])
def test_r18_what_is_killed_while_the_script_runs_ends_the_job(jobs: Replicas, tmp_path: Path, what: str):
    job = hold(jobs, tmp_path / "job", RUNNING)
    os.kill(job.agent() if what == "agent" else job.process(SCRIPT), signal.SIGKILL)
    job.expect_cut_off()


@pytest.mark.parametrize("is_agent_killed", [False, True])
def test_r18_the_server_is_killed_and_the_agent_perhaps_while_a_job_is_finishing(
    jobs: Replicas, tmp_path: Path, is_agent_killed: bool
):
    job = hold(jobs, tmp_path / "job", FINISHING)
    if is_agent_killed:
        os.kill(job.agent(), signal.SIGKILL)
    for server in jobs.servers:
        server.start()
    job.expect_whole()


def test_r11_agents_that_are_silent_in_each_state_are_lost_and_come_back(jobs: Replicas, tmp_path: Path):
    """Those of a script that is over are silent until the server is there again."""
    finishing = hold(jobs, tmp_path / FINISHING, FINISHING)
    agents = {finishing: finishing.agent()}
    os.kill(agents[finishing], signal.SIGSTOP)
    for server in jobs.servers:
        server.start()
    for state in (STARTING, PREPARING, RUNNING):
        job = hold(jobs, tmp_path / state, state)
        agents[job] = job.agent()
        os.kill(agents[job], signal.SIGSTOP)
    for job in agents:
        until(lambda job=job: jobs.job(job.run_id)["status"] == "lost", LOST_WITHIN_S)  # type: ignore[misc]
        assert jobs.run(job.run_id)["info"]["status"] == "FAILED"
        job.let_go()
    for agent in agents.values():
        os.kill(agent, signal.SIGCONT)
    for job in agents:
        job.expect_whole()


def test_r18_two_servers_of_one_home_start_no_more_than_there_are_slots(cluster, tmp_path: Path):
    """They would both see a slot free, and give it to two jobs."""
    script = """
        import sys, time
        for word in ("begun", "ended"):
            with open(sys.argv[1], "a") as diary:
                diary.write(f"{time.time()} {word} {sys.argv[2]}\\n")
            time.sleep(0.2)
    """
    variables = {"RUNYARD_LOCAL_SLOTS": "1", "RUNYARD_DATABASE": cluster.address(cluster.new_database())}
    servers = [RunningServer(tmp_path / "home", environment=variables).start() for _ in range(2)]
    try:
        jobs = Replicas(servers)
        diary = tmp_path / "diary"
        ids = [jobs.submit(script, diary, number) for number in range(8)]
        until(diary.exists)
        # The other one goes on with what this one has begun.
        servers[0].kill9()
        assert jobs.job(ids[-1])["status"] == "queued"
        servers[0].start()
        assert {jobs.ended(each)["status"] for each in ids} == {"completed"}
        lines = [line.split() for line in diary.read_text().splitlines()]
        assert [word for _, word, _ in lines] == ["begun", "ended"] * len(ids)
        assert sorted(int(number) for _, word, number in lines if word == "begun") == list(range(len(ids)))
    finally:
        for server in servers:
            server.close()
