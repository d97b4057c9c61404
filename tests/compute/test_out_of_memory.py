"""Scripts on this machine that want more memory than they may have, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compute.mishaps import GREEDY_WORKER, end_out_of_memory, expect_out_of_memory
from tests.compute.test_jobs_end_to_end import Jobs
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs(server: RunningServer) -> Jobs:
    return Jobs(server)


def test_a_script_that_the_kernel_kills_for_its_memory_has_failed_and_says_so(jobs: Jobs, tmp_path: Path):
    expect_out_of_memory(jobs, tmp_path)


def test_a_script_that_fails_as_its_worker_was_killed_for_memory_says_that_too(jobs: Jobs, tmp_path: Path):
    job = end_out_of_memory(jobs, tmp_path, GREEDY_WORKER)
    assert (job["status"], job["exit_code"]) == ("failed", 1)
    said = "exit code 1, and the machine ran out of memory meanwhile: subprocess.CalledProcessError: "
    assert job["reason"].startswith(said)
    assert "SIGKILL" in job["reason"]
