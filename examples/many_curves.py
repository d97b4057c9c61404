"""Log a dozen long runs, so that there is something to compare in the charts.

The runs are made up, not trained: learning curves of twelve configurations with noise and plateaus; one run
diverges and one was stopped. It needs mlflow (or mlflow-skinny) alone and runs against any MLflow server:

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python examples/many_curves.py --runs 12 --steps 2000
"""

import argparse
import itertools
import math
import random
import time

import mlflow
from mlflow.entities import Metric, Param

EXPERIMENT = "many-curves"
LEARNING_RATES = (0.3, 0.1, 0.03, 0.01)
BATCH_SIZES = (32, 128, 512)
POINTS_A_BATCH = 1000
STEP_MS = 250


def curve_of(learning_rate, batch_size, steps, chance):
    """Yield the metrics of each step as a training with these settings might log them."""
    speed = 60 * learning_rate**0.7 / steps
    noise = 0.25 * learning_rate**0.5 / batch_size**0.25
    floor = 0.12 + 0.3 * abs(math.log10(learning_rate / 0.05)) / 3
    diverges_at = steps * 2 // 3 if learning_rate >= 0.3 and batch_size <= 32 else math.inf
    wobble = 0.0
    for step in range(steps):
        wobble = 0.9 * wobble + chance.gauss(0, noise)
        loss = floor + (2.3 - floor) * math.exp(-speed * step) + abs(wobble)
        if step > diverges_at:
            loss += 0.004 * (step - diverges_at) ** 1.3 * chance.uniform(0.6, 1.4)
        gap = 0.15 * (1 - math.exp(-1.5 * step / steps))
        yield {
            "train/loss": loss,
            "train/accuracy": math.exp(-loss / 1.8),
            "val/loss": loss + gap + chance.gauss(0, noise / 3),
            "val/accuracy": math.exp(-(loss + gap) / 1.8),
            "optimizer/learning_rate": learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps)),
            "optimizer/gradient_norm": (0.2 + loss) * chance.lognormvariate(0, 0.3),
        }


def log_run(client, experiment_id, settings, steps, started_ms):
    """Log one run whose steps lie a quarter of a second apart, and return its id."""
    learning_rate, batch_size, seed = settings
    chance = random.Random(f"{learning_rate} {batch_size} {seed}")
    run = client.create_run(
        experiment_id, start_time=started_ms, run_name=f"lr-{learning_rate}-batch-{batch_size}-seed-{seed}"
    )
    params = {"learning_rate": learning_rate, "batch_size": batch_size, "seed": seed, "steps": steps}
    client.log_batch(run.info.run_id, params=[Param(key, str(value)) for key, value in params.items()])
    was_stopped = learning_rate <= 0.01 and batch_size >= 512
    kept = steps // 2 if was_stopped else steps
    points = (
        Metric(key, value, started_ms + step * STEP_MS, step)
        for step, values in enumerate(curve_of(learning_rate, batch_size, kept, chance))
        for key, value in values.items()
    )
    while batch := list(itertools.islice(points, POINTS_A_BATCH)):
        client.log_batch(run.info.run_id, metrics=batch)
    status = "KILLED" if was_stopped else "FINISHED"
    client.set_terminated(run.info.run_id, status, end_time=started_ms + kept * STEP_MS)
    return run.info.run_id


def main():
    """Log as many runs and steps as the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=12, help="how many runs (default: 12)")
    parser.add_argument("--steps", type=int, default=2000, help="steps of each run (default: 2000)")
    asked = parser.parse_args()

    experiment = mlflow.set_experiment(EXPERIMENT)
    client = mlflow.MlflowClient()
    grid = itertools.cycle(itertools.product(LEARNING_RATES, BATCH_SIZES))
    began_s = time.perf_counter()
    started_ms = int(time.time() * 1000) - asked.runs * asked.steps * STEP_MS
    for index, (learning_rate, batch_size) in enumerate(itertools.islice(grid, asked.runs)):
        settings = (learning_rate, batch_size, index // (len(LEARNING_RATES) * len(BATCH_SIZES)))
        log_run(client, experiment.experiment_id, settings, asked.steps, started_ms)
        started_ms += asked.steps * STEP_MS
    print(f"Logged {asked.runs} runs of {asked.steps} steps in {time.perf_counter() - began_s:.1f} s.")


if __name__ == "__main__":
    main()
