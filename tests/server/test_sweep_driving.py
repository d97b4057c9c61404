"""What the server does with sweeps, driven step by step, without anything that would run their jobs."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from sqlalchemy import select, update

from runyard.entities.job import JobStatus
from runyard.services.call import system_now_ms
from runyard.services.operation import Operation
from runyard.services.snapshots import KEPT_UNNAMED_MS, remove_unneeded
from runyard.services.sweep_driver import SweepDriver
from runyard.stores.metadata.schema_sweeps import sweeps
from tests.server.local import Local, good, pairs, refusal
from tests.server.swept import NOW_MS, SWEEPS, driver, end, log, submit, sweep_of, trials_of


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def test_trials_are_begun_some_at_a_time_until_all_have_ended(local):
    sweep = submit(local)["run_id"]
    drives = driver(local)
    for step in range(4):
        drives.work()
        trials = trials_of(local, sweep)
        assert [each["number"] for each in trials] == list(range(min(step + 2, 4)))
        log(local, trials[step]["run_id"], 9.0, 5.0 - step)
        end(local, trials[step]["run_id"])
    drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], now["trials"], now["is_closed"]) == ("completed", {"completed": 4}, True)
    assert (now["best"]["number"], now["best"]["value"], now["best"]["parameters"]) == (3, 2, {"x": 4})
    run = local.read_run(sweep)
    assert run["info"]["status"] == "FINISHED"
    assert pairs(run["data"]["tags"])["runyard.sweep.best_run"] == now["best"]["run_id"]
    history = local.get("/metrics/get-history", run_id=sweep, metric_key="best/loss")["metrics"]
    assert [(each["step"], each["value"]) for each in history] == [(0, 5), (1, 4), (2, 3), (3, 2)]
    best = local.read_run(now["best"]["run_id"])
    assert pairs(best["data"]["params"]) == {"x": "4"}
    tags = pairs(best["data"]["tags"])
    assert tags["mlflow.parentRunId"] == sweep
    assert json.loads(tags["runyard.sweep.parameters"]) == {"x": 4}
    drives.work()
    assert sweep_of(local, sweep) == now


def test_a_sweep_does_not_end_before_the_trials_that_another_server_began_meanwhile(local, monkeypatch):
    sweep, sweeps_ = submit(local)["run_id"], local.stores.metadata.sweeps
    list_trials = sweeps_.list_trials

    def listed_before_others_begin(sweep_id):
        listed = list_trials(sweep_id)
        monkeypatch.setattr(sweeps_, "list_trials", list_trials)
        driver(local).work()
        local.post("/runs/update", run_id=sweep, status="KILLED", end_time=5)
        return listed

    monkeypatch.setattr(sweeps_, "list_trials", listed_before_others_begin)
    drives = driver(local)
    drives.work()
    assert sweep_of(local, sweep)["status"] == "running"
    assert [each["status"] for each in trials_of(local, sweep)] == ["queued"] * 2
    for _ in range(2):
        drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], now["trials"]) == ("canceled", {"canceled": 2})


def test_a_wide_sweep_lets_others_have_their_turn(local):
    wide = submit(local, parameters={"x": {"values": list(range(50))}}, max_concurrent=50)["run_id"]
    narrow = submit(local)["run_id"]
    drives = driver(local)
    drives.work()
    assert (len(trials_of(local, wide)), len(trials_of(local, narrow))) == (20, 2)
    drives.work()
    drives.work()
    assert len(trials_of(local, wide)) == 50


def test_the_run_of_each_trial_notes_the_data_assets_that_its_job_reads(local):
    sources = [{"kind": "datastore", "datastore": "workspaceblobstore", "address": "scans/**"}]
    asked = {"name": "scans", "kind": "file", "sources": sources}
    asset = good(local.ask("POST", "/api/v1/data-assets", json=asked))["data_asset"]
    sweep = submit(local, inputs={"scans": {"asset_id": asset["asset_id"]}})["run_id"]
    driver(local).work()
    trials = trials_of(local, sweep)
    assert trials
    for trial in trials:
        (noted,) = local.read_run(trial["run_id"])["inputs"]["dataset_inputs"]
        assert (noted["dataset"]["name"], noted["dataset"]["source_type"]) == ("scans", "runyard")
        assert pairs(noted["tags"])["runyard.data.id"] == asset["asset_id"]


def test_trials_come_by_pages(local):
    sweep = submit(local, max_concurrent=4)["run_id"]
    driver(local).work()
    page = good(local.ask("GET", f"{SWEEPS}/{sweep}/trials", params={"max_results": 3}))
    assert [each["status"] for each in page["trials"]] == ["queued"] * 3
    rest = trials_of(local, sweep, max_results=3, page_token=page["next_page_token"])
    assert [each["number"] for each in rest] == [3]


def test_what_a_script_has_logged_as_param_stays(local):
    sweep = submit(local, max_concurrent=1)["run_id"]
    driver(local).work()
    trial = trials_of(local, sweep)[0]["run_id"]
    local.post("/runs/log-parameter", run_id=trial, key="x", value="1.0")
    end(local, trial)
    driver(local).work()
    assert pairs(local.read_run(trial)["data"]["params"]) == {"x": "1.0"}


def test_a_list_of_sweeps_tells_the_best_value_and_one_of_trials_when_they_ran(local):
    lost = submit(local, run_name="least", max_concurrent=4)
    most = submit(local, run_name="most", goal="maximize", max_concurrent=4)
    driver(local).work()
    for sweep in (lost, most):
        trials = trials_of(local, sweep["run_id"])
        assert [each["status"] for each in trials] == ["queued"] * 4
        for trial, value in zip(trials[:3], (0.5, 0.25, -9.0), strict=True):
            log(local, trial["run_id"], value)
            # The best value of all is that of a trial that failed, which is none.
            end(local, trial["run_id"], JobStatus.FAILED if value < 0 else JobStatus.COMPLETED)
    driver(local).work()
    listed = good(local.ask("GET", SWEEPS))["sweeps"]
    found = {each["run_name"]: (each["best_value"], each["best"]) for each in listed}
    assert found == {"least": (0.25, None), "most": (0.5, None)}
    one = sweep_of(local, most["run_id"])
    assert (one["best_value"], one["best"]["value"], one["run_name"]) == (0.5, 0.5, "most")
    first = trials_of(local, lost["run_id"])[0]["run_id"]
    local.stores.metadata.jobs.update_job(first, started_ms=NOW_MS - 5)
    ended, *_, waiting = trials_of(local, lost["run_id"])
    assert (ended["status"], ended["started_ms"], ended["ended_ms"]) == ("completed", NOW_MS - 5, NOW_MS)
    assert (waiting["status"], waiting["started_ms"], waiting["ended_ms"]) == ("queued", None, None)


def test_why_trials_failed_is_told_with_them_and_of_the_first_with_the_sweep(local):
    sweep = submit(local, max_concurrent=4)["run_id"]
    driver(local).work()
    for trial in trials_of(local, sweep):
        end(local, trial["run_id"], JobStatus.FAILED, f"the script ended with {3 + trial['number']}")
    driver(local).work()
    reasons = [each["reason"] for each in trials_of(local, sweep)]
    assert reasons == [f"the script ended with {code}" for code in (3, 4, 5, 6)]
    now = sweep_of(local, sweep)
    assert (now["status"], now["best"]) == ("failed", None)
    assert now["reason"] == "none of its trials has completed; trial 0: the script ended with 3"


def test_many_drivers_begin_no_trial_twice(local):
    """As on several servers of one database."""
    sweep = submit(local, max_concurrent=3)["run_id"]
    threads = [threading.Thread(target=driver(local).work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each["number"] for each in trials_of(local, sweep)] == [0, 1, 2]
    jobs = good(local.ask("GET", "/api/v1/jobs"))["jobs"]
    assert {each["run_id"] for each in jobs} == {each["run_id"] for each in trials_of(local, sweep)}


def test_a_poor_trial_is_ended_early(local):
    sweep = submit(local, stopping={"kind": "bandit", "slack_amount": 1.0, "delay": 2})["run_id"]
    drives = driver(local)
    drives.work()
    good_one, poor = (each["run_id"] for each in trials_of(local, sweep))
    log(local, good_one, 1.0, 1.0)
    log(local, poor, 5.0)
    drives.work()
    assert good(local.ask("GET", f"/api/v1/jobs/{poor}"))["job"]["status"] == "queued"
    log(local, poor, 5.0, 4.0)
    drives.work()
    drives.work()
    trial = trials_of(local, sweep)[1]
    assert (trial["status"], trial["value"]) == ("stopped", 4)
    job = good(local.ask("GET", f"/api/v1/jobs/{poor}"))["job"]
    assert (job["status"], job["reason"]) == ("canceled", "the sweep's bandit rule ended it, after 2 points")


def test_a_canceled_sweep_ends_its_jobs_and_then_itself(local):
    sweep = submit(local)["run_id"]
    drives = driver(local)
    drives.work()
    canceled = good(local.ask("POST", f"{SWEEPS}/{sweep}/cancel", json={}))["sweep"]
    assert (canceled["status"], canceled["is_closed"], canceled["reason"]) == (
        "running",
        True,
        "canceled by local",
    )
    drives.work()
    drives.work()
    assert sweep_of(local, sweep)["status"] == "canceled"
    assert {each["status"] for each in trials_of(local, sweep)} == {"canceled"}
    assert local.read_run(sweep)["info"]["status"] == "KILLED"
    again = good(local.ask("POST", f"{SWEEPS}/{sweep}/cancel", json={}))["sweep"]
    assert again == sweep_of(local, sweep)


@pytest.mark.parametrize("what", ["ended", "deleted"])
def test_whoever_ends_the_run_of_a_sweep_ends_the_sweep(local, what):
    sweep = submit(local)["run_id"]
    drives = driver(local)
    drives.work()
    if what == "ended":
        local.post("/runs/update", run_id=sweep, status="KILLED")
    else:
        local.post("/runs/delete", run_id=sweep)
    drives.work()
    drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], now["trials"]) == ("canceled", {"canceled": 2})


def test_a_sweep_without_a_target_any_more_has_failed(local):
    good(local.ask("POST", "/api/v1/compute", json={"name": "pool"}))
    sweep = submit(local, compute="pool", max_concurrent=1)["run_id"]
    drives = driver(local)
    drives.work()
    good(local.ask("DELETE", "/api/v1/compute/pool", params={"force": "true"}))
    for _ in range(3):
        drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], "pool" in now["reason"]) == ("failed", True)
    assert local.read_run(sweep)["info"]["status"] == "FAILED"


def test_a_sweep_without_the_metric_has_failed(local):
    sweep = submit(local, max_trials=1)["run_id"]
    drives = driver(local)
    drives.work()
    end(local, trials_of(local, sweep)[0]["run_id"])
    drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], now["reason"]) == ("failed", "no trial has logged the metric 'loss'")
    assert pairs(local.read_run(sweep)["data"]["tags"])["runyard.end_reason"] == now["reason"]


def test_a_sweep_waits_while_a_quota_is_reached(local):
    sweep = submit(local)["run_id"]
    quota = "/api/v1/workspaces/default/quota"
    good(local.ask("PUT", quota, json={"max_runs": 1}))
    operation = Operation()
    operation.standings.refresh(local.stores, local.settings)
    drives = SweepDriver(local.stores, local.settings, operation)
    drives.work()
    now = sweep_of(local, sweep)
    assert (now["status"], now["is_closed"], now["trials"]) == ("running", False, {})
    assert "quota" in now["reason"]
    good(local.ask("PUT", quota, json={"max_runs": 10}))
    operation.standings.refresh(local.stores, local.settings)
    drives.work()
    now = sweep_of(local, sweep)
    assert (now["reason"], now["trials"]) == ("", {"open": 2})


def test_nobody_can_take_the_ids_of_trials_that_are_to_come(local):
    """Whoever may begin runs may say which id they have, and the sweep would fail at it."""
    submitted = [submit(local)["run_id"] for _ in range(2)]
    driver(local).work()
    ids = [each["run_id"] for sweep in submitted for each in trials_of(local, sweep)]
    assert len(set(ids)) == 4
    told = {hashlib.sha256(f"{sweep}/{n}".encode()).hexdigest()[:32] for sweep in submitted for n in range(2)}
    assert not told & set(ids)


def test_the_code_of_a_sweep_stays_for_as_long_as_it_may_begin_trials(local):
    """Also while it waits for days, as for a quota, and no job names the code."""
    code = b"code"
    sha256 = hashlib.sha256(code).hexdigest()
    good(local.ask("PUT", f"/api/v1/snapshots/{sha256}", content=code))
    sweep = submit(local, command=[], snapshot=sha256, script="train.py")["run_id"]
    later_ms = system_now_ms() + 2 * KEPT_UNNAMED_MS
    assert remove_unneeded(local.stores, later_ms) == 0
    assert local.ask("GET", f"/api/v1/snapshots/{sha256}/content").content == code
    good(local.ask("POST", f"{SWEEPS}/{sweep}/cancel"))
    driver(local).work()
    assert sweep_of(local, sweep)["status"] == "canceled"
    assert remove_unneeded(local.stores, later_ms) == 1
    assert refusal(local.ask("GET", f"/api/v1/snapshots/{sha256}"))[0] == 404


def test_a_sweep_that_can_not_be_driven_keeps_no_other_waiting(local, caplog):
    parameters = {"x": {"kind": "normal", "mean": 1, "deviation": 1, "is_log": True}}
    broken = submit(local, parameters=parameters, sampling="random", max_trials=3)["run_id"]
    other = submit(local)["run_id"]
    with local.stores.database.writing() as connection:  # as before there was a limit to what it can be
        kept = connection.scalar(select(sweeps.c.spec).where(sweeps.c.run_id == broken))
        changed = kept.replace('"mean":1.0', '"mean":1e308')
        assert changed != kept
        connection.execute(update(sweeps).where(sweeps.c.run_id == broken).values(spec=changed))
    driver(local).work()
    assert trials_of(local, broken) == []
    assert len(trials_of(local, other)) == 2
    assert "OverflowError" in caplog.text


def test_others_have_no_sweep(local):
    for path in (f"{SWEEPS}/{'0' * 32}", f"{SWEEPS}/{'0' * 32}/trials"):
        assert refusal(local.ask("GET", path))[0] == 404
    job = good(local.ask("POST", "/api/v1/jobs", json={"experiment_id": "0", "command": ["x"]}))["job"]
    assert refusal(local.ask("POST", f"{SWEEPS}/{job['run_id']}/cancel", json={}))[0] == 404
