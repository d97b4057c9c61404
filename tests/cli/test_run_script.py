"""`runyard run SCRIPT`: a real script in a process of its own, with the genuine MLflow client in it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.memory_group import memory_group
from tests.running_server import RunningServer, free_port, scrubbed

pytestmark = pytest.mark.slow

MLFLOW = "/api/2.0/mlflow"
WITHIN_S = 300
TRAINING = """
import sys
import mlflow

print("given", sys.argv[1:])
with mlflow.start_run() as run:
    mlflow.log_param("alpha", 0.5)
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("words", "notes.txt")
print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
"""


class Machine:
    """A folder with a script, and a person who runs it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        (folder / "work").mkdir()
        self.environment = scrubbed(os.environ) | {
            "HOME": str(folder),
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "RUNYARD_SPOOL_DIR": str(folder / "spools"),
            "SECRET_OF_MINE": "s3cret-canary",
            # As an answer to a person at a terminal would take another way.
            "PYTHONWARNINGS": "ignore",
        }

    def write(self, code: str, name: str = "train.py") -> None:
        (self.folder / "work" / name).write_text(code)

    def start(self, *words: str, before: Sequence[str] = (), **streams: Any) -> subprocess.Popen[str]:
        """Begin `runyard run` with these words, by a program that takes others before them."""
        return subprocess.Popen(
            [*before, sys.executable, "-m", "runyard", "run", *words],
            cwd=self.folder / "work",
            env=self.environment,
            text=True,
            # Whoever starts the tests in the background lets them, and all that they start, ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),
        )

    def run(self, *words: str, before: Sequence[str] = ()) -> tuple[int, str, str]:
        """Run a script to its end."""
        with self.start(*words, before=before) as process:
            out, err = process.communicate(timeout=WITHIN_S)
        return process.returncode, out, err


@pytest.fixture
def machine(server: RunningServer, tmp_path: Path) -> Machine:
    return Machine(tmp_path, server.url)


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def newest(http: httpx.Client, experiment: str) -> dict[str, Any]:
    """The last run of an experiment, with its tags, params and files in plain words."""
    query = {"experiment_name": experiment}
    found = http.get(f"{MLFLOW}/experiments/get-by-name", params=query).raise_for_status().json()
    body = {"experiment_ids": [found["experiment"]["experiment_id"]], "order_by": ["start_time DESC"]}
    run: dict[str, Any] = http.post(f"{MLFLOW}/runs/search", json=body).raise_for_status().json()["runs"][0]
    data = run["data"]
    run["tags"] = {each["key"]: each["value"] for each in data.get("tags", [])}
    run["params"] = {each["key"]: each["value"] for each in data.get("params", [])}
    run["metrics"] = {each["key"]: each["value"] for each in data.get("metrics", [])}
    return run


def file_of(http: httpx.Client, run: dict[str, Any], path: str) -> str:
    folder = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    return http.get(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{path}").raise_for_status().text


def test_a_script_s_run_holds_its_logs_console_code_and_environment(machine: Machine, http: httpx.Client):
    machine.write(TRAINING)
    machine.write("nothing = 1\n", "near.py")
    code, out, err = machine.run(
        "-e", "whole", "--name", "first", "train.py", "--lr", "0.1", "-e", "--token=x"
    )
    assert code == 0, err
    assert "given ['--lr', '0.1', '-e', '--token=x']\n" in out
    run = newest(http, "whole")
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", "first")
    assert (run["params"], run["metrics"]) == ({"alpha": "0.5"}, {"loss": 0.2})
    assert run["tags"]["mlflow.source.name"] == "train.py"
    assert run["tags"]["runyard.arguments"] == "--lr 0.1 -e '--token=***'"
    assert file_of(http, run, "notes.txt") == "words"
    assert file_of(http, run, "code/files/train.py") == TRAINING
    assert file_of(http, run, "code/files/near.py") == "nothing = 1\n"
    assert file_of(http, run, "console/stdout.000001.log") == out
    assert "\x1b[31mred\x1b[0m\n" in file_of(http, run, "console/stderr.000001.log")
    environment = file_of(http, run, "environment/environment.json")
    assert json.loads(environment)["python"] == sys.version.partition(" ")[0]
    assert "s3cret-canary" not in environment + json.dumps(run)
    assert "\nmlflow-skinny==" in file_of(http, run, "environment/requirements.txt")
    assert f"Run first {run['info']['run_id']}: FINISHED" in err
    assert [path for path in (machine.folder / "spools").iterdir() if path.is_dir()] == []


def test_git_s_state_is_kept_with_what_is_not_committed(machine: Machine, http: httpx.Client):
    work, author = machine.folder / "work", ("-c", "user.name=A", "-c", "user.email=a@example.org")
    machine.write("print(1)\n")
    for words in (
        ("init", "-q", "-b", "topic"),
        ("remote", "add", "origin", "https://me:s3cret@git.example/code.git"),
        ("add", "."),
        (*author, "commit", "-qm", "first"),
    ):
        subprocess.run(["git", *words], cwd=work, check=True)
    machine.write("print(2)\n")
    assert machine.run("-e", "git", "train.py")[:2] == (0, "2\n")
    run = newest(http, "git")
    named = {
        key.removeprefix("mlflow.source.git."): value for key, value in run["tags"].items() if ".git." in key
    }
    assert len(named.pop("commit")) == 40
    assert named == {"branch": "topic", "dirty": "True", "repoURL": "https://git.example/code.git"}
    assert "-print(1)\n+print(2)\n" in file_of(http, run, "code/git.diff")


def test_a_script_that_fails_says_why_and_its_code_is_the_command_s(machine: Machine, http: httpx.Client):
    machine.write(
        "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('a', 1)\n"
        "    raise ValueError('no luck')\n"
    )
    code, _, err = machine.run("-e", "failing", "train.py")
    assert code == 1
    assert "Traceback" in err
    run = newest(http, "failing")
    assert (run["info"]["status"], run["metrics"]) == ("FAILED", {"a": 1.0})
    assert run["tags"]["runyard.end_reason"] == "exit code 1: ValueError: no luck"
    assert run["tags"]["runyard.exit_code"] == "1"


def test_a_script_that_runs_out_of_memory_has_failed_and_says_so(machine: Machine, http: httpx.Client):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))\n"
    machine.write(limit + "kept = bytearray(1 << 30)\n")
    assert machine.run("-e", "memory", "train.py")[0] == 1
    run = newest(http, "memory")
    assert run["info"]["status"] == "FAILED"
    assert run["tags"]["runyard.end_reason"] == "exit code 1: MemoryError"


@pytest.mark.parametrize(
    ("code", "exit_code", "reason"),
    [
        ("held = b'x' * (600 << 20)", 137, "the machine ran out of memory (SIGKILL)"),
        (
            "import subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', \"held = b'x' * (600 << 20)\"], check=True)",
            1,
            "exit code 1, and the machine ran out of memory meanwhile: subprocess.CalledProcessError",
        ),
    ],
    ids=["script", "worker"],
)
def test_a_script_that_the_kernel_kills_for_its_memory_has_failed_and_says_so(
    machine: Machine,
    http: httpx.Client,
    request: pytest.FixtureRequest,
    code: str,
    exit_code: int,
    reason: str,
):
    machine.write(code)
    experiment = request.node.callspec.id
    with memory_group(300 << 20) as group:
        # `runyard run` is in it from its first moment.
        words = ["sh", "-c", 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"', "sh", str(group)]
        ran = machine.run("-e", experiment, "train.py", before=words)
    assert ran[0] == exit_code, ran
    run = newest(http, experiment)
    assert run["info"]["status"] == "FAILED"
    assert run["tags"]["runyard.end_reason"].startswith(reason)


def test_a_script_s_own_word_on_its_end_counts(machine: Machine, http: httpx.Client):
    machine.write("import mlflow\nmlflow.start_run()\nmlflow.end_run('FAILED')\n")
    assert machine.run("-e", "own word", "train.py")[0] == 0
    assert newest(http, "own word")["info"]["status"] == "FAILED"


def test_a_script_that_chose_another_experiment_goes_on_and_is_told(machine: Machine, http: httpx.Client):
    machine.write("import mlflow\nmlflow.set_experiment('mine')\n" + TRAINING)
    code, _, err = machine.run("-e", "ours", "train.py")
    assert code == 0, err
    assert "stays in the experiment 'ours'" in err
    assert newest(http, "ours")["metrics"] == {"loss": 0.2}
    code, _, err = machine.run("-e", "mine", "train.py")
    assert code == 0, err
    assert "stays in" not in err
    assert newest(http, "mine")["metrics"] == {"loss": 0.2}


def test_a_module_runs_as_python_runs_it(machine: Machine, http: httpx.Client):
    machine.write("import sys\nprint(__name__, sys.argv[1:])\n", "trainer.py")
    assert machine.run("-e", "module", "-m", "trainer", "-m", "x")[:2] == (0, "__main__ ['-m', 'x']\n")
    assert newest(http, "module")["tags"]["mlflow.source.name"] == "trainer"


def test_a_signal_reaches_the_script_which_may_clean_up(machine: Machine, http: httpx.Client):
    machine.write(
        "import signal, sys, time\n"
        "try:\n    print('ready')\n    time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('cleaned up')\n    sys.exit(7)\n"
    )
    with machine.start("-e", "signals", "train.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "cleaned up\n"
        process.communicate(timeout=WITHIN_S)
    assert process.returncode == 7
    run = newest(http, "signals")
    assert (run["info"]["status"], run["tags"]["runyard.end_reason"]) == ("KILLED", "exit code 7")


def test_a_terminal_s_script_sees_a_terminal(machine: Machine):
    machine.write("import sys\nprint(sys.stdout.isatty(), sys.stderr.isatty())\n")
    ours, theirs = pty.openpty()
    with machine.start("-e", "terminal", "train.py", stdout=theirs) as process:
        process.communicate(timeout=WITHIN_S)
    shown = os.read(ours, 100)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, shown) == (0, b"True False\r\n")


def test_without_a_server_all_of_it_waits_and_arrives_once(machine: Machine, start_server):
    port = free_port()
    machine.environment |= {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    machine.write(TRAINING)
    code, out, err = machine.run("-e", "away", "train.py")
    assert code == 0, err
    assert "Traceback" not in err
    server = start_server(port=port)
    # The spool of the script and that of the command: whichever is sent first, the run is begun before.
    spools = sorted(path for path in (machine.folder / "spools").iterdir() if path.is_dir())
    assert len(spools) == 2
    for spool in reversed(spools):
        command = [sys.executable, "-m", "runyard", "sync", str(spool)]
        subprocess.run(command, env=machine.environment, check=True, capture_output=True)
    with httpx.Client(base_url=server.url, timeout=60) as http:
        run = newest(http, "away")
        assert (run["info"]["status"], run["metrics"]) == ("FINISHED", {"loss": 0.2})
        assert file_of(http, run, "console/stdout.000001.log") == out
        assert file_of(http, run, "notes.txt") == "words"


def test_what_is_no_script_is_said_before_anything_is_begun(machine: Machine):
    code, _, err = machine.run("shwo")
    assert (code, "Did you mean `runyard run show`?" in err) == (3, True)
    code, _, err = machine.run("none.py")
    assert (code, "There is no script 'none.py'." in err) == (3, True)
    assert not (machine.folder / "spools").exists()
