"""What is promised of jobs in containers, whichever engine runs them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.station import Station
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import KEY, JobServer
from tests.agent.wheels import write_wheel
from tests.container_engine import IMAGE, TestsEngine, TestsRegistry
from tests.memory_group import memory_group

IN_IMAGE = {"docker": {"image": IMAGE}}
TELLS = {"train.py": "import sys, thing; print(thing.VERSION, sys.prefix, sys.version_info[:2])"}


@pytest.fixture
def boxed(job: JobFolder, engine: TestsEngine) -> Iterator[JobFolder]:
    """A job whose agent finds that engine; in the end there is no container."""
    job.environment = engine.environment
    yield job
    assert engine.containers() == []


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[TestsRegistry]:
    running = TestsRegistry(tmp_path)
    yield running
    running.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables by which uv and pip install from an index on loopback, as containers see no folders."""
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path / "wheels", "thing", version)
    handler = functools.partial(_Quiet, directory=str(tmp_path / "wheels"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield {"UV_FIND_LINKS": url, "UV_NO_INDEX": "1", "PIP_FIND_LINKS": url, "PIP_NO_INDEX": "1"}
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output free of an access log."""


def of_image(**python: Any) -> dict[str, Any]:
    conda = {"packages": python.pop("packages", []), "pip": python.pop("pip", [])}
    return {**IN_IMAGE, "python": {"conda": conda, **python}}


def setup_log(job: JobFolder) -> str:
    return job.server.console("setup").decode()


def again(job: JobFolder) -> JobFolder:
    """Make room for another job in the place of one that is over."""
    for path in sorted(job.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    job.server.job.ends, job.server.job.agent_id = [], ""
    job.server.artifacts.clear()
    return job


SEES = """
import json, os, pathlib, sys
folder = pathlib.Path.cwd()
print(json.dumps({
    "python": sys.executable,
    "root": sorted(os.listdir("/")),
    "beside": sorted(path.name for path in folder.parent.iterdir()),
    "above": sorted(path.name for path in folder.parent.parent.iterdir()),
    "home": os.environ["HOME"],
    "is_first": os.getpid() == 1,
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
    "variables": dict(os.environ),
}))
pathlib.Path("outputs/model.txt").write_text("weights")
pathlib.Path(os.environ["HOME"], "kept").write_text("")
"""


NASTY = [
    "a b",
    "'",
    '"',
    "$(touch /tmp/x)",
    "`id`",
    "line\nline",
    "ünï ☃",
    "",
    "--privileged",
    "-v",
    "\\n",
    "*",
]


def together(
    folder: Path, engine: TestsEngine, code: dict[str, str], docker: dict[str, str]
) -> list[JobFolder]:
    """Let two jobs begin at once, and return them when both have ended."""
    jobs = []
    for number in range(2):
        each = JobFolder(folder / f"job-{number}", JobServer())
        each.environment = engine.environment
        jobs.append(each.assign(code, environment={"docker": docker}))
    agents = [each.start() for each in jobs]
    assert [each.ended(agent) for each, agent in zip(jobs, agents, strict=True)] == [0, 0]
    for each in jobs:
        each.close()
        each.server.stop()
    return jobs


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield path.read_bytes()


def killed_while_it_runs(job: JobFolder, engine: TestsEngine) -> int:
    """Kill the agent of a script that sleeps; return the script's process."""
    agent = job.assign(
        {"train.py": "import time; print('a', flush=True); time.sleep(600)"}, environment=IN_IMAGE
    )
    started = agent.start()
    job.until_printed(b"a")
    pid = engine.pid()
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert Path(f"/proc/{pid}").exists(), "the engine keeps a container whose caller is gone"
    return pid


class ContainerRules:
    """Tests of an engine, which a fixture `engine` of the module has; a class for each derives from it."""

    def test_a_script_runs_in_the_image_and_sees_its_own_folders_alone(
        self, boxed: JobFolder, tmp_path: Path
    ):
        (tmp_path / "of-others").write_text("")
        boxed.assign({"train.py": SEES}, environment=IN_IMAGE, variables={"MINE": "yes"}).run()
        assert boxed.end == {"status": "completed", "exit_code": 0, "reason": ""}, setup_log(boxed)
        seen = json.loads(boxed.server.console("stdout"))
        assert seen["python"] == "/usr/bin/python3"
        assert seen["beside"] == [".runyard", "code", "home", "inputs", "results", "spool"]
        assert seen["above"] == ["job"]
        assert seen["home"] == str(boxed.path / "home")
        assert not seen["is_first"], "a first process would not get the signals that end a script"
        assert int(seen["capabilities"][0], 16) == 0
        own = seen["variables"]
        assert (own["MINE"], own["MLFLOW_TRACKING_TOKEN"], own["AZUREML_RUN_ID"]) == ("yes", "***", "run")
        assert own["MLFLOW_TRACKING_URI"] == boxed.server.url
        assert "RUNYARD_SECRET" not in own
        assert "RUNYARD_CONTAINER_ENGINE" not in own
        assert own["PATH"].startswith("/usr/bin:/usr/local/sbin:")
        assert boxed.server.artifacts["0/run/artifacts/outputs/model.txt"] == b"weights"

    def test_no_secret_is_on_a_command_line_nor_readable_by_others(self, boxed: JobFolder):
        boxed.assign({"train.py": "import time; print(1); time.sleep(600)"}, environment=IN_IMAGE)
        agent = boxed.start()
        boxed.until_printed(b"1")
        lines = list(_command_lines())
        assert any(b"--env-file" in line for line in lines)
        assert not [line for line in lines if KEY.encode() in line]
        assert (boxed.path / "variables.env").stat().st_mode & 0o777 == 0o600
        assert KEY not in setup_log(boxed)
        boxed.server.job.is_cancel_requested = True
        boxed.ended(agent)

    def test_words_and_variables_reach_the_script_as_they_are(self, boxed: JobFolder):
        code = {
            "train.py": "import json, os, sys\n"
            "print(json.dumps([sys.argv[1:], [os.environ[f'V{n}'] for n in range(int(sys.argv[1]))]]))"
        }
        words = [str(len(NASTY)), *NASTY]
        variables = {f"V{number}": value for number, value in enumerate(NASTY)}
        boxed.assign(code, arguments=words, variables=variables, environment=IN_IMAGE).run()
        assert boxed.end["status"] == "completed", (setup_log(boxed), boxed.end)
        assert json.loads(boxed.server.console("stdout")) == [words, NASTY]

    @pytest.mark.parametrize(
        "slept", ["time.sleep(600)", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"]
    )
    def test_a_canceled_job_ends_with_its_container(self, boxed: JobFolder, engine: TestsEngine, slept: str):
        code = f"import signal, sys, time\nprint('begun', flush=True)\n{slept}\ntime.sleep(600)"
        agent = boxed.assign({"train.py": code}, environment=IN_IMAGE, stop_grace_s=60.0).start()
        boxed.until_printed(b"begun")
        assert len(engine.containers()) == 1
        boxed.server.job.is_cancel_requested = True
        assert boxed.ended(agent) == 0
        wanted = 7 if "exit" in slept else 143
        assert boxed.end == {"status": "canceled", "exit_code": wanted, "reason": "it was canceled"}

    def test_r11_a_container_of_a_killed_agent_is_ended_by_the_next_one(
        self, boxed: JobFolder, engine: TestsEngine
    ):
        pid = killed_while_it_runs(boxed, engine)
        assert boxed.run() == 0
        assert boxed.end["reason"] == "the agent died while the script ran, and the script was ended"
        assert not Path(f"/proc/{pid}").exists()
        assert not (boxed.path / "container.json").exists()

    @pytest.mark.parametrize("seen", ["looked at", "forgotten"])
    def test_r11_a_container_of_a_killed_agent_is_ended_by_who_sees_that(
        self, boxed: JobFolder, engine: TestsEngine, seen: str, monkeypatch: pytest.MonkeyPatch
    ):
        for name, value in engine.environment.items():
            monkeypatch.setenv(name, value)
        pid = killed_while_it_runs(boxed, engine)
        place = boxed.path.parent / "jobs" / ("a" * 32) / "1"
        place.parent.mkdir(parents=True)
        boxed.path.rename(place)
        station = Station(place.parents[1], ["false"])
        handle = f"{'a' * 32}/1"
        if seen == "looked at":
            assert station.look([handle])[handle]["state"] == "gone"
        else:
            station.forget(handle)
        assert not Path(f"/proc/{pid}").exists()

    @pytest.mark.parametrize(
        ("code", "status", "exit_code", "reason"),
        [
            ("raise SystemExit(3)", "failed", 3, "exit code 3"),
            ("1/0", "failed", 1, "exit code 1: ZeroDivisionError: division by zero"),
            ("import os; os.kill(os.getpid(), 11)", "failed", 139, "ended by SIGSEGV"),
        ],
    )
    def test_how_a_script_ended_is_told(
        self, boxed: JobFolder, code: str, status: str, exit_code: int, reason: str
    ):
        boxed.assign({"train.py": code}, environment=IN_IMAGE).run()
        assert boxed.end == {"status": status, "exit_code": exit_code, "reason": reason}

    def test_what_ran_out_of_memory_elsewhere_is_not_said_of_a_script(
        self, boxed: JobFolder, engine: TestsEngine
    ):
        code = (
            "import os, time\nprint('a', flush=True)\n"
            "while not os.path.exists('/tmp/go'):\n    time.sleep(0.05)\nraise SystemExit(3)"
        )
        agent = boxed.assign({"train.py": code}, environment=IN_IMAGE).start()
        boxed.until_printed(b"a")
        with memory_group(50 << 20) as group:
            hog = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -c 'bytearray(200 << 20)'"
            assert subprocess.run(["sh", "-c", hog], check=False).returncode == -signal.SIGKILL
        Path(f"/proc/{engine.pid()}/root/tmp/go").touch()
        assert boxed.ended(agent) == 0
        assert boxed.end == {"status": "failed", "exit_code": 3, "reason": "exit code 3"}

    def test_who_is_killed_while_memory_runs_out_elsewhere_is_not_said_to_have_run_out(
        self, boxed: JobFolder, engine: TestsEngine
    ):
        code = "import time\nprint('a', flush=True)\ntime.sleep(600)"
        share = {"cpus": [], "memory_bytes": 500 << 20, "gpus": []}
        agent = boxed.assign({"train.py": code}, environment=IN_IMAGE, share=share).start()
        boxed.until_printed(b"a")
        with memory_group(50 << 20) as group:
            hog = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -c 'bytearray(200 << 20)'"
            assert subprocess.run(["sh", "-c", hog], check=False).returncode == -signal.SIGKILL
        engine.run("kill", *engine.containers())
        assert boxed.ended(agent) == 0
        reason = "ended by SIGKILL, and the machine ran out of memory meanwhile"
        assert boxed.end == {"status": "failed", "exit_code": 137, "reason": reason}

    def test_a_worker_in_the_container_that_is_killed_for_memory_is_told_of(self, boxed: JobFolder):
        code = (
            "import subprocess, sys, time\n"
            "subprocess.run([sys.executable, '-c', 'bytearray(400_000_000)'])\n"
            "time.sleep(5)\n"  # for as long it can be seen who was killed
            "sys.exit(3)"
        )
        share = {"cpus": [], "memory_bytes": 100 << 20, "gpus": []}
        boxed.assign({"train.py": code}, environment=IN_IMAGE, share=share).run()
        reason = "exit code 3, and the machine ran out of memory meanwhile"
        assert boxed.end == {"status": "failed", "exit_code": 3, "reason": reason}

    def test_a_share_is_the_containers_limit(self, boxed: JobFolder):
        cpu = max(os.sched_getaffinity(0))
        code = {
            "train.py": "import os, sys\n"
            "print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'], flush=True)\n"
            "held = bytearray(400_000_000)\nprint('held')"
        }
        share = {"cpus": [cpu], "memory_bytes": 100 << 20, "gpus": []}
        boxed.assign(code, environment=IN_IMAGE, share=share).run()
        assert boxed.server.console("stdout").decode() == f"[{cpu}] 1\n"
        reason = "it ran out of memory (SIGKILL): it may hold 100 MiB"
        assert boxed.end == {"status": "failed", "exit_code": 137, "reason": reason}

    def test_what_limits_the_agent_limits_its_container(self, boxed: JobFolder):
        """As a scheduler limits a job: by the control group and the processors of what it starts."""
        cpu = max(os.sched_getaffinity(0))
        code = {
            "train.py": "import os\nprint(sorted(os.sched_getaffinity(0)), flush=True)\n"
            "held = bytearray(400_000_000)\nprint('held')"
        }
        boxed.assign(code, environment=IN_IMAGE)
        with memory_group(100 << 20) as group:
            with boxed.server.paused():
                agent = boxed.start()
                (group / "cgroup.procs").write_text(str(agent.pid))
                os.sched_setaffinity(agent.pid, {cpu})
            assert boxed.ended(agent) == 0
        assert boxed.server.console("stdout").decode() == f"[{cpu}]\n", setup_log(boxed)
        assert (boxed.end["status"], boxed.end["exit_code"]) == ("failed", 137)
        assert "ran out of memory" in boxed.end["reason"]

    def test_a_dockerfile_is_built_once_however_many_jobs_ask(
        self, boxed: JobFolder, engine: TestsEngine, tmp_path: Path
    ):
        text = (
            f"FROM {IMAGE}\nRUN echo built > /built\nENV WHO='of the image'\n"
            'ENTRYPOINT ["false"]\nUSER 1234\n'
        )
        code = {"train.py": "import os; print(open('/built').read().strip(), os.environ['WHO'], os.getuid())"}
        jobs = together(tmp_path, engine, code, {"dockerfile": text})
        for each in jobs:
            assert each.server.console("stdout") == b"built of the image 0\n", setup_log(each)
        assert sum("The image of the Dockerfile is built" in setup_log(each) for each in jobs) == 1
        assert "RUN echo built" in "".join(setup_log(each) for each in jobs)
        (built,) = [name for name in engine.images() if name.startswith("localhost/runyard/dockerfile:")]
        engine.run("rmi", built)

    def test_an_image_is_pulled_once_however_many_jobs_ask(
        self, boxed: JobFolder, engine: TestsEngine, registry: TestsRegistry, tmp_path: Path
    ):
        name = f"{registry.host}/team/base:1"
        engine.run("tag", IMAGE, name)
        engine.push(name)
        jobs = together(tmp_path, engine, {"train.py": "print('ran')"}, {"image": name})
        assert [each.server.console("stdout") for each in jobs] == [b"ran\n", b"ran\n"], setup_log(jobs[0])
        assert sum(f"The image {name} is pulled." in setup_log(each) for each in jobs) == 1
        assert name in engine.images()
        engine.run("rmi", name)

    def test_packages_are_installed_beside_the_image_once(self, boxed: JobFolder, index: dict[str, str]):
        boxed.environment = {**boxed.environment, **index}
        environment = of_image(pip=["thing<2"])
        boxed.assign(TELLS, environment=environment).run()
        assert boxed.server.console("stdout").startswith(b"1.0 "), setup_log(boxed)
        assert "uv pip install" in setup_log(boxed)
        prefix = Path(boxed.server.console("stdout").split()[1].decode())
        made = boxed.path.parent / "environments"
        assert prefix.is_relative_to(made)
        again(boxed).assign(TELLS, environment=environment).run()
        assert boxed.server.console("stdout").startswith(b"1.0 ")
        assert "is there already." in setup_log(boxed)
        assert len(list(made.glob("*/env-*"))) == 1
