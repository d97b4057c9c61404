"""Targets that can't be reached say so and since when, once the queue of jobs has noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runyard.compute.base import Launch
from runyard.entities.compute_target import Outage
from runyard.services import launched_jobs
from runyard.services.assignments import Assignments
from runyard.services.job_queue import JobQueue
from runyard.services.launchers import Launchers
from runyard.services.target_outages import ONLY_HERE_FOR_S, TargetOutages
from tests.compute.far_targets import (
    COMPUTE,
    JOBS,
    NOW_MS,
    agents,
    attach,
    has_come_to,
    job_of,
    submit,
)
from tests.server.local import Local, good
from tests.waiting import until

WHY = "vm.example does not answer."


def outage_of(local: Local, name: str = "vm") -> tuple[int | None, str]:
    target: Any = good(local.ask("GET", f"{COMPUTE}/{name}"))["compute_target"]
    return target["unreachable_since_ms"], target["unreachable_reason"]


def worked_until(queue: JobQueue, local: Local, wanted: tuple[int | None, str]) -> None:
    def is_so() -> bool:
        queue.work(NOW_MS)
        return outage_of(local) == wanted

    until(is_so)


def test_a_target_that_takes_no_job_says_since_when_it_is_out_until_it_answers(local: Local, queue, way):
    good(attach(local))
    way.is_open = False
    assert outage_of(local) == (None, "")  # nobody has needed it
    run_id = submit(local)
    worked_until(queue, local, (NOW_MS, WHY))
    until(lambda: not queue._is_worked_on(("default", "vm")))  # who tries to begin it holds it meanwhile
    assert job_of(local, run_id)["waits_for"] == f"compute target 'vm', which can't be reached: {WHY}"
    for later_ms in range(NOW_MS + 5_000, NOW_MS + 60_000, 5_000):
        queue.work(later_ms)
    assert outage_of(local) == (NOW_MS, WHY)
    way.is_open = True
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    worked_until(queue, local, (None, ""))


def test_a_target_whose_running_jobs_are_not_seen_any_more_is_out(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting") and bool(agents(local)))
    way.is_open = False
    worked_until(queue, local, (NOW_MS, WHY))
    way.is_open = True
    worked_until(queue, local, (None, ""))


def test_a_target_that_refuses_one_job_and_answers_is_not_out(local: Local, queue, way):
    good(attach(local))
    never = submit(local)
    way.refused.add(never)

    def is_refused() -> bool:
        queue.work(NOW_MS)
        return bool(job_of(local, never)["reason"] == "There is no such node.")

    until(is_refused)
    for _ in range(5):
        queue.work(NOW_MS)
        assert outage_of(local) == (None, "")


@pytest.mark.parametrize("mended", ["answers", "changed", "deleted"])
def test_a_target_that_nothing_needs_any_more_is_not_out_for_ever(
    local: Local, queue, way, monkeypatch, mended: str
):
    monkeypatch.setattr(launched_jobs, "LOOKED_AT_AGAIN_AFTER_S", 0.0 if mended == "answers" else 600.0)
    good(attach(local))
    way.is_open = False
    run_id = submit(local)
    worked_until(queue, local, (NOW_MS, WHY))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel"))
    until(lambda: not queue._is_worked_on(("default", "vm")))  # who looked before it was mended is done
    way.is_open = True
    if mended == "changed":
        good(local.ask("PATCH", f"{COMPUTE}/vm", json={"settings": {"host": "other.example"}}))
        assert outage_of(local) == (None, "")
    elif mended == "deleted":
        good(local.ask("DELETE", f"{COMPUTE}/vm"))
        good(attach(local))
        assert outage_of(local) == (None, "")
    worked_until(queue, local, (None, ""))


def test_every_server_tells_what_one_has_noticed_and_whichever_reaches_the_target_ends_it(
    local: Local, queue, way
):
    good(attach(local))
    way.is_open = False
    run_id = submit(local)
    worked_until(queue, local, (NOW_MS, WHY))
    other = Local(local.settings.home)
    try:
        assert outage_of(other) == (NOW_MS, WHY)
        until(lambda: not queue._is_worked_on(("default", "vm")))
        assert job_of(other, run_id)["waits_for"] == f"compute target 'vm', which can't be reached: {WHY}"
        good(other.ask("POST", f"{JOBS}/{run_id}/cancel"))
        way.is_open = True
        assignments = Assignments(other.stores, other.settings, other.operation)
        theirs = JobQueue(other.stores, other.settings, assignments, Launchers(other.settings), "there")
        worked_until(theirs, other, (None, ""))
        theirs.close()
    finally:
        other.close()
    assert outage_of(local) == (None, "")


def test_a_target_that_can_not_be_opened_is_out(local: Local, queue, way):
    good(attach(local))
    kept = local.stores.metadata.compute_targets
    found = kept.find_target("default", "vm")
    assert found is not None
    kept.update_target(replace(found, settings={"of": "another version"}))
    queue.work(NOW_MS)
    since_ms, why = outage_of(local)
    assert (since_ms, "are none to this server" in why) == (NOW_MS, True)
    listed = good(local.ask("GET", COMPUTE))["compute_targets"]
    found_since_ms = {each["name"]: each["unreachable_since_ms"] for each in listed}
    assert found_since_ms == {"local": None, "vm": NOW_MS}
    assert outage_of(local, "local") == (None, "")


def test_a_server_from_where_alone_a_target_is_out_says_no_more_of_it_and_leaves_its_jobs_to_others(
    local: Local, queue, way, monkeypatch
):
    monkeypatch.setattr(launched_jobs, "LOOKED_AT_AGAIN_AFTER_S", 0.0)
    good(attach(local))
    way.is_open = False
    run_id = submit(local)
    worked_until(queue, local, (NOW_MS, WHY))
    until(lambda: not queue._is_worked_on(("default", "vm")))
    local.stores.metadata.compute_targets.end_outage("default", "vm")  # as another server does
    submitted: list[Launch] = []
    with monkeypatch.context() as watched:
        watched.setattr(way, "submit", lambda _, launch: submitted.append(launch))
        for _ in range(5):
            queue.work(NOW_MS)
            until(lambda: not queue._is_worked_on(("default", "vm")))
    assert (outage_of(local), submitted) == ((None, ""), [])
    way.is_open = True
    until(lambda: has_come_to(queue, local, run_id, "starting"))


def test_who_believed_that_others_reach_a_target_says_after_a_while_that_none_does(local: Local, way):
    good(attach(local))
    now_s = [1_000.0]
    outages = TargetOutages(local.stores, lambda: now_s[0])
    place = ("default", "vm")
    outages.read()
    outages.note(place, WHY, NOW_MS)
    outages.read()
    assert outages.of(place) == Outage(NOW_MS, WHY)
    local.stores.metadata.compute_targets.end_outage(*place)
    outages.read()
    outages.note(place, WHY, NOW_MS + 1)
    assert (outages.of(place), outages.is_only_here(place)) == (None, True)
    now_s[0] += ONLY_HERE_FOR_S
    outages.note(place, WHY, NOW_MS + 2)
    assert outage_of(local) == (NOW_MS + 2, WHY)
    outages.end(place)
    outages.read()
    assert (outages.of(place), outages.is_only_here(place)) == (None, False)


def test_an_outage_that_ends_as_the_target_is_changed_is_no_word_of_another_server(local: Local, way):
    good(attach(local))
    outages, place = TargetOutages(local.stores), ("default", "vm")
    outages.read()
    outages.note(place, WHY, NOW_MS)
    same = good(local.ask("GET", f"{COMPUTE}/vm"))["compute_target"]["settings"]
    good(local.ask("PATCH", f"{COMPUTE}/vm", json={"settings": same, "skip_validation": True}))
    outages.read()
    assert (outage_of(local), outages.is_only_here(place)) == ((NOW_MS, WHY), False)
    good(local.ask("PATCH", f"{COMPUTE}/vm", json={"settings": {"host": "other.example"}}))
    outages.read()
    assert not outages.is_only_here(place)
    outages.note(place, WHY, NOW_MS + 1)
    assert outage_of(local) == (NOW_MS + 1, WHY)
