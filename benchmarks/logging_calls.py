"""`python -m benchmarks.logging_calls`: what logging costs a training script, in µs a call.

Four scripts run one after the other, each in a process of its own: with the plugin and a server, with the
plugin and no server, with the plugin switched off, and MLflow's own part with a store that does nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOOP = Path(__file__).with_name("logging_loop.py")
READY_WITHIN_S = 60.0
CALLS = ("log_metric", "log_param", "set_tag", "log_batch")
MARKS = ("p50", "p99", "max", "own p99")
LOOPS = ("1 ms steps", "50 ms steps")
_OTHERS_SETTINGS = ("RUNYARD_", "MLFLOW_")


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.logging_calls",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--calls", type=int, default=2000, help="how many of each, in hundreds; by default 2000"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    found = measure(given.calls)
    print(json.dumps(found, indent=2) if given.json else table(found))
    return 0


def measure(calls: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each situation."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with own_server(folder) as url:
            up = _run(folder, url, calls)
            without = _run(folder, url, calls, RUNYARD_SPOOL="off")
        away = f"http://127.0.0.1:{_free_port()}"
        offline = {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
        down = _run(folder, away, calls, **offline)
        alone = _run(folder, away, calls, "alone", **offline)
    return {
        "plugin, server up": up,
        "plugin, server down": down,
        "MLflow's own part": alone,
        "without the plugin": without,
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = ["| µs | " + " | ".join(found) + " |", "|---|" + "---:|" * len(found)]
    for name in CALLS:
        for mark in MARKS:
            cells = (f"{figures[name][mark]:,.0f}" for figures in found.values())
            lines.append(f"| {name}, {mark} | {' | '.join(cells)} |")
    for name in LOOPS:
        for mark, words in (("slower_percent", ""), ("own slower_percent", ", own")):
            slower = (f"{figures[name][mark]:.1f} %" for figures in found.values())
            lines.append(
                f"| a loop of {name} that logs a metric in each is slower by{words} | {' | '.join(slower)} |"
            )
    return "\n".join(lines)


def _run(folder: Path, url: str, calls: int, *words: str, **settings: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS_SETTINGS)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(LOOP), str(calls), *words],
        env={
            **kept,
            "HOME": str(folder),
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # A step is to take one processor, as far as there is one.
            "OPENBLAS_NUM_THREADS": "1",
            "RUNYARD_SPOOL_DIR": str(folder / "spools"),
            **settings,
        },
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if words or settings else None,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@contextlib.contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """Run a server in a folder for as long as the block runs."""
    port = _free_port()
    command = [sys.executable, "-m", "runyard", "up", "--home", str(folder / "home"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while not _answers(url):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"Nobody answers at {url}.")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
