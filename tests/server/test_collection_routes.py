"""Collections over HTTP: what they free, what they leave, and how they get on."""

from __future__ import annotations

import sqlite3
import threading

from runyard.entities.experiment import LifecycleStage
from runyard.errors import Unavailable
from runyard.services import artifacts, collection
from runyard.services.call import Call
from runyard.stores.artifacts.removal import remove_tree
from runyard.stores.sqlite import FREE_PAGES
from tests.server.local import good, refusal
from tests.server.trashed import collect, files, folder_of, full_run, in_trash, ours, upload

FREED = ("metric_bytes", "other_bytes", "artifact_bytes")


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
