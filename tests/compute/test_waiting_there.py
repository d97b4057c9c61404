"""Jobs that wait in a queue of their target's own, where no agent can speak for them."""

from __future__ import annotations

import pytest

from runyard.entities.job import Job, JobStatus
from runyard.services.job_life import begin_attempt, lose, move, wait_there
from tests.server.local import Local, good

NOW_MS = 1_800_000_000_000
WHY = "job 7 of Slurm is PENDING (Priority)"


@pytest.fixture
def begun(local: Local) -> Job:
    """A job that was given to a launcher."""
    body = {"experiment_id": "0", "command": ["true"]}
    run_id = good(local.ask("POST", "/api/v1/jobs", json=body))["job"]["run_id"]
    begin_attempt(local.stores, job(local, run_id), "here", NOW_MS)
    return job(local, run_id)


def job(local: Local, run_id: str) -> Job:
    found = local.stores.metadata.jobs.find_job(run_id)
    assert found is not None
    return found


def test_a_job_that_waits_there_has_been_seen_and_says_for_what(local: Local, begun: Job):
    wait_there(local.stores, begun, WHY, NOW_MS + 5_000)
    found = job(local, begun.run_id)
    assert (found.status, found.reason, found.seen_ms) == (JobStatus.STARTING, WHY, NOW_MS + 5_000)
    # Whoever looked at it before that does not lose it any more.
    assert not lose(local.stores, begun, NOW_MS + 6_000, "its agent has said nothing")


def test_one_that_was_lost_waits_again(local: Local, begun: Job):
    assert lose(local.stores, begun, NOW_MS, "its agent has said nothing")
    wait_there(local.stores, job(local, begun.run_id), WHY, NOW_MS)
    assert (job(local, begun.run_id).status, job(local, begun.run_id).reason) == (JobStatus.STARTING, WHY)
    run = good(local.ask("GET", "/api/2.0/mlflow/runs/get", params={"run_id": begun.run_id}))["run"]
    assert run["info"]["status"] == "SCHEDULED"


def test_it_waits_for_nothing_any_more_when_its_agent_has_begun(local: Local, begun: Job):
    wait_there(local.stores, begun, WHY, NOW_MS)
    with local.stores.atomic():
        move(local.stores, job(local, begun.run_id), JobStatus.PREPARING, NOW_MS, agent_id="a" * 32)
    assert job(local, begun.run_id).reason == ""
    wait_there(local.stores, begun, WHY, NOW_MS)
    assert (job(local, begun.run_id).status, job(local, begun.run_id).reason) == (JobStatus.PREPARING, "")


def test_one_that_was_canceled_says_that(local: Local, begun: Job):
    good(local.ask("POST", f"/api/v1/jobs/{begun.run_id}/cancel"))
    said = job(local, begun.run_id).reason
    wait_there(local.stores, begun, WHY, NOW_MS)
    assert job(local, begun.run_id).reason == said != ""
