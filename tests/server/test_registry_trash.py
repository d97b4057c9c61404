"""What registered versions keep from a collection, and what goes once they are gone."""

from __future__ import annotations

import pytest

from runyard.auth.permissions import Scope
from tests.server.local import BASE, good, refusal
from tests.server.team import Team
from tests.server.trashed import collect, files, ours, upload


@pytest.fixture
def local(local_on_each_engine):
    return local_on_each_engine


def register(local, source, name="m", **fields):
    local.ask("POST", f"{BASE}/registered-models/create", json={"name": name})
    return local.post("/model-versions/create", name=name, source=source, **fields)["model_version"]


def delete(local, path, **body):
    good(local.ask("DELETE", BASE + path, json=body))


def logged_run(local, experiment_id="0"):
    run_id = local.run(experiment_id)
    for name in ("model/weights.bin", "model/MLmodel", "plot.png"):
        upload(local, run_id, name, b"x" * 10)
    return run_id


def kept(local, run_id):
    return [path.rpartition("artifacts/")[2] for path in files(local) if run_id in path]


def test_a_version_keeps_its_folder_when_its_run_goes_and_frees_it_when_it_goes_itself(local):
    run_id = logged_run(local)
    register(local, f"runs:/{run_id}/model", run_id=run_id)
    ours(local, "runs/delete", run_ids=[run_id])
    assert collect(local, dry_run=True)["artifact_files"] == 1
    assert collect(local)["artifact_files"] == 1
    assert kept(local, run_id) == ["model/MLmodel", "model/weights.bin"]
    answer = local.ask(
        "GET", "/model-versions/get-artifact", params={"name": "m", "version": "1", "path": "MLmodel"}
    )
    assert answer.content == b"x" * 10
    delete(local, "/model-versions/delete", name="m", version="1")
    assert kept(local, run_id) == ["model/MLmodel", "model/weights.bin"]
    assert collect(local)["artifact_files"] == 2
    assert files(local) == []


def test_a_folder_stays_until_the_last_version_that_names_it_or_a_part_of_it_is_gone(local):
    run_id = logged_run(local)
    register(local, f"runs:/{run_id}", "whole", run_id=run_id)
    register(local, f"runs:/{run_id}/model", "part", run_id=run_id)
    register(local, "models:/part/1", "copy")
    ours(local, "runs/delete", run_ids=[run_id])
    collect(local)
    assert len(kept(local, run_id)) == 3
    delete(local, "/registered-models/delete", name="part")
    collect(local)
    assert len(kept(local, run_id)) == 3
    delete(local, "/registered-models/delete", name="whole")
    assert collect(local)["artifact_files"] == 1
    assert kept(local, run_id) == ["model/MLmodel", "model/weights.bin"]
    delete(local, "/registered-models/delete", name="copy")
    collect(local)
    assert kept(local, run_id) == []


def test_a_version_that_goes_first_takes_nothing_from_its_run(local):
    run_id = logged_run(local)
    register(local, f"runs:/{run_id}/model", run_id=run_id)
    ours(local, "runs/delete", run_ids=[run_id])
    delete(local, "/model-versions/delete", name="m", version="1")
    ours(local, "runs/restore", run_ids=[run_id])
    collect(local)
    assert len(kept(local, run_id)) == 3


def test_a_version_outlives_its_logged_model_and_the_experiment(local):
    experiment_id = local.experiment()
    made = local.post("/logged-models", experiment_id=experiment_id, name="ridge")
    info = made["model"]["info"]
    path = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    good(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel", content=b"logged"))
    register(local, f"models:/{info['model_id']}", model_id=info["model_id"])
    local.post("/experiments/delete", experiment_id=experiment_id)
    assert collect(local)["experiments"] == 1
    query = {"name": "m", "version": "1", "path": "MLmodel"}
    assert local.ask("GET", "/model-versions/get-artifact", params=query).content == b"logged"
    assert register(local, "models:/m/1", "copy")["version"] == "1"
    ours(local, "registered-models/delete", filter="name LIKE '%'")
    assert collect(local)["artifact_files"] == 1
    assert files(local) == []


def test_files_of_a_version_are_not_taken_out_of_its_run(local):
    run_id = logged_run(local)
    register(local, f"runs:/{run_id}/model", run_id=run_id)
    for path in ("model", "model/MLmodel"):
        answer = local.ask("DELETE", f"/api/v1/runs/{run_id}/artifacts/{path}")
        assert refusal(answer) == (
            400,
            "INVALID_STATE",
            f"'0/{run_id}/artifacts/{path}' belongs to version 1 of the registered model 'm'; "
            "delete that version first.",
        )
    good(local.ask("DELETE", f"/api/v1/runs/{run_id}/artifacts/plot.png"))
    assert kept(local, run_id) == ["model/MLmodel", "model/weights.bin"]


def test_a_workspace_takes_what_it_registered_with_it(tmp_path):
    team = Team(tmp_path / "home")
    key, base = team.key(Scope.OWNER, "beta"), f"/workspaces/beta{BASE}"
    run = team.ask("POST", f"{base}/runs/create", {"experiment_id": "0"}, key=key).json()["run"]["info"]
    path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    put = f"/workspaces/beta/api/2.0/mlflow-artifacts/artifacts/{path}/model/MLmodel"
    team.ask("PUT", put, b"12345", key=key).raise_for_status()
    source = {"name": "m", "source": f"runs:/{run['run_id']}/model", "run_id": run["run_id"]}
    for workspace in ("alpha", "beta"):
        path = f"/workspaces/{workspace}{BASE}/registered-models/create"
        team.ask("POST", path, {"name": "m"}, key=team.admin_key).raise_for_status()
    team.ask("POST", f"{base}/model-versions/create", source, key=key).raise_for_status()
    while not team.ask("DELETE", "/api/v1/workspaces/beta", {"confirm": "beta"}, key=team.admin_key).json()[
        "is_done"
    ]:
        pass
    assert not (team.settings.artifact_root / "beta").exists()
    registered = [row for row in team.kept() if "registered_models" in row or "model_versions" in row]
    assert len([row for row in registered if row.startswith('INSERT INTO "registered_models"')]) == 1
    team.close()
