"""A job from its beginning to its end, by a real agent against a server of the tests' own."""

from __future__ import annotations

import json
import os
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from runyard.agent.__main__ import USAGE
from runyard.agent.archive import write_archive
from runyard.agent.life import DISMISSED, STOPPED, TAKEN, WRONG_USE
from runyard.agent.marks import PREPARING
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import KEY, refusal
from tests.killing import lives
from tests.waiting import until

SLEEPS = "import time\nprint('begun')\ntime.sleep(600)\n"
IGNORES = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPS
NO_SUCH = (
    "No module named 'no_such' (the job asks for no packages: it has those of the Python it runs with; "
    "name an environment for more)"
)
ENDS_WELL = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + SLEEPS


def test_a_script_is_run_and_all_of_it_reaches_the_server(job: JobFolder):
    code = {"train.py": "import sys; print('out'); print('err', file=sys.stderr)"}
    assert job.assign(code).run() == 0, job.log
    assert job.end == {"status": "completed", "exit_code": 0, "reason": ""}
    assert job.server.console("stdout") == b"out\n"
    assert job.server.console("stderr") == b"err\n"
    assert b"The code is there: 1 file." in job.server.console("setup")
    assert job.server.job.statuses[0] == "preparing"


def test_a_job_is_preparing_and_then_running(job: JobFolder):
    job.assign({"train.py": SLEEPS}).start()
    until(lambda: "running" in job.server.job.statuses)
    assert job.server.job.statuses == sorted(job.server.job.statuses)


def test_what_lies_in_the_folder_is_for_nobody_else(job: JobFolder):
    job.assign({"train.py": "open('made', 'w').write('x')"}).run()
    made = job.path / "code" / "made"
    own = os.umask(0)
    os.umask(own)
    # What the script makes is as its own process would make it.
    assert stat.S_IMODE(made.stat().st_mode) == 0o666 & ~own
    for path in job.path.rglob("*"):
        if path not in (made, job.path / "assignment.json") and "__pycache__" not in path.parts:
            assert not path.stat().st_mode & 0o077, path


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(3)", ("failed", 3, "exit code 3")),
        ("raise ValueError('bad data')", ("failed", 1, "exit code 1: ValueError: bad data")),
        ("import no_such", ("failed", 1, f"exit code 1: ModuleNotFoundError: {NO_SUCH}")),
        ("import os; os.kill(os.getpid(), 9)", ("failed", 137, "ended by SIGKILL")),
        ("import os; os.kill(os.getpid(), 15)", ("failed", 143, "ended by SIGTERM")),
        ("import os; os.kill(os.getpid(), 11)", ("failed", 139, "ended by SIGSEGV")),
    ],
)
def test_each_end_of_a_script_has_its_status_code_and_reason(
    job: JobFolder, code: str, expected: tuple[str, int, str]
):
    assert job.assign({"train.py": code}).run() == 0
    assert tuple(job.end.values()) == expected


def test_a_command_runs_in_the_folder_of_the_code_by_the_path_of_its_environment(job: JobFolder):
    job.assign({"below/x.txt": "here"}, script="", command=["cat", "below/x.txt"]).run()
    assert job.server.console("stdout") == b"here"
    assert job.end["status"] == "completed"


def test_a_command_needs_no_code(job: JobFolder):
    job.assign(command=["sh", "-c", 'echo "$0"', "$(touch x); a b"]).run()
    assert job.server.console("stdout") == b"$(touch x); a b\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["no-such-program"], "exit code 127: 'no-such-program' can't be started: No such file or directory"),
        (["/"], "exit code 126: '/' can't be started: Permission denied"),
        (["echo", "a\0b"], "exit code 126: 'echo' can't be started: embedded null byte"),
        ([], "There is neither a script nor a command."),
    ],
)
def test_what_cannot_be_started_fails_and_says_why(job: JobFolder, command: list[str], reason: str):
    assert job.assign(command=command).run() == 0
    assert job.end["status"] == "failed"
    assert job.end["reason"] == reason
    assert f"The job failed: {reason}".encode() in job.server.console("setup")


@pytest.mark.parametrize("script", ["none.py", "/etc/passwd", "../job/assignment.json", "below"])
def test_a_script_that_is_no_file_of_the_code_is_refused(job: JobFolder, script: str):
    job.assign({"train.py": "", "below/x.py": ""}, script=script).run()
    assert job.end["reason"] == f"There is no script {script!r} in the code."


@pytest.mark.parametrize("script", ["-c.py", "a b/$(touch x).py", "ü\n'\".py"])
def test_a_script_may_have_any_name(job: JobFolder, script: str):
    job.assign({script: "import sys; print(sys.argv[1])"}, script=script, arguments=["ok"]).run()
    assert job.server.console("stdout") == b"ok\n", job.end
    assert not (job.path / "code" / "x").exists()


def test_the_script_knows_its_run_and_nothing_that_is_the_servers(job: JobFolder):
    code = {
        "train.py": "import json, os\n"
        "print(json.dumps(dict(os.environ)))\n"
        "print(json.dumps({name: text[::-1] for name, text in os.environ.items() if 'TOKEN' in name}))"
    }
    environment = {"variables": {"A": "environment", "B": "environment"}}
    job.assign(code, environment=environment, variables={"B": "job", "MLFLOW_RUN_ID": "another"}).run()
    known, backwards = map(json.loads, job.server.console("stdout").splitlines())
    assert (known["A"], known["B"]) == ("environment", "job")
    assert known["MLFLOW_TRACKING_URI"] == job.server.url
    assert known["MLFLOW_RUN_ID"] == known["AZUREML_RUN_ID"] == "run"
    for name in ("MLFLOW_TRACKING_TOKEN", "RUNYARD_TOKEN", "AZUREML_RUN_TOKEN"):
        # Who reads the log is not to have the rights of the job.
        assert (known[name], backwards[name][::-1]) == ("***", KEY)
    assert known["RUNYARD_URL"] == job.server.url.removesuffix("/workspaces/lab")
    assert "RUNYARD_SECRET" not in known
    found = json.loads((job.path / ".runyard" / "config.json").read_text())
    assert (found["workspace_name"], found["runyard_url"]) == ("lab", known["RUNYARD_URL"])


def test_later_attempts_have_a_console_of_their_own(job: JobFolder):
    job.assign({"train.py": "print('again')"}, attempt=2).run()
    assert job.server.console("stdout", "attempt-2/") == b"again\n"
    assert job.server.console("stdout") == b""


def test_lines_are_at_the_server_while_the_script_runs(job: JobFolder):
    job.assign({"train.py": SLEEPS}).start()
    job.until_printed(b"begun\n")
    assert not job.server.job.ends


@pytest.mark.parametrize(
    ("code", "grace_s", "exit_code"),
    [(SLEEPS, 60.0, 143), (IGNORES, 0.5, 137), (ENDS_WELL, 60.0, 0)],
    ids=["term", "kill", "by itself"],
)
def test_a_canceled_job_is_canceled_whatever_its_script_makes_of_it(
    job: JobFolder, code: str, grace_s: float, exit_code: int
):
    agent = job.assign({"train.py": code}, stop_grace_s=grace_s).start()
    job.until_printed(b"begun\n")
    job.server.job.is_cancel_requested = True
    assert job.ended(agent) == 0
    assert job.end == {"status": "canceled", "exit_code": exit_code, "reason": "it was canceled"}


def test_a_script_has_no_more_time_than_it_was_given(job: JobFolder):
    job.assign({"train.py": SLEEPS}, max_duration_s=1, stop_grace_s=60.0).run()
    assert job.end == {"status": "failed", "exit_code": 143, "reason": "it ran longer than 1 s"}


def test_what_a_script_has_started_ends_with_it(job: JobFolder):
    # The second one left the session, as daemons do.
    code = (
        "import subprocess\n"
        "print(subprocess.Popen(['sleep', '600']).pid)\n"
        "print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)\n"
    )
    job.assign({"train.py": code}).run()
    first, second = map(int, job.server.console("stdout").split())
    assert not lives(first)
    assert not lives(second)
    assert job.end["status"] == "completed"


def test_what_a_daemon_leaves_in_the_table_of_processes_is_taken_out(job: JobFolder):
    # The children of one that has ended become the agent's, and end while the script goes on.
    code = (
        "import os, subprocess, time\n"
        "pid = int(subprocess.check_output(['sh', '-c', 'sleep 0.2 >/dev/null & echo $!']))\n"
        "while os.path.exists(f'/proc/{pid}'): time.sleep(0.01)\n"
        "print('gone')\n"
    )
    job.assign({"train.py": code}, max_duration_s=300).run()
    assert job.server.console("stdout") == b"gone\n"


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_an_agent_whose_job_it_is_not_any_more_kills_the_script_and_tells_nothing(
    job: JobFolder, status: int
):
    agent = job.assign({"train.py": IGNORES}, stop_grace_s=0.2).start()
    job.until_printed(b"begun\n")
    pid = json.loads((job.path / "script.json").read_text())["pid"]
    job.server.fault = lambda method, path: refusal(status, "SOME_CODE")
    assert job.ended(agent) == DISMISSED
    assert not lives(pid)
    assert job.server.job.ends == []


def test_an_agent_that_comes_second_leaves(job: JobFolder):
    job.server.job.agent_id = "the first one"
    assert job.assign({"train.py": "print('ran')"}).run() == DISMISSED
    assert not (job.path / "script.json").exists()
    assert job.server.console("stdout") == b""


def test_only_one_agent_lives_in_a_folder(job: JobFolder):
    job.assign({"train.py": SLEEPS}).start()
    job.until_printed(b"begun\n")
    assert job.run() == TAKEN
    assert job.server.job.ends == []


@pytest.mark.parametrize("content", [None, "", "[]", '{"url": 1}', '{"url": "http://127.0.0.1"}'])
def test_a_folder_without_an_assignment_is_none(job: JobFolder, content: str | None):
    job.path.mkdir()
    if content is not None:
        (job.path / "assignment.json").write_text(content)
    assert job.run() == WRONG_USE


def test_an_agent_that_is_told_to_stop_ends_the_script_and_says_so(job: JobFolder):
    agent = job.assign({"train.py": SLEEPS}).start()
    job.until_printed(b"begun\n")
    agent.terminate()
    assert job.ended(agent) == 0
    assert job.end["status"] == "failed"
    assert job.end["reason"] == "the agent was told to stop by SIGTERM"
    # It may be that it was canceled: who reads what it printed is not told that it failed.
    assert b"The job was stopped: the agent was told to stop by SIGTERM" in job.server.console("setup")


def test_an_agent_that_is_told_to_stop_does_not_wait_for_a_server_that_is_away(job: JobFolder):
    job.server.stop()
    agent = job.assign({"train.py": SLEEPS}).start()
    until(lambda: "begin" in job.log)
    agent.terminate()
    assert job.ended(agent) == STOPPED
    assert not (job.path / "script.json").exists()


def test_an_agent_runs_from_a_zip_of_its_own(job: JobFolder, tmp_path: Path):
    archive = write_archive(tmp_path / "agent.pyz")
    names = zipfile.ZipFile(archive).namelist()
    assert all(name == "__main__.py" or name.startswith("runyard/") for name in names)
    assert write_archive(tmp_path / "again.pyz").read_bytes() == archive.read_bytes()
    # Without the packages that are installed here: nothing but Python is needed.
    job.program = ("-I", "-S", str(archive))
    code = {"train.py": "import sys; print(sys.argv[1])"}
    assert job.assign(code, arguments=["from a zip"]).run() == 0, job.log
    assert job.server.console("stdout") == b"from a zip\n"


def test_the_command_line_wants_one_folder(job: JobFolder):
    job.assign({"train.py": ""})
    job.program = ("-m", "runyard.agent", "--help")
    agent = job.start()
    _, complaint = agent.communicate()
    assert (agent.returncode, complaint.decode()) == (WRONG_USE, f"{USAGE}\n")


def test_an_agent_may_be_told_by_a_file_of_somebody_elses(job: JobFolder, tmp_path: Path):
    """As in a pod: the file can't be changed, the folder is not there yet, the end is read from elsewhere."""
    end_file = tmp_path / "termination-log"
    end_file.write_text("what was there before is longer than what is written into it now" * 9)
    inode = end_file.stat().st_ino
    code = {"train.py": "raise ValueError('é' * 3_000)"}
    job.assign(code, end_file=str(end_file))
    told = (job.path / "assignment.json").rename(tmp_path / "told.json")
    told.chmod(0o400)
    job.path.rmdir()
    job.program = ("-m", "runyard.agent", "--told", str(told))
    assert job.run() == 0, job.log
    assert job.path.stat().st_mode & 0o777 == 0o700
    end = json.loads(end_file.read_text())
    assert (end["status"], end["exit_code"]) == ("failed", 1)
    assert (end["reason"].startswith("exit code 1: "), end["reason"].endswith("éé")) == (True, True)
    assert (end_file.stat().st_ino, end_file.stat().st_size < 4_096) == (inode, True)


def test_whoever_reads_the_end_sees_whether_the_script_has_begun(job: JobFolder, tmp_path: Path):
    end_file = tmp_path / "termination-log"
    seen = "import pathlib, sys; print(repr(pathlib.Path(sys.argv[1]).read_text()))"
    job.assign({"train.py": seen}, arguments=[str(end_file)], end_file=str(end_file))
    with job.server.paused():
        agent = job.start()
        until(lambda: end_file.exists() and end_file.read_text() == json.dumps({"status": PREPARING}))
    assert job.ended(agent) == 0, job.log
    assert job.server.console("stdout") == b"''\n"
    assert json.loads(end_file.read_text())["status"] == "completed"


def test_an_agent_that_is_told_by_no_file_says_so(job: JobFolder, tmp_path: Path):
    job.program = ("-m", "runyard.agent", "--told", str(tmp_path / "none"))
    agent = job.start()
    _, complaint = agent.communicate()
    assert (agent.returncode, b"none" in complaint) == (WRONG_USE, True)


def test_a_script_in_azures_words_is_run_by_the_alias(job: JobFolder):
    code = {"train.py": "import azureml.core, sys; print(azureml.core.Run.__module__, *sys.argv)"}
    job.assign(code, arguments=["--x"], is_azureml=True).run()
    assert job.server.console("stdout") == b"runyard.sdk.run train.py --x\n", job.end


def test_the_alias_needs_the_sdk_and_says_so(job: JobFolder):
    python = str(Path(sys.base_prefix) / "bin" / "python3")
    environment = {"python": {"is_user_managed": True, "interpreter": python}}
    job.assign({"train.py": ""}, is_azureml=True, environment=environment).run()
    assert job.end["status"] == "failed"
    assert "can't import Runyard's SDK" in job.end["reason"]
    assert "Add `runyard` to the pip packages" in job.end["reason"]
