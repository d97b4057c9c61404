"""What a notebook does: it logs through MLflow's client, and asks Runyard's SDK for it in the next line."""

import json
import os
import sys

import mlflow

from runyard import Workspace

workspace = Workspace.get("default", url=os.environ["MLFLOW_TRACKING_URI"])
mlflow.set_experiment("asked at once")
with mlflow.start_run() as begun:
    mlflow.log_metric("loss", 0.5, step=3)
    found = workspace.get_run(begun.info.run_id)
    mlflow.log_metric("loss", 0.25, step=4)
    losses = found.get_metrics("loss")
    mlflow.set_tag("is", "seen")
    names = [run.id for run in workspace.experiments["asked at once"].get_runs(tags={"is": "seen"})]
seen = {"status": found.status, "losses": losses, "is_found": names == [begun.info.run_id]}
sys.stdout.write(json.dumps(seen))
