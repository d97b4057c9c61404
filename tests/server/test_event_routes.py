"""What happened, over HTTP: which events there are, who sees them, and what is written to the log."""

from __future__ import annotations

import json
import logging

import pytest

from runyard.auth.permissions import Scope
from runyard.entities.event import EventKind
from runyard.entities.quota import Limited
from runyard.server.logs import JsonLine
from runyard.services import events, watching
from runyard.services.call import system_now_ms
from runyard.services.standings import Standings
from runyard.settings import Settings
from tests.server.local import Local, good, refusal
from tests.server.team import Team
from tests.server.test_quota_routes import limit

EVENTS = "/api/v1/events"
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def happened(local: Local, **query):
    return good(local.ask("GET", EVENTS, params=query))["events"]


def kinds(local: Local, **query) -> list[str]:
    return [event["kind"] for event in happened(local, **query)]


@pytest.mark.parametrize(
    ("status", "kind", "what"),
    [
        ("FINISHED", "run.finished", "has finished"),
        ("FAILED", "run.failed", "has failed"),
        ("KILLED", "run.killed", "was killed"),
    ],
)
def test_the_end_of_a_run_is_an_event(local, status, kind, what):
    run_id = local.run(run_name="night", user_id="ann")
    local.post("/runs/update", run_id=run_id, status=status)
    (event,) = happened(local)
    assert (event["kind"], event["workspace"]) == (kind, "default")
    assert event["message"] == f"Run 'night' of workspace 'default' {what}."
    subject = {"run_id": run_id, "run_name": "night", "experiment_id": "0", "user_id": "ann"}
    assert event["subject"] == subject
    assert event["happened_ms"] <= system_now_ms()


def test_a_run_that_does_not_end_is_none(local):
    run_id = local.run()
    local.post("/runs/update", run_id=run_id, run_name="other")
    local.post("/runs/update", run_id=run_id, status="SCHEDULED")
    local.post("/runs/update", run_id=run_id, status="FINISHED")
    local.post("/runs/update", run_id=run_id, status="FINISHED", end_time=5)
    assert kinds(local) == ["run.finished"]
    local.post("/runs/update", run_id=run_id, status="RUNNING")
    local.post("/runs/update", run_id=run_id, status="FAILED")
    assert kinds(local) == ["run.failed", "run.finished"]


def test_an_end_that_is_taken_back_is_no_event(local):
    run_id = local.run()
    update = {"run_id": run_id, "status": "FAILED", "run_name": "x" * 100_000}
    assert local.refused("/runs/update", **update)[0] == 400
    assert happened(local) == []


def test_events_come_in_pages_by_kind_and_since_when(local):
    for number in range(5):
        status = "FAILED" if number % 2 else "FINISHED"
        local.post("/runs/update", run_id=local.run(run_name=str(number)), status=status)
    assert kinds(local, kind="run.failed") == ["run.failed"] * 2
    assert len(happened(local, kind=["run.failed", "run.finished"])) == 5
    assert happened(local, since_ms=system_now_ms() + DAY_MS) == []
    first = good(local.ask("GET", EVENTS, params={"max_results": 2}))
    local.post("/runs/update", run_id=local.run(run_name="new"), status="KILLED")
    seen, token = [each["subject"]["run_name"] for each in first["events"]], first["next_page_token"]
    while token is not None:
        page = good(local.ask("GET", EVENTS, params={"max_results": 2, "page_token": token}))
        seen += [each["subject"]["run_name"] for each in page["events"]]
        token = page["next_page_token"]
    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"kind": "run.lost"}, "kind"),
        ({"max_results": 0}, "max_results"),
        ({"max_results": 1001}, "max_results"),
        ({"since_ms": "yesterday"}, "since_ms"),
        ({"page_token": "x"}, "page token"),
    ],
)
def test_a_question_that_can_not_be_is_refused_by_name(local, query, named):
    status, code, message = refusal(local.ask("GET", EVENTS, params=query))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert named in message


def stuck(local: Local, at_ms: int) -> list[tuple[str, int]]:
    """Which runs are told to be stuck at that time, after five seconds, and when they were last heard of."""
    before = len(happened(local))
    count = watching.note_silent_runs(local.stores, Settings(stuck_after_s=5), at_ms)
    told = happened(local)[: len(happened(local)) - before]
    assert count == len(told)
    return [(event["subject"]["run_name"], event["subject"]["heard_ms"]) for event in told]


def test_a_run_that_fell_silent_is_told_once_and_again_when_it_falls_silent_again(local):
    now_ms = system_now_ms()
    run_id = local.run(run_name="lost")
    assert stuck(local, now_ms) == []
    assert watching.note_silent_runs(local.stores, Settings(stuck_after_s=0), now_ms + DAY_MS) == 0
    assert stuck(local, now_ms + 5000) == []
    assert stuck(local, now_ms + 5001) == [("lost", now_ms)]
    assert stuck(local, now_ms + 6000) == []
    (event,) = happened(local)
    assert event["kind"] == "run.stuck"
    assert "Run 'lost' of workspace 'default' is said to be running" in event["message"]
    local.post("/runs/log-metric", run_id=run_id, key="loss", value=1.0, step=1, timestamp=now_ms)
    assert stuck(local, now_ms + 20_000) == []
    assert stuck(local, now_ms + 26_000) == [("lost", now_ms + 20_000)]


def test_all_runs_that_fell_silent_are_told_each_once_however_many_they_are(local, monkeypatch):
    """Though what was told of them is forgotten: the next look must not take them for new ones."""
    monkeypatch.setattr(watching, "NOTED_AT_ONCE", 2)
    monkeypatch.setattr(events, "KEPT_EVENTS", 1)
    now_ms = system_now_ms()
    names = [str(number) for number in range(5)]
    for name in names:
        local.run(run_name=name)
    assert stuck(local, now_ms) == []
    assert sorted(stuck(local, now_ms + 6000)) == [(name, now_ms) for name in names]
    assert events.forget_old(local.stores, now_ms + 40 * DAY_MS) == 0
    assert events.tell_new(local.stores, now_ms) == 5
    assert events.forget_old(local.stores, now_ms) == 4
    assert stuck(local, now_ms + 7000) == []


@pytest.mark.parametrize("timestamp", [1, 2**62])
def test_it_is_the_servers_clock_that_says_whether_a_run_is_silent(local, timestamp):
    """A client may give its points the times 1, 2, 3, or live in another century."""
    began_ms = system_now_ms()
    run_id = local.run(start_time=began_ms - DAY_MS, run_name="busy")
    for after_ms in range(0, 20_000, 4000):
        local.post("/runs/log-metric", run_id=run_id, key="loss", value=1.0, step=1, timestamp=timestamp)
        timestamp += 1
        assert stuck(local, began_ms + after_ms) == []
    assert stuck(local, began_ms + 22_000) == [("busy", began_ms + 16_000)]


def test_a_run_that_changes_in_any_way_is_not_silent(local):
    began_ms = system_now_ms()
    run_id = local.run()
    changes = [
        lambda: local.post("/runs/log-parameter", run_id=run_id, key="lr", value="0.1"),
        lambda: local.post("/runs/set-tag", run_id=run_id, key="epoch", value="3"),
        lambda: local.post("/runs/update", run_id=run_id, run_name="renamed"),
    ]
    for number, change in enumerate(changes):
        change()
        assert stuck(local, began_ms + 4000 * number) == []


def test_a_run_that_has_ended_or_lies_in_the_trash_is_not_silent(local):
    now_ms = system_now_ms()
    ended, deleted, again = (
        local.run(run_name="ended"),
        local.run(run_name="deleted"),
        local.run(run_name="again"),
    )
    assert stuck(local, now_ms) == []
    local.post("/runs/update", run_id=ended, status="FINISHED")
    local.post("/runs/delete", run_id=deleted)
    local.post("/runs/update", run_id=again, status="FINISHED")
    assert [name for name, _ in stuck(local, now_ms + DAY_MS)] == []
    local.post("/runs/update", run_id=again, status="RUNNING")
    assert [name for name, _ in stuck(local, now_ms + DAY_MS + 1)] == []
    assert stuck(local, now_ms + 2 * DAY_MS) == [("again", now_ms + DAY_MS + 1)]


def test_a_quota_that_is_nearly_reached_is_told_once_a_day(local):
    limit(local, max_runs=5, max_experiments=100)
    for _ in range(3):
        local.run()
    now_ms = system_now_ms() // DAY_MS * DAY_MS

    def noted(at_ms: int) -> int:
        standings = Standings().refresh(local.stores, local.settings)
        return watching.note_quotas(local.stores, standings, at_ms)

    assert noted(now_ms) == 0
    local.run()
    assert (noted(now_ms), noted(now_ms + 1000), noted(now_ms + DAY_MS)) == (1, 0, 1)
    event = happened(local)[0]
    assert (event["kind"], event["workspace"]) == ("quota.warning", "default")
    assert event["subject"] == {"quota": Limited.RUNS.value, "used": 4, "limit": 5}
    limit(local, max_runs=4)
    assert noted(now_ms + DAY_MS) == 1


def test_a_disk_that_is_nearly_full_is_told_once_a_day_to_administrators(local, monkeypatch):
    """The disk of a machine can't be filled for a test; how full it must be can be moved."""
    now_ms = system_now_ms() // DAY_MS * DAY_MS
    monkeypatch.setattr(watching, "LEAST_FREE_BYTES", 0)
    monkeypatch.setattr(watching, "MOST_FREE_BYTES", 0)
    assert watching.note_disk(local.stores, local.settings, now_ms) == 0
    monkeypatch.setattr(watching, "LEAST_FREE_BYTES", 2**62)
    noted = [watching.note_disk(local.stores, local.settings, now_ms + after) for after in (0, 1000, DAY_MS)]
    assert noted == [1, 0, 1]
    assert happened(local) == []
    event = happened(local, all_workspaces="true")[0]
    assert (event["kind"], event["workspace"]) == ("disk.warning", None)
    assert event["subject"]["free_bytes"] < event["subject"]["total_bytes"]


def test_each_event_is_written_to_the_log_once(local, caplog):
    local.post("/runs/update", run_id=local.run(run_name="good"), status="FINISHED")
    local.post("/runs/update", run_id=local.run(run_name="bad"), status="FAILED")
    with caplog.at_level(logging.INFO, logger="runyard.events"):
        assert events.tell_new(local.stores, system_now_ms()) == 2
        assert events.tell_new(local.stores, system_now_ms()) == 0
    lines = [json.loads(JsonLine().format(record)) for record in caplog.records]
    assert [(line["level"], line["event"], line["run_name"]) for line in lines] == [
        ("info", "run.finished", "good"),
        ("warning", "run.failed", "bad"),
    ]
    assert [line["event_number"] for line in lines] == [
        each["event_number"] for each in happened(local)[::-1]
    ]


def test_old_events_are_forgotten(local):
    local.post("/runs/update", run_id=local.run(), status="FINISHED")
    assert events.tell_new(local.stores, system_now_ms()) == 1
    assert events.forget_old(local.stores, system_now_ms()) == 0
    assert events.forget_old(local.stores, system_now_ms() + events.KEPT_MS + 1000) == 1
    assert happened(local) == []


def test_the_events_of_a_workspace_go_with_it(local):
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "gone"}))
    made = good(local.ask("POST", "/workspaces/gone/api/2.0/mlflow/runs/create", json={}))
    body = {"run_id": made["run"]["info"]["run_id"], "status": "FAILED"}
    good(local.ask("POST", "/workspaces/gone/api/2.0/mlflow/runs/update", json=body))
    assert kinds(local, all_workspaces="true") == ["run.failed"]
    until_done = {"is_done": False}
    while not until_done["is_done"]:
        until_done = good(local.ask("DELETE", "/api/v1/workspaces/gone", params={"confirm": "gone"}))
    assert kinds(local, all_workspaces="true") == []


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def test_readers_see_the_events_of_their_workspace_and_administrators_all(team):
    for workspace in ("alpha", "beta"):
        path = f"/workspaces/{workspace}/api/2.0/mlflow/runs"
        run = good(team.ask("POST", f"{path}/create", {"run_name": workspace}, key=team.admin_key))["run"]
        update = {"run_id": run["info"]["run_id"], "status": "FAILED"}
        good(team.ask("POST", f"{path}/update", update, key=team.admin_key))
    reader = team.key(Scope.READER, "alpha")
    own = good(team.ask("GET", f"/workspaces/alpha{EVENTS}", key=reader))["events"]
    assert [event["subject"]["run_name"] for event in own] == ["alpha"]
    assert team.ask("GET", f"/workspaces/beta{EVENTS}", key=reader).status_code == 403
    for path in (EVENTS, f"/workspaces/alpha{EVENTS}"):
        everything = {"all_workspaces": "true"}
        assert team.ask("GET", path, everything, key=reader).status_code == 403
        assert team.ask("GET", path, everything, key=team.key(Scope.OWNER)).status_code == 403
        told = good(team.ask("GET", path, everything, key=team.admin_key))["events"]
        assert [event["workspace"] for event in told] == ["beta", "alpha"]


def test_every_kind_of_event_has_a_noun_and_what_happened_to_it():
    assert all(kind.value.count(".") == 1 for kind in EventKind)
