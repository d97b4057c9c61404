"""The queue with a target that may be cut off: a real launcher of real agents, behind a switch."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from runyard.compute.base import ServerUrl
from runyard.entities.job import JobStatus
from runyard.errors import Unavailable
from runyard.services import launched_jobs
from runyard.services.assignments import Assignments
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt
from runyard.services.job_queue import AGENTS_FIND_IT_WITHIN_S, FIRST_SAID_WITHIN_S, JobQueue
from runyard.services.launchers import Launchers
from runyard.services.operation import Operation
from runyard.settings import Mode
from tests.compute.far_targets import COMPUTE, JOBS, NOW_MS, agents, attach, has_come_to, job_of, left, submit
from tests.server.local import Local, good, refusal
from tests.waiting import until


def test_a_target_is_kept_with_its_settings_and_tells_nobody_its_credential(local: Local, way):
    made = good(attach(local, credential={"password": "hunter2"}))["compute_target"]
    assert (made["kind"], made["settings"], made["has_credential"]) == ("far", {"host": "vm.example"}, True)
    for path in (COMPUTE, f"{COMPUTE}/vm"):
        assert "hunter2" not in local.ask("GET", path).text
    kept = local.stores.metadata.compute_targets.find_target("default", "vm")
    assert kept is not None
    assert "hunter2" not in kept.sealed
    Launchers(local.settings).of(kept)
    assert way.opened[-1].credential == {"password": "hunter2"}
    assert "hunter2" not in repr(way.opened[-1]) + repr(kept)
    # A credential opens for no other target.
    with pytest.raises(Unavailable):
        Launchers(local.settings).of(replace(kept, name="other"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kind": "abacus"}, "kind"),
        ({"settings": {}}, "required parameter 'settings.host'"),
        ({"settings": {"host": 3}}, "Invalid value 3 for parameter 'settings.host' supplied"),
        ({"settings": {"host": "h", "port": 1}}, "unknown field `port`; those of its kind are host"),
        ({"settings": {"host": "h" * 30_000}}, "settings"),
        ({"credential": {"pin": "1"}}, "password"),
        ({"credential": {"password": "1" * 60_000}}, "credential.password"),
        ({"slots": 0}, "slots"),
    ],
)
def test_what_can_be_no_target_is_refused_and_not_kept(local: Local, way, more, said: str):
    status, code, message = refusal(attach(local, **more))
    assert (status, code, said in message) == (400, "INVALID_PARAMETER_VALUE", True), message
    assert [each["name"] for each in good(local.ask("GET", COMPUTE))["compute_targets"]] == ["local"]


@pytest.mark.parametrize("address", ["https://r.example:99999", "https://r.example:x", "https://[x"])
def test_no_host_is_told_of_a_server_at_no_address(local: Local, address: str):
    host = {"host": "vm.example", "username": "ada", "host_key_fingerprint": f"SHA256:{'x' * 43}"}
    refused = refusal(attach(local, kind="ssh", settings=host | {"server_url": address}))
    assert (refused[0], "settings" in refused[2]) == (400, True)


def test_a_target_that_does_not_answer_is_not_made_unless_that_is_wanted(local: Local, way):
    way.is_open = False
    status, _, message = refusal(attach(local))
    assert (status, "vm.example does not answer" in message, "skip" in message) == (400, True, True)
    assert good(attach(local, skip_validation=True))["compute_target"]["name"] == "vm"


def test_a_job_waits_while_its_target_does_not_answer_and_is_begun_when_it_does(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    way.is_open = False

    def says_why() -> bool:
        queue.work(NOW_MS)
        job = job_of(local, run_id)
        return (job["status"], job["attempt"], job["reason"]) == ("queued", 0, "vm.example does not answer.")

    until(says_why)
    # However often it was tried, that was no attempt.
    for _ in range(10):
        queue.work(NOW_MS)
    until(says_why)
    way.is_open = True
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: len(agents(local)) == 1 and agents(local)[0].with_name("agent.json").exists())
    assert json.loads(agents(local)[0].read_text())["attempt"] == 1


def test_another_target_is_worked_with_meanwhile(local: Local, queue, way):
    good(attach(local))
    good(attach(local, "other"))
    submit(local)
    until(lambda: left(queue, local) == 1)
    way.is_open = False
    here = submit(local, compute="local", command=["true"])
    until(lambda: has_come_to(queue, local, here, "starting"))


def test_a_canceled_job_ends_though_its_target_can_not_be_opened_any_more(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: bool(agents(local)))
    kept = local.stores.metadata.compute_targets
    found = kept.find_target("default", "vm")
    assert found is not None
    kept.update_target(replace(found, settings={"of": "another version"}))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel"))
    job = local.stores.metadata.jobs.find_job(run_id)
    assert job is not None
    late_ms = (job.canceled_ms or 0) + int(launched_jobs.GIVEN_UP_AFTER_S * 1000) + 1_000
    until(lambda: has_come_to(queue, local, run_id, "canceled", late_ms))


def test_a_job_that_the_target_never_takes_lets_others_be_tried(local: Local, queue, way, monkeypatch):
    good(attach(local, slots=2))
    never, other = submit(local, priority=1), submit(local)
    way.refused.add(never)
    # So long that after one refusal nothing else is tried by the same look.
    monkeypatch.setattr(launched_jobs, "LAUNCHED_AGAIN_AFTER_S", 0.3)
    until(lambda: has_come_to(queue, local, other, "starting"))
    assert job_of(local, never)["reason"] == "There is no such node."


def test_a_job_that_the_target_never_takes_does_not_keep_its_slots_from_others(local: Local, queue, way):
    good(attach(local))
    never, other = submit(local, priority=1), submit(local)
    way.refused.add(never)
    until(lambda: has_come_to(queue, local, other, "starting"))
    job = job_of(local, never)
    assert (job["status"], job["attempt"], job["reason"]) == ("queued", 0, "There is no such node.")


def test_as_many_jobs_are_begun_together_as_the_launcher_takes(local: Local, queue, way, monkeypatch):
    monkeypatch.setattr(way, "submits_at_once", 3)
    good(attach(local, slots=4))
    ids = [submit(local) for _ in range(5)]
    until(lambda: left(queue, local) == 4)
    assert way.made[-1].together == [3, 1]
    assert job_of(local, ids[4])["status"] == "queued"
    assert [each.parts[-3] for each in agents(local)] == sorted(ids[:4])


def test_of_jobs_that_are_begun_together_those_that_are_refused_wait_and_the_others_do_not(
    local: Local, queue, way, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(way, "submits_at_once", 10)
    good(attach(local, slots=4))
    first, never, third, fourth = (submit(local, priority=priority) for priority in (4, 3, 2, 1))
    way.refused.add(never)
    # So long that nothing else is tried by the same look.
    monkeypatch.setattr(launched_jobs, "LAUNCHED_AGAIN_AFTER_S", 0.3)
    until(lambda: left(queue, local) == 3)

    def waits() -> bool:
        job = job_of(local, never)
        return (job["status"], job["attempt"], job["reason"]) == ("queued", 0, "There is no such node.")

    until(waits)
    assert {job_of(local, each)["attempt"] for each in (first, third, fourth)} == {1}
    # What was not tried goes before what was refused, and alone until the target takes something again.
    assert way.made[-1].together[:2] == [4, 1]
    assert sorted(way.made[-1].started) == sorted(f"{each}/1" for each in (first, third, fourth))


def test_a_target_that_takes_nothing_is_asked_for_one_job_at_a_time(local: Local, queue, way, monkeypatch):
    monkeypatch.setattr(way, "submits_at_once", 10)
    good(attach(local, slots=3))
    way.is_open = False
    ids = [submit(local) for _ in range(3)]

    def is_asked_again() -> bool:
        queue.work(NOW_MS)
        return len(way.made[-1].together) > 5

    until(is_asked_again)
    assert set(way.made[-1].together[1:]) == {1}
    way.is_open = True
    until(lambda: left(queue, local) == 3)
    assert {job_of(local, each)["attempt"] for each in ids} == {1}


def test_targets_that_do_not_answer_keep_no_other_waiting(local: Local, queue, way):
    way.silent.update(f"silent-{number}" for number in range(12))
    for name in way.silent:
        good(attach(local, name, skip_validation=True))
        submit(local, compute=name)
    queue.work(NOW_MS)
    good(attach(local))
    there = submit(local)
    until(lambda: has_come_to(queue, local, there, "starting"))


def test_jobs_of_a_target_that_can_not_be_opened_say_why_they_wait(local: Local, queue, way):
    good(attach(local, slots=2))
    ids = [submit(local) for _ in range(2)]
    kept = local.stores.metadata.compute_targets
    found = kept.find_target("default", "vm")
    assert found is not None
    kept.update_target(replace(found, settings={"of": "another version"}))
    queue.work(NOW_MS)
    for run_id in ids:
        job = job_of(local, run_id)
        assert (job["status"], job["attempt"]) == ("queued", 0)
        assert "The settings of 'vm' are none to this server" in job["reason"]
    kept.update_target(found)
    until(lambda: all(has_come_to(queue, local, each, "starting") for each in ids))
    assert job_of(local, ids[0])["reason"] == ""


def test_what_is_kept_here_for_targets_that_are_no_more_is_removed(local: Local, queue, way):
    good(attach(local))
    good(attach(local, "other"))
    run_ids = [submit(local, command=["true"], compute=name) for name in ("vm", "other")]
    for run_id in run_ids:
        until(lambda run_id=run_id: has_come_to(queue, local, run_id, "starting"))  # type: ignore[misc]
    until(lambda: len(agents(local)) == 2)
    folders = {each.name: each for each in (local.settings.home / "compute").iterdir()}
    strange = local.settings.home / "compute" / "of-an-earlier-one"
    strange.mkdir()
    good(local.ask("DELETE", f"{COMPUTE}/vm", params={"force": "true"}))

    def is_removed() -> bool:
        queue.work(NOW_MS)
        left = {each.name for each in (local.settings.home / "compute").iterdir()}
        return len(left) == 1 and left < folders.keys()

    until(is_removed)
    assert job_of(local, run_ids[1])["status"] == "starting"
    assert len(agents(local)) == 1


def test_a_target_that_can_not_be_opened_keeps_no_other_waiting(local: Local, queue, way):
    good(attach(local, "a"))
    kept = local.stores.metadata.compute_targets
    found = kept.find_target("default", "a")
    assert found is not None
    kept.update_target(replace(found, settings={"of": "another version"}))
    submit(local, compute="a")
    good(attach(local, credential={"password": "hunter2"}))
    there = submit(local)
    until(lambda: has_come_to(queue, local, there, "starting"))
    # Nor does one whose credential can't be decrypted: it is another's.
    good(attach(local, "b"))
    others, found = kept.find_target("default", "vm"), kept.find_target("default", "b")
    assert others is not None
    assert found is not None
    kept.update_target(replace(found, sealed=others.sealed))
    submit(local, compute="b")
    good(attach(local, "c"))
    there = submit(local, compute="c")
    until(lambda: has_come_to(queue, local, there, "starting"))


def test_a_machine_without_room_is_let_alone_for_a_moment(local: Local, queue, way, caplog):
    good(attach(local))
    way.is_full = True
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: has_come_to(queue, local, run_id, "starting") and "There is no room" in caplog.text)
    assert not [each for each in caplog.records if each.exc_info]


def test_what_leads_to_a_deleted_target_is_closed(local: Local, queue, way):
    good(attach(local, skip_validation=True))
    queue.work(NOW_MS)
    (opened,) = way.made
    good(local.ask("DELETE", f"{COMPUTE}/vm"))

    def is_closed() -> bool:
        queue.work(NOW_MS)
        return bool(opened.is_closed)

    until(is_closed)


def test_of_a_target_that_another_server_removes_the_next_one_stays(local: Local, queue, way):
    good(attach(local))
    kept = local.stores.metadata.compute_targets
    found = kept.find_target("default", "vm")
    assert found is not None
    # As a server read it that is slower than the one that removed it.
    queue._remove_left({("default", "vm"): replace(found, is_leaving=True)}, [])
    assert kept.find_target("default", "vm") == found
    kept.update_target(replace(found, is_leaving=True))

    def is_removed() -> bool:
        queue.work(NOW_MS)
        return kept.find_target("default", "vm") is None

    until(is_removed)


def test_a_server_whose_machine_runs_no_jobs_leaves_those_of_pools_to_others(local: Local, queue):
    good(attach(local, "pool", kind="local", settings={}))
    run_id = submit(local, compute="pool")
    without = replace(local.settings, mode=Mode.SERVE)
    assignments = Assignments(local.stores, without, Operation(address="http://127.0.0.1:9"))
    other = JobQueue(local.stores, without, assignments, Launchers(without), "there")
    other.work(NOW_MS)
    other.close()
    assert job_of(local, run_id)["status"] == "queued"
    queue.work(NOW_MS)
    assert job_of(local, run_id)["status"] == "starting"


def test_a_job_is_canceled_though_its_machine_never_answers_again(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: job_of(local, run_id)["attempt"] == 1 and bool(agents(local)))
    way.is_open = False
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel"))
    kept = local.stores.metadata.jobs.find_job(run_id)
    assert kept is not None
    canceled_ms = kept.canceled_ms or 0
    soon_ms = canceled_ms + 1_000
    for _ in range(5):
        assert not has_come_to(queue, local, run_id, "canceled", soon_ms)
    late_ms = canceled_ms + int(launched_jobs.GIVEN_UP_AFTER_S * 1000) + 1_000
    until(lambda: has_come_to(queue, local, run_id, "canceled", late_ms))
    assert "its machine does not answer" in job_of(local, run_id)["reason"]
    # When it does, what was left there is removed.
    way.is_open = True
    until(lambda: left(queue, local, late_ms) == 0)


def test_a_deleted_target_ends_its_jobs_first_and_takes_no_more(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: bool(agents(local)))
    waits = submit(local)
    assert refusal(local.ask("DELETE", f"{COMPUTE}/vm"))[1] == "INVALID_STATE"
    good(local.ask("DELETE", f"{COMPUTE}/vm", params={"force": "true"}))
    assert job_of(local, waits)["status"] == "canceled"
    assert good(local.ask("GET", f"{COMPUTE}/vm"))["compute_target"]["is_leaving"] is True
    body = {"experiment_id": "0", "command": ["true"], "compute": "vm"}
    assert "being deleted" in refusal(local.ask("POST", JOBS, json=body))[2]
    until(lambda: has_come_to(queue, local, run_id, "canceled"))
    until(lambda: left(queue, local) == 0 and local.ask("GET", f"{COMPUTE}/vm").status_code == 404)
    assert good(attach(local))["compute_target"]["is_leaving"] is False


def test_what_an_earlier_server_has_left_there_is_removed(local: Local, queue, way):
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    until(lambda: bool(agents(local)))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel"))
    assignments = Assignments(local.stores, local.settings, Operation(address="http://127.0.0.1:9"))
    later = JobQueue(local.stores, local.settings, assignments, Launchers(local.settings), "here")
    until(lambda: has_come_to(later, local, run_id, "canceled"))
    until(lambda: left(later, local) == 0)
    opened = len(way.opened)
    for _ in range(5):  # nothing is left to ask about
        later.work(NOW_MS)
    assert len(way.opened) == opened
    later.close()


def test_a_job_that_lacks_a_gpu_waits_and_lets_others_pass(local: Local, queue):
    pools = {"one": {"gpus": [0]}, "two": {"gpus": [0]}, "three": {}}
    for name, settings in pools.items():
        good(local.ask("POST", COMPUTE, json={"name": name, "settings": settings}))
    first, second, third = (submit(local, compute=name) for name in pools)
    until(lambda: has_come_to(queue, local, first, "starting"))

    def says_why() -> bool:
        queue.work(NOW_MS)
        waits = job_of(local, second)
        return waits["status"] == "queued" and "GPUs wanted: 1 of [0]; free now: 0." in waits["reason"]

    until(says_why)
    until(lambda: has_come_to(queue, local, third, "starting"))
    assert refusal(local.ask("POST", COMPUTE, json={"name": "x", "settings": {"gpus": [-1]}}))[0] == 400


@pytest.mark.parametrize(
    "said", ["https://u:p@h", "h:1", "ftp://h", "http://h?x=1", "http://h\n", "http://h/a b", "http://"]
)
def test_where_agents_reach_the_server_is_an_address_and_no_more(said: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, ServerUrl)
    for address in ("", "http://h", "https://runyard.example:8443/below/it", "http://[::1]:5000"):
        assert msgspec.convert(address, ServerUrl) == address


def test_a_launch_that_took_longer_than_its_attempt_says_nothing_of_the_next(local, queue, way, monkeypatch):
    """Which another machine may have begun: it would ask its launcher for an agent that is not there."""
    good(attach(local))
    run_id = submit(local, max_attempts=2)
    jobs, start = local.stores.metadata.jobs, way.submit

    def start_slowly(launcher, launch):
        handle = start(launcher, launch)
        queued = end_attempt(local.stores, run_id, 1, AttemptEnd(JobStatus.FAILED, 1, "once"), NOW_MS)
        assert queued is not None
        assert begin_attempt(local.stores, queued, "elsewhere", NOW_MS)
        return handle

    monkeypatch.setattr(way, "submit", start_slowly)
    queue.work(NOW_MS)
    until(lambda: not queue._is_worked_on(("default", "vm")))
    job = jobs.find_job(run_id)
    assert job is not None
    assert (job.attempt, job.host, job.launched) == (2, "elsewhere", "")


def test_an_agent_has_longer_for_its_first_word_than_between_two(local: Local, queue, way):
    """A busy cluster takes its time to start one, and its run is not failed meanwhile."""
    good(attach(local))
    run_id = submit(local)
    until(lambda: has_come_to(queue, local, run_id, "starting"))
    queue._since_s -= AGENTS_FIND_IT_WITHIN_S
    assert has_come_to(queue, local, run_id, "starting", NOW_MS + int(FIRST_SAID_WITHIN_S * 1000))
    assert has_come_to(queue, local, run_id, "lost", NOW_MS + int(FIRST_SAID_WITHIN_S * 1000) + 1)
