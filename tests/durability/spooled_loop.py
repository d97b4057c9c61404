"""A training loop that tells which of its threads have opened connections, and how long its calls took.

Its arguments are an experiment's name, a number of steps and the pause after each, in seconds. It prints the
run's id, each step, and at its end what it found, as JSON.
"""

import json
import sys
import threading
import time

import mlflow

experiment, steps, pause_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
connecting: list[str] = []


def note(event: str, _: object) -> None:
    """Note which thread opens a connection, in whatever library."""
    if event == "socket.connect":
        connecting.append(threading.current_thread().name)


mlflow.set_experiment(experiment)
taken_ms = []
with mlflow.start_run() as run:
    print(run.info.run_id, flush=True)
    sys.addaudithook(note)
    for step in range(steps):
        began_s = time.perf_counter()
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_param(f"p{step % 50}", step % 50)
        mlflow.set_tag("last", step)
        mlflow.log_metrics({"a": step, "b": -step}, step=step)
        taken_ms.append(1000 * (time.perf_counter() - began_s) / 4)
        print(step, flush=True)
        time.sleep(pause_s)
    in_loop = list(connecting)
taken_ms.sort()
found = {
    "by the loop": in_loop.count(threading.main_thread().name),
    "by others": len(in_loop) - in_loop.count(threading.main_thread().name),
    "p50 ms": taken_ms[steps // 2],
    "p99 ms": taken_ms[int(steps * 0.99)],
    "longest ms": taken_ms[-1],
}
print(json.dumps(found), flush=True)
