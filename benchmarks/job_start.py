"""`python -m benchmarks.job_start`: from the submission of a job until its first line can be read.

Jobs are submitted one after the other, by the SDK, and their consoles are read along with. The first one may
make the environment and is told apart; of the others the median counts. Beside them stands what the engine
needs by itself: a command, from its start until it prints its first line.

Examples:
    python -m benchmarks.job_start                                  a server of its own, this machine
    python -m benchmarks.job_start --pip numpy                      the same, in an environment that is kept
    python -m benchmarks.job_start --url http://127.0.0.1:5000 --compute slurm --beside 'srun echo there'
    python -m benchmarks.job_start --url … --compute ray --beside 'ray job submit -- echo there'
    python -m benchmarks.job_start --url … --compute vm --beside 'ssh vm echo there'
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.logging_calls import own_server
from runyard import CondaDependencies, Environment, Experiment, ScriptRunConfig, Workspace

LINE = "there"
LOOKS_EVERY_S = 0.02
OURS, FIRST, ENGINE = "Runyard", "Runyard, the first", "the engine alone"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table."""
    given = _parser().parse_args(arguments)
    server = contextlib.nullcontext(given.url) if given.url else _server()
    with server as url, tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.get(given.workspace, url=url)
        config = _config(Path(folder), given.compute, given.pip)
        first, *ours = _submitted(workspace, config, given.repeats + 1)
    found = {FIRST: [first], OURS: ours}
    beside = shlex.split(given.beside) or [sys.executable, "-c", f"print({LINE!r})"]
    found[ENGINE] = [until_first_line(beside) for _ in range(given.repeats)]
    print(json.dumps(found, indent=2) if given.json else table(found))
    return 0


def table(found: dict[str, list[float]]) -> str:
    """Return the figures as Markdown."""
    lines = ["| s | median | least | most |", "|---|---:|---:|---:|"]
    for name, taken_s in found.items():
        cells = (statistics.median(taken_s), min(taken_s), max(taken_s))
        lines.append(f"| {name} | {' | '.join(f'{each:.2f}' for each in cells)} |")
    return "\n".join(lines)


def until_first_line(command: Sequence[str]) -> float:
    """Return how long a command takes until it has printed a line.

    Raises:
        ValueError: It prints none.
    """
    began_s = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken_s = time.monotonic() - began_s
        process.stdout.read()
    if not line.endswith(b"\n"):
        raise ValueError(f"{shlex.join(command)} printed no line; it ended with {process.returncode}.")
    return taken_s


def _config(folder: Path, compute: str, pip: Sequence[str]) -> ScriptRunConfig:
    (folder / "say.py").write_text(f"print({LINE!r}, flush=True)\n")
    environment = Environment("job-start")
    if pip:
        environment.python.conda_dependencies = CondaDependencies.create(pip_packages=list(pip))
    else:
        environment.python.user_managed_dependencies = True
    return ScriptRunConfig(folder, "say.py", compute_target=compute, environment=environment)


def _submitted(workspace: Workspace, config: ScriptRunConfig, times: int) -> list[float]:
    experiment = Experiment(workspace, "job-start")
    return [_until_it_prints(experiment, config) for _ in range(times)]


def _until_it_prints(experiment: Experiment, config: ScriptRunConfig) -> float:
    began_s = time.monotonic()
    run = experiment.submit(config)
    printed = run.console().follow(lambda _: time.sleep(LOOKS_EVERY_S))
    taken_s = next((time.monotonic() - began_s for each in printed if each.stream == "stdout"), None)
    run.wait_for_completion()
    if taken_s is None:
        raise ValueError(f"Run {run.id} printed nothing.")
    return taken_s


@contextlib.contextmanager
def _server() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, own_server(Path(folder)) as url:
        yield url


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.job_start",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default="", help="a server that is there; left out, one of its own")
    parser.add_argument("--workspace", default="default", help="of that server")
    parser.add_argument("--compute", default="local", help="the compute target")
    parser.add_argument("--pip", action="append", default=[], help="a package of the environment")
    parser.add_argument("--beside", default="", help="what the engine is asked for by itself")
    parser.add_argument("--repeats", type=int, default=5, help="jobs after the first, and commands")
    parser.add_argument("--json", action="store_true", help="print JSON: seconds, all of them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
