"""Workspaces: how they are made and listed, and that nothing of one is seen in another."""

from __future__ import annotations

import pytest

from tests.server.local import BASE, Local, good, refusal

WORKSPACES = "/api/v1/workspaces"
AZURE = (
    "/mlflow/{}/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard"
    "/providers/Microsoft.MachineLearningServices/workspaces/vision"
)
ADDRESSES = ["/workspaces/vision", AZURE.format("v1.0"), AZURE.format("v2.0")]
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture
def vision(local: Local) -> Local:
    """A server with a second workspace."""
    made = {"name": "vision", "description": "Images", "tags": {"team": "a"}}
    good(local.ask("POST", WORKSPACES, json=made))
    return local


def test_a_workspace_is_listed_as_it_was_made(vision: Local):
    workspaces = good(vision.ask("GET", WORKSPACES))["workspaces"]
    assert [workspace["name"] for workspace in workspaces] == ["default", "vision"]
    assert [workspace["is_default"] for workspace in workspaces] == [True, False]
    assert isinstance(workspaces[1].pop("created_ms"), int)
    assert workspaces[1] == {
        "name": "vision",
        "description": "Images",
        "tags": {"team": "a"},
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "resource_group": "runyard",
        "experiment_count": 1,
        "run_count": 0,
        "is_default": False,
    }
    got = good(vision.ask("GET", f"{WORKSPACES}/vision"))["workspace"]
    assert got.items() >= workspaces[1].items()


def test_a_workspace_counts_what_it_holds(vision: Local):
    vision.prefix = "/workspaces/vision"
    vision.run(vision.experiment())
    vision.prefix = ""
    workspace = good(vision.ask("GET", f"{WORKSPACES}/vision"))["workspace"]
    assert (workspace["experiment_count"], workspace["run_count"]) == (2, 1)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"name": "vision"}, "RESOURCE_ALREADY_EXISTS", "Workspace 'vision' already exists."),
        ({}, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'."),
        ({"name": "Vision"}, "INVALID_PARAMETER_VALUE", "for parameter 'name' supplied"),
        ({"name": "a/b"}, "INVALID_PARAMETER_VALUE", "for parameter 'name' supplied"),
        ({"name": "a" * 64}, "INVALID_PARAMETER_VALUE", "for parameter 'name' supplied"),
        ({"name": "a", "tags": []}, "INVALID_PARAMETER_VALUE", "for parameter 'tags' supplied"),
        ({"name": "a", "tags": {"a$": "b"}}, "INVALID_PARAMETER_VALUE", "for parameter 'key' supplied"),
        ({"name": "a", "description": "x" * 65_536}, "INVALID_PARAMETER_VALUE", "'description' exceeds"),
    ],
)
def test_a_bad_workspace_is_refused_by_its_field(vision: Local, body: dict, code: str, message: str):
    refused = refusal(vision.ask("POST", WORKSPACES, json=body))
    assert refused[:2] == (400, code)
    assert message in refused[2]
    assert len(good(vision.ask("GET", WORKSPACES))["workspaces"]) == 2


@pytest.mark.parametrize("prefix", ADDRESSES)
def test_all_addresses_of_a_workspace_reach_it(vision: Local, prefix: str):
    vision.prefix = prefix
    run_id = vision.run(vision.experiment("seen from all"))
    for address in ADDRESSES:
        vision.prefix = address
        assert vision.read_run(run_id)["info"]["run_id"] == run_id
        assert good(vision.ask("GET", "/api/v1/server"))["workspace"] == "vision"
        assert vision.ask("GET", "/health").text == "OK"
    vision.prefix = ""
    by_header = vision.ask(
        "GET", f"{BASE}/runs/get", {"X-MLFLOW-WORKSPACE": "vision"}, params={"run_id": run_id}
    )
    assert good(by_header)["run"]["info"]["run_id"] == run_id


@pytest.mark.parametrize("prefix", ADDRESSES)
def test_a_header_that_contradicts_the_address_is_refused(vision: Local, prefix: str):
    asked = prefix + BASE + "/experiments/get?experiment_id=0"
    status, code, message = refusal(vision.ask("GET", asked, {"X-MLFLOW-WORKSPACE": "default"}))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "names workspace 'vision', the header X-MLFLOW-WORKSPACE 'default'" in message
    assert good(vision.ask("GET", asked, {"X-MLFLOW-WORKSPACE": "vision"}))


@pytest.mark.parametrize("headers", [{}, {"X-MLFLOW-WORKSPACE": "nowhere"}])
def test_an_unknown_workspace_is_not_found(local: Local, headers: dict):
    local.prefix = "" if headers else "/workspaces/nowhere"
    refused = (404, NOT_FOUND, "Workspace 'nowhere' not found")
    assert refusal(local.ask("GET", BASE + "/experiments/get?experiment_id=0", headers)) == refused
    assert refusal(local.ask("GET", f"{WORKSPACES}/nowhere", headers)) == refused


def test_zero_names_the_default_experiment_of_each_workspace(vision: Local):
    vision.prefix = "/workspaces/vision"
    experiment = vision.get("/experiments/get", experiment_id="0")["experiment"]
    assert (experiment["name"], experiment["workspace"]) == ("Default", "vision")
    assert experiment["experiment_id"] != "0"
    run_id = vision.run("0")
    info = vision.read_run(run_id)["info"]
    assert info["experiment_id"] == experiment["experiment_id"]
    assert vision.post("/runs/search", experiment_ids=["0"])["runs"][0]["info"]["run_id"] == run_id


def test_nothing_of_one_workspace_is_seen_or_changed_from_another(vision: Local):
    vision.prefix = "/workspaces/vision"
    experiment_id = vision.experiment("secret")
    run_id = vision.run(experiment_id)
    vision.post("/runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    before = vision.read_run(run_id)
    vision.prefix = ""
    for asked in (
        vision.refused_get("/experiments/get", experiment_id=experiment_id),
        vision.refused_get("/experiments/get-by-name", experiment_name="secret"),
        vision.refused_get("/runs/get", run_id=run_id),
        vision.refused("/experiments/delete", experiment_id=experiment_id),
        vision.refused("/experiments/update", experiment_id=experiment_id, new_name="x"),
        vision.refused("/runs/create", experiment_id=experiment_id),
        vision.refused("/runs/delete", run_id=run_id),
        vision.refused("/runs/update", run_id=run_id, status="FAILED"),
        vision.refused("/runs/log-metric", run_id=run_id, key="m", value=2, timestamp=2),
        vision.refused("/runs/set-tag", run_id=run_id, key="a", value="b"),
        refusal(vision.ask("POST", "/api/v1/series", json={"run_ids": [run_id], "keys": ["m"]})),
    ):
        assert asked[:2] == (404, NOT_FOUND)
    assert vision.post("/runs/search", experiment_ids=[experiment_id]) == {}
    history = vision.ask("GET", f"{BASE}/metrics/get-history", params={"run_id": run_id, "metric_key": "m"})
    assert '"value"' not in history.text
    found = vision.post("/experiments/search", max_results=10, view_type="ALL")["experiments"]
    assert [experiment["name"] for experiment in found] == ["Default"]
    assert vision.experiment("secret") != experiment_id
    vision.prefix = "/workspaces/vision"
    assert vision.read_run(run_id) == before
