"""A home with something of everything in it, made by the stores themselves."""

import math
import random
from pathlib import Path

from runyard.app import open_stores
from runyard.entities.experiment import LifecycleStage
from runyard.entities.metric import MetricBatch
from runyard.entities.run import Run, RunStatus
from runyard.settings import Mode, Settings
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.opening import Stores

KEYS = ("loss", "accuracy", "val/loss")


def settings_of(home: Path) -> Settings:
    """The settings of a server on this home."""
    return Settings(mode=Mode.UP, home=home)


def fill(stores: Stores, seed: int = 0, runs: int = 3, points: int = 700) -> list[str]:
    """Add runs: the first one folded, the others as they arrived, the last batch of each not summarised."""
    draw = random.Random(seed)
    run_ids = []
    for number in range(runs):
        run_id = f"{seed:016x}{number:016x}"
        run_ids.append(run_id)
        stores.metadata.runs.add_run(new_run(run_id), {"mlflow.runName": run_id})
        stores.metadata.runs.add_params(run_id, {"rate": str(number)})
        for key in KEYS:
            stores.metrics.append(run_id, batch_of(draw, key, range(points)))
        stores.metrics.append(run_id, MetricBatch(["short", "nan"], [1.5, math.nan], [1, 2], [0, 0]))
        stores.metrics.settle()
        if number == 0:
            fold(stores, run_id)
        stores.metrics.append(run_id, batch_of(draw, "loss", range(points, points + 5)))
        put(stores, f"default/0/{run_id}/artifacts/weights.bin", draw.randbytes(5000))
    return run_ids


def new_run(run_id: str) -> Run:
    """A running run of the default experiment."""
    return Run(
        run_id=run_id,
        workspace="default",
        experiment_id="0",
        name=run_id,
        user_id="tester",
        status=RunStatus.RUNNING,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=f"mlflow-artifacts:/0/{run_id}/artifacts",
        started_ms=1,
    )


def batch_of(draw: random.Random, key: str, steps: range) -> MetricBatch:
    """Points of one key at these steps."""
    count = len(steps)
    return MetricBatch(
        [key] * count, [draw.random() for _ in steps], [1000 + step for step in steps], list(steps)
    )


def fold(stores: Stores, run_id: str) -> None:
    """Turn what a run has logged into chunks."""
    with stores.database.reading() as connection:
        number = connection.exec_driver_sql(
            f"SELECT run_number FROM runs WHERE run_id = '{run_id}'"
        ).scalar_one()
    stores.upkeep.bring_to_rest(number)


def put(stores: Stores, path: str, content: bytes) -> None:
    """Write an artifact."""
    with stores.artifacts.create(ArtifactPath(tuple(path.split("/")))) as upload:
        upload.write(content)
        upload.commit()


def histories(stores: Stores, run_ids: list[str]) -> dict[tuple[str, str], list[str]]:
    """All points of all series, in words that compare NaN as equal."""
    keys = (*KEYS, "short", "nan")
    return {
        (run_id, key): [repr(tuple(point)) for point in stores.metrics.read_history(run_id, key)]
        for run_id in run_ids
        for key in keys
    }


def filled_home(home: Path, **much: int) -> list[str]:
    """Make a home, fill it, close it, and return the ids of its runs."""
    stores = open_stores(settings_of(home))
    try:
        return fill(stores, **much)
    finally:
        stores.close()
