"""Jobs on a real Slurm cluster from their submission to their end: a real server, and what kills it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from runyard import ComputeTarget, SlurmCompute, Workspace
from runyard.agent.station import AGENT, SCRIPT
from tests.browser.signing_in import administer
from tests.compute.hostile_job import expect_as_given
from tests.compute.mishaps import (
    begin,
    expect_deleted,
    expect_lost_and_found,
    expect_out_of_memory,
    is_alive,
)
from tests.compute.slurm_jobs import SlurmJobs, slurm_jobs
from tests.compute.test_jobs_end_to_end import SLOW
from tests.loopback_sshd import SSHD, LoopbackSshd
from tests.slurm_cluster import CPUS, SlurmCluster, installed
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not installed(), reason="no Slurm, or not root")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    with contextlib.closing(SlurmCluster()) as started:
        yield started


@pytest.fixture(scope="module")
def jobs(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmJobs]:
    with slurm_jobs(cluster, tmp_path_factory.mktemp("slurm")) as jobs:
        yield jobs


def test_a_job_logs_into_its_run_from_a_node_and_its_words_arrive_as_they_are(jobs: SlurmJobs):
    script = """
        import json, os, sys
        from pathlib import Path
        import mlflow

        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
        Path("outputs").mkdir(exist_ok=True)
        Path("outputs/model.bin").write_bytes(b"model")
        names = ("SLURM_JOB_NAME", "SLURM_CPUS_PER_TASK")
        print(json.dumps([sys.argv[1:], [os.environ[name] for name in names]]))
    """
    words = ["a b", "'\"", "$(touch x)", "`id`", "\n", "😀é", "", "--", "-x", "*", "%s", "%j"]
    run_id = jobs.submit(script, *words, slots=2)
    job = jobs.ended(run_id)
    assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr")
    came, slurm = json.loads(jobs.printed(run_id).splitlines()[-1])
    assert came == words
    assert slurm == [f"runyard-{run_id}-1", "2"]
    run = jobs.run(run_id)
    assert ([each["key"] for each in run["data"]["metrics"]], run["info"]["status"]) == (["loss"], "FINISHED")
    query = {"run_uuid": run_id, "path": "outputs/model.bin"}
    kept = requests.get(f"{jobs.server.url}/get-artifact", params=query, timeout=120)
    assert kept.content == b"model"
    until(lambda: not jobs.place(run_id).exists())
    assert jobs.in_slurm(run_id) == "COMPLETED"


def test_jobs_that_are_begun_together_are_one_array_and_each_is_a_run_of_its_own(
    jobs: SlurmJobs, tmp_path: Path
):
    script = """
        import json, os, sys
        from pathlib import Path
        from runyard import Run

        number, begun = int(sys.argv[1]), Path(sys.argv[2])
        run = Run.get_context()
        run.log("number", number)
        run.flush()
        names = ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_NAME")
        print(json.dumps([sys.argv[3:], [os.environ.get(name, "") for name in names]]))
        with begun.open("a") as opened:
            opened.write("begun\\n")
        sys.exit(3 if number == 2 and len(begun.read_text().splitlines()) == 1 else 0)
    """
    before = jobs.arrays()
    words = [["a b", "'\""], ["$(touch x)", "`id`"], ["line\nline", ""], ["😀é", "%j %a", "--", "*"]]
    with jobs.together():
        ids = [
            jobs.submit(script, number, tmp_path / str(number), *each, max_attempts=2)
            for number, each in enumerate(words)
        ]
    ends = [jobs.ended(each) for each in ids]
    assert [(each["status"], each["attempt"]) for each in ends] == [
        ("completed", 1 + (n == 2)) for n in range(4)
    ]
    told = [json.loads(jobs.printed(each).splitlines()[-1]) for each in ids]
    assert [came for came, _ in told] == words
    assert [task for _, (_, task, _) in told] == ["0", "1", "2", "3"]
    [(number, name)] = {(number, name) for _, (number, _, name) in told}
    assert (number.isdecimal(), jobs.arrays().keys() - before.keys()) == (True, {name})
    # What is tried again is a job by itself.
    again = json.loads(jobs.printed(ids[2], attempt=2).splitlines()[-1])
    assert again == [words[2], ["", "", f"runyard-{ids[2]}-2"]]
    metrics = [jobs.run(each)["data"]["metrics"] for each in ids]
    assert [each["value"] for (each,) in metrics[:2]] == [0, 1]
    until(lambda: not any(jobs.place(each).exists() for each in ids))
    until(lambda: not list(jobs.folder.rglob("arrays/*")))


def test_r11_a_server_that_is_killed_when_slurm_has_taken_an_array_finds_all_of_it(
    jobs: SlurmJobs, tmp_path: Path
):
    with jobs.together():
        ids = [jobs.submit(SLOW, tmp_path / name, tmp_path / "go", slots=CPUS // 2) for name in "abc"]
    until(lambda: all(jobs.in_slurm(each) for each in ids))
    jobs.server.kill9()
    jobs.server.start()
    until(lambda: "Slurm is PENDING (" in jobs.job(ids[2])["reason"])
    jobs.until(ids[0], "running")
    jobs.ask("POST", f"jobs/{ids[0]}/cancel", json={})
    assert jobs.ended(ids[0])["status"] == "canceled"
    jobs.until(ids[2], "running")
    (tmp_path / "go").touch()
    for each, name in ((ids[1], "b"), (ids[2], "c")):
        assert jobs.ended(each)["status"] == "completed"
        assert jobs.printed(each) == "first line\nlast line\n"
        assert (tmp_path / name).read_text() == "begun\n"


def test_names_and_words_reach_a_script_on_a_node_as_they_are(jobs: SlurmJobs):
    expect_as_given(jobs)


def test_a_running_job_is_canceled_with_all_its_processes(jobs: SlurmJobs, tmp_path: Path):
    script = """
        import signal, subprocess, sys, time
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(sleep, start_new_session=True)
        open(sys.argv[1], "w").write(str(child.pid))
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(600)
    """
    run_id = jobs.submit(script, tmp_path / "child")
    until(lambda: "ready" in jobs.printed(run_id))
    child = int((tmp_path / "child").read_text())
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    assert jobs.ended(run_id)["status"] == "canceled"
    assert "told" in jobs.printed(run_id)
    until(lambda: not Path(f"/proc/{child}").exists())
    until(lambda: jobs.in_slurm(run_id) in ("COMPLETED", "CANCELLED"))
    assert jobs.run(run_id)["info"]["status"] == "KILLED"


def test_a_job_that_waits_in_slurm_says_why_and_is_canceled_there(jobs: SlurmJobs, tmp_path: Path):
    first = jobs.submit(SLOW, tmp_path / "a", tmp_path / "go", slots=CPUS)
    jobs.until(first, "running")
    second = jobs.submit(SLOW, tmp_path / "b", tmp_path / "go")
    until(lambda: "Slurm is PENDING (" in jobs.job(second)["reason"])
    assert jobs.job(second)["status"] == "starting"
    third = jobs.submit(SLOW, tmp_path / "c", tmp_path / "go")
    until(lambda: jobs.in_slurm(third) == "PENDING")
    jobs.ask("POST", f"jobs/{third}/cancel", json={})
    assert jobs.ended(third)["status"] == "canceled"
    assert jobs.in_slurm(third) == "CANCELLED"
    (tmp_path / "go").touch()
    assert [jobs.ended(each)["status"] for each in (first, second)] == ["completed", "completed"]
    assert jobs.job(second)["reason"] == ""
    assert not (tmp_path / "c").exists()


def test_r11_a_server_that_is_killed_while_jobs_run_knows_all_of_them_to_the_end(
    jobs: SlurmJobs, tmp_path: Path
):
    ends_meanwhile = jobs.submit(SLOW, tmp_path / "a", tmp_path / "go-a")
    goes_on = jobs.submit(SLOW, tmp_path / "b", tmp_path / "go-b")
    for each in (ends_meanwhile, goes_on):
        jobs.until(each, "running")
    waits = jobs.submit(SLOW, tmp_path / "c", tmp_path / "go-b", slots=CPUS)
    until(lambda: jobs.in_slurm(waits) == "PENDING")
    jobs.server.kill9()
    (tmp_path / "go-a").touch()
    until(lambda: (jobs.place(ends_meanwhile) / "outcome.json").exists())
    jobs.server.start()
    assert jobs.ended(ends_meanwhile)["status"] == "completed"
    (tmp_path / "go-b").touch()
    for each in (goes_on, waits):
        assert jobs.ended(each)["status"] == "completed"
    for each, name in ((ends_meanwhile, "a"), (goes_on, "b"), (waits, "c")):
        assert jobs.printed(each) == "first line\nlast line\n"
        assert (tmp_path / name).read_text() == "begun\n"
        assert jobs.run(each)["info"]["status"] == "FINISHED"


def test_a_script_on_a_node_that_runs_out_of_memory_has_failed_and_says_so(jobs: SlurmJobs, tmp_path: Path):
    expect_out_of_memory(jobs, tmp_path)


def test_a_cluster_is_detached_with_its_jobs_only_if_that_is_forced(jobs: SlurmJobs, tmp_path: Path):
    jobs.attach("leaving")
    run_id = begin(jobs, tmp_path, compute="leaving")
    script, place = jobs.pid(run_id, SCRIPT), jobs.place(run_id)
    expect_deleted(jobs, "leaving", run_id)
    assert not is_alive(script)
    assert not place.exists()
    until(lambda: jobs.in_slurm(run_id) in ("COMPLETED", "CANCELLED"))


def test_r18_a_job_whose_agent_was_killed_is_tried_again_only_if_asked(jobs: SlurmJobs, tmp_path: Path):
    run_id = jobs.submit(SLOW, tmp_path / "a", tmp_path / "go", max_attempts=2)
    until((tmp_path / "a").exists)
    os.kill(jobs.pid(run_id, AGENT), signal.SIGKILL)
    until(lambda: jobs.job(run_id)["attempt"] == 2)
    jobs.until(run_id, "running")
    (tmp_path / "go").touch()
    assert jobs.ended(run_id)["status"] == "completed"
    assert (tmp_path / "a").read_text() == "begun\nbegun\n"


def test_what_slurm_refuses_is_said_when_the_target_is_made(jobs: SlurmJobs):
    for settings, said in (
        ({"partition": "nowhere"}, "Invalid partition name"),
        ({"partition": "closed"}, "not available"),
        ({"cpus_per_slot": CPUS + 1}, "Slurm takes no jobs of these settings"),
        ({"programs": "/nonexistent"}, "/nonexistent/sbatch: there is no such program"),
        ({"python": "no-python"}, "no-python"),
    ):
        told = {"folder": str(jobs.folder / "x"), "python": sys.executable, "server_url": jobs.server.url}
        body = {"name": "other", "kind": "slurm", "settings": told | settings}
        answer = requests.post(f"{jobs.server.url}/api/v1/compute", json=body, timeout=120)
        assert (answer.status_code, said in answer.text) == (400, True), answer.text


def test_the_sdk_attaches_a_cluster(jobs: SlurmJobs, monkeypatch: pytest.MonkeyPatch):
    workspace = Workspace.get("default", url=jobs.server.url)
    wanted = SlurmCompute.attach_configuration(
        "main",
        slots=3,
        gpus_per_slot=1,
        sbatch_options=["--nice=5"],
        folder=str(jobs.folder / "other"),
        python=sys.executable,
        server_url=jobs.server.url,
    )
    made = ComputeTarget.attach(workspace, "with-gpus", wanted)
    assert isinstance(made, SlurmCompute)
    assert (made.slots, made.settings["gpus_per_slot"]) == (3, 1)
    script = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    runs = [jobs.submit(script, compute="with-gpus") for _ in range(2)]
    assert {jobs.ended(each)["status"] for each in runs} == {"completed"}
    assert {jobs.printed(each) for each in runs} <= {"0\n", "1\n"}
    made.delete()


@pytest.mark.skipif(SSHD is None, reason="no sshd")
def test_slurm_is_used_from_a_machine_that_is_reached_over_ssh(jobs: SlurmJobs, tmp_path: Path):
    login = LoopbackSshd(tmp_path / "sshd", jobs.cluster.variables)
    try:
        host = {"host": "127.0.0.1", "port": login.port, "username": login.username}
        told = {"ssh": host | {"known_hosts": login.known_hosts}, "folder": str(jobs.folder / "jobs %j $(x)")}
        told |= {"python": sys.executable, "server_url": jobs.server.url, "partition": "main"}
        settings = [f"--setting={name}={json.dumps(value)}" for name, value in told.items()]
        options = ["--kind=slurm", "--slots=2", f"--credential=private_key=@{login.key}"]
        attach = [sys.executable, "-m", "runyard", "compute", "attach", "over-ssh", *options, *settings]
        subprocess.run([*attach, "--url", jobs.server.url], check=True)
        words = ["a b", "'\"", "$(touch x)", "\n", "é", ""]
        run_id = jobs.submit("import json, sys; print(json.dumps(sys.argv[1:]))", *words, compute="over-ssh")
        assert jobs.ended(run_id)["status"] == "completed"
        assert json.loads(jobs.printed(run_id)) == words
        script = "import os, sys; print(os.environ['SLURM_ARRAY_JOB_ID'], sys.argv[1] == '$(x) \"')"
        with jobs.together("over-ssh"):
            ids = [jobs.submit(script, '$(x) "', compute="over-ssh") for _ in range(2)]
        assert {jobs.ended(each)["status"] for each in ids} == {"completed"}
        assert len({jobs.printed(each) for each in ids}) == 1
        assert jobs.printed(ids[0]).endswith(" True\n")
        goes_on = jobs.submit(SLOW, tmp_path / "a", tmp_path / "go", compute="over-ssh")
        jobs.until(goes_on, "running")
        jobs.ask("POST", f"jobs/{goes_on}/cancel", json={})
        assert jobs.ended(goes_on)["status"] == "canceled"
        until(lambda: not jobs.place(goes_on).exists())
    finally:
        login.close()


def test_r11_an_agent_on_a_node_that_is_silent_is_lost_and_comes_back(jobs: SlurmJobs, tmp_path: Path):
    run_id = begin(jobs, tmp_path)
    agent = jobs.pid(run_id, AGENT)
    expect_lost_and_found(
        jobs,
        tmp_path,
        run_id,
        lambda: os.kill(agent, signal.SIGSTOP),
        lambda: os.kill(agent, signal.SIGCONT),
    )


def test_only_who_may_run_code_on_the_servers_machine_uses_slurm_from_there(
    start_server, cluster: SlurmCluster, tmp_path: Path
):
    home = tmp_path / "team"
    key = administer(home, "init")
    server = start_server(home=home, mode="serve", environment=cluster.variables)
    body = {"name": "other", "kind": "slurm", "skip_validation": True}
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(f"{server.url}/api/v1/compute", json=body, headers=headers, timeout=120)
    assert (answer.status_code, "local_slots" in answer.text) == (403, True), answer.text
