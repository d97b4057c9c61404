"""The life of a job as its agent tells it over HTTP, without anything that would run it."""

from __future__ import annotations

import pytest

from runyard.entities.job import REASON_TAG, JobStatus
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt, lose
from tests.server.local import Local, good, pairs, refusal
from tests.server.submitted import (
    COMPUTE,
    JOBS,
    NOW_MS,
    OTHER_AGENT,
    SHUT_OUT,
    Attempt,
    job_of,
    kept_job,
    submit,
)


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def test_an_agent_takes_a_job_from_its_begin_to_its_end(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    assert job_of(local, run_id)["status"] == "starting"
    good(agent.tell("begin"))
    good(agent.tell("begin"))
    assert local.read_run(run_id)["info"]["status"] == "SCHEDULED"
    assert good(agent.tell("report", status="running")) == {"is_cancel_requested": False}
    assert local.read_run(run_id)["info"]["status"] == "RUNNING"
    good(agent.tell("end", status="completed", exit_code=0))
    job = job_of(local, run_id)
    assert (job["status"], job["exit_code"], job["reason"]) == ("completed", 0, "")
    assert job["started_ms"] <= job["ended_ms"]
    info = local.read_run(run_id)["info"]
    assert (info["status"], info["end_time"]) == ("FINISHED", job["ended_ms"])
    assert agent.tell("end", status="completed", exit_code=0).status_code in SHUT_OUT


def test_the_last_slot_of_a_target_is_given_away_once(local):
    """By servers that have looked at the queue at different moments, or pass over different jobs."""
    good(local.ask("POST", COMPUTE, json={"name": "gpu", "kind": "local", "slots": 2}))
    first, second = (kept_job(local, submit(local, compute="gpu", slots=slots)["run_id"]) for slots in (2, 1))
    assert begin_attempt(local.stores, first, "one", NOW_MS)
    assert begin_attempt(local.stores, second, "two", NOW_MS) is None
    assert job_of(local, second.run_id)["status"] == "queued"
    end_attempt(local.stores, first.run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS)
    assert begin_attempt(local.stores, second, "two", NOW_MS)


def test_of_two_agents_one_has_the_job(local):
    run_id = submit(local)["run_id"]
    first = Attempt(local, run_id)
    second = Attempt(local, run_id, OTHER_AGENT, key=first.key)
    good(first.tell("begin"))
    for what, more in (
        ("begin", {}),
        ("report", {"status": "running"}),
        ("end", {"status": "completed"}),
    ):
        assert refusal(second.tell(what, **more))[:2] == (400, "INVALID_STATE")
    good(first.tell("report", status="running"))


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("begin", {"agent_id": "x"}),
        ("report", {"status": "completed"}),
        ("report", {"status": "x"}),
        ("end", {"status": "running"}),
        ("end", {"status": "failed", "reason": "x" * 1_001}),
        ("end", {"status": "failed", "exit_code": 2**40}),
        ("report", {"status": "running", "attempt": 2}),
    ],
)
def test_what_an_agent_can_not_say_is_refused(local, what, more):
    agent = Attempt(local, submit(local)["run_id"])
    if what != "begin":
        good(agent.tell("begin"))
    assert refusal(agent.tell(what, **more))[0] == 400


def test_a_job_that_fails_says_why(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(agent.tell("end", status="failed", exit_code=3, reason="exit code 3: ValueError"))
    tags = pairs(local.read_run(run_id)["data"]["tags"])
    assert (tags[REASON_TAG], tags["runyard.exit_code"]) == ("exit code 3: ValueError", "3")
    assert job_of(local, run_id)["reason"] == "exit code 3: ValueError"


def test_a_job_that_may_be_tried_again_is_and_the_old_agent_is_shut_out(local):
    run_id = submit(local, max_attempts=2)["run_id"]
    first = Attempt(local, run_id)
    good(first.tell("begin"))
    good(first.tell("report", status="running"))
    good(first.tell("end", status="failed", exit_code=1, reason="once"))
    good(first.tell("end", status="failed", exit_code=1, reason="once"))
    job = job_of(local, run_id)
    assert (job["status"], job["attempt"], job["reason"]) == ("queued", 1, "attempt 1 of 2 failed: once")
    assert local.read_run(run_id)["info"]["status"] == "SCHEDULED"
    second = Attempt(local, run_id, OTHER_AGENT)
    assert second.number == 2
    assert first.tell("report", status="running").status_code in SHUT_OUT
    good(second.tell("begin"))
    good(second.tell("end", status="failed", exit_code=1, reason="twice"))
    assert job_of(local, run_id)["status"] == "failed"


def test_the_scripts_own_word_counts_where_it_ended_well(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    local.post("/runs/update", run_id=run_id, status="FAILED", end_time=5)
    good(agent.tell("end", status="completed", exit_code=0))
    assert local.read_run(run_id)["info"]["status"] == "FAILED"
    assert job_of(local, run_id)["status"] == "completed"


def test_a_job_that_waits_is_canceled_at_once(local):
    run_id = submit(local)["run_id"]
    job = good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))["job"]
    assert (job["status"], job["reason"]) == ("canceled", "canceled by local")
    assert local.read_run(run_id)["info"]["status"] == "KILLED"
    assert good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))["job"] == job
    assert refusal(local.ask("POST", f"{JOBS}/{'0' * 32}/cancel", json={}))[0] == 404


@pytest.mark.parametrize("status", ["canceled", "failed"])
def test_an_agent_is_told_to_end_and_the_job_is_not_tried_again(local, status):
    run_id = submit(local, max_attempts=3)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))
    assert job_of(local, run_id)["is_cancel_requested"]
    assert good(agent.tell("report", status="running")) == {"is_cancel_requested": True}
    good(agent.tell("end", status=status, exit_code=143, reason="it was canceled"))
    job = job_of(local, run_id)
    assert (job["status"], job["exit_code"], job["reason"]) == ("canceled", 143, "canceled by local")
    assert local.read_run(run_id)["info"]["status"] == "KILLED"


def test_r11_a_lost_job_is_as_before_when_its_agent_reports_again(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(agent.tell("report", status="running"))
    seen = local.stores.metadata.jobs.find_job(run_id)
    assert lose(local.stores, seen, NOW_MS, "silent")
    assert not lose(local.stores, seen, NOW_MS, "silent")
    assert (job_of(local, run_id)["status"], local.read_run(run_id)["info"]["status"]) == ("lost", "FAILED")
    metric = {"run_id": run_id, "key": "m", "value": 1.0, "timestamp": 1}
    headers = {"Authorization": f"Bearer {agent.key}"}
    good(local.ask("POST", "/api/2.0/mlflow/runs/log-metric", json=metric, headers=headers))
    good(agent.tell("report", status="running"))
    job = job_of(local, run_id)
    assert (job["status"], job["reason"]) == ("running", "")
    run = local.read_run(run_id)
    assert run["info"]["status"] == "RUNNING"
    assert REASON_TAG not in pairs(run["data"]["tags"])
    assert [each["key"] for each in run["data"]["metrics"]] == ["m"]
    good(agent.tell("end", status="completed", exit_code=0))
    assert local.read_run(run_id)["info"]["status"] == "FINISHED"


def test_of_a_canceled_job_that_is_lost_it_stays_known_who_canceled_it(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))
    assert lose(local.stores, local.stores.metadata.jobs.find_job(run_id), NOW_MS, "silent")
    job = job_of(local, run_id)
    assert (job["status"], job["reason"]) == ("lost", "canceled by local")
    good(agent.tell("end", status="canceled", exit_code=143, reason="it was canceled"))
    job = job_of(local, run_id)
    assert (job["status"], job["reason"]) == ("canceled", "canceled by local")


def test_whoever_comes_second_changes_nothing(local):
    run_id = submit(local)["run_id"]
    queued = local.stores.metadata.jobs.find_job(run_id)
    assert begin_attempt(local.stores, queued, "here", NOW_MS)
    assert begin_attempt(local.stores, queued, "there", NOW_MS) is None
    end = AttemptEnd(JobStatus.FAILED, 1, "x")
    assert end_attempt(local.stores, run_id, 2, end, NOW_MS) is None
    assert end_attempt(local.stores, run_id, 1, end, NOW_MS)
    assert kept_job(local, run_id).status is JobStatus.FAILED
    assert end_attempt(local.stores, run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS) is None
    assert job_of(local, run_id)["reason"] == "x"


def test_a_job_goes_with_its_run(local):
    run_id = submit(local)["run_id"]
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))
    local.post("/runs/delete", run_id=run_id)
    assert job_of(local, run_id)["status"] == "canceled"
    good(local.ask("POST", "/api/v1/trash/collect", json={"run_ids": [run_id]}))
    assert refusal(local.ask("GET", f"{JOBS}/{run_id}"))[0] == 404
