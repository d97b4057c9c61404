"""What is deleted over HTTP in the tests of the trash, and how it is looked at."""

from __future__ import annotations

from tests.server.local import Local, good


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
