"""A training script as people write it, with MLflow alone; Runyard's plugin is installed beside it.

Its arguments are an experiment's name and a number of steps; after each step it prints the step.
"""

import os
import sys
import time
from pathlib import Path

import mlflow

mlflow.set_experiment(sys.argv[1])
steps = int(sys.argv[2])
pause_s = float(os.environ.get("PAUSE_S", "0"))

with mlflow.start_run() as run:
    print(run.info.run_id, flush=True)
    mlflow.log_params({"steps": steps, "kind": "spooled"})
    for step in range(steps):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"a": step, "b": float("nan")}, step=step)
        mlflow.set_tag("last", str(step))
        print(step, flush=True)
        time.sleep(pause_s)
    Path("weights.txt").write_text("these are weights")
    mlflow.log_artifact("weights.txt", "model")
print("ended", flush=True)
