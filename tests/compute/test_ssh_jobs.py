"""Jobs on SSH hosts that can't reach their server: two hosts, a real server, and what breaks between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

from runyard.agent.station import AGENT, SCRIPT
from tests.compute.hostile_job import expect_as_given
from tests.compute.mishaps import begin, expect_deleted, expect_out_of_memory, is_alive
from tests.compute.ssh_hosts import SshHost, needs_hosts
from tests.compute.test_jobs_end_to_end import SLOW, Jobs
from tests.waiting import until

pytestmark = [pytest.mark.slow, needs_hosts]
WITHIN_S = 300.0


class HostJobs(Jobs):
    """Jobs on targets that are hosts."""

    def attach(self, name: str, host: SshHost, **more: Any) -> None:
        body = {
            "name": name,
            "kind": "ssh",
            "slots": 2,
            "settings": host.settings | more,
            "credential": {"private_key": host.key},
        }
        self.ask("POST", "compute", json=body)

    def pid_on(self, host: SshHost, run_id: str, name: str) -> int:
        path = host.jobs / run_id / "1" / name
        until(path.exists)
        return int(json.loads(path.read_text())["pid"])


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssh")
    hosts = [SshHost(folder, name) for name in ("a", "b")]
    yield hosts
    for each in hosts:
        each.close()


@pytest.fixture(scope="module")
def jobs(server, hosts):
    jobs = HostJobs(server)
    for name, host in zip(("vm-a", "vm-b"), hosts, strict=True):
        jobs.attach(name, host)
    return jobs


def told_on(host: SshHost) -> tuple[str, str]:
    """The address of the server, and the key, for an agent that is there."""
    until(lambda: len(list(host.jobs.glob("*/*/agent.json"))) == 1)
    told = json.loads(next(host.jobs.glob("*/*/assignment.json")).read_text())
    return str(told["url"]).rpartition("/workspaces/")[0], str(told["key"])


# Kept alive, as clients keep it: who says "close" may miss what is answered before its body was read.
ASKS = """
import http.client, json, sys, urllib.parse
method, url, key, body = sys.argv[1:]
place = urllib.parse.urlsplit(url)
headers = {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + key} if key else {})
connection = http.client.HTTPConnection(place.netloc, timeout=120)
connection.request(method, url.removeprefix("http://" + place.netloc), body or None, headers)
answer = connection.getresponse()
print(answer.status, json.dumps(answer.read().decode("utf-8", "replace")[:300]))
"""


def asked(host: SshHost, method: str, url: str, key: str = "", body: str = "") -> tuple[int, str]:
    """What a process on the host is answered."""
    done = host.run(sys.executable, "-c", ASKS, method, url, key, body)
    assert done.returncode == 0, done.stderr
    status, _, content = done.stdout.partition(" ")
    return int(status), json.loads(content)


def test_two_hosts_that_can_not_reach_the_server_log_into_it(jobs, hosts):
    script = """
        import os, socket, sys
        import mlflow
        from pathlib import Path

        with mlflow.start_run():
            mlflow.log_param("home", os.environ["HOME"])
            mlflow.log_metric("loss", 0.5)
        Path("outputs").mkdir(exist_ok=True)
        Path("outputs/model.bin").write_bytes(b"model of " + os.environ["HOME"].encode())
        print("done", *sys.argv[1:])
    """
    words = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
    for host, address in product(hosts, ("127.0.0.1", hosts[0].gateway, hosts[1].gateway)):
        assert host.run(sys.executable, "-c", words, address, str(jobs.server.port)).returncode == 1
    ids = [jobs.submit(script, "x", compute=name) for name in ("vm-a", "vm-b")]
    for run_id, host in zip(ids, hosts, strict=True):
        job = jobs.ended(run_id)
        assert (job["status"], job["exit_code"]) == ("completed", 0), jobs.printed(run_id, "stderr")
        run = jobs.run(run_id)
        assert {each["key"]: each["value"] for each in run["data"]["params"]}["home"] == str(host.home)
        assert [each["value"] for each in run["data"]["metrics"] if each["key"] == "loss"] == [0.5]
        assert jobs.printed(run_id).endswith("done x\n")
        query = {"run_uuid": run_id, "path": "outputs/model.bin"}
        kept = requests.get(f"{jobs.server.url}/get-artifact", params=query, timeout=120)
        assert kept.content == f"model of {host.home}".encode()
    until(lambda: not any(list(host.jobs.glob("*/*")) for host in hosts))


def test_a_host_is_attached_as_a_person_would(jobs, hosts, tmp_path):
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "id").write_text(hosts[1].key)
    host = f"root@{hosts[1].address}:{hosts[1].port}"
    words = ["attach-ssh", "by-hand", host, "--private-key", "~/.ssh/id", "-s", f"python={sys.executable}"]
    command = [sys.executable, "-m", "runyard", "compute", *words, "--url", jobs.server.url]
    environment = os.environ | {"HOME": str(tmp_path)}

    def attached() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    unknown = attached()
    assert unknown.returncode == 1
    assert f"`ssh -p {hosts[1].port} root@{hosts[1].address}` shows its key" in unknown.stderr
    (ssh / "known_hosts").write_text(f"{hosts[1].settings['known_hosts'][0]}\n")
    done = attached()
    assert (done.returncode, done.stdout) == (0, "Compute target by-hand is attached: 1 slot by ssh.\n"), (
        done.stderr
    )
    shown = jobs.ask("GET", "compute/by-hand")["compute_target"]
    assert (shown["settings"]["known_hosts"], shown["has_credential"]) == (
        hosts[1].settings["known_hosts"],
        True,
    )
    assert "PRIVATE KEY" not in json.dumps(shown)


def test_s22_names_and_words_reach_a_script_on_a_host_as_they_are(jobs):
    expect_as_given(jobs, compute="vm-a")


def test_a_job_on_a_host_is_canceled_with_all_its_processes(jobs, hosts, tmp_path):
    script = """
        import signal, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open(sys.argv[1], "w").write(str(child.pid))
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(600)
    """
    run_id = jobs.submit(script, tmp_path / "child", compute="vm-b")
    until(lambda: "ready" in jobs.printed(run_id), WITHIN_S)
    script_pid = jobs.pid_on(hosts[1], run_id, SCRIPT)
    jobs.ask("POST", f"jobs/{run_id}/cancel", json={})
    assert jobs.ended(run_id)["status"] == "canceled"
    assert "told" in jobs.printed(run_id)
    gone = [Path(f"/proc/{pid}") for pid in (script_pid, int((tmp_path / "child").read_text()))]
    until(lambda: not any(each.exists() for each in gone))


WAYS_IN = [
    ("GET", "/", ""),
    ("GET", "/health", ""),
    ("GET", "/api/v1/server", ""),
    ("GET", "/api/v1/nowhere", ""),
    ("GET", "/api/2.0/mlflow/experiments/search?max_results=1", ""),
    ("GET", "/get-artifact?run_uuid=x&path=x", ""),
    ("POST", "/api/2.0/mlflow/experiments/create", '{"name": "by nobody"}'),
    ("POST", "/api/v1/jobs", '{"experiment_id": "0", "command": ["id"]}'),
    ("POST", "/api/v1/keys", '{"name": "by nobody"}'),
    ("POST", "/api/v1/compute", '{"name": "nobodys", "kind": "local"}'),
]


def test_s07_nobody_is_let_in_by_a_tunnel_without_a_credential(jobs, hosts, tmp_path):
    """On `up` whoever connects to loopback is the owner; a tunnel ends on a loopback of others."""
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, compute="vm-a")
    until(lambda: "first line" in jobs.printed(run_id), WITHIN_S)
    url, key = told_on(hosts[0])
    for method, path, body in WAYS_IN:
        status, said = asked(hosts[0], method, url + path, body=body)
        assert (status, "UNAUTHENTICATED" in said) == (401, True), (path, said)
        if method == "POST":
            for wrong in ("ry_wrong", f"ryj_{run_id}_{'x' * 43}"):
                assert asked(hosts[0], method, url + path, wrong, body)[0] == 401
            assert asked(hosts[0], method, url + path, key, body)[0] == 403
    assert asked(hosts[0], "GET", f"{url}/api/2.0/mlflow/runs/get?run_id={run_id}", key)[0] == 200
    search = f"{jobs.server.url}/api/2.0/mlflow/experiments/search"
    found = requests.get(search, params={"max_results": 100}, timeout=120).json()["experiments"]
    assert [each["name"] for each in found] == ["Default"]
    go_on.touch()
    assert jobs.ended(run_id)["status"] == "completed"


def test_through_a_tunnel_a_server_is_known_by_the_certificate_that_it_made(
    start_server, hosts, tmp_path, monkeypatch
):
    server = start_server(environment={"RUNYARD_TLS": "self"})
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority))
    jobs = HostJobs(server)
    jobs.attach("vm", hosts[0])
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, compute="vm")
    until(lambda: "first line" in jobs.printed(run_id), WITHIN_S)
    assert told_on(hosts[0])[0].startswith("https://127.0.0.1:")
    go_on.touch()
    assert jobs.ended(run_id)["status"] == "completed"


def test_r18_a_job_on_a_host_outlives_its_server(jobs, hosts, tmp_path):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, compute="vm-a")
    until(lambda: "first line" in jobs.printed(run_id), WITHIN_S)
    agent = jobs.pid_on(hosts[0], run_id, AGENT)
    script = jobs.pid_on(hosts[0], run_id, SCRIPT)
    jobs.server.kill9()
    go_on.touch()
    until(lambda: not Path(f"/proc/{script}").exists())
    assert Path(f"/proc/{agent}").exists()
    jobs.server.start()
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"]) == ("completed", 1)
    assert jobs.printed(run_id) == "first line\nlast line\n"
    assert begun.read_text() == "begun\n"


@pytest.mark.parametrize("what", [AGENT, SCRIPT])
def test_r18_what_is_killed_on_a_host_ends_the_attempt(jobs, hosts, tmp_path, what):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, compute="vm-a")
    until(lambda: "first line" in jobs.printed(run_id), WITHIN_S)
    os.kill(jobs.pid_on(hosts[0], run_id, what), signal.SIGKILL)
    job = jobs.ended(run_id)
    assert (job["status"], job["attempt"], begun.read_text()) == ("failed", 1, "begun\n")
    assert job["reason"]


def test_a_script_on_a_host_that_runs_out_of_memory_has_failed_and_says_so(jobs, tmp_path):
    expect_out_of_memory(jobs, tmp_path, compute="vm-a")


def test_a_host_is_detached_with_its_jobs_only_if_that_is_forced(jobs, hosts, tmp_path):
    jobs.attach("leaving", hosts[1])
    run_id = begin(jobs, tmp_path, compute="leaving")
    script, folder = jobs.pid_on(hosts[1], run_id, SCRIPT), hosts[1].jobs / run_id
    expect_deleted(jobs, "leaving", run_id)
    assert not is_alive(script)
    assert not folder.exists()


def test_a_host_that_is_not_what_it_should_be_is_not_attached(jobs, hosts):
    body = {"name": "wrong", "kind": "ssh", "credential": {"private_key": hosts[0].key}}
    wrong = hosts[0].settings | {"known_hosts": [], "host_key_fingerprint": f"SHA256:{'A' * 43}"}
    no_python = hosts[0].settings | {"python": "python0"}
    unknown = hosts[0].settings | {"known_hosts": []}
    for settings, words in [
        (wrong, "is not believed"),
        (no_python, "python0 can't run the agent there"),
        (unknown, "by what is the host known?"),
        (hosts[0].settings | {"port": 0}, "settings"),
        (hosts[0].settings | {"username": "-oProxyCommand=x"}, "settings"),
        (hosts[0].settings | {"server_url": "ftp://x"}, "settings"),
        (hosts[0].settings | {"hosts": "x"}, "hosts"),
    ]:
        path = f"{jobs.server.url}/api/v1/compute"
        answer = requests.post(path, json=body | {"settings": settings}, timeout=60)
        assert (answer.status_code, words in answer.json()["message"]) == (400, True), answer.text
    assert "wrong" not in [each["name"] for each in jobs.ask("GET", "compute")["compute_targets"]]


def test_r18_a_host_that_is_away_loses_its_jobs_and_brings_them_back(jobs, hosts, tmp_path):
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    run_id = jobs.submit(SLOW, begun, go_on, compute="vm-b")
    until(lambda: "first line" in jobs.printed(run_id), WITHIN_S)
    hosts[1].switch_off()
    waiting = jobs.submit("print('late')", compute="vm-b")
    assert jobs.until(run_id, "lost")["attempt"] == 1
    assert jobs.job(waiting)["status"] == "queued"
    hosts[1].switch_on()
    jobs.until(run_id, "running")
    go_on.touch()
    assert [jobs.ended(each)["status"] for each in (run_id, waiting)] == ["completed", "completed"]
    assert begun.read_text() == "begun\n"
