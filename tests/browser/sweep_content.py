"""What the browser tests of sweeps look at: a script that trials run, and a sweep with thousands of them."""

from __future__ import annotations

import math
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from runyard.entities.job import JobSpec
from runyard.entities.sweep import (
    SWEEP_TAG,
    Distribution,
    DistributionKind,
    Goal,
    Sampling,
    StoppingKind,
    StoppingRule,
    Sweep,
    SweepSpec,
    SweepStatus,
    Trial,
    TrialStatus,
)
from tests.browser.job_content import JobClient
from tests.server.local import Local

BEGUN_MS = 1_760_000_000_000
# It logs by a request alone, and the trial whose x is 4 waits for a file.
PARABOLA = """
    import json, os, pathlib, sys, time, urllib.request
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    x = int(words["--x"])
    if "--breaks" in words and x == 2:
        sys.exit("no such thing")
    while x == 4 and not pathlib.Path(words["--told"]).exists():
        time.sleep(0.05)
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": (x - 3) ** 2 + 0.5,
            "step": 0, "timestamp": int(time.time() * 1000)}
    headers = {"Content-Type": "application/json"}
    headers["Authorization"] = "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).read()
"""


def submit_sweep(jobs: JobClient, script: str, told: Path, **more: Any) -> str:
    """Submit a sweep over x from 1 to 4 of a script that is there already; returns its id."""
    waiting = jobs.submit(script, compute="paused")
    snapshot = jobs.job(waiting)["snapshot"]
    jobs.ask("POST", f"jobs/{waiting}/cancel")
    body = {
        "experiment_id": "0",
        "snapshot": snapshot,
        "script": "src/train.py",
        "arguments": ["--told", str(told)],
        "environment": {"python": {"user_managed": True}},
        "parameters": {"x": {"values": [1, 2, 3, 4]}},
        "metric": "loss",
        "sampling": "grid",
        "max_concurrent": 2,
    }
    return str(jobs.ask("POST", "sweeps", json=body | more)["sweep"]["run_id"])


def keep_long_sweep(home: Path, trials: int) -> str:
    """Keep a sweep that is over, with so many trials, in a home that no server has open; returns its id."""
    # In a thread of its own, as the browser has an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_keep, home, trials).result()


def _keep(home: Path, trials: int) -> str:
    local = Local(home)
    run = local.post(
        "/runs/create", experiment_id="0", run_name="long", tags=[{"key": SWEEP_TAG, "value": "x"}]
    )
    run_id = str(run["run"]["info"]["run_id"])
    stores, draw = local.stores, random.Random(1)
    with stores.atomic():
        stores.metadata.sweeps.add_sweep(_sweep(run_id, trials))
        for number in range(trials):
            rate, depth, kind = 10 ** draw.uniform(-5, 0), draw.randrange(2, 9), draw.choice(["adam", "sgd"])
            loss = (math.log10(rate) + 2.5) ** 2 + 3 / depth + (kind == "sgd") + draw.random()
            stores.metadata.sweeps.add_trial(
                Trial(
                    run_id,
                    number,
                    run_id_of_trial(number),
                    {"lr": rate, "depth": depth, "optimizer": kind},
                    TrialStatus.STOPPED if loss > 6 else TrialStatus.COMPLETED,
                    None if number == 7 else loss,
                )
            )
    local.close()
    return run_id


def run_id_of_trial(number: int) -> str:
    """Return the id that the run of a trial of the long sweep would have."""
    return f"{number:032x}"


def _sweep(run_id: str, trials: int) -> Sweep:
    spec = SweepSpec(
        job=JobSpec(script="train.py", snapshot="c" * 64, arguments=("--epochs", "5")),
        compute="local",
        parameters={
            "lr": Distribution(DistributionKind.UNIFORM, low=1e-5, high=1.0, is_log=True),
            "depth": Distribution(DistributionKind.INTEGER, low=2, high=8),
            "optimizer": Distribution(DistributionKind.CHOICE, ("adam", "sgd")),
        },
        metric="loss",
        goal=Goal.MINIMIZE,
        sampling=Sampling.RANDOM,
        seed=1,
        max_trials=trials,
        max_concurrent=8,
        stopping=StoppingRule(StoppingKind.BANDIT, every=5, delay=10, slack_factor=0.5),
    )
    return Sweep(
        run_id,
        "default",
        "0",
        spec,
        SweepStatus.COMPLETED,
        BEGUN_MS,
        "p",
        "ann",
        ended_ms=BEGUN_MS + 3_600_000,
        closed_ms=BEGUN_MS + 3_000_000,
        closed_as=SweepStatus.COMPLETED,
    )
