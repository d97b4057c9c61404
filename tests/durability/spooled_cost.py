"""Prints how long `mlflow.log_metric` takes, in µs of the clock and of the processor, as JSON.

Its argument is how many calls. MLflow's own part of a call is measured with a store that does nothing.
"""

import json
import sys
import time

import mlflow
from mlflow.tracking._tracking_service import utils

COUNT = int(sys.argv[1])


def measure() -> dict[str, float]:
    clock_s, processor_s = [], []
    for step in range(COUNT):
        began_s, began_processor_s = time.perf_counter(), time.thread_time()
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        clock_s.append(time.perf_counter() - began_s)
        processor_s.append(time.thread_time() - began_processor_s)
        # A training loop does something between two calls.
        time.sleep(0.0005)
    return {
        f"{name} p{100 * part:g}": round(1e6 * sorted(taken)[int(COUNT * part)], 1)
        for name, taken in (("clock", clock_s), ("processor", processor_s))
        for part in (0.5, 0.99)
    }


with mlflow.start_run():
    store = utils._get_store(mlflow.get_tracking_uri())
    spooled = measure()
    store.log_metric = lambda run_id, metric: None
    mlflow_alone = measure()
print(json.dumps({"with the spool": spooled, "MLflow's own part": mlflow_alone}))
