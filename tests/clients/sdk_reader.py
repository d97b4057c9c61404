"""Runs in a genuine client's environment: reads what Runyard's SDK logged, and logs for the SDK to read."""

import json
import sys

import mlflow
from mlflow import MlflowClient

run_id, name = sys.argv[1:]
client = MlflowClient()
run = client.get_run(run_id)
mlflow.set_experiment(experiment_id=run.info.experiment_id)
seen = {
    "status": run.info.status,
    "name": run.info.run_name,
    "params": run.data.params,
    "losses": [[point.step, point.value] for point in client.get_metric_history(run_id, "loss")],
    "columns": sorted(key for key in run.data.metrics if key.startswith("circle/")),
    "table": mlflow.load_table("tables/people.json", run_ids=[run_id]).to_dict(orient="list"),
    "chart": mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/charts/animals.json")["schema_type"],
    "images": [file.path for file in client.list_artifacts(run_id, "images")],
    "children": [
        found.info.run_id
        for found in client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'")
    ],
    "weights": mlflow.artifacts.load_text(f"models:/{name}/1/weights.txt"),
    "of_run": mlflow.artifacts.load_text(f"models:/{name}/2/notes.txt"),
}
with mlflow.start_run() as own:
    for step, value in enumerate((3.0, 2.0)):
        mlflow.log_metric("rmse", value, step=step)
    mlflow.log_table({"question": ["a", "b"], "score": [1, 2]}, "eval/answers.json")
    mlflow.log_text("0.25", "model/weights.txt")
version = client.create_model_version(name, f"runs:/{own.info.run_id}/model", own.info.run_id)
print(json.dumps({**seen, "own": own.info.run_id, "version": version.version}))
