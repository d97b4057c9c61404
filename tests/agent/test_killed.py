"""R18: agent killed, server away, script killed, in each state: one end, and no script runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard.agent.life import DISMISSED, TOLD
from runyard.agent.marks import boot_id
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import Answer
from tests.killing import lives
from tests.waiting import until

COUNTS = (
    "import os, time\n"
    "open(os.environ['COUNT'], 'a').write('x')\n"
    "print('begun')\n"
    "while not os.path.exists(os.environ['GO']): time.sleep(0.01)\n"
    "os.makedirs('outputs', exist_ok=True); open('outputs/model', 'w').write('weights')\n"
    "print('done')\n"
)


@pytest.fixture
def counted(job: JobFolder, tmp_path: Path) -> JobFolder:
    """A job that says how often it was run, and ends when the file `go` is there."""
    variables = {"COUNT": str(tmp_path / "count"), "GO": str(tmp_path / "go")}
    return job.assign({"train.py": COUNTS}, variables=variables)


def ran(job: JobFolder) -> int:
    path = job.path.parent / "count"
    return len(path.read_text()) if path.exists() else 0


def let_go(job: JobFolder) -> None:
    (job.path.parent / "go").touch()


def blocked(part: str) -> Callable[[str, str], Answer | None]:
    """Return a fault: what has this in its address gets no answer."""
    return lambda method, path: Answer(0) if part in path else None


def kill(agent: subprocess.Popen[bytes]) -> None:
    agent.send_signal(signal.SIGKILL)
    agent.wait()


@pytest.mark.parametrize("part", ["/begin", "/snapshots"], ids=["beginning", "preparing"])
def test_r18_an_agent_killed_before_the_script_is_followed_by_one_that_runs_it(counted: JobFolder, part: str):
    counted.server.fault = blocked(part)
    agent = counted.start()
    until(lambda: any(part in path for _, path in counted.server.requests))
    kill(agent)
    counted.server.fault = lambda method, path: None
    let_go(counted)
    assert counted.run() == 0, counted.log
    assert counted.end["status"] == "completed"
    assert ran(counted) == 1


def test_r18_an_agent_killed_while_an_answer_is_on_its_way_is_the_same_to_the_server(counted: JobFolder):
    agent = counted.start()
    until(lambda: bool(counted.server.job.agent_id))
    kill(agent)
    before = counted.server.job.agent_id
    let_go(counted)
    assert counted.run() == 0
    assert counted.server.job.agent_id == before
    assert len(counted.server.job.ends) == 1
    assert ran(counted) <= 1


def test_r18_a_script_dies_with_its_agent_and_is_not_run_again(counted: JobFolder):
    agent = counted.start()
    counted.until_printed(b"begun\n")
    script = json.loads((counted.path / "script.json").read_text())
    kill(agent)
    until(lambda: not lives(script["pid"]))
    assert counted.run() == 0, counted.log
    assert counted.end["status"] == "failed"
    assert counted.end["reason"] == "the agent died while the script ran, and the script was ended"
    assert ran(counted) == 1
    assert counted.server.console("stdout") == b"begun\n"


def test_r18_what_the_script_started_is_ended_by_the_next_agent(job: JobFolder):
    agent = job.assign({"train.py": "import os; os.system('echo $$; sleep 600; true')"}).start()
    until(lambda: job.server.console("stdout").endswith(b"\n"))
    started = int(job.server.console("stdout"))
    kill(agent)
    assert Path(f"/proc/{started}").exists()
    assert job.run() == 0
    until(lambda: not lives(started))
    assert job.end["status"] == "failed"


@pytest.mark.parametrize("is_taken", [False, True], ids=["not taken", "taken"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 8])
def test_r18_an_agent_killed_at_any_of_its_calls_leaves_one_end(
    counted: JobFolder, number: int, is_taken: bool
):
    # Whether the server has done what it was asked for, or never heard of it: no answer comes back.
    agents: list[subprocess.Popen[bytes]] = []

    def fault(method: str, path: str) -> Answer | None:
        if len(counted.server.requests) != number:
            return None
        agents[0].kill()
        return None if is_taken else Answer(0)

    counted.server.fault = fault
    let_go(counted)
    with counted.server.paused():
        agents.append(counted.start())
    agents[0].wait(300)
    counted.run()
    assert len(counted.server.job.ends) == 1, counted.log
    assert ran(counted) <= 1
    told = counted.end
    if told["status"] == "completed":
        assert ran(counted) == 1
        assert counted.server.console("stdout") == b"begun\ndone\n"
        assert counted.server.artifacts["0/run/artifacts/outputs/model"] == b"weights"
    else:
        assert told["reason"] == "the agent died while the script ran, and the script was ended"


def test_r18_another_process_that_got_the_scripts_id_is_left_alone(job: JobFolder):
    job.assign({"train.py": ""})
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        mark = {"pid": other.pid, "started": 1, "boot": boot_id(), "group": other.pid}
        (job.path / "script.json").write_text(json.dumps(mark))
        assert job.run() == 0
        assert other.poll() is None
        other.kill()
    assert job.end["status"] == "failed"


@pytest.mark.parametrize("part", ["console/", "outputs/", "/end"])
def test_r18_an_agent_killed_while_it_tells_the_end_is_followed_by_one_that_tells_the_same(
    counted: JobFolder, part: str
):
    counted.server.fault = blocked(part)
    let_go(counted)
    agent = counted.start()
    until(lambda: (counted.path / "outcome.json").exists())
    until(lambda: any(part in path for _, path in counted.server.requests))
    kill(agent)
    counted.server.fault = lambda method, path: None
    assert counted.run() == 0, counted.log
    assert counted.end == {"status": "completed", "exit_code": 0, "reason": ""}
    assert counted.server.artifacts["0/run/artifacts/outputs/model"] == b"weights"
    assert counted.server.console("stdout") == b"begun\ndone\n"
    assert ran(counted) == 1
    # And whoever comes later finds nothing more to do.
    assert counted.run() in (TOLD, DISMISSED)
    assert len(counted.server.job.ends) == ran(counted) == 1


@pytest.mark.parametrize("part", ["/begin", "/snapshots", "/report", "console/", "outputs/", "/end"])
def test_r18_a_server_that_is_away_in_a_state_is_waited_for(counted: JobFolder, part: str):
    # A download of something else is seen by its hash.
    left = [Answer(0), Answer(404, b"<html>"), Answer(503 if part == "/snapshots" else 200, b"<html>")]
    counted.server.fault = lambda method, path: left.pop(0) if part in path and left else None
    let_go(counted)
    assert counted.run() == 0, counted.log
    assert counted.end["status"] == "completed"
    assert counted.server.console("stdout") == b"begun\ndone\n"
    assert ran(counted) == 1


def test_r18_a_script_goes_on_while_the_server_is_down_and_nothing_of_it_is_lost(counted: JobFolder):
    agent = counted.start()
    counted.until_printed(b"begun\n")
    counted.server.stop()
    let_go(counted)
    until(lambda: (counted.path / "outcome.json").exists())
    assert agent.poll() is None
    # A launcher that saw the end would think that nothing more is to come.
    assert not (counted.path / "end.json").exists()
    counted.server.start()
    assert counted.ended(agent) == 0
    assert counted.end["status"] == "completed"
    assert counted.server.console("stdout") == b"begun\ndone\n"
    assert counted.server.artifacts["0/run/artifacts/outputs/model"] == b"weights"


def test_r18_a_server_that_was_down_from_the_start_is_waited_for(counted: JobFolder):
    counted.server.stop()
    let_go(counted)
    agent = counted.start()
    until(lambda: "/begin" in counted.log)
    counted.server.start()
    assert counted.ended(agent) == 0
    assert counted.end["status"] == "completed"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_r18_a_script_that_somebody_kills_has_failed(counted: JobFolder, number: signal.Signals):
    agent = counted.start()
    counted.until_printed(b"begun\n")
    os.kill(json.loads((counted.path / "script.json").read_text())["pid"], number)
    assert counted.ended(agent) == 0
    end = {"status": "failed", "exit_code": 128 + number, "reason": f"ended by {number.name}"}
    assert counted.end == end


def test_r18_a_lost_answer_to_the_end_is_no_second_end(counted: JobFolder):
    answers: list[Answer] = []

    def lose(method: str, path: str) -> Answer | None:
        if path.endswith("/end") and not answers:
            answers.append(Answer(0))
            counted.server.job.ends = []
            return answers[0]
        return None

    counted.server.fault = lose
    let_go(counted)
    assert counted.run() == 0
    assert counted.end["status"] == "completed"
