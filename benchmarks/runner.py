"""Has the contestants run the workloads, one contestant after the other and never two at once."""

from __future__ import annotations

import datetime
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks import cluster, machine
from benchmarks.ceilings import measure_ceilings
from benchmarks.client import RequestFailed
from benchmarks.contestants import CONTESTANTS, ROOT, Contestant, DidNotStart, running
from benchmarks.outcome import FAILED, Measurement, Outcome
from benchmarks.trial import Extent, Trial
from benchmarks.workloads import WORKLOADS, Workload
from benchmarks.workloads.footprint import measure_memory, measure_start
from benchmarks.workloads.logging import warm_up


@dataclass(frozen=True)
class Plan:
    """Who does what, and how much of it."""

    contestants: Sequence[str]
    workloads: Sequence[str]
    extent: Extent


def measure(plan: Plan, earlier: Outcome | None, kept_in: Path) -> Outcome:
    """Carry the plan out; results are kept after each contestant, so that a stop loses little."""
    with tempfile.TemporaryDirectory(prefix="runyard-bench-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)  # PostgreSQL's own user must get to its folder below
        extent = plan.extent
        outcome = Outcome(
            day=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            machine=machine.describe(folder),
            scale=extent.scale,
            repeats=extent.repeats,
            seed_s=extent.seed_s,
        )
        if earlier:
            outcome.versions, outcome.ceilings = earlier.versions, earlier.ceilings
            outcome.measurements = earlier.measurements
        quiet_ms = min(machine.spin_ms() for _ in range(5))
        if "ceilings" in plan.workloads:
            say("the ceilings of this machine")
            outcome.ceilings = measure_ceilings(folder, extent)
        for contestant in CONTESTANTS:
            if contestant.name in plan.contestants:
                _add(outcome, contestant, plan, folder, quiet_ms)
                outcome.save(kept_in)
    return outcome


def _add(outcome: Outcome, contestant: Contestant, plan: Plan, folder: Path, quiet_ms: float) -> None:
    if not contestant.is_installed:
        outcome.problems.append(f"{contestant.title} is not installed: python3 scripts/bootstrap.py bench")
        say(outcome.problems[-1])
        return
    outcome.versions |= _versions(contestant)
    earlier = outcome.measurements.get(contestant.name)
    measured = Measurement(contestant.title, contestant.engine, contestant.version(), contestant.is_runyard)
    if earlier:
        measured.figures = earlier.figures
    started = time.perf_counter()
    try:
        _measure_one(measured, contestant, plan, folder, quiet_ms)
    except (DidNotStart, RequestFailed, cluster.NoPostgres, subprocess.CalledProcessError) as problem:
        outcome.problems.append(f"{contestant.title}: {problem}")
        say(outcome.problems[-1])
        return
    measured.took_s = round(time.perf_counter() - started, 1)
    say(f"{contestant.title} took {measured.took_s:.0f} s")
    measurements = outcome.measurements | {contestant.name: measured}
    outcome.measurements = {
        one.name: measurements[one.name] for one in CONTESTANTS if one.name in measurements
    }


def _measure_one(
    measured: Measurement, contestant: Contestant, plan: Plan, folder: Path, quiet_ms: float
) -> None:
    say(f"starting {contestant.title} {measured.version}")
    with running(contestant, folder / contestant.name) as server:
        trial = Trial(server, plan.extent)
        uvloop.run(trial.settle())
        if "memory" in plan.workloads:
            measure_memory(trial, "memory_idle")
        uvloop.run(warm_up(trial))
        for workload in WORKLOADS:
            if workload.name in plan.workloads and workload.name not in contestant.left_out:
                _run(trial, workload)
                measured.slowest_spin = max(measured.slowest_spin, machine.spin_ms() / quiet_ms)
        if "memory" in plan.workloads:
            uvloop.run(trial.settle())
            measure_memory(trial, "memory_loaded")
    if "I" in plan.workloads:
        measure_start(trial, folder)
    measured.figures |= trial.results


def _run(trial: Trial, workload: Workload) -> None:
    """Run a workload; one that fails says so in its figures and keeps nobody from the next."""
    started = time.perf_counter()
    try:
        uvloop.run(workload.run(trial))
    except (RequestFailed, OSError, ValueError) as problem:
        trial.leave_out(workload.figures, f"{FAILED}{problem}")
    say(f"  {workload.name:<9} {time.perf_counter() - started:5.1f} s  {_summary(trial, workload)}")


def _summary(trial: Trial, workload: Workload) -> str:
    parts = []
    for key in workload.figures:
        result = trial.results.get(key)
        if result and result.value is not None:
            parts.append(f"{key} {result.value:,.4g}")
        elif result:
            parts.append(f"{key}: {result.note}")
    return ", ".join(parts)[:400]


def _versions(contestant: Contestant) -> dict[str, str]:
    title = {"runyard": "Runyard", "mlflow": "MLflow", "fasttrackml": "FastTrackML"}[contestant.product]
    version = contestant.version()
    if contestant.is_runyard:
        asked = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        version += f" ({asked.stdout.strip()})" if asked.returncode == 0 else ""
    found = {title: version, "SQLite": sqlite3.sqlite_version}
    return found | ({"PostgreSQL": cluster.version()} if contestant.engine == "postgres" else {})


def say(line: str) -> None:
    """Tell the person who waits what goes on."""
    print(f"[bench] {line}", file=sys.stderr, flush=True)
