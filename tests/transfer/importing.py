"""The command as a process of its own, and what tests ask the server afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.running_server import RunningServer, scrubbed

MLFLOW = "/api/2.0/mlflow"


def command(*words: object, to: RunningServer) -> list[str]:
    """Return `runyard import` with its words, into a server."""
    return [sys.executable, "-m", "runyard", "import", *map(str, words), "--to", to.url, "--json"]


def begin(*words: object, to: RunningServer) -> "subprocess.Popen[str]":
    """Start an import and return its process."""
    environment = scrubbed(os.environ) | {"RUNYARD_HOME": str(to.home)}
    return subprocess.Popen(
        command(*words, to=to),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=to.home.parent,
    )


def freeze_when(process: "subprocess.Popen[str]", is_so: Callable[[], bool]) -> None:
    """Let an import go on by small steps until it is so, and freeze it there; it may have ended before.

    While somebody looks it stands still, however slow that is, and then goes on for as long as that took.
    """
    while process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        began_s = time.monotonic()
        if is_so():
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(max(0.02, time.monotonic() - began_s))


def end(process: "subprocess.Popen[str]") -> tuple[int, Any, str]:
    """Return how an import ended: its code, what it printed as JSON, and what it complained of."""
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out) if out else None, err


def run_import(*words: object, to: RunningServer) -> tuple[int, Any, str]:
    """Import to the end."""
    return end(begin(*words, to=to))


def complete_import(*words: object, to: RunningServer) -> Any:
    """Import to the end, which must be a good one, and return the report."""
    code, report, err = run_import(*words, to=to)
    assert (code, report and report["problems"]) == (0, []), (report, err)
    assert report["read"] == report["kept"]
    return report


def weights_in(name: str) -> list[str]:
    """Return what the files of the model are called in the store of that name; see mlflow_store.py."""
    return ["weights 1%.bin"] if name.startswith("3.17") else ["weights 1%.bin", "weights #1%.bin"]


def search(server: RunningServer, noun: str, **body: Any) -> list[Any]:
    """Return all that a search of MLflow's finds."""
    found: list[Any] = []
    token = ""
    while True:
        asked = {"max_results": 1000, **body, **({"page_token": token} if token else {})}
        answer = httpx.post(f"{server.url}{MLFLOW}/{noun}/search", json=asked, timeout=60).json()
        found += answer.get(noun, [])
        token = answer.get("next_page_token", "")
        if not token:
            return found


def all_runs(server: RunningServer) -> dict[str, Any]:
    """Return every run of the server, by its id."""
    ids = [each["experiment_id"] for each in search(server, "experiments", view_type="ALL")]
    runs = search(server, "runs", experiment_ids=ids, run_view_type="ALL")
    return {run["info"]["run_id"]: run for run in runs}


def history(server: RunningServer, run_id: str, key: str) -> list[tuple[int, int, str]]:
    """Return timestamp, step and value of each point, the value in Python's words."""
    query: dict[str, Any] = {"run_id": run_id, "metric_key": key}
    answer = httpx.get(f"{server.url}{MLFLOW}/metrics/get-history", params=query, timeout=60).json()
    return sorted(
        (each["timestamp"], each.get("step", 0), repr(float(each["value"]))) for each in answer["metrics"]
    )
