"""What the browser tests of jobs submit: real scripts, which a real server runs."""

from __future__ import annotations

import hashlib
import io
import tarfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.running_server import RunningServer
from tests.waiting import until

WITHIN_S = 300.0
SCRIPT = "src/train.py"

# It prints a line whenever the test writes another number, and ends with what the test says last.
TOLD = """
    import pathlib, sys, time
    told, number = pathlib.Path(sys.argv[1]), 0
    print("it has begun", flush=True)
    while True:
        said = told.read_text().split() if told.exists() else []
        if said and said[-1] == "end":
            break
        for word in said[number:]:
            print(f"epoch {word}", flush=True)
        number = len(said)
        time.sleep(0.05)
    print("it has ended", flush=True)
"""
COLOURED = """
    import sys, time
    print("plain, then \\x1b[31mred\\x1b[0m and \\x1b[1;32mbold green\\x1b[0m")
    print("\\x1b[38;5;208morange\\x1b[0m, \\x1b[48;2;20;60;120m\\x1b[97m any \\x1b[0m, \\x1b[33myellow")
    print("still yellow\\x1b[0m <img src=x onerror=alert(1)>")
    for step in range(0, 101, 5):
        print(f"\\r{step:3d}% |{'#' * (step // 5):<20}|", end="", file=sys.stderr, flush=True)
        time.sleep(0.01)
    print(file=sys.stderr)
    for epoch in range(300):
        print(f"epoch {epoch}: loss={1 / (epoch + 1):.4f}")
    print("a long line " + "that goes on and on " * 40)
"""
FAILING = """
    import sys
    print("reading settings")
    raise ValueError("alpha must be positive")
"""


class JobClient:
    """Submits jobs to a server and looks what becomes of them."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self._client = httpx.Client(base_url=server.url, timeout=60)

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        """Send one call and return its answer."""
        answer = self._client.request(method, f"/api/v1/{path}", **sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, script: str, *arguments: object, files: Mapping[str, str] = {}, **more: Any) -> str:
        """Submit a script with this Python as it is, and return the id of the job."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as code:
            for name, text in {SCRIPT: textwrap.dedent(script), **files}.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                code.addfile(member, io.BytesIO(text.encode()))
        sha256 = hashlib.sha256(archive.getvalue()).hexdigest()
        self.ask("PUT", f"snapshots/{sha256}", content=archive.getvalue())
        body = {
            "experiment_id": "0",
            "snapshot": sha256,
            "script": SCRIPT,
            "arguments": [str(each) for each in arguments],
            "environment": {"python": {"user_managed": True}},
        }
        return str(self.ask("POST", "jobs", json=body | more)["job"]["run_id"])

    def job(self, run_id: str) -> Any:
        """Return a job as it is now."""
        return self.ask("GET", f"jobs/{run_id}")["job"]

    def until(self, run_id: str, *statuses: str) -> Any:
        """Wait until a job is in one of these states."""
        until(lambda: self.job(run_id)["status"] in statuses, WITHIN_S)
        return self.job(run_id)

    def put_file(self, run_id: str, path: str, content: bytes) -> None:
        """Keep a file among the artifacts of a run."""
        address = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{path}"
        self._client.put(address, content=content).raise_for_status()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def tell(path: Path, *words: object) -> None:
    """Say more to a script that waits to be told; it never sees half of it."""
    said = path.read_text() if path.exists() else ""
    path.with_suffix(".new").write_text(said + "".join(f"{word}\n" for word in words))
    path.with_suffix(".new").rename(path)
