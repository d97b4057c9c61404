"""Retention rules over HTTP: set, listed and removed, what a collection by them takes, and who may."""

from __future__ import annotations

import pytest

from runyard.auth.permissions import Scope
from runyard.services.call import system_now_ms
from tests.server.local import Local, good, refusal
from tests.server.team import Team
from tests.server.trashed import collect, full_run, in_trash, ours

RULES = "/api/v1/retention-rules"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def set_rule(local: Local, **rule):
    return good(local.ask("POST", RULES, json=rule))["rule"]


def listed(local: Local) -> list[tuple[str | None, float, int, bool]]:
    rules = good(local.ask("GET", RULES))["rules"]
    return [
        (rule["experiment_id"], rule["older_than_s"], rule["keep_last"], rule["untagged"]) for rule in rules
    ]


def deleted_runs(local: Local, experiment_id: str, count: int) -> list[str]:
    """Return runs in the trash, the first one started first."""
    run_ids = [local.run(experiment_id, start_time=number) for number in range(count)]
    ours(local, "runs/delete", run_ids=run_ids)
    return run_ids


def test_a_rule_is_set_changed_listed_and_removed(local):
    experiment_id = local.experiment()
    assert set_rule(local, older_than_s=2.5, keep_last=7)["experiment_id"] is None
    set_rule(local, experiment_id=experiment_id, untagged=True)
    set_rule(local, experiment_id="0", keep_last=1)
    set_rule(local, keep_last=8)
    own = [("0", 0.0, 1, False), (experiment_id, 0.0, 0, True)]
    assert listed(local) == [(None, 0.0, 8, False), *own]
    good(local.ask("DELETE", RULES))
    assert listed(local) == own
    assert refusal(local.ask("DELETE", RULES))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    good(local.ask("DELETE", RULES, params={"experiment_id": experiment_id}))
    assert listed(local) == own[:1]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"older_than_s": -1}, "older_than_s"),
        ({"older_than_s": 1e11}, "older_than_s"),
        ({"keep_last": -1}, "keep_last"),
        ({"keep_last": 10**7}, "keep_last"),
        ({"experiment_id": "x"}, "experiment"),
        ({"untagged": "maybe"}, "untagged"),
    ],
)
def test_a_rule_that_can_not_be_is_refused_by_name(local, rule, named):
    status, _, message = refusal(local.ask("POST", RULES, json=rule))
    assert status == 400
    assert named in message.lower()
    assert listed(local) == []


def test_a_rule_of_an_experiment_that_is_not_there_is_refused(local):
    assert refusal(local.ask("POST", RULES, json={"experiment_id": "99"}))[0] == 404


def test_an_experiment_goes_by_its_own_rule_and_all_others_by_the_workspaces(local):
    own, other = local.experiment("own"), local.experiment("other")
    kept, gone = deleted_runs(local, own, 3), deleted_runs(local, other, 3)
    set_rule(local, keep_last=1)
    set_rule(local, experiment_id=own, keep_last=2)
    announced = collect(local, by_rules=True, dry_run=True)
    assert announced["runs"] == 3
    assert collect(local, by_rules=True) == announced
    assert sorted(in_trash(local)) == sorted(("run", each) for each in (*kept[1:], gone[2]))
    assert collect(local, by_rules=True)["runs"] == 0


def test_without_a_rule_nothing_goes(local):
    own, other = local.experiment("own"), local.experiment("other")
    deleted_runs(local, own, 1)
    (left,) = deleted_runs(local, other, 1)
    assert collect(local, by_rules=True)["runs"] == 0
    set_rule(local, experiment_id=own)
    assert collect(local, by_rules=True)["runs"] == 1
    assert in_trash(local) == [("run", left)]


def test_a_rule_waits_until_its_age_has_come(local):
    deleted_runs(local, "0", 1)
    set_rule(local, older_than_s=3600)
    assert collect(local, by_rules=True)["runs"] == 0
    as_in_an_hour = {"by_rules": True, "deleted_before_ms": system_now_ms() + 3_600_001}
    assert collect(local, **as_in_an_hour)["runs"] == 1


def test_what_is_not_in_the_trash_no_rule_touches(local):
    run_id = full_run(local)
    set_rule(local)
    set_rule(local, experiment_id="0")
    assert sum(collect(local, by_rules=True).values()) == 0
    assert local.read_run(run_id)["info"]["lifecycle_stage"] == "active"


def test_what_was_begun_and_never_ended_is_announced_once(local):
    for name in ("a", "b"):
        set_rule(local, experiment_id=local.experiment(name))
    (run_id,) = deleted_runs(local, "0", 1)
    begin = "UPDATE runs SET lifecycle_stage = 'removed' WHERE run_id = "
    with local.stores.database.writing() as connection:
        connection.exec_driver_sql(f"{begin}'{run_id}'")
    announced = collect(local, by_rules=True, dry_run=True)
    assert announced["runs"] == 1
    assert collect(local, by_rules=True) == announced


def test_the_rule_of_an_experiment_goes_with_it(local):
    experiment_id = local.experiment()
    full_run(local, experiment_id)
    set_rule(local, experiment_id=experiment_id)
    local.post("/experiments/delete", experiment_id=experiment_id)
    announced = collect(local, by_rules=True, dry_run=True)
    assert (announced["experiments"], announced["runs"], announced["datasets"]) == (1, 1, 1)
    assert collect(local, by_rules=True) == announced
    assert listed(local) == []


@pytest.mark.parametrize(
    "beside", [{"keep_last": 1}, {"untagged": True}, {"older_than_s": 1}, {"run_ids": ["a"]}]
)
def test_the_stored_rules_go_with_no_others(local, beside):
    status, _, message = refusal(
        local.ask("POST", "/api/v1/trash/collect", json={"by_rules": True, **beside})
    )
    assert status == 400
    assert "by_rules" in message


def test_readers_list_rules_and_owners_change_them(tmp_path):
    team = Team(tmp_path / "home")
    rules = f"/workspaces/beta{RULES}"
    reader, contributor = team.key(Scope.READER, "beta"), team.key(Scope.CONTRIBUTOR, "beta")
    owner = team.key(Scope.OWNER, "beta")
    for key in (reader, contributor):
        assert team.ask("POST", rules, {"keep_last": 1}, key=key).status_code == 403
        assert team.ask("DELETE", rules, key=key).status_code == 403
    assert team.ask("POST", rules, {"keep_last": 1}, key=owner).status_code == 200
    assert len(team.ask("GET", rules, key=reader).json()["rules"]) == 1
    assert team.ask("DELETE", "/workspaces/alpha/api/v1/retention-rules", key=owner).status_code == 403
    delete = "/api/v1/workspaces/beta"
    while not team.ask("DELETE", delete, {"confirm": "beta"}, key=team.admin_key).json()["is_done"]:
        pass
    assert team.stores.metadata.retention_rules.list_rules("beta") == []
    team.close()
