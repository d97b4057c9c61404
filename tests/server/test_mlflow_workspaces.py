"""MLflow's calls about workspaces: the same workspaces, for who may."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.auth.permissions import Scope
from runyard.services import collection
from tests.server.local import Local, good, refusal
from tests.server.team import Team

BASE = "/api/3.0/mlflow/workspaces"
OWN = "/api/v1/workspaces"
# What lies in a workspace beside experiments and runs: how it is made, and how it is called.
HELD: list[tuple[str, dict[str, Any], str]] = [
    ("/api/2.0/mlflow/registered-models/create", {"name": "m"}, "registered models and prompts"),
    ("/api/3.0/mlflow/datasets/create", {"name": "d"}, "evaluation datasets"),
    (
        "/api/3.0/mlflow/traces",
        {
            "trace": {
                "trace_info": {
                    "trace_id": "tr-1",
                    "trace_location": {"mlflow_experiment": {"experiment_id": "0"}},
                }
            }
        },
        "traces",
    ),
    ("/api/v1/compute", {"name": "pool"}, "compute targets"),
    (
        "/api/v1/datastores",
        {"name": "images", "kind": "s3", "bucket": "my-bucket", "skip_validation": True},
        "datastores",
    ),
]


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def made(local: Local, name: str = "vision", **fields: object) -> Any:
    answer = local.ask("POST", BASE, json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["workspace"]


def names(answer) -> list[str]:
    return [workspace["name"] for workspace in good(answer).get("workspaces", [])]


def test_a_workspace_of_mlflows_is_one_of_runyards(local: Local):
    assert made(local, description="Images") == {"name": "vision", "description": "Images"}
    own = good(local.ask("GET", f"{OWN}/vision"))["workspace"]
    assert (own["description"], own["experiment_count"]) == ("Images", 1)
    good(local.ask("POST", OWN, json={"name": "nlp"}))
    assert names(local.ask("GET", BASE)) == ["default", "nlp", "vision"]
    assert good(local.ask("GET", f"{BASE}/nlp")) == {"workspace": {"name": "nlp"}}
    assert good(local.ask("GET", "/ajax-api/3.0/mlflow/workspaces/vision"))["workspace"]["name"] == "vision"


def test_a_description_is_changed_and_cleared(local: Local):
    made(local)
    changed = good(local.ask("PATCH", f"{BASE}/vision", json={"description": "Texts"}))
    assert changed == {"workspace": {"name": "vision", "description": "Texts"}}
    kept = good(local.ask("PATCH", f"{BASE}/vision", json={"default_artifact_root": ""}))
    assert kept == changed
    cleared = good(local.ask("PATCH", f"{BASE}/vision", json={"description": ""}))
    assert cleared == {"workspace": {"name": "vision", "description": ""}}
    assert made(local, "nlp", description="") == {"name": "nlp", "description": ""}
    made(local, "bare")
    # An empty one stays one, as its reader was told; where none was ever said, there is none.
    empty = [{"name": name, "description": ""} for name in ("nlp", "vision")]
    assert [good(local.ask("GET", f"{BASE}/{name}"))["workspace"] for name in ("nlp", "vision")] == empty
    listed = good(local.ask("GET", BASE))["workspaces"]
    assert listed == [{"name": "bare"}, {"name": "default"}, *empty]
    assert good(local.ask("GET", f"{OWN}/bare"))["workspace"]["description"] == ""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "default"}, "The 'default' workspace is reserved and cannot be created"),
        ({"name": "a"}, "must be between 2 and 63 characters"),
        ({"name": "a" * 64}, "must be between 2 and 63 characters"),
        ({"name": "a-"}, "must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        ({"name": "Vision"}, "must match the pattern"),
        ({"name": "ajax-api"}, "is reserved and cannot be used"),
        ({"description": "x"}, "Missing value for required parameter 'name'"),
        ({"name": "nlp", "description": 3}, "for parameter 'description' supplied"),
        ({"name": "nlp", "description": "x" * 65_536}, "'description' exceeds the maximum length"),
        ({"name": "nlp", "default_artifact_root": "s3://b"}, "'default_artifact_root' can't be set"),
        (
            {"name": "nlp", "trace_archival_config": {"location": "s3://b"}},
            "'trace_archival_config.location' can't be set",
        ),
        (
            {"name": "nlp", "trace_archival_config": {"retention": "30d"}},
            "'trace_archival_config.retention' can't be set",
        ),
        ({"name": "nlp", "trace_archival_config": 3}, "for parameter 'trace_archival_config' supplied"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(local: Local, body: dict, told: str):
    status, code, message = refusal(local.ask("POST", BASE, json=body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert told in message
    assert names(local.ask("GET", BASE)) == ["default"]


def test_a_change_of_nothing_and_of_nobody_is_refused(local: Local):
    made(local)
    assert refusal(local.ask("POST", BASE, json={"name": "vision"}))[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert "at least one key" in refusal(local.ask("PATCH", f"{BASE}/vision", json={}))[2]
    refused = refusal(local.ask("PATCH", f"{BASE}/vision", json={"default_artifact_root": "/mnt"}))
    assert "'default_artifact_root' can't be set" in refused[2]
    for method in ("GET", "PATCH", "DELETE"):
        sent = {"json": {"description": "x"}} if method == "PATCH" else {}
        refused = refusal(local.ask(method, f"{BASE}/nowhere", **sent))
        assert refused == (404, "RESOURCE_DOES_NOT_EXIST", "Workspace 'nowhere' not found")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Bad_Name", "must match the pattern"),
        ("b", "must be between 2 and 63 characters"),
        ("api", "is reserved and cannot be used"),
    ],
)
def test_a_name_that_no_workspace_can_bear_is_told_of(local: Local, name: str, told: str):
    for method in ("GET", "PATCH", "DELETE"):
        sent = {"json": {"description": "x"}} if method == "PATCH" else {}
        status, code, message = refusal(local.ask(method, f"{BASE}/{name}", **sent))
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert told in message
    listed = local.ask("GET", "/api/2.0/mlflow/experiments/search", headers={"X-MLFLOW-WORKSPACE": name})
    assert refusal(listed)[0] == 400
    own = local.ask("GET", f"/workspaces/{name}/api/2.0/mlflow/experiments/search")
    assert refusal(own)[0] == 404


def test_a_workspace_of_a_shorter_name_is_found(local: Local):
    good(local.ask("POST", OWN, json={"name": "b"}))
    assert good(local.ask("GET", f"{BASE}/b")) == {"workspace": {"name": "b"}}


def test_only_an_empty_workspace_is_deleted_unless_all_is_meant(local: Local):
    made(local)
    local.prefix = "/workspaces/vision"
    local.run()
    experiment_id = local.experiment()
    local.post("/experiments/delete", experiment_id=experiment_id)
    local.prefix = ""
    status, code, message = refusal(local.ask("DELETE", f"{BASE}/vision"))
    assert (status, code) == (400, "INVALID_STATE")
    assert "still contains 1 experiments, 1 runs" in message
    moved = local.ask("DELETE", f"{BASE}/vision?mode=SET_DEFAULT")
    assert (moved.status_code, moved.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert (
        "Must be one of: RESTRICT, CASCADE, SET_DEFAULT"
        in refusal(local.ask("DELETE", f"{BASE}/vision?mode=all"))[2]
    )
    local.prefix = "/workspaces/vision"
    assert local.get("/experiments/get", experiment_id=experiment_id)["experiment"]["name"] == "training"
    local.prefix = ""
    deleted = local.ask("DELETE", f"{BASE}/vision?mode=CASCADE")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert names(local.ask("GET", BASE)) == ["default"]
    made(local)
    assert local.ask("DELETE", f"{BASE}/vision").status_code == 204


@pytest.mark.parametrize(("path", "body", "held"), HELD)
def test_what_lies_in_it_keeps_a_workspace(local: Local, path: str, body: dict, held: str):
    made(local)
    good(local.ask("POST", f"/workspaces/vision{path}", json=body))
    told = refusal(local.ask("DELETE", f"{BASE}/vision"))
    assert told[1] == "INVALID_STATE"
    assert f"1 {held}" in told[2]
    assert local.ask("DELETE", f"{BASE}/vision?mode=CASCADE").status_code == 204


def test_the_servers_own_workspace_stays(local: Local):
    for mode in ("RESTRICT", "CASCADE"):
        refused = refusal(local.ask("DELETE", f"{BASE}/default?mode={mode}"))
        told = "The 'default' workspace is reserved and cannot be deleted"
        assert refused == (400, "INVALID_PARAMETER_VALUE", told)


def test_a_deletion_that_takes_too_long_goes_on_with_the_same_call(local: Local, monkeypatch):
    made(local)
    local.prefix = "/workspaces/vision"
    for _ in range(3):
        local.run()
    for path, body, _ in HELD:
        good(local.ask("POST", path, json=body))
    local.prefix = ""
    monkeypatch.setattr("runyard.services.workspaces.WORKSPACE_DELETED_WITHIN_S", -1.0)
    monkeypatch.setattr(collection, "WORKS_FOR_S", -1.0)
    monkeypatch.setattr(collection, "ITEMS_AT_ONCE", 1)
    answers = [local.ask("DELETE", f"{BASE}/vision?mode=CASCADE").status_code for _ in range(40)]
    assert answers[0] == 503
    assert answers.index(204) < len(answers) - 1
    assert answers[-1] == 404


def test_the_servers_info_is_told_whatever_workspace_is_named(team: Team):
    key = team.key(Scope.READER, "beta")
    for headers in ({}, {"X-MLFLOW-WORKSPACE": "nowhere"}, {"X-MLFLOW-WORKSPACE": "beta"}):
        told = team.ask("GET", "/api/3.0/mlflow/server-info", key=key, headers=headers)
        assert good(told)["workspaces_enabled"] is True
    assert team.ask("GET", "/api/3.0/mlflow/server-info").status_code == 401


def test_roles_say_who_sees_and_changes_a_workspace(team: Team):
    keys = {name: team.person(name) for name in ("rae", "odo", "nan")}
    team.grant("rae", "reader", "alpha")
    team.grant("odo", "owner", "alpha")
    seen = {name: names(team.ask("GET", BASE, key=key)) for name, key in keys.items()}
    assert seen == {"rae": ["alpha"], "odo": ["alpha"], "nan": []}
    assert [team.ask("GET", f"{BASE}/alpha", key=keys[who]).status_code for who in keys] == [200, 200, 403]
    text = {"description": "by the owner"}
    assert [team.ask("PATCH", f"{BASE}/alpha", text, key=keys[who]).status_code for who in keys] == [
        403,
        200,
        403,
    ]
    assert team.ask("PATCH", f"{BASE}/beta", text, key=keys["odo"]).status_code == 403
    for method, path in (("POST", BASE), ("DELETE", f"{BASE}/alpha")):
        assert team.ask(method, path, {"name": "gamma"}, key=keys["odo"]).status_code == 403
    hidden, none = (team.ask("GET", f"{BASE}/{name}", key=keys["odo"]) for name in ("beta", "nowhere"))
    assert (hidden.status_code, hidden.text) == (403, none.text)


def test_a_role_in_one_experiment_shows_its_workspace(team: Team):
    made = team.ask(
        "POST", "/workspaces/alpha/api/2.0/mlflow/experiments/create", {"name": "x"}, key=team.admin_key
    )
    key = team.person("eve")
    team.grant("eve", "contributor", "alpha", made.json()["experiment_id"])
    assert names(team.ask("GET", BASE, key=key)) == ["alpha"]
    assert good(team.ask("GET", f"{BASE}/alpha", key=key))["workspace"] == {"name": "alpha"}
    assert team.ask("PATCH", f"{BASE}/alpha", {"description": "x"}, key=key).status_code == 403


def test_the_audit_log_tells_who_changed_which_workspace(team: Team):
    team.ask("PATCH", f"{BASE}/alpha", {"description": "secret words"}, key=team.admin_key).raise_for_status()
    team.ask("DELETE", f"{BASE}/beta", key=team.admin_key).raise_for_status()
    entries = team.ask("GET", "/api/v1/audit", key=team.admin_key).json()["entries"]
    told = {entry["action"]: entry for entry in entries}
    assert told["workspaces.update_mlflow_workspace"]["workspace"] == "alpha"
    assert "beta" in str(told["workspaces.delete_mlflow_workspace"]["target"])
    assert "secret words" not in str(entries)
