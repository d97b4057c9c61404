"""Deletion over HTTP: the trash and back, parts of runs, collections, whole workspaces, and who may."""

from __future__ import annotations

import pytest

from runyard.auth.permissions import Scope
from tests.server.local import good, pairs, refusal
from tests.server.team import Team
from tests.server.trashed import collect, files, full_run, in_trash, ours

# --- MLflow's answers ---------------------------------------------------------------------------------------


def test_a_deleted_name_is_taken_until_it_is_collected(local):
    experiment_id = local.experiment("taken")
    local.post("/experiments/delete", experiment_id=experiment_id)
    status, code, message = local.refused("/experiments/create", name="taken")
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "Restore it" in message
    found = local.get("/experiments/get-by-name", experiment_name="taken")["experiment"]
    assert found["lifecycle_stage"] == "deleted"
    assert collect(local)["experiments"] == 1
    assert local.refused_get("/experiments/get-by-name", experiment_name="taken")[0] == 404
    assert int(local.experiment("taken")) > int(experiment_id)


def test_a_name_is_free_at_once_where_it_is_to_be_reused(local):
    first = local.experiment("again")
    (moved,) = ours(local, "experiments/delete", experiment_ids=[first], reuse_name=True)["experiments"]
    assert moved == {"experiment_id": first, "name": f"again (deleted, experiment {first})"}
    second = local.experiment("again")
    assert second != first
    back = ours(local, "experiments/restore", experiment_ids=[first])["experiments"]
    assert back == [moved]
    body = {"experiment_ids": [first], "new_name": "again"}
    assert (
        refusal(local.ask("POST", "/api/v1/experiments/restore", json=body))[1] == "RESOURCE_ALREADY_EXISTS"
    )
    body["new_name"] = "old"
    assert ours(local, "experiments/restore", **body)["experiments"][0]["name"] == "old"


def test_the_name_of_an_experiment_in_the_trash_is_freed_later_too(local):
    first = local.experiment("x" * 500)
    local.post("/experiments/delete", experiment_id=first)
    for _ in range(2):
        ours(local, "experiments/delete", experiment_ids=[first], reuse_name=True)
    local.experiment("x" * 500)


# --- the trash ----------------------------------------------------------------------------------------------


def test_runs_go_to_the_trash_and_back_by_ids_and_by_a_search(local):
    experiment_id = local.experiment()
    run_ids = [local.run(experiment_id) for _ in range(4)]
    for number, run_id in enumerate(run_ids):
        local.post("/runs/log-parameter", run_id=run_id, key="n", value=str(number))
    search = {"experiment_ids": [experiment_id], "filter": "params.n != '0' and params.n != '3'"}
    would = ours(local, "runs/delete", dry_run=True, **search)["run_ids"]
    assert in_trash(local) == []
    assert sorted(ours(local, "runs/delete", **search)["run_ids"]) == sorted(would) == sorted(run_ids[1:3])
    assert ours(local, "runs/delete", **search)["run_ids"] == []
    assert sorted(in_trash(local)) == sorted(("run", run_id) for run_id in run_ids[1:3])
    assert ours(local, "runs/restore", run_ids=run_ids)["run_ids"] == sorted(would, key=run_ids.index)
    assert in_trash(local) == []


def test_an_unknown_run_moves_none_of_its_neighbours(local):
    run_id = local.run()
    for act in ("delete", "restore", "remove-parts"):
        body = {"run_ids": [run_id, "nope"], "tag_keys": ["a"]}
        status, _, message = refusal(local.ask("POST", f"/api/v1/runs/{act}", json=body))
        assert status == 404
        assert "nope" in message
    assert in_trash(local) == []


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("runs/delete", {}, "run_ids"),
        ("runs/delete", {"run_ids": ["a"], "experiment_ids": ["0"]}, "run_ids"),
        ("runs/delete", {"run_ids": ["a"], "filter": "params.a = 'b'"}, "filter"),
        ("runs/delete", {"run_ids": ["a"] * 10_001}, "10000"),
        ("runs/delete", {"experiment_ids": ["0"], "filter": "nonsense"}, "nonsense"),
        ("runs/remove-parts", {"run_ids": ["a"]}, "metrics"),
        ("runs/remove-parts", {"run_ids": ["a"], "artifact_paths": ["../x"]}, "path"),
        ("runs/remove-parts", {"run_ids": ["a"], "tag_keys": ["a"] * 1001}, "tags"),
        ("experiments/delete", {"experiment_ids": []}, "experiment_ids"),
        ("experiments/delete", {"experiment_ids": ["x"]}, "experiment"),
        ("experiments/restore", {"experiment_ids": ["0", "0"], "new_name": "n"}, "new_name"),
        ("trash/collect", {"older_than_s": -1}, "older_than_s"),
        ("trash/collect", {"older_than_s": 1e300}, "older_than_s"),
        ("trash/collect", {"keep_last": -1}, "keep_last"),
        ("trash/collect", {"offset": -1}, "offset"),
        ("trash/collect", {"run_ids": ["a"] * 1001}, "run_ids"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_name(local, path, body, named):
    status, code, message = refusal(local.ask("POST", f"/api/v1/{path}", json=body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert named in message


def test_a_logged_model_comes_back_from_the_trash(local):
    model = local.post("/logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    ours(local, "logged-models/delete", model_ids=[model])
    assert in_trash(local) == [("logged_model", model)]
    ours(local, "logged-models/restore", model_ids=[model])
    assert local.get(f"/logged-models/{model}")["model"]["info"]["model_id"] == model
    ours(local, "logged-models/delete", model_ids=[model])
    assert collect(local)["logged_models"] == 1
    body = {"model_ids": [model]}
    assert refusal(local.ask("POST", "/api/v1/logged-models/restore", json=body))[0] == 404


# --- parts of runs ------------------------------------------------------------------------------------------


def test_parts_of_a_run_go_one_by_one(local):
    run_id = full_run(local)
    removed = {
        part: good(local.ask("DELETE", f"/api/v1/runs/{run_id}/{part}"))
        for part in ("metrics/val/acc", "params/alpha", "tags/alpha", "artifacts/model", "artifacts/plot.png")
    }
    assert removed["metrics/val/acc"]["metric_points"] == 300
    assert removed["artifacts/model"]["artifact_bytes"] == 1000
    run = local.read_run(run_id)
    assert [metric["key"] for metric in run["data"]["metrics"]] == ["loss"]
    assert "params" not in run["data"] or pairs(run["data"]["params"]) == {}
    assert "alpha" not in pairs(run["data"]["tags"])
    assert files(local) == []
    for part in removed:
        assert refusal(local.ask("DELETE", f"/api/v1/runs/{run_id}/{part}"))[0] == 404


def test_parts_of_many_runs_go_at_once_after_a_look(local):
    experiment_id = local.experiment()
    run_ids = [full_run(local, experiment_id, points=10) for _ in range(3)]
    bare = local.run(experiment_id)
    asked = {
        "experiment_ids": [experiment_id],
        "metric_keys": ["loss", "none"],
        "param_keys": ["alpha"],
        "artifact_paths": ["model"],
    }
    would = ours(local, "runs/remove-parts", dry_run=True, **asked)
    assert would["runs"] == 3
    assert [len(local.read_run(run_id)["data"]["metrics"]) for run_id in run_ids] == [2, 2, 2]
    assert len(files(local)) == 6
    assert ours(local, "runs/remove-parts", **asked) == would
    assert (would["metric_points"], would["params"], would["artifact_files"]) == (30, 3, 3)
    assert ours(local, "runs/remove-parts", **asked)["runs"] == 0
    assert [len(local.read_run(run_id)["data"]["metrics"]) for run_id in run_ids] == [1, 1, 1]
    assert local.read_run(bare)["info"]["run_id"] == bare


def test_the_artifacts_of_a_run_go_but_for_what_others_keep_there(local):
    run_id = full_run(local)
    folder = local.read_run(run_id)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    nested = local.experiment("nested", artifact_location=f"{folder}/model/others")
    other = full_run(local, nested)
    removed = good(local.ask("DELETE", f"/api/v1/runs/{run_id}/artifacts/model"))
    assert removed["artifact_files"] == 1
    assert len([name for name in files(local) if other in name]) == 2


def test_a_dataset_goes_from_all_runs_that_read_it(local):
    experiment_id = local.experiment()
    run_ids = [full_run(local, experiment_id, points=1) for _ in range(2)]
    assert ours(local, "datasets/remove", experiment_id=experiment_id, name="iris")["database_bytes"] > 0
    assert all("dataset_inputs" not in local.read_run(run_id)["inputs"] for run_id in run_ids)
    body = {"experiment_id": experiment_id, "name": "iris"}
    assert refusal(local.ask("POST", "/api/v1/datasets/remove", json=body))[0] == 404


# --- workspaces, and who may --------------------------------------------------------------------------------


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def test_a_workspace_goes_with_all_that_it_holds(team):
    key = team.key(Scope.OWNER, "beta")
    base = "/workspaces/beta/api/2.0/mlflow"
    made = team.ask("POST", f"{base}/experiments/create", {"name": "e"}, key=team.admin_key).json()
    run = team.ask("POST", f"{base}/runs/create", made, key=key).json()["run"]["info"]
    path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    put = "/workspaces/beta/api/2.0/mlflow-artifacts/artifacts"
    for name in (f"{path}/a.bin", "loose.bin"):
        team.ask("PUT", f"{put}/{name}", b"12345", key=key).raise_for_status()
    delete = "/api/v1/workspaces/beta"
    assert team.ask("DELETE", delete, {"confirm": "beta"}, key=key).status_code == 403
    assert team.ask("DELETE", delete, {"confirm": "alpha"}, key=team.admin_key).status_code == 400
    would = team.ask("DELETE", delete, {"dry_run": "true"}, key=team.admin_key).json()
    assert (would["experiments"], would["runs"], would["artifact_bytes"]) == (2, 1, 10)
    steps = [team.ask("DELETE", delete, {"confirm": "beta"}, key=team.admin_key).json()]
    while not steps[-1]["is_done"]:
        steps.append(team.ask("DELETE", delete, {"confirm": "beta"}, key=team.admin_key).json())
    assert len({step["deleted_before_ms"] for step in steps}) == 1
    for name in ("experiments", "runs", "metric_bytes", "other_bytes", "artifact_files", "artifact_bytes"):
        assert sum(step[name] for step in steps) == would[name]
    assert not (team.settings.artifact_root / "beta").exists()
    assert team.ask("DELETE", delete, {"confirm": "beta"}, key=team.admin_key).status_code == 404
    assert (
        team.ask(
            "DELETE", "/api/v1/workspaces/default", {"confirm": "default"}, key=team.admin_key
        ).status_code
        == 400
    )
    team.ask("POST", "/api/v1/workspaces", {"name": "beta"}, key=team.admin_key).raise_for_status()
    found = team.ask("GET", delete, key=team.admin_key).json()["workspace"]
    assert (found["experiment_count"], found["run_count"]) == (1, 0)


def test_contributors_move_to_the_trash_and_owners_take_away(team):
    key = team.key(Scope.CONTRIBUTOR, "beta")
    base = "/workspaces/beta/api/v1"
    made = {"experiment_id": "0"}
    run = team.ask("POST", "/workspaces/beta/api/2.0/mlflow/runs/create", made, key=key).json()["run"]["info"]
    chosen = {"run_ids": [run["run_id"]]}
    assert team.ask("POST", f"{base}/runs/delete", chosen, key=key).status_code == 200
    for path, body in (("trash/collect", {}), ("runs/remove-parts", {**chosen, "tag_keys": ["a"]})):
        assert team.ask("POST", f"{base}/{path}", body, key=key).status_code == 403
    assert team.ask("DELETE", f"{base}/runs/{run['run_id']}/tags/mlflow.runName", key=key).status_code == 403
    freed = team.ask("POST", f"{base}/trash/collect", {}, key=team.key(Scope.OWNER, "beta")).json()
    assert freed["runs"] == 1, freed
