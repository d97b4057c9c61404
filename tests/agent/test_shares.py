"""What of its machine a script has to itself, as it sees that."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from runyard.agent.shares import MemoryWatch, Share, read_share
from tests.agent.job_folder import JobFolder

NAMES = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
TELLS = (
    "import json, os; print(json.dumps([sorted(os.sched_getaffinity(0)), "
    f"[os.environ.get(name) for name in {NAMES!r}]]))"
)


def seen(job: JobFolder):
    return json.loads(job.server.console("stdout"))


def test_a_script_sees_the_processors_and_gpus_that_are_its_own(job: JobFolder):
    one = sorted(os.sched_getaffinity(0))[-1]
    job.assign({"train.py": TELLS}, share={"cpus": [one], "gpus": [1, 3], "memory_bytes": 0}).run()
    assert seen(job) == [[one], ["1", "1,3", "1,3", "1,3"]]


def test_a_script_without_a_gpu_sees_none(job: JobFolder):
    job.assign({"train.py": TELLS}, share={"gpus": []}).run()
    assert seen(job)[1] == [None, "", "", "void"]


def test_where_nothing_is_divided_all_is_seen(job: JobFolder):
    job.environment = {"CUDA_VISIBLE_DEVICES": "0"}
    job.assign({"train.py": TELLS}).run()
    assert seen(job) == [sorted(os.sched_getaffinity(0)), [None, "0", None, None]]


def test_what_somebody_asks_for_counts_more(job: JobFolder):
    variables = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "7"}
    job.assign({"train.py": TELLS}, share={"gpus": [2]}, variables=variables).run()
    assert seen(job)[1] == ["7", "", "2", "2"]


def test_processors_that_are_not_there_are_said(job: JobFolder):
    job.assign({"train.py": "print('runs')"}, share={"cpus": [100_000]}).run()
    assert job.server.console("stdout") == b"runs\n"
    assert b"[100000] can't be used alone" in job.server.console("stderr")


@pytest.mark.parametrize("who", ["itself", "its child"])
def test_a_script_that_holds_too_much_is_ended_with_the_reason(job: JobFolder, who: str):
    holds = "held = bytearray(b'x' * 300_000_000); import time; time.sleep(600)"
    started = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holds!r}])"
    job.assign({"train.py": holds if who == "itself" else started}, share={"memory_bytes": 100_000_000}).run()
    assert (job.end["status"], job.end["exit_code"]) == ("failed", 137)
    assert job.end["reason"].endswith("MiB of memory, and may hold 95 MiB"), job.end


def test_memory_is_looked_at_where_there_is_a_limit(monkeypatch: pytest.MonkeyPatch):
    now_s = [100.0]
    monkeypatch.setattr("runyard.agent.shares.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    assert not MemoryWatch(os.getpid(), 0).is_over()
    watch = MemoryWatch(os.getpid(), 1)
    assert watch.is_over()
    now_s[0] += 0.9
    assert not watch.is_over()  # not again within a second
    now_s[0] += 0.2
    assert watch.is_over()
    assert "may hold 0 MiB" in watch.complaint
    gone = MemoryWatch(2**22 + 1, 1)
    assert not gone.is_over()


@pytest.mark.parametrize(
    "content", [{"cpus": 3}, {"gpus": [None]}, {"memory_bytes": "much"}, {"cpus": ["a"]}]
)
def test_what_is_no_share_is_refused(content):
    with pytest.raises((TypeError, ValueError)):
        read_share(content)
    assert read_share({}) == Share()
