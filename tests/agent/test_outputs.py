"""What a script leaves in outputs/ and logs/ goes to its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent.orders import Orders
from runyard.agent.outputs import Outputs, files_left, make_folders
from runyard.agent.server import Server
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import KEY, Answer, JobServer, refusal
from tests.waiting import until

BASE = "0/run/artifacts"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    make_folders(folder)
    return folder


def left(code: Path) -> tuple[list[str], list[str]]:
    """Return the names of what is kept, and of what is not."""
    out: list[str] = []
    kept = [name for name, _ in files_left(code, lambda name, why: out.append(f"{name}: {why}"))]
    return kept, out


def test_files_of_both_folders_are_kept_by_their_names(job: JobFolder):
    script = (
        "import os, pathlib\n"
        "for name in ('outputs/a b/ü$(x).bin', 'outputs/empty', 'logs/tb/events', 'other/no'):\n"
        "    path = pathlib.Path(name); path.parent.mkdir(parents=True, exist_ok=True)\n"
        "    path.write_bytes(b'' if name.endswith('empty') else name.encode())\n"
    )
    job.assign({"train.py": script}).run()
    kept = {name: content for name, content in job.server.artifacts.items() if "/console/" not in name}
    assert kept == {
        f"{BASE}/outputs/a b/ü$(x).bin": "outputs/a b/ü$(x).bin".encode(),
        f"{BASE}/outputs/empty": b"",
        f"{BASE}/logs/tb/events": b"logs/tb/events",
    }
    assert job.end == {"status": "completed", "exit_code": 0, "reason": ""}


def test_they_are_there_for_the_script(job: JobFolder):
    job.assign({"train.py": "open('outputs/x', 'w').close(); open('logs/y', 'w').close()"}).run()
    assert f"{BASE}/outputs/x" in job.server.artifacts
    assert f"{BASE}/logs/y" in job.server.artifacts


def test_what_a_canceled_script_has_left_is_kept_too(job: JobFolder):
    agent = job.assign({"train.py": "open('outputs/x', 'w').close(); import time; time.sleep(600)"}).start()
    until(lambda: (job.path / "code" / "outputs" / "x").exists())
    job.server.job.is_cancel_requested = True
    assert job.ended(agent) == 0
    assert job.end["status"] == "canceled"
    assert f"{BASE}/outputs/x" in job.server.artifacts


def test_a_link_is_followed_within_the_folder_of_the_script_alone(code: Path, tmp_path: Path):
    (tmp_path / "canary").write_text("sings")
    (code / "outputs" / "real").write_text("x")
    (code / "outputs" / "latest").symlink_to("real")
    (code / "outputs" / "out").symlink_to(tmp_path / "canary")
    (code / "outputs" / "up").symlink_to(tmp_path)
    (code / "outputs" / "nowhere").symlink_to("gone")
    kept, out = left(code)
    assert kept == ["outputs/latest", "outputs/real"]
    assert sorted(out) == [
        "outputs/nowhere: it is no file",
        "outputs/out: it is a link that leads out of the script's folder",
        "outputs/up: it is a link to a folder",
    ]


def test_a_folder_that_became_a_link_is_not_entered(code: Path):
    (code / "outputs").rmdir()
    (code / "outputs").symlink_to("/")
    assert left(code) == ([], ["outputs: it is a link to a folder"])


def test_a_script_may_have_a_file_of_that_name(tmp_path: Path):
    (tmp_path / "outputs").write_text("x")
    make_folders(tmp_path)
    assert left(tmp_path) == ([], [])


def test_what_the_server_does_not_take_is_named_and_the_rest_is_kept(job: JobFolder):
    def fault(method: str, path: str) -> Answer | None:
        return refusal(403, "QUOTA_EXCEEDED", "full") if "outputs/large" in path else None

    job.server.fault = fault
    script = "for name in ('large', 'large2', 'small'): open('outputs/' + name, 'w').close()"
    job.assign({"train.py": script}).run()
    assert job.end["status"] == "completed"
    assert job.end["reason"] == "not kept: outputs/large (full), and 1 more"
    assert f"{BASE}/outputs/small" in job.server.artifacts
    assert b"outputs/large2 is not kept: full" in job.server.console("setup")


def test_a_name_that_is_no_text_keeps_nothing_else_from_its_run(job: JobFolder):
    script = (
        "import os\n"
        "for name in (b'outputs/b\\xff', b'outputs/small'): open(name, 'w').close()\n"
        "os.symlink('.', b'outputs/a\\xfe')\n"
    )
    job.assign({"train.py": script}).run()
    assert job.end == {
        "status": "completed",
        "exit_code": 0,
        "reason": "not kept: outputs/a\\xfe (it is a link to a folder), and 1 more",
    }
    assert f"{BASE}/outputs/small" in job.server.artifacts
    assert b"outputs/b\\xff is not kept: its name is no UTF-8" in job.server.console("setup")


def test_a_run_whose_files_are_not_the_servers_keeps_none_and_says_so(job: JobFolder):
    script = "print('out'); open('outputs/x', 'w').close()"
    job.assign({"train.py": script}, artifact_path="").run()
    assert job.end["status"] == "completed"
    assert job.end["reason"] == "not kept: outputs/x (the files of this run lie where only its clients write)"
    assert job.server.artifacts == {}
    assert not any(method == "PUT" for method, _ in job.server.requests)


def sender(job_server: JobServer, orders: Orders) -> Outputs:
    return Outputs(Server(job_server.url, KEY), BASE, orders, lambda line: None)


def test_a_file_that_a_server_breaks_off_again_and_again_is_let_go(
    code: Path, job_server: JobServer, monkeypatch
):
    orders = Orders()
    (code / "outputs" / "x").write_text("x")

    def fault(method: str, path: str) -> Answer:
        # Meanwhile it answers beats.
        orders.answered_beats += 1
        return Answer(0)

    job_server.fault = fault
    monkeypatch.setattr("runyard.agent.server.rest", lambda *_: None)
    assert sender(job_server, orders).send(code).startswith("not kept: outputs/x (PUT ")
    assert len(job_server.requests) == 5


def test_one_that_a_server_has_no_room_for_now_is_not(code: Path, job_server: JobServer, monkeypatch):
    orders = Orders()
    (code / "outputs" / "x").write_text("x")
    left = [refusal(507, "RESOURCE_EXHAUSTED")] * 20

    def fault(method: str, path: str) -> Answer | None:
        orders.answered_beats += 1
        return left.pop() if left else None

    job_server.fault = fault
    monkeypatch.setattr("runyard.agent.server.rest", lambda *_: None)
    assert sender(job_server, orders).send(code) == ""
    assert job_server.artifacts == {f"{BASE}/outputs/x": b"x"}


def test_nothing_is_sent_for_a_job_of_another_agent(code: Path, job_server: JobServer):
    orders = Orders()
    orders.dismiss("not yours")
    (code / "outputs" / "x").write_text("x")
    assert sender(job_server, orders).send(code) == "not kept: outputs/x (there was no time for it)"
    assert job_server.requests == []
