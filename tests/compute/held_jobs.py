"""Jobs that stay in one state of their life for as long as a test wants, to be killed in it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from runyard.agent.station import AGENT, CHILD, OUTCOME, SCRIPT
from tests.compute.test_jobs_end_to_end import WITHIN_S, Jobs
from tests.running_server import RunningServer
from tests.waiting import until

QUEUED, STARTING, PREPARING, RUNNING, FINISHING = "queued", "starting", "preparing", "running", "finishing"
STEPS = 100
"""Points that the script logs before it waits, and as many again after that."""
LINES = "first line\nlast line\n"
_LOGS = f"""
    import sys, time
    from pathlib import Path
    from runyard import Run

    begun, go_on = map(Path, sys.argv[1:])
    with begun.open("a") as opened:
        opened.write("begun\\n")
    run = Run.get_context()
    for step in range({STEPS}):
        run.log("loss", 1 / (step + 1), step=step)
    run.flush()
    print("first line", flush=True)
    while not go_on.exists():
        time.sleep(0.05)
    for step in range({STEPS}, {2 * STEPS}):
        run.log("loss", 1 / (step + 1), step=step)
    print("last line", flush=True)
"""
# To prepare a job in Azure's words the agent asks its Python for the SDK: this one answers when it may.
_PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then
    touch {folder}/asked
    while [ -e {folder}/hold ]; do sleep 0.05; done
fi
exec {python} "$@"
"""


class Replicas(Jobs):
    """A client of servers that share a database: whichever of them lives is asked.

    Args:
        servers: They may be one.
    """

    def __init__(self, servers: Sequence[RunningServer]) -> None:
        super().__init__(servers[0])
        self.servers = servers

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        self.server = next(each for each in self.servers if each.is_running)
        return super().ask(method, path, **sent)

    def place(self, run_id: str, attempt: int = 1) -> Path:
        places = [each.home / "jobs" / run_id / str(attempt) for each in self.servers]
        return next((each for each in places if each.exists()), places[0])

    def owner_of(self, run_id: str) -> RunningServer:
        """Return the server whose machine a job was begun on; before that any of them."""
        place = self.place(run_id)
        return next(each for each in self.servers if place.is_relative_to(each.home))


@dataclass(frozen=True)
class HeldJob:
    """A job in a folder of its own, which goes no further than it is let.

    Args:
        jobs: Its servers.
        folder: What it reads and writes.
        run_id: Its run.
    """

    jobs: Replicas
    folder: Path
    run_id: str

    @property
    def times_begun(self) -> int:
        begun = self.folder / "begun"
        return len(begun.read_text().splitlines()) if begun.exists() else 0

    def process(self, name: str) -> int:
        """Return the number of a process that the job has: the agent or the script."""
        return self.jobs.pid(self.run_id, name)

    def agent(self) -> int:
        """Return the agent's process, which may not have said so yet."""
        return self.process(AGENT if (self.jobs.place(self.run_id) / AGENT).exists() else CHILD)

    def agent_now(self) -> int:
        """Return the agent's process; there may be none, and no folder.

        Raises:
            FileNotFoundError: There is none.
        """
        place = self.jobs.place(self.run_id)
        name = AGENT if (place / AGENT).exists() else CHILD
        return int(json.loads((place / name).read_text())["pid"])

    def let_go(self) -> None:
        """Let the job go to its end."""
        (self.folder / "go on").touch()
        (self.folder / "hold").unlink(missing_ok=True)

    def history(self) -> list[int]:
        """Return the steps of all points that are kept, as often as they are."""
        query = {"run_id": self.run_id, "metric_key": "loss", "max_results": str(10 * STEPS)}
        path = f"{self.jobs.server.url}/api/2.0/mlflow/metrics/get-history"
        found: Sequence[Mapping[str, Any]] = requests.get(path, params=query, timeout=120).json()["metrics"]
        return [int(each["step"]) for each in found]

    def expect_whole(self) -> None:
        """Fail unless the job ends well, has run once, and all that it said and logged is kept once."""
        job = self.jobs.ended(self.run_id)
        assert (job["status"], job["attempt"], job["exit_code"]) == ("completed", 1, 0), job
        assert self.times_begun == 1
        assert self.jobs.printed(self.run_id) == LINES
        assert self.history() == list(range(2 * STEPS))
        assert self.jobs.run(self.run_id)["info"]["status"] == "FINISHED"

    def expect_cut_off(self) -> None:
        """Fail unless the job has failed, has run once, and what it had sent till then is kept."""
        job = self.jobs.ended(self.run_id)
        assert (job["status"], job["attempt"]) == ("failed", 1), job
        assert job["reason"]
        assert self.times_begun == 1
        assert self.jobs.printed(self.run_id) == "first line\n"
        assert self.history() == list(range(STEPS))
        assert self.jobs.run(self.run_id)["info"]["status"] == "FAILED"


def hold(jobs: Replicas, folder: Path, state: str, compute: str = "local") -> HeldJob:
    """Return a new job that stays in a state until it is let go.

    One that is queued waits for its target, which is paused. One that starts has an agent that was stopped
    before it asked for the job: how it goes on is the caller's. One that is finishing has a script that is
    over, and no server to tell that: all that there were are killed.
    """
    while True:
        job = _submitted(jobs, folder, state, compute)
        if state != STARTING:
            break
        if _is_stopped_early(job):
            return job
        job.let_go()  # the machine was too fast
        job.expect_whole()
        folder = folder.with_name(f"{folder.name}-again")
    if state == PREPARING:
        until((job.folder / "asked").exists, WITHIN_S)
        jobs.until(job.run_id, PREPARING)
    elif state in (RUNNING, FINISHING):
        # The end of a line is written after it, so a line may be read before it is whole.
        until(lambda: "first line\n" in jobs.printed(job.run_id), WITHIN_S)
    if state == FINISHING:
        for server in jobs.servers:
            server.kill9()
        job.let_go()
        until((jobs.place(job.run_id) / OUTCOME).exists, WITHIN_S)
    return job


def _submitted(jobs: Replicas, folder: Path, state: str, compute: str) -> HeldJob:
    folder.mkdir()
    if state == PREPARING:
        (folder / "hold").touch()
    python = folder / "python"
    python.write_text(_PYTHON.format(folder=shlex.quote(str(folder)), python=shlex.quote(sys.executable)))
    python.chmod(0o700)
    environment = {"python": {"user_managed": True, "interpreter": str(python)}}
    begun, go_on = folder / "begun", folder / "go on"
    run_id = jobs.submit(_LOGS, begun, go_on, environment=environment, is_azureml=True, compute=compute)
    return HeldJob(jobs, folder, run_id)


def _is_stopped_early(job: HeldJob) -> bool:
    place = job.jobs.place(job.run_id)
    until(lambda: (job.jobs.place(job.run_id) / CHILD).exists() or place.joinpath(SCRIPT).exists(), WITHIN_S)
    pid = int(json.loads((job.jobs.place(job.run_id) / CHILD).read_text())["pid"])
    os.kill(pid, signal.SIGSTOP)
    if job.jobs.job(job.run_id)["status"] == STARTING:
        return True
    os.kill(pid, signal.SIGCONT)
    return False
