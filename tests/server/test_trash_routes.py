"""Deletion over HTTP: the trash and back, parts of runs, collections, whole workspaces, and who may."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from runyard.auth.permissions import Scope
from runyard.entities.experiment import LifecycleStage
from runyard.errors import Unavailable
from runyard.services import artifacts, collection
from runyard.services.call import Call
from runyard.stores.artifacts.removal import remove_tree
from runyard.stores.sqlite import FREE_PAGES
from tests.server.local import Local, good, pairs, refusal
from tests.server.team import Team

FREED = ("metric_bytes", "other_bytes", "artifact_bytes")


def full_run(local: Local, experiment_id: str = "0", points: int = 300, **fields) -> str:
    """Return a run with two metrics, a param, a tag, a dataset and two files."""
    run_id = local.run(experiment_id, **fields)
    for key in ("loss", "val/acc"):
        metrics = [{"key": key, "value": step / 2, "timestamp": step, "step": step} for step in range(points)]
        local.post("/runs/log-batch", run_id=run_id, metrics=metrics)
    pair = [{"key": "alpha", "value": "0.1"}]
    local.post("/runs/log-batch", run_id=run_id, params=pair, tags=pair)
    dataset = {"name": "iris", "digest": "1", "source_type": "local", "source": "here"}
    local.post("/runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset}])
    for name in ("model/weights.bin", "plot.png"):
        upload(local, run_id, name)
    return run_id


def folder_of(local: Local, run_id: str) -> str:
    uri = local.read_run(run_id)["info"]["artifact_uri"]
    return f"/api/2.0/mlflow-artifacts/artifacts/{uri.removeprefix('mlflow-artifacts:/')}"


def upload(local: Local, run_id: str, name: str, content: bytes = b"x" * 1000) -> None:
    good(local.ask("PUT", f"{folder_of(local, run_id)}/{name}", content=content))


def files(local: Local) -> list[str]:
    root = local.settings.artifact_root
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def collect(local: Local, **rules) -> dict[str, int]:
    """Return what a collection to its end has freed, or would."""
    total: dict[str, int] = {}
    while True:
        answer = good(local.ask("POST", "/api/v1/trash/collect", json=rules))
        for name, value in answer.items():
            if name not in ("is_done", "deleted_before_ms", "next_offset", "database_bytes"):
                total[name] = total.get(name, 0) + value
        if answer["is_done"]:
            return total
        rules |= {"deleted_before_ms": answer["deleted_before_ms"], "offset": answer["next_offset"]}


def ours(local: Local, path: str, **body):
    return good(local.ask("POST", f"/api/v1/{path}", json=body))


def in_trash(local: Local) -> list[tuple[str, str]]:
    items = good(local.ask("GET", "/api/v1/trash"))["items"]
    return [(item["kind"], item["id"]) for item in items]


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


# --- collections --------------------------------------------------------------------------------------------


def test_a_collection_frees_what_it_announced_and_nothing_else(local):
    experiment_id = local.experiment()
    kept, deleted = full_run(local, experiment_id), full_run(local, experiment_id)
    local.post("/runs/delete", run_id=deleted)
    before = local.read_run(kept)
    announced = collect(local, dry_run=True)
    assert local.read_run(deleted)["info"]["lifecycle_stage"] == "deleted"
    assert collect(local) == announced
    assert announced["runs"] == 1
    assert announced["metric_points"] == 600
    assert announced["artifact_bytes"] == 2000
    assert all(announced[name] > 0 for name in FREED)
    assert collect(local) == dict.fromkeys(announced, 0)
    assert local.read_run(kept) == before
    assert {name.split("/")[2] for name in files(local)} == {kept}
    assert local.refused_get("/runs/get", run_id=deleted)[0] == 404
    assert local.refused("/runs/restore", run_id=deleted)[0] == 404


def test_an_experiment_goes_with_its_runs_models_and_datasets(local):
    experiment_id = local.experiment("whole")
    for _ in range(3):
        full_run(local, experiment_id, points=5)
    local.post("/logged-models", experiment_id=experiment_id, name="m")
    local.post("/experiments/delete", experiment_id=experiment_id)
    announced = collect(local, dry_run=True)
    assert collect(local) == announced
    counts = [announced[name] for name in ("experiments", "runs", "logged_models", "datasets")]
    assert counts == [1, 3, 1, 1]
    assert files(local) == []
    with sqlite3.connect(local.settings.database_path) as database:
        for table in (
            "runs",
            "params",
            "tags",
            "metric_series",
            "metric_batches",
            "datasets",
            "logged_models",
        ):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    database.close()


def test_an_experiment_stays_for_a_run_that_was_brought_back(local):
    experiment_id = local.experiment()
    kept, other = full_run(local, experiment_id), full_run(local, experiment_id)
    local.post("/experiments/delete", experiment_id=experiment_id)
    local.post("/runs/restore", run_id=kept)
    freed = collect(local)
    assert (freed["experiments"], freed["runs"]) == (0, 1)
    local.post("/experiments/restore", experiment_id=experiment_id)
    assert local.read_run(kept)["info"]["lifecycle_stage"] == "active"
    assert local.refused_get("/runs/get", run_id=other)[0] == 404


def test_the_default_experiment_is_never_taken_away(local):
    run_id = full_run(local)
    local.post("/experiments/delete", experiment_id="0")
    freed = collect(local)
    assert (freed["experiments"], freed["runs"]) == (0, 1)
    local.post("/experiments/restore", experiment_id="0")
    assert local.run() != run_id


def test_rules_keep_the_last_and_the_tagged_and_the_young(local):
    experiment_id = local.experiment()
    run_ids = [local.run(experiment_id, start_time=number) for number in range(4)]
    ours(local, "runs/delete", run_ids=run_ids)
    assert collect(local, older_than_s=3600)["runs"] == 0
    assert collect(local, keep_last=4)["runs"] == 0
    assert collect(local, keep_last=3, dry_run=True)["runs"] == 1
    assert collect(local, keep_last=3)["runs"] == 1
    assert sorted(in_trash(local)) == sorted(("run", run_id) for run_id in run_ids[1:])
    ours(local, "runs/restore", run_ids=[run_ids[1]])
    local.post("/runs/set-tag", run_id=run_ids[1], key="release", value="1")
    ours(local, "runs/delete", run_ids=[run_ids[1]])
    local.post("/experiments/delete", experiment_id=experiment_id)
    freed = collect(local, untagged=True)
    assert (freed["runs"], freed["experiments"]) == (2, 0)
    assert sorted(in_trash(local)) == sorted([("run", run_ids[1]), ("experiment", experiment_id)])
    assert collect(local, run_ids=["another"])["runs"] == 0
    assert collect(local, experiment_ids=["0"])["runs"] == 0
    assert collect(local, experiment_ids=[experiment_id]) | {"other_bytes": 0} == collect(
        local, dry_run=True
    ) | {"runs": 1, "experiments": 1, "other_bytes": 0}


def test_an_experiment_within_the_artifacts_of_a_run_outlives_it(local):
    run_id = full_run(local)
    folder = local.read_run(run_id)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    nested = local.experiment("nested", artifact_location=f"{folder}/model/others")
    other = full_run(local, nested)
    local.post("/runs/delete", run_id=run_id)
    announced = collect(local, dry_run=True)
    assert collect(local) == announced
    assert announced["artifact_files"] == 2
    assert all(other in name for name in files(local))
    assert len(files(local)) == 2
    upload(local, other, "later.bin")
    full_run(local, nested)
    assert (
        refusal(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{folder}/x", content=b"x"))[0] == 404
    )
    local.post("/runs/delete", run_id=other)
    assert collect(local)["artifact_files"] == 3
    assert len(files(local)) == 2


def test_a_folder_can_be_used_again_once_it_is_empty(local):
    for _ in range(2):
        experiment_id = local.experiment("again", artifact_location="shared")
        run_id = full_run(local, experiment_id)
        local.post("/experiments/delete", experiment_id=experiment_id)
        assert collect(local)["experiments"] == 1
        assert files(local) == []
    assert run_id


def test_an_upload_that_ends_after_its_run_is_gone_leaves_nothing(local):
    run_id = full_run(local)
    place = folder_of(local, run_id)
    local.post("/runs/delete", run_id=run_id)
    store, begun, removed = local.stores.artifacts, threading.Event(), threading.Event()
    create = store.create

    def slow(*arguments):
        upload_ = create(*arguments)
        commit = upload_.commit

        def late():
            begun.set()
            assert removed.wait(60)
            return commit()

        upload_.commit = late
        return upload_

    store.create = slow
    answers = []

    def send():
        workspace = local.stores.metadata.workspaces.get_workspace("default")
        call = Call(local.stores, local.settings, workspace, None)
        path = place.removeprefix("/api/2.0/mlflow-artifacts/artifacts/") + "/late.bin"
        with artifacts.begin_proxied_upload(call, path) as transfer:
            transfer.write(b"late")
            try:
                transfer.commit()
            except KeyError as error:
                answers.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    assert begun.wait(60)
    collect(local)
    removed.set()
    thread.join()
    assert len(answers) == 1
    assert files(local) == []
    assert refusal(local.ask("PUT", f"{place}/later.bin", content=b"x"))[0] == 404


def test_a_store_that_fails_in_the_middle_is_gone_on_with(local, monkeypatch):
    run_ids = [full_run(local, points=2) for _ in range(3)]
    ours(local, "runs/delete", run_ids=run_ids)
    announced = collect(local, dry_run=True)
    remove, failures = remove_tree, [1, 1]

    def failing(*arguments):
        if failures:
            failures.pop()
            raise Unavailable("The object store does not answer.")
        return remove(*arguments)

    monkeypatch.setattr(collection, "remove_tree", failing)
    statuses: list[int] = []
    while statuses.count(503) < 2:  # a slow machine may take some calls to come to the files
        statuses.append(local.ask("POST", "/api/v1/trash/collect", json={}).status_code)
    assert len(files(local)) == 6
    assert collect(local)["artifact_bytes"] == announced["artifact_bytes"]
    assert files(local) == []


def test_each_call_gets_on_however_slow_the_machine_is(local, monkeypatch):
    monkeypatch.setattr(collection, "WORKS_FOR_S", 0)
    experiment_id = local.experiment()
    run_ids = [full_run(local, points=2, experiment_id=each) for each in ("0", experiment_id, experiment_id)]
    ours(local, "runs/delete", run_ids=run_ids)
    freed, calls = 0, 0
    while files(local) or freed < 3:
        freed += good(local.ask("POST", "/api/v1/trash/collect", json={}))["runs"]
        calls += 1
        assert calls < 100
    assert calls > 3


def test_the_file_shrinks_by_what_was_freed(local):
    run_ids = [local.run() for _ in range(3)]
    for run_id in run_ids:
        for start in range(0, 60_000, 1000):
            metrics = [
                {"key": f"k{step % 7}", "value": step**0.5, "timestamp": step * 977, "step": step}
                for step in range(start, start + 1000)
            ]
            local.post("/runs/log-batch", run_id=run_id, metrics=metrics)
    ours(local, "runs/delete", run_ids=run_ids)
    before = good(local.ask("POST", "/api/v1/trash/collect", json={"dry_run": True}))
    collect(local)
    after = good(local.ask("POST", "/api/v1/trash/collect", json={"dry_run": True}))["database_bytes"]
    kept_for_later = 4096 * FREE_PAGES
    assert before["database_bytes"] - after > before["metric_bytes"] - kept_for_later - 200_000


# --- a restore against a collection -------------------------------------------------------------------------


def test_a_restore_and_a_collection_never_both_succeed(local):
    """Threads restore runs while another one collects: what came back is whole, what did not is gone."""
    run_ids = [full_run(local, points=3) for _ in range(30)]
    ours(local, "runs/delete", run_ids=run_ids)
    stores, start, restored = local.stores, threading.Barrier(3), []

    def restore(part):
        start.wait()
        for run_id in part:
            moved = stores.metadata.many_runs.move_runs([run_id], LifecycleStage.ACTIVE, 1)
            restored.extend(moved)

    threads = [threading.Thread(target=restore, args=(run_ids[offset::2],)) for offset in (0, 1)]
    for thread in threads:
        thread.start()
    start.wait()
    collect(local)
    for thread in threads:
        thread.join()
    for run_id in run_ids:
        if run_id in restored:
            run = local.read_run(run_id)
            assert len(run["data"]["metrics"]) == 2
            assert len([name for name in files(local) if run_id in name]) == 2
        else:
            assert local.refused_get("/runs/get", run_id=run_id)[0] == 404
            assert not [name for name in files(local) if run_id in name]


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
