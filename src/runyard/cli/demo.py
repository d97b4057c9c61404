"""`runyard demo`: sample runs, really trained, in a minute and without further libraries."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runyard.cli.demo_image import decision_image
from runyard.cli.demo_training import Network, epochs_of, two_moons
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import note, number_text, print_json, say
from runyard.errors import Unavailable
from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.logging import BatchKeyValue, BatchMetric, LogBatch
from runyard.protocol.messages.runs import CreateRun, RunAnswer, RunInfoAnswer, UpdateRun, WireRunInfo
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.experiment import Experiment
from runyard.sdk.local_user import local_user
from runyard.sdk.run import Run
from runyard.sdk.workspace import Workspace

EPOCHS = 150
EPOCHS_A_BATCH = 5
SETTINGS = ((2, 0.3), (6, 0.03), (12, 0.1), (12, 0.4))
SEED = 11

_TRAINING_LIBRARIES = ("mlflow", "sklearn", "pandas", "matplotlib", "skops")
_PROXIED = "mlflow-artifacts:/"


def demo(
    *,
    experiment: Annotated[str, Parameter(help="Name of the experiment to log to; by default demo.")] = "demo",
    epochs: Annotated[int, Parameter(help="How long to train; by default 150.")] = EPOCHS,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Log sample runs into the running server: curves, an image and weights each.

    Four small networks learn to tell two moons apart, in plain Python. When mlflow, scikit-learn and
    matplotlib are installed it also runs a training on scikit-learn's diabetes data, which logs models.
    """
    workspace = place.open()
    tell = note if json else say
    target = Experiment(workspace, experiment)
    tell(f"Training {len(SETTINGS)} networks in experiment {target.name!r} of workspace {workspace.name!r}:")
    runs = []
    for hidden, learning_rate in SETTINGS:
        run = _train(workspace, target, hidden, learning_rate, epochs)
        accuracy = number_text(run.latest_metrics["val/accuracy"])
        tell(f"  {run.display_name:<26} val/accuracy {accuracy:<8} {run.get_portal_url()}")
        runs.append(run)
    _train_diabetes(workspace, tell)
    if json:
        print_json(
            [{"run_id": run.id, "name": run.display_name, "url": run.get_portal_url()} for run in runs]
        )
    else:
        say(f"\nCompare the runs: {target.get_portal_url()}")


@dataclass
class _LiveRun:
    """A run that is being logged, a few epochs to a request, so that its curves grow while one watches."""

    connection: Connection
    info: WireRunInfo
    waiting: list[BatchMetric] = field(default_factory=list)

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        now_ms = _now_ms()
        self.waiting += [
            BatchMetric(key=key, value=value, timestamp=now_ms, step=epoch) for key, value in metrics.items()
        ]
        if len(self.waiting) >= EPOCHS_A_BATCH * len(metrics):
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self._log_batch(LogBatch(run_id=self.info.run_id, metrics=self.waiting))
            self.waiting = []

    def log_params(self, params: Mapping[str, object]) -> None:
        pairs = [BatchKeyValue(key=key, value=str(value)) for key, value in params.items()]
        self._log_batch(LogBatch(run_id=self.info.run_id, params=pairs))

    def upload(self, name: str, content: bytes, content_type: str) -> None:
        if not self.info.artifact_uri.startswith(_PROXIED):
            raise Unavailable(f"The server keeps artifacts elsewhere: {self.info.artifact_uri}")
        folder = self.info.artifact_uri[len(_PROXIED) :].strip("/")
        self.connection.put(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{name}", content, content_type)

    def end(self, status: str) -> None:
        body = UpdateRun(run_id=self.info.run_id, status=status, end_time=_now_ms())
        self.connection.post(f"{MLFLOW}/runs/update", body, RunInfoAnswer, is_repeatable=True)

    def _log_batch(self, batch: LogBatch) -> None:
        self.connection.tell(f"{MLFLOW}/runs/log-batch", batch)


def _train(workspace: Workspace, target: Experiment, hidden: int, learning_rate: float, epochs: int) -> Run:
    live = _start(workspace, target, f"{hidden}-units-rate-{learning_rate}")
    is_done = False
    try:
        live.log_params({"hidden_units": hidden, "learning_rate": learning_rate, "epochs": epochs})
        network = Network(hidden, SEED)
        for epoch, metrics in enumerate(epochs_of(network, learning_rate, epochs, SEED)):
            live.log(epoch, metrics)
        live.flush()
        live.upload("decision.png", decision_image(network, two_moons(160, 0.18, SEED)), "image/png")
        live.upload("weights.json", json.dumps(network.weights(), indent=1).encode(), "application/json")
        is_done = True
    finally:
        live.end("FINISHED" if is_done else "FAILED")
    return workspace.get_run(live.info.run_id)


def _start(workspace: Workspace, target: Experiment, name: str) -> _LiveRun:
    tags = {
        "mlflow.source.name": "runyard demo",
        "mlflow.source.type": "LOCAL",
        "mlflow.note.content": "A network with one hidden layer learns to tell two moons apart.",
    }
    wanted = CreateRun(
        experiment_id=target.id,
        user_id=local_user(),
        run_name=name,
        start_time=_now_ms(),
        tags=[KeyValue(key=key, value=value) for key, value in tags.items()],
    )
    made = workspace.connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer)
    return _LiveRun(workspace.connection, made.run.info)


def _train_diabetes(workspace: Workspace, tell: Callable[[str], None]) -> None:
    """Run the diabetes example where its libraries are; tell what came of it."""
    missing = [name for name in _TRAINING_LIBRARIES if importlib.util.find_spec(name) is None]
    script = _example("diabetes.py")
    if missing:
        tell(
            "Left out: the training on scikit-learn's diabetes data, which logs models. It needs "
            f"{', '.join(missing)}: pip install 'runyard[examples]'"
        )
        return
    if script is None:
        tell("Left out: the training on scikit-learn's diabetes data. Its script is not installed.")
        return
    tell("Training ridge regressions on scikit-learn's diabetes data with MLflow's own client:")
    environment = {
        # Else who only tries Runyard is told of to MLflow's makers.
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **os.environ,
        "MLFLOW_TRACKING_URI": workspace.get_mlflow_tracking_uri(),
    }
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        last_line = (ended.stderr.strip() or "no output").splitlines()[-1]
        tell(f"  it failed: {last_line}")
        return
    tell(f"  a run for each penalty, with its model: {workspace.experiments['diabetes'].get_portal_url()}")


def _example(name: str) -> Path | None:
    """Find an example where the wheel puts it, or in the checkout that this package is installed from."""
    package = Path(__file__).resolve().parent.parent
    places = (package / "examples" / name, package.parent.parent / "examples" / name)
    return next((place for place in places if place.is_file()), None)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
