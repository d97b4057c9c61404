"""Sweeps as the tests submit them over HTTP and drive them, step by step."""

from __future__ import annotations

from typing import Any

from runyard.entities.job import JobStatus
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt
from runyard.services.operation import Operation
from runyard.services.sweep_driver import SweepDriver
from tests.server.local import Local, good
from tests.server.team import Team

SWEEPS = "/api/v1/sweeps"
NOW_MS = 1_700_000_000_000
ONE_OF_FOUR = {"values": [1, 2, 3, 4]}


def body(**more: Any) -> dict[str, Any]:
    return {
        "experiment_id": "0",
        "command": ["true"],
        "parameters": {"x": ONE_OF_FOUR},
        "metric": "loss",
        "sampling": "grid",
        "max_concurrent": 2,
        **more,
    }


def submit(local: Local, **more: Any) -> Any:
    return good(local.ask("POST", SWEEPS, json=body(**more)))["sweep"]


def sweep_of(local: Local, run_id: str) -> Any:
    return good(local.ask("GET", f"{SWEEPS}/{run_id}"))["sweep"]


def trials_of(local: Local, run_id: str, **query: Any) -> Any:
    return good(local.ask("GET", f"{SWEEPS}/{run_id}/trials", params=query))["trials"]


def driver(server: Local | Team) -> SweepDriver:
    return SweepDriver(server.stores, server.settings, Operation())


def end(server: Local | Team, run_id: str, status: JobStatus = JobStatus.COMPLETED, reason: str = "") -> None:
    """End the job of a trial as its agent would."""
    job = server.stores.metadata.jobs.find_job(run_id)
    assert job is not None
    begin_attempt(server.stores, job, "here", NOW_MS)
    end_attempt(server.stores, run_id, 1, AttemptEnd(status, 0, reason), NOW_MS)


def log(local: Local, run_id: str, *values: float) -> None:
    for step, value in enumerate(values):
        local.post("/runs/log-metric", run_id=run_id, key="loss", value=value, timestamp=step, step=step)
