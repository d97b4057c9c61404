"""Forks clients that log until they are killed, each at a moment that nobody chose.

Its arguments are how many, a seed, and a folder: there each notes a step once its call has returned.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

count, seed, notes = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
moments = random.Random(seed)
client = MlflowClient()
# The parent has an outbox with a thread of its own, as a training script has that forks its loaders.
client.create_run("0", run_name="parent")


def log_until_killed(number: int) -> None:
    run_id = client.create_run("0", run_name=f"child-{number}").info.run_id
    noted = os.open(notes / run_id, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for step in range(1_000_000):
        if step % 3:
            client.log_metric(run_id, "loss", step / 7, timestamp=step, step=step)
        else:
            metrics = [Metric("loss", step / 7, step, step), Metric("more", step, step, step)]
            client.log_batch(run_id, metrics, [Param(f"p{step}", "1")], [RunTag("last", str(step))])
        os.write(noted, b"%d\n" % step)


for number in range(count):
    child = os.fork()
    if child == 0:
        log_until_killed(number)
    time.sleep(moments.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
