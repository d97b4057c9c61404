"""Compute targets over HTTP."""

from __future__ import annotations

import pytest

from tests.server.local import Local, good, refusal
from tests.server.submitted import COMPUTE, JOBS, Attempt, submit
from tests.server.team import Team


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def test_targets_are_made_shown_changed_and_deleted(local):
    (here,) = good(local.ask("GET", COMPUTE))["compute_targets"]
    assert (here["name"], here["is_built_in"]) == ("local", True)
    assert here["slots"] >= 1
    made = good(local.ask("POST", COMPUTE, json={"name": "pool", "slots": 2, "tags": {"a": "b"}}))
    assert (made["compute_target"]["slots"], made["compute_target"]["created_by"]) == (2, "local")
    waiting = submit(local, compute="pool")["run_id"]
    Attempt(local, submit(local, compute="pool", slots=2, priority=1)["run_id"])
    shown = good(local.ask("GET", f"{COMPUTE}/pool"))["compute_target"]
    assert (shown["slots_taken"], shown["jobs_waiting"]) == (2, 1)
    changed = good(local.ask("PATCH", f"{COMPUTE}/pool", json={"slots": 5, "is_paused": True}))
    assert changed["compute_target"] == shown | {"slots": 5, "is_paused": True}
    assert [each["name"] for each in good(local.ask("GET", COMPUTE))["compute_targets"]] == ["local", "pool"]
    status, code, message = refusal(local.ask("DELETE", f"{COMPUTE}/pool"))
    assert (status, code) == (400, "INVALID_STATE")
    assert "2 jobs" in message
    good(local.ask("POST", f"{JOBS}/{waiting}/cancel"))
    assert "has 1 job that is not over" in refusal(local.ask("DELETE", f"{COMPUTE}/pool"))[2]
    good(local.ask("DELETE", f"{COMPUTE}/pool", params={"force": "true"}))
    assert refusal(local.ask("GET", f"{COMPUTE}/pool"))[0] == 404
    states = {job["status"]: job["is_cancel_requested"] for job in good(local.ask("GET", JOBS))["jobs"]}
    assert states == {"canceled": True, "starting": True}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a b"}, "INVALID_PARAMETER_VALUE"),
        ({"name": "x" * 64}, "INVALID_PARAMETER_VALUE"),
        ({"name": "local"}, "RESOURCE_ALREADY_EXISTS"),
        ({"name": "taken"}, "RESOURCE_ALREADY_EXISTS"),
        ({"name": "a", "slots": 0}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "slots": 10_000}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "kind": "abacus"}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "tags": {"": "x"}}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_target_that_can_not_be_is_refused(local, body, code):
    good(local.ask("POST", COMPUTE, json={"name": "taken"}))
    assert refusal(local.ask("POST", COMPUTE, json=body))[1] == code


def test_the_machine_itself_is_changed_by_a_setting_alone(local):
    for method in ("PATCH", "DELETE"):
        body = {"json": {"slots": 1}} if method == "PATCH" else {}
        assert refusal(local.ask(method, f"{COMPUTE}/local", **body))[:2] == (403, "PERMISSION_DENIED")


def test_a_teams_server_runs_no_jobs_unless_its_operator_says_so(tmp_path):
    team = Team(tmp_path / "home")
    try:
        body = {"experiment_id": "0", "command": ["true"]}
        answer = team.ask("POST", JOBS, body, key=team.admin_key)
        assert (answer.status_code, "local_slots" in answer.text) == (404, True)
        made = team.ask("POST", COMPUTE, {"name": "pool"}, key=team.admin_key)
        assert (made.status_code, "local_slots" in made.text) == (403, True)
        assert team.ask("GET", COMPUTE, key=team.admin_key).json() == {"compute_targets": []}
    finally:
        team.close()
