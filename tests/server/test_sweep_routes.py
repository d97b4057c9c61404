"""Sweeps over HTTP: what may be submitted, and whose it is."""

from __future__ import annotations

import pytest

from runyard.services import sweep_checks
from runyard.services.job_life import begin_attempt
from tests.server.local import Local, good, pairs, refusal
from tests.server.swept import NOW_MS, ONE_OF_FOUR, SWEEPS, body, driver, end, submit, sweep_of, trials_of
from tests.server.team import Team


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home", local_slots=2)
    yield team
    team.close()


# --- submitting -------------------------------------------------------------------------------------------


def test_a_sweep_is_a_run_that_runs(local):
    made = submit(local, run_name="first", tags={"team": "robots"}, seed=5, max_sweep_duration_s=60)
    assert (made["status"], made["is_closed"], made["trials"], made["best"]) == ("running", False, {}, None)
    assert (made["max_trials"], made["max_concurrent"], made["seed"]) == (4, 2, 5)
    run = local.read_run(made["run_id"])
    assert (run["info"]["status"], run["info"]["run_name"]) == ("RUNNING", "first")
    tags = pairs(run["data"]["tags"])
    assert (tags["team"], tags["runyard.sweep"]) == ("robots", "minimize loss")
    assert sweep_of(local, made["run_id"]) == made
    listed = good(local.ask("GET", SWEEPS))["sweeps"]
    assert [each["run_id"] for each in listed] == [made["run_id"]]


def test_what_a_sweep_was_submitted_with_submits_another_one(local):
    more = {
        "run_name": "first",
        "tags": {"team": "robots"},
        "seed": 5,
        "variables": {"A": "1"},
        "max_attempts": 2,
        "environment": {"python": {"user_managed": True}, "variables": {"B": "2"}},
        "stopping": {"kind": "truncation", "every": 2, "delay": 3, "percentage": 20.0},
    }
    first = submit(local, **more)
    wanted = good(local.ask("GET", f"{SWEEPS}/{first['run_id']}"))["wanted"]
    # Every combination of a grid, however many those are after a change.
    assert (wanted["max_trials"], wanted["run_id"], wanted["tags"]) == (None, None, {"team": "robots"})
    assert (wanted["variables"], wanted["environment"]["variables"]) == ({"A": "1"}, {"B": "2"})
    again = good(local.ask("POST", SWEEPS, json=wanted))
    assert again["sweep"]["run_id"] != first["run_id"]
    assert again["wanted"] == wanted
    of_each = ("run_id", "submitted_ms")
    assert {name: value for name, value in again["sweep"].items() if name not in of_each} == {
        name: value for name, value in first.items() if name not in of_each
    }


def test_fewer_trials_than_a_grid_has_are_wanted_again(local):
    parted = submit(local, max_trials=3)
    wanted = good(local.ask("GET", f"{SWEEPS}/{parted['run_id']}"))["wanted"]
    assert wanted["max_trials"] == 3
    drawn = submit(local, max_trials=2, sampling="random")
    assert good(local.ask("GET", f"{SWEEPS}/{drawn['run_id']}"))["wanted"]["max_trials"] == 2


def test_the_same_id_is_the_same_sweep(local):
    run_id = "a" * 32
    assert submit(local, run_id=run_id, seed=1) == submit(local, run_id=run_id, seed=2)
    driver(local).work()
    assert len(trials_of(local, run_id)) == 2


@pytest.mark.parametrize("path", [SWEEPS, "/api/v1/jobs"], ids=["sweep", "job"])
def test_a_run_of_another_kind_becomes_none(local, path):
    run_id = local.run(run_id="b" * 32)
    local.post("/runs/update", run_id=run_id, status="FINISHED")
    sent = body(run_id=run_id) if path == SWEEPS else {"experiment_id": "0", "command": ["true"]}
    refused = refusal(local.ask("POST", path, json=sent | {"run_id": run_id}))
    assert refused[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert local.read_run(run_id)["info"]["status"] == "FINISHED"


def test_a_space_may_say_all_that_it_has(local):
    parameters = {
        "--lr": {"kind": "uniform", "low": 1e-5, "high": 0.1, "is_log": True},
        "n": {"kind": "integer", "low": 1, "high": 9, "step": 2.0},
        "decay": {"kind": "normal", "mean": 1.0, "deviation": 0.1},
        "kind": {"values": ["a", 1, True, 1.5]},
    }
    stopping = {"kind": "truncation", "percentage": 20.0, "every": 2, "delay": 3}
    made = submit(
        local, parameters=parameters, sampling="random", max_trials=3, stopping=stopping, goal="maximize"
    )
    assert made["parameters"]["n"]["step"] == 2
    assert made["stopping"]["percentage"] == 20
    driver(local).work()
    first = trials_of(local, made["run_id"])[0]
    assert list(first["parameters"]) == list(parameters)
    job = good(local.ask("GET", f"/api/v1/jobs/{first['run_id']}"))["job"]
    assert job["command"][:2] == ["true", "--lr"]
    assert job["command"][3::2] == ["--n", "--decay", "--kind"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {}}, "parameters"),
        ({"parameters": {f"p{number}": ONE_OF_FOUR for number in range(51)}}, "parameters"),
        ({"parameters": {"a b": ONE_OF_FOUR}}, "a b"),
        ({"parameters": {"": ONE_OF_FOUR}}, "parameters"),
        ({"parameters": {"--x": ONE_OF_FOUR, "x": ONE_OF_FOUR}}, "dashes"),
        ({"parameters": {"x": {"kind": "odd"}}}, "parameters.x.kind"),
        ({"parameters": {"x": {"values": []}}}, "parameters.x.values"),
        ({"parameters": {"x": {"values": [1, 1]}}}, "twice"),
        ({"parameters": {"x": {"values": ["y" * 1001]}}}, "parameters.x.values"),
        ({"parameters": {"x": {"values": [[1]]}}}, "parameters"),
        ({"parameters": {"x": {"kind": "uniform", "low": 2, "high": 1}}}, "parameters.x.low"),
        ({"parameters": {"x": {"kind": "uniform", "low": 0, "high": 1, "is_log": True}}}, "parameters.x.low"),
        ({"parameters": {"x": {"kind": "uniform", "low": 0.1, "high": 0.2, "step": 1}}}, "multiple"),
        ({"parameters": {"x": {"kind": "uniform", "low": 0, "high": 1, "step": -1}}}, "parameters.x.step"),
        ({"parameters": {"x": {"kind": "integer", "low": 0.5, "high": 2}}}, "whole"),
        ({"parameters": {"x": {"kind": "normal", "mean": 1}}}, "parameters.x.deviation"),
        ({"parameters": {"x": {"kind": "uniform", "low": -1.7e308, "high": 1.7e308}}}, "above 1e+100"),
        (
            {"parameters": {"x": {"kind": "uniform", "low": 0, "high": 1, "step": 5e-324}}},
            "parameters.x.step",
        ),
        ({"parameters": {"x": {"kind": "integer", "low": 0, "high": 1e18}}}, "bounds or a step above"),
        (
            {"parameters": {"x": {"kind": "normal", "mean": 700, "deviation": 1, "is_log": True}}},
            "logarithms",
        ),
        (
            {"parameters": {"x": {"kind": "normal", "mean": 5, "deviation": 1}}, "sampling": "bayesian"}
            | {"max_trials": 3},
            "parameters.x",
        ),
        ({"parameters": {"x": {"kind": "uniform", "low": 0, "high": 1}}}, "grid"),
        ({"parameters": {"x": {"kind": "integer", "low": 0, "high": 1001}}}, "max_trials"),
        ({"sampling": "luck"}, "sampling"),
        ({"sampling": "random"}, "max_trials"),
        ({"max_trials": 0}, "max_trials"),
        ({"sampling": "random", "max_trials": sweep_checks.MAX_TRIALS + 1}, "max_trials"),
        ({"max_concurrent": -1}, "max_concurrent"),
        ({"max_sweep_duration_s": -1}, "max_sweep_duration_s"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"goal": "best"}, "goal"),
        ({"metric": ""}, "metric"),
        ({"metric": "m" * 250}, "metric"),
        ({"stopping": {"kind": "never"}}, "stopping.kind"),
        ({"stopping": {"kind": "bandit"}}, "slack_factor"),
        ({"stopping": {"kind": "bandit", "slack_factor": 1, "slack_amount": 1}}, "slack_factor"),
        ({"stopping": {"kind": "median", "every": 0}}, "stopping.every"),
        ({"stopping": {"kind": "truncation", "percentage": 100}}, "stopping.percentage"),
        ({"compute": "none"}, "none"),
        ({"command": []}, "script"),
        ({"command": ["x"] * 1999}, "command"),
        ({"experiment_id": "999"}, "999"),
    ],
)
def test_what_can_not_be_swept_is_refused_and_leaves_no_run(local, change, said):
    status, _, message = refusal(local.ask("POST", SWEEPS, json=body(**change)))
    assert 400 <= status < 500
    assert said in message
    assert good(local.ask("GET", SWEEPS))["sweeps"] == []
    assert local.post("/runs/search", experiment_ids=["0"]).get("runs", []) == []


# --- whose it is ------------------------------------------------------------------------------------------


def test_a_sweep_ends_when_its_submitter_may_submit_no_more(team):
    key = team.person("cora")
    team.grant("cora", "contributor", "beta")
    base = f"/workspaces/beta{SWEEPS}"
    answer = team.ask("POST", base, body(max_concurrent=1), key=key)
    answer.raise_for_status()
    sweep = answer.json()["sweep"]["run_id"]
    drives = driver(team)
    drives.work()
    (first,) = team.ask("GET", f"{base}/{sweep}/trials", key=key).json()["trials"]
    job = team.stores.metadata.jobs.find_job(first["run_id"])
    assert job is not None
    assert job.submitted_by == "cora"
    team.grant("cora", "reader", "beta")
    end(team, first["run_id"])
    for _ in range(3):
        drives.work()
    now = team.ask("GET", f"{base}/{sweep}", key=team.admin_key).json()["sweep"]
    assert (now["status"], now["trials"]) == ("failed", {"completed": 1})
    assert "cora" in now["reason"]


def test_the_code_of_a_job_submits_no_sweeps(team):
    made = team.ask(
        "POST", "/workspaces/beta/api/v1/jobs", {"experiment_id": "0", "command": ["x"]}, key=team.admin_key
    )
    job = team.stores.metadata.jobs.find_job(made.json()["job"]["run_id"])
    assert job is not None
    key = begin_attempt(team.stores, job, "here", NOW_MS)
    assert team.ask("POST", f"/workspaces/beta{SWEEPS}", body(), key=key).status_code == 403
