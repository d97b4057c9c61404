"""What users run beside the plain client: projects, evaluation, serving, commands, several processes."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from click.testing import CliRunner
from expecting import same
from mlflow.cli import cli
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

client = MlflowClient()
SERVED_WITHIN_S = 240
PROJECT = """name: line
entry_points:
  main:
    parameters:
      slope: {type: float, default: 1.0}
      label: {type: string, default: plain}
    command: "python line.py {slope} {label}"
"""
SCRIPT = """import sys
import mlflow
with mlflow.start_run():
    mlflow.log_metric("slope_seen", float(sys.argv[1]))
    mlflow.set_tag("label", sys.argv[2])
"""


# What the client starts by the name of `python`, or of a program of its own, is what stands beside this one.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _mlflow(*words):
    """Run MLflow's command line, in this process: to start one takes seconds; return what it printed."""
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def _model():
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    return LinearRegression().fit(features, target), features, target


def _logged():
    model, features, target = _model()
    info = mlflow.sklearn.log_model(
        model,
        name="line",
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
        signature=infer_signature(features, model.predict(features)),
    )
    return info, model, features, target


def a_project_runs_and_logs_into_the_run_that_was_made_for_it():
    folder = Path(tempfile.mkdtemp())
    (folder / "MLproject").write_text(PROJECT)
    (folder / "line.py").write_text(SCRIPT)
    with mlflow.start_run() as here:
        experiment_id = here.info.experiment_id
    submitted = mlflow.projects.run(
        str(folder),
        parameters={"slope": 2.5, "label": "two words; $(none)"},
        experiment_id=experiment_id,
        env_manager="local",
    )
    run = client.get_run(submitted.run_id)
    same(run.info.status, "FINISHED")
    same(run.data.metrics["slope_seen"], 2.5)
    same(run.data.tags["label"], "two words; $(none)")
    same(run.data.params["slope"], "2.5")
    same(run.data.tags["mlflow.project.entryPoint"], "main")


def an_evaluation_leaves_metrics_and_files():
    with mlflow.start_run() as run:
        info, _, features, target = _logged()
        rows = features.assign(target=target)
        result = mlflow.models.evaluate(
            info.model_uri,
            rows,
            targets="target",
            model_type="regressor",
            evaluator_config={"log_model_explainability": False},
        )
    kept = client.get_run(run.info.run_id)
    assert np.isclose(kept.data.metrics["r2_score"], result.metrics["r2_score"])
    same(kept.inputs.dataset_inputs[0].dataset.source_type, "code")
    assert "r2_score" in {metric.key for metric in mlflow.get_logged_model(info.model_id).metrics}


@contextlib.contextmanager
def _served(model_uri):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = Path(tempfile.mkdtemp()) / "log"
    words = ["models", "serve", "-m", model_uri, "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"]
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until_s = time.monotonic() + SERVED_WITHIN_S
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()
                break
            has_ended = server.poll() is not None or time.monotonic() > until_s
            assert not has_ended, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=300)


def _asked(address, rows):
    body = json.dumps({"dataframe_split": rows.to_dict(orient="split")}).encode()
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=120) as answer:
        return json.load(answer)["predictions"]


def a_registered_model_is_served_from_its_name():
    name = "line-" + uuid.uuid4().hex[:8]
    with mlflow.start_run():
        info, model, features, _ = _logged()
    version = mlflow.register_model(info.model_uri, name)
    client.set_registered_model_alias(name, "champion", version.version)
    with _served(f"models:/{name}@champion") as address:
        assert np.allclose(_asked(address, features.head(5)), model.predict(features.head(5)))


def the_machine_is_measured_beside_the_training():
    os.environ["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "0.1"
    os.environ["MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"] = "1"
    try:
        with mlflow.start_run(log_system_metrics=True) as run:
            until_s = time.monotonic() + 300
            while not client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage"):
                assert time.monotonic() < until_s
                time.sleep(0.2)
    finally:
        del os.environ["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"]
        del os.environ["MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"]
    kept = client.get_run(run.info.run_id).data.metrics
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(kept), kept


def all_that_is_logged_in_the_background_arrives():
    mlflow.config.enable_async_logging(True)
    try:
        with mlflow.start_run() as run:
            for step in range(500):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_params({f"p{number}": number for number in range(50)})
            mlflow.set_tags({"a": "b"})
            mlflow.flush_async_logging()
    finally:
        mlflow.config.enable_async_logging(False)
    same([point.step for point in client.get_metric_history(run.info.run_id, "loss")], list(range(500)))
    same(len(client.get_run(run.info.run_id).data.params), 50)


def processes_log_into_children_of_one_run_and_into_the_run_itself():
    script = (
        "import sys, mlflow\n"
        "with mlflow.start_run(run_id=sys.argv[1]):\n"
        "    for step in range(20): mlflow.log_metric('rank' + sys.argv[2], step, step=step)\n"
        "    with mlflow.start_run(nested=True): mlflow.log_param('rank', sys.argv[2])\n"
    )
    with mlflow.start_run() as run:
        run_id, experiment_id = run.info.run_id, run.info.experiment_id

    def work(rank):
        environment = os.environ | {"MLFLOW_EXPERIMENT_ID": experiment_id}
        words = [sys.executable, "-W", "ignore", "-c", script, run_id, str(rank)]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(work, range(2)):
            assert done.returncode == 0, done.stderr[-2000:]
    same(client.get_run(run_id).data.metrics, {"rank0": 19.0, "rank1": 19.0})
    children = client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    same({child.data.params["rank"] for child in children}, {"0", "1"})


def the_command_line_makes_lists_and_renames_experiments():
    name = "by hand " + uuid.uuid4().hex[:8]
    _mlflow("experiments", "create", "--experiment-name", name)
    experiment = client.get_experiment_by_name(name)
    assert name in _mlflow("experiments", "search")
    _mlflow("experiments", "rename", "--experiment-id", experiment.experiment_id, "--new-name", name + "!")
    same(client.get_experiment(experiment.experiment_id).name, name + "!")
    _mlflow("experiments", "delete", "--experiment-id", experiment.experiment_id)
    same(client.get_experiment(experiment.experiment_id).lifecycle_stage, "deleted")
    _mlflow("experiments", "restore", "--experiment-id", experiment.experiment_id)
    with mlflow.start_run(experiment_id=experiment.experiment_id):
        mlflow.log_metric("loss", 0.5)
    table = Path(tempfile.mkdtemp()) / "runs.csv"
    _mlflow("experiments", "csv", "--experiment-id", experiment.experiment_id, "--filename", str(table))
    same(pd.read_csv(table)["metrics.loss"].tolist(), [0.5])


def the_command_line_describes_deletes_and_restores_runs():
    with mlflow.start_run(run_name="seen by hand") as run:
        mlflow.log_param("alpha", "1")
    assert "seen by hand" in _mlflow("runs", "list", "--experiment-id", run.info.experiment_id)
    described = json.loads(_mlflow("runs", "describe", "--run-id", run.info.run_id))
    same(described["data"]["params"], {"alpha": "1"})
    _mlflow("runs", "delete", "--run-id", run.info.run_id)
    same(client.get_run(run.info.run_id).info.lifecycle_stage, "deleted")
    _mlflow("runs", "restore", "--run-id", run.info.run_id)
    same(client.get_run(run.info.run_id).info.lifecycle_stage, "active")


def the_command_line_sends_lists_and_fetches_artifacts():
    folder = Path(tempfile.mkdtemp())
    (folder / "below").mkdir()
    (folder / "below" / "a.txt").write_text("content")
    with mlflow.start_run() as run:
        run_id = run.info.run_id
    _mlflow(
        "artifacts",
        "log-artifacts",
        "--local-dir",
        str(folder),
        "--run-id",
        run_id,
        "--artifact-path",
        "sent",
    )
    listed = json.loads(_mlflow("artifacts", "list", "--run-id", run_id, "--artifact-path", "sent/below"))
    same([file["path"] for file in listed], ["sent/below/a.txt"])
    target = Path(tempfile.mkdtemp())
    _mlflow("artifacts", "download", "--run-id", run_id, "--artifact-path", "sent", "--dst-path", str(target))
    same((target / "sent" / "below" / "a.txt").read_text(), "content")
    shutil.rmtree(target)
