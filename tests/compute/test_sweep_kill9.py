"""kill -9 of the server, again and again, while a sweep goes on: each trial runs once, and each one ends."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from pathlib import Path

import pytest
import requests

from tests.compute.test_jobs_end_to_end import Jobs
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
TRIALS = int(os.environ.get("RUNYARD_SWEEP_TRIALS", "10"))
KILLS = int(os.environ.get("RUNYARD_SWEEP_KILLS", "4"))
SLOTS = 2
STEPS = 20
WITHIN_S = 3_600.0
SCRIPT = f"""
    import sys, time
    from runyard import Run

    diary, number = sys.argv[1], sys.argv[3]

    def note(word):
        with open(diary, "a") as opened:
            opened.write(f"{{time.time()}} {{word}} {{number}}\\n")

    note("begun")
    run = Run.get_context()
    for step in range({STEPS}):
        run.log("loss", float(number) + 1 / (step + 1), step=step)
        time.sleep(0.02)
    print("trial", number, flush=True)
    note("ended")
"""


def test_r18_a_sweep_ends_whole_however_often_the_server_is_killed(start_server, tmp_path: Path):
    server = start_server(environment={"RUNYARD_LOCAL_SLOTS": str(SLOTS)})
    jobs, diary = Jobs(server), tmp_path / "diary"
    # A job of the same code, so that the snapshot is there.
    code = jobs.job(jobs.submit(SCRIPT, tmp_path / "other diary", "--number", 0))["snapshot"]
    sweep = jobs.ask(
        "POST",
        "sweeps",
        json={
            "experiment_id": "0",
            "snapshot": code,
            "script": "src/train.py",
            "arguments": [str(diary)],
            "environment": {"python": {"user_managed": True}},
            "parameters": {"number": {"values": list(range(TRIALS))}},
            "metric": "loss",
            "sampling": "grid",
            "max_concurrent": 3 * SLOTS,
        },
    )["sweep"]["run_id"]
    moments = random.Random(KILLS)
    for kill in range(KILLS):
        until(lambda kill=kill: times(diary, "ended") >= kill * TRIALS // KILLS, WITHIN_S)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 1))
        server.kill9()
        server.start()
    until(lambda: jobs.ask("GET", f"sweeps/{sweep}")["sweep"]["status"] != "running", WITHIN_S)

    ended = jobs.ask("GET", f"sweeps/{sweep}")["sweep"]
    assert (ended["status"], ended["trials"]) == ("completed", {"completed": TRIALS})
    trials = jobs.ask("GET", f"sweeps/{sweep}/trials", params={"max_results": TRIALS})["trials"]
    assert [each["number"] for each in trials] == list(range(TRIALS))
    for trial in trials:
        expect_whole(jobs, trial["run_id"], trial["number"])
    lines = sorted(line.split() for line in diary.read_text().splitlines())
    for word in ("begun", "ended"):
        assert sorted(int(number) for _, said, number in lines if said == word) == list(range(TRIALS))
    at_once = most = 0
    for _, word, _ in lines:
        at_once += 1 if word == "begun" else -1
        most = max(most, at_once)
    assert most <= SLOTS
    assert ended["best"]["run_id"] == trials[0]["run_id"]
    check_database(server.home / "runyard.db")


def times(diary: Path, word: str) -> int:
    return diary.read_text().count(word) if diary.exists() else 0


def expect_whole(jobs: Jobs, run_id: str, number: int) -> None:
    """Fail unless a trial ended well at its first attempt, and all that it said and logged is there once."""
    job = jobs.job(run_id)
    assert (job["status"], job["attempt"], job["exit_code"]) == ("completed", 1, 0), job
    assert jobs.run(run_id)["info"]["status"] == "FINISHED"
    assert jobs.printed(run_id) == f"trial {number}\n"
    query = {"run_id": run_id, "metric_key": "loss"}
    path = f"{jobs.server.url}/api/2.0/mlflow/metrics/get-history"
    history = requests.get(path, params=query, timeout=120).json()["metrics"]
    assert [(each["step"], each["value"]) for each in history] == [
        (step, number + 1 / (step + 1)) for step in range(STEPS)
    ]


def check_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()
