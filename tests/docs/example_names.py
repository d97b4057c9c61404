"""What the examples of docstrings find: names that a reader of one would have made before, and a folder."""

from __future__ import annotations

import ast
import importlib
import secrets
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import runyard
from runyard import (
    AmlCompute,
    ComputeTarget,
    Dataset,
    Environment,
    Experiment,
    Model,
    Run,
    ScriptRunConfig,
    SweepConfig,
    Workspace,
)
from runyard.protocol.messages.traces import (
    StartTrace,
    TraceAnswer,
    WireMlflowExperiment,
    WireTrace,
    WireTraceInfo,
    WireTraceLocation,
)

WORKSPACE = "lab"
"""What the examples call their workspace."""
MODULES = ("base64", "io", "mlflow", "pandas", "tarfile")
TRAIN = "from runyard import Run\n\nRun.get_context().log('loss', 0.25)\nprint('trained')\n"
FILES = {
    "training/train.py": TRAIN,
    "titanic.csv": "name,age,boarded\nAnna,29,1912-04-10\nBen,2,1912-04-10\nClara,,1912-04-11\n",
    "photos/1.png": "one",
    "photos/2.png": "two",
    "data/a.csv": "x,y\n1,2\n",
    "data/b.csv": "x,y\n3,4\n",
    "out/ridge.pkl": "not looked into",
    "requirements.txt": "numpy\npandas>=2\n",
    "environment.yml": (
        "channels:\n- conda-forge\ndependencies:\n- python=3.12\n- pip:\n  - numpy\n"
        "variables:\n  OMP_NUM_THREADS: '4'\n"
    ),
}


class ExampleNames:
    """The names of one example; each is made when the example has it.

    Args:
        url: Address of the server.
    """

    def __init__(self, url: str) -> None:
        self.ws = Workspace.create(f"{WORKSPACE}-{secrets.token_hex(4)}", url=url)
        self._made: dict[str, Any] = {"ws": self.ws}

    def of(self, source: str) -> dict[str, Any]:
        """Return the names for an example: all of the SDK, and of the others those that stand in it."""
        names = {"Path": Path, **{name: getattr(runyard, name) for name in runyard.__all__}}
        for word in sorted(free_names(source)):
            if word in MODULES:
                names[word] = importlib.import_module(word)
            elif word in MAKERS or word == "ws":
                names[word] = self.get(word)
        return names

    def get(self, name: str) -> Any:
        """Return what a name stands for; the same each time."""
        if name not in self._made:
            self._made[name] = MAKERS[name](self)
        return self._made[name]


def _experiment(names: ExampleNames) -> Experiment:
    return Experiment(names.ws, "diabetes")


def _run(names: ExampleNames) -> Run:
    experiment: Experiment = names.get("experiment")
    return experiment.start_logging(display_name="ridge")


def _job(names: ExampleNames) -> Run:
    experiment: Experiment = names.get("experiment")
    run = experiment.submit(ScriptRunConfig("training", "train.py"))
    run.wait_for_completion()
    return run


def _sweep(names: ExampleNames) -> Run:
    script = ScriptRunConfig("training", "train.py")
    experiment: Experiment = names.get("experiment")
    return experiment.submit(SweepConfig(script, {"depth": [2, 4]}, "loss", sampling="grid"))


def _trace(names: ExampleNames) -> SimpleNamespace:
    place = WireTraceLocation(
        type="MLFLOW_EXPERIMENT",
        mlflow_experiment=WireMlflowExperiment(experiment_id=names.get("experiment").id),
    )
    told = WireTraceInfo(
        trace_id="tr-" + secrets.token_hex(16),
        trace_location=place,
        request_time="2026-11-27T12:00:00Z",
        state="OK",
        trace_metadata={"mlflow.trace.session": "s-1"},
    )
    body = StartTrace(trace=WireTrace(trace_info=told))
    names.ws.connection.post("/api/3.0/mlflow/traces", body, TraceAnswer)
    return SimpleNamespace(trace_id=told.trace_id, experiment_id=names.get("experiment").id)


def _pool(names: ExampleNames) -> ComputeTarget:
    return ComputeTarget.create(names.ws, "pool", AmlCompute.provisioning_configuration(max_nodes=4))


MAKERS: dict[str, Callable[[ExampleNames], Any]] = {
    "dataset": lambda names: Dataset.Tabular.from_delimited_files("titanic.csv").register(
        names.ws, "titanic"
    ),
    "env": lambda _: Environment("training"),
    "experiment": _experiment,
    "job": _job,
    "model": lambda names: Model.register(names.ws, "out/ridge.pkl", "ridge"),
    "photos": lambda names: Dataset.File.from_files("photos").register(names.ws, "photos"),
    "pool": _pool,
    "run": _run,
    "store": lambda names: names.ws.get_default_datastore(),
    "sweep": _sweep,
    "trace": _trace,
    "vault": lambda names: names.ws.get_default_keyvault(),
}


def write_files(folder: Path) -> None:
    """Write what the examples find in their working directory."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def free_names(source: str) -> set[str]:
    """Return the names that an example uses without having given them a value itself."""
    bound: set[str] = set()
    free: set[str] = set()
    for statement in ast.parse(source).body:
        named = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        stored = {node.id for node in named if isinstance(node.ctx, ast.Store)}
        # What `with`, `for` and comprehensions bind is bound when it is read; `x = f(x)` reads first.
        targets = _targets(statement) if isinstance(statement, ast.Assign) else set()
        free |= {node.id for node in named if isinstance(node.ctx, ast.Load)} - bound - (stored - targets)
        bound |= stored
    return free


def _targets(assignment: ast.Assign) -> set[str]:
    return {
        node.id for target in assignment.targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }
