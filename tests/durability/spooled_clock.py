"""A training on a machine whose clock is wrong, and jumps while it runs.

Its arguments: an experiment's name, a number of steps, a run to go on with or `new`, and by how many seconds
the clock is wrong: in equal parts of the steps, one after the other.
"""

import os
import sys
import time

import mlflow
from mlflow.tracking import MlflowClient

experiment, steps, run_id = sys.argv[1], int(sys.argv[2]), sys.argv[3]
wrong_s = [float(word) for word in sys.argv[4:]]
first = int(os.environ.get("FIRST_STEP", "0"))
now_s, now_ns = time.time, time.time_ns
wrong_by = wrong_s[0]
time.time = lambda: now_s() + wrong_by
time.time_ns = lambda: now_ns() + int(wrong_by * 1e9)


def log(step: int) -> None:
    if "BLIND" in os.environ:
        client = MlflowClient()
        client.log_metric(run_id, "loss", step, step=step)
        client.set_tag(run_id, "last", str(step))
    else:
        mlflow.log_metric("loss", step, step=step)
        mlflow.set_tag("last", step)


if "BLIND" not in os.environ:
    mlflow.set_experiment(experiment)
    run_id = mlflow.start_run(run_id=None if run_id == "new" else run_id).info.run_id
print(run_id, flush=True)
for index in range(steps):
    wrong_by = wrong_s[index * len(wrong_s) // steps]
    log(first + index)
mlflow.end_run()
