"""What may befall a job on any target: too little memory, silence of its agent, the end of its target."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.compute.test_jobs_end_to_end import SLOW, WITHIN_S
from tests.memory_group import memory_group
from tests.waiting import until

if TYPE_CHECKING:
    from tests.compute.test_jobs_end_to_end import Jobs

GREEDY = 'print("first line", flush=True)\nheld = b"x" * (400 << 20)\n'
GREEDY_WORKER = """
    import subprocess, sys
    print("first line", flush=True)
    subprocess.run([sys.executable, "-c", "held = b'x' * (400 << 20)"], check=True)
"""
LIMIT_BYTES = 150 << 20
# To prepare a job in Azure's words the agent asks its Python for the SDK: this one says whose child it is,
# and waits until the agent is where it is to be.
_PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then
    echo $PPID > {folder}/agent.new
    mv {folder}/agent.new {folder}/agent
    while [ ! -e {folder}/limited ]; do sleep 0.05; done
fi
exec {python} "$@"
"""


def end_out_of_memory(jobs: Jobs, folder: Path, script: str = GREEDY, **more: Any) -> Any:
    """Run a script that wants more memory than its control group has; return its job when that is over."""
    python = folder / "python"
    python.write_text(_PYTHON.format(folder=shlex.quote(str(folder)), python=shlex.quote(sys.executable)))
    python.chmod(0o755)
    environment = {"python": {"user_managed": True, "interpreter": str(python)}}
    with memory_group(LIMIT_BYTES) as group:
        run_id = jobs.submit(script, environment=environment, is_azureml=True, **more)
        until((folder / "agent").exists, WITHIN_S)
        (group / "cgroup.procs").write_text((folder / "agent").read_text().strip())
        (folder / "limited").touch()
        job = jobs.ended(run_id)
    assert jobs.printed(run_id) == "first line\n"
    assert jobs.run(run_id)["info"]["status"] == "FAILED"
    return job


def expect_out_of_memory(jobs: Jobs, folder: Path, **more: Any) -> None:
    """Fail unless a script that the kernel kills for its memory ends its job as failed, and for that."""
    job = end_out_of_memory(jobs, folder, **more)
    told = (job["status"], job["attempt"], job["exit_code"], job["reason"])
    assert told == ("failed", 1, 137, "the machine ran out of memory (SIGKILL)")


def begin(jobs: Jobs, folder: Path, **more: Any) -> str:
    """Submit a job that goes on until there is a file `go`, and return its id once it has said something."""
    run_id = jobs.submit(SLOW, folder / "begun", folder / "go", **more)
    until(lambda: "first line\n" in jobs.printed(run_id), WITHIN_S)
    return run_id


def expect_lost_and_found(
    jobs: Jobs, folder: Path, run_id: str, silence: Callable[[], None], speak: Callable[[], None]
) -> None:
    """Fail unless a job of :func:`begin` is lost while its agent is silent, and goes on as if nothing was."""
    silence()
    lost = jobs.until(run_id, "lost")
    assert (lost["attempt"], jobs.run(run_id)["info"]["status"]) == (1, "FAILED")
    assert lost["reason"]
    speak()
    jobs.until(run_id, "running")
    assert jobs.run(run_id)["info"]["status"] == "RUNNING"
    (folder / "go").touch()
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"], job["exit_code"]) == ("completed", 1, 0), job
    assert (folder / "begun").read_text() == "begun\n"
    assert jobs.printed(run_id) == "first line\nlast line\n"
    assert jobs.run(run_id)["info"]["status"] == "FINISHED"


def expect_deleted(jobs: Jobs, name: str, run_id: str) -> None:
    """Fail unless a target with a job of :func:`begin` is deleted only if forced to, and ends the job."""
    path = f"{jobs.server.url}/api/v1/compute/{name}"
    refused = requests.delete(path, timeout=120).json()
    assert (refused["error_code"], "force" in refused["message"]) == ("INVALID_STATE", True), refused
    assert jobs.job(run_id)["status"] == "running"
    jobs.ask("DELETE", f"compute/{name}", params={"force": "true"})
    job = jobs.ended(run_id)
    assert (job["status"], job["reason"]) == ("canceled", f"compute target '{name}' was deleted")
    assert "last line" not in jobs.printed(run_id)
    assert jobs.run(run_id)["info"]["status"] == "KILLED"
    until(lambda: requests.get(path, timeout=120).status_code == 404, WITHIN_S)


def is_alive(pid: int) -> bool:
    """Whether there is still such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
