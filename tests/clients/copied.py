"""A notebook's code that is logged to both; it knows of neither."""

import json
import os

import mlflow

mlflow.set_experiment(os.environ.get("EXPERIMENT", "training"))
with mlflow.start_run(run_name="both") as run:
    mlflow.log_param("alpha", 0.5)
    mlflow.log_params({"beta": 1, "gamma": "x"})
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"accuracy": 0.9, "recall": 0.8})
    mlflow.set_tags({"kind": "test", "gone": "soon"})
    mlflow.delete_tag("gone")
    mlflow.log_text("words", "notes.txt")
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_metric("depth", 1)
print(json.dumps({"run_id": run.info.run_id, "inner_id": inner.info.run_id}))
