"""A training script with MLflow's own client, in a loop of the user's that tries again after an error."""

import contextlib
import sys
import time

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

client = MlflowClient(tracking_uri=sys.argv[1])
steps = int(sys.argv[2])


def until_done(call, *arguments, **options):
    """Repeat a call that raised, as people do who put a loop around it."""
    for _ in range(50):
        with contextlib.suppress(Exception):  # whatever the network has done to it
            return call(*arguments, **options)
        time.sleep(0.01)
    raise SystemExit("never came through")


run_id = sys.argv[3]
for step in range(steps):
    until_done(client.log_metric, run_id, "loss", 1 / (step + 1), timestamp=1000 + step, step=step)
    metrics = [Metric(f"m{index}", step * index / 7, 1000 + step, step) for index in range(5)]
    params, tags = [Param(f"param-{step}", str(step))], [RunTag("last", str(step))]
    until_done(client.log_batch, run_id, metrics, params, tags)
