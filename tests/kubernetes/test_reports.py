"""What is read out of Jobs and pods, in the states that Kubernetes documents."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from runyard.agent.marks import PREPARING
from runyard.compute.base import AgentReport, AgentState
from runyard.compute.kubernetes_reports import report_of_job

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=timezone.utc)


def at(before_s: float) -> str:
    return (NOW - timedelta(seconds=before_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(*conditions, suspend=False, age_s=5.0):
    return {
        "metadata": {"name": "j", "uid": "u", "creationTimestamp": at(age_s)},
        "spec": {"suspend": suspend},
        "status": {"conditions": [each | {"status": "True"} for each in conditions]},
    }


def pod(phase="Running", state=None, age_s=5.0, ends_s=None, **status):
    meta = {"creationTimestamp": at(age_s)} | ({} if ends_s is None else {"deletionTimestamp": at(ends_s)})
    containers = [] if state is None else [{"name": "agent", "state": state}]
    return {"metadata": meta, "status": {"phase": phase, "containerStatuses": containers, **status}}


def seen(*pods, of=None) -> AgentReport:
    return report_of_job(of or job(), pods, NOW)


def terminated(code=1, why="Error", said="", **status):
    state = {"terminated": {"exitCode": code, "reason": why, "message": said}}
    return pod("Succeeded" if code == 0 else "Failed", state, **status)


def test_an_agent_that_has_said_its_end_has_ended():
    end = {"status": "completed", "exit_code": 0, "reason": ""}
    assert seen(terminated(0, "Completed", json.dumps(end))) == AgentReport(AgentState.ENDED, "completed", 0)
    end = {"status": "failed", "exit_code": 137, "reason": "ran out"}
    assert seen(terminated(0, "Completed", json.dumps(end))) == AgentReport(
        AgentState.ENDED, "failed", 137, "ran out"
    )


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        '{"status": "fine"}',
        '{"status": "failed", "exit_code": "3"}',
        "Traceback\nKeyError: 'x'",
    ],
    ids=["nothing", "cut", "list", "status", "code", "log"],
)
def test_what_is_no_end_is_none(said: str):
    report = seen(terminated(1, "Error", said))
    assert report.state is AgentState.GONE
    assert report.reason.startswith("exit code 1")
    assert ("KeyError" in report.reason) == ("KeyError" in said)


def test_an_agent_that_was_killed_while_it_prepared_has_run_nothing():
    said = json.dumps({"status": PREPARING})
    assert seen(terminated(137, "Error", said)) == AgentReport(
        AgentState.GONE, reason="exit code 137", has_run_nothing=True
    )
    evicted = terminated(137, "Error", said, reason="Evicted", message="low on memory")
    assert (seen(evicted).reason, seen(evicted).has_run_nothing) == ("Evicted: low on memory", True)
    assert not seen(terminated(137, "Error", "")).has_run_nothing
    assert not seen(terminated(137, "Error", '{"status": ["completed"]}')).has_run_nothing


def test_a_container_that_ran_out_of_memory_says_so():
    report = seen(terminated(137, "OOMKilled"))
    assert (report.state, report.reason) == (
        AgentState.GONE,
        "the container ran out of memory (OOMKilled)",
    )


def test_a_pod_that_its_node_or_the_cluster_ended_says_why():
    evicted = pod("Failed", reason="Evicted", message="The node was low on resource: memory.")
    assert seen(evicted).reason == "Evicted: The node was low on resource: memory."
    said = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}
    assert seen(terminated(143, conditions=[said])).reason == "PreemptionByScheduler: m"
    failed = job({"type": "Failed", "reason": "BackoffLimitExceeded", "message": "too often"})
    assert seen(of=failed) == AgentReport(AgentState.GONE, reason="BackoffLimitExceeded: too often")
    cannot = terminated(128, "StartError", 'exec: "python3": executable file not found in $PATH')
    assert "python3" in seen(cannot).reason


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"])
def test_an_image_is_waited_for_but_not_for_ever(reason: str):
    state = {"waiting": {"reason": reason, "message": "no such image"}}
    assert seen(pod("Pending", state)) == AgentReport(AgentState.ALIVE, reason=f"{reason}: no such image")
    assert seen(pod("Pending", state, age_s=3_600)) == AgentReport(
        AgentState.GONE, reason=f"{reason}: no such image"
    )


def test_what_will_never_be_is_not_waited_for():
    assert seen(pod("Pending", {"waiting": {"reason": "InvalidImageName"}})).state is AgentState.GONE


def test_a_node_is_waited_for_for_as_long_as_it_takes():
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    waits = pod("Pending", conditions=[said], age_s=1e6)
    assert seen(waits) == AgentReport(AgentState.ALIVE, reason="Unschedulable: 0/3 nodes")
    begins = pod("Pending", {"waiting": {"reason": "ContainerCreating"}}, age_s=1e6)
    assert seen(begins) == AgentReport(AgentState.ALIVE, reason="ContainerCreating")


def test_a_job_without_a_pod_waits_for_one_if_it_may_have_one():
    assert seen().state is AgentState.ALIVE
    assert seen(of=job(age_s=3_600)).reason == "the cluster has made no pod; its events say why"
    assert seen(of=job(suspend=True)) == AgentReport(AgentState.GONE)
    assert seen(of=job({"type": "Complete"})) == AgentReport(AgentState.GONE)


def test_a_pod_that_runs_is_alive_also_while_it_ends():
    assert seen(pod()) == AgentReport(AgentState.ALIVE)
    assert seen(pod(ends_s=-60), of=job(suspend=True)) == AgentReport(AgentState.ALIVE)


def test_a_node_that_is_lost_is_not_known_to_have_ended_anything():
    for lost in (pod(ends_s=300), pod("Unknown"), pod(reason="NodeLost")):
        assert seen(lost) == AgentReport(AgentState.UNKNOWN, reason="its node does not answer")


def test_of_several_pods_the_one_that_has_said_its_end_counts():
    end = terminated(
        0, "Completed", json.dumps({"status": "completed", "exit_code": 0, "reason": ""}), age_s=60
    )
    assert seen(pod(), end).state is AgentState.ENDED
    assert seen(terminated(1, age_s=60), pod()).state is AgentState.ALIVE
