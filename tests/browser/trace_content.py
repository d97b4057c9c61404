"""What the browser tests of traces look at, and how it comes into a server."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tests.browser.logged_traces"
HOSTILE = "<img src=x onerror=alert('S20')>"
MANY_SPANS = 5000
SESSION = "talk/1"


@dataclass(frozen=True)
class Traced:
    """A server with traces, and their ids."""

    url: str
    experiment_id: str
    run_id: str
    in_run: str
    in_session: str
    failed: str
    many: str
    dataset_id: str

    def at(self, tail: str) -> str:
        """The address of a part of the experiment."""
        return f"{self.url}/#/experiments/{self.experiment_id}/{tail}"


def log_traces(url: str, home: Path, span_count: int = MANY_SPANS) -> Traced:
    """Have the genuine client log what the tests look at."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", PROGRAM, url, str(span_count)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Traced(url, **json.loads(done.stdout.splitlines()[-1]))
