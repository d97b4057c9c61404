"""A genuine MLflow client with our plugin beside it; prints what came of it as JSON.

Its argument is the name of the experiment. It runs in the client's own environment.
"""

import json
import os
import sys

import mlflow
from mlflow.tracking import MlflowClient

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(run_name="outer", tags={"kind": "spooled"}) as run:
    mlflow.log_param("alpha", 0.5)
    mlflow.log_params({"beta": 1, "gamma": "x"})
    for step in range(50):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"nan": float("nan"), "inf": float("inf")}, step=3)
    mlflow.set_tags({"one": "1", "two": "2"})
    mlflow.log_dict({"a": 1}, "config/a.json")
    mlflow.log_text("words", "notes.txt")
    with mlflow.start_run(nested=True) as inner:
        mlflow.log_metric("inner", 1.0)

found = {"run_id": run.info.run_id, "inner_id": inner.info.run_id, "version": mlflow.__version__}
if "OFFLINE" not in os.environ:
    client = MlflowClient()
    read = client.get_run(run.info.run_id)
    found["metrics"] = {key: repr(value) for key, value in read.data.metrics.items()}
    found["params"], found["status"] = read.data.params, read.info.status
    found["files"] = sorted(each.path for each in client.list_artifacts(run.info.run_id))
    found["text"] = mlflow.artifacts.load_text(f"{read.info.artifact_uri}/notes.txt")
    found["points"] = len(client.get_metric_history(run.info.run_id, "loss"))
    experiment_ids = [read.info.experiment_id]
    found["runs"] = len(client.search_runs(experiment_ids, "tags.kind = 'spooled'"))
    client.delete_tag(run.info.run_id, "one")
    found["tags"] = sorted(key for key in client.get_run(run.info.run_id).data.tags if "." not in key)
    try:
        client.get_run("f" * 32)
    except mlflow.exceptions.MlflowException as error:
        found["missing"] = error.error_code
print(json.dumps(found), flush=True)
