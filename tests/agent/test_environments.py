"""Environments, made for real by uv, by pip and by what stands for a conda, of wheels of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agent.job_folder import JobFolder
from tests.agent.job_server import JobServer
from tests.agent.wheels import only_these, write_wheel
from tests.killing import lives
from tests.waiting import until

PLAIN = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
TELLS = {"train.py": "import sys, thing; print(thing.VERSION, sys.prefix)"}
# A program that does what micromamba would as far as the agent sees it, and writes down how it was called.
CONDA = """#!{python}
import json, subprocess, sys
open({record!r}, "w").write(json.dumps(sys.argv[1:]))
sys.exit(subprocess.call([{python!r}, "-m", "venv", "--without-pip", sys.argv[sys.argv.index("-p") + 1]]))
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    for version in ("1.0", "1.1.3", "2.0"):
        write_wheel(folder, "thing", version)
    return folder


@pytest.fixture
def env_job(job: JobFolder, wheels: Path) -> JobFolder:
    job.environment = only_these(wheels)
    return job


def spec(pip: Sequence[str] = (), packages: Sequence[str] = (), **python: Any) -> dict[str, Any]:
    conda = {"channels": ["conda-forge"], "packages": list(packages), "pip": list(pip)}
    return {"python": {"conda": conda, **python}}


def setup_log(job: JobFolder) -> str:
    return job.server.console("setup").decode()


def own_programs(job: JobFolder, tmp_path: Path) -> Path:
    """Return a folder whose programs the job's agent finds first."""
    programs = tmp_path / "programs"
    programs.mkdir()
    job.environment = {**job.environment, "PATH": f"{programs}:/usr/bin:/bin"}
    return programs


def let_run_without_uv(job: JobFolder) -> None:
    """Let the job's agent find pip alone: it runs on a Python that has no uv, and none is on its path."""
    begin = "import sys; sys.path.insert(0, sys.argv.pop(1)); from runyard.agent.__main__ import main; main()"
    job.interpreter = PLAIN
    job.program = ("-I", "-S", "-c", begin, str(source()))
    job.environment = {**job.environment, "PATH": "/usr/bin:/bin"}


def source() -> Path:
    return Path(__file__).parents[2] / "src"


def test_uv_makes_the_environment_and_the_script_runs_in_it(env_job: JobFolder):
    assert env_job.assign(TELLS, environment=spec(["thing<2"], [f"python={OWN}", "pip"])).run() == 0
    version, prefix = env_job.server.console("stdout").decode().split()
    assert version == "1.1.3", setup_log(env_job)
    assert Path(prefix).is_relative_to(env_job.path.parent / "environments")
    assert "uv venv" in setup_log(env_job)
    assert "thing==1.1.3" in setup_log(env_job)


def test_programs_of_the_environment_come_first_on_the_path(env_job: JobFolder):
    code = {"x": ""}
    environment = spec(["thing"])
    command = [
        "python",
        "-c",
        "import os, thing; print(os.environ['VIRTUAL_ENV'] == __import__('sys').prefix)",
    ]
    env_job.assign(code, script="", command=command, environment=environment).run()
    assert env_job.server.console("stdout") == b"True\n"


@pytest.mark.slow
def test_pip_makes_it_where_there_is_no_uv(env_job: JobFolder):
    let_run_without_uv(env_job)
    assert env_job.assign(TELLS, environment=spec(["thing==2.0"])).run() == 0
    assert env_job.server.console("stdout").startswith(b"2.0 "), setup_log(env_job)
    assert "-m venv" in setup_log(env_job)
    assert "-m pip install" in setup_log(env_job)
    assert "with uv on the machine of the job it would take seconds" in setup_log(env_job)


def test_the_same_environment_is_made_once(job_server: JobServer, tmp_path: Path, wheels: Path):
    jobs = []
    for number in range(3):
        server = JobServer()
        each = JobFolder(tmp_path / f"job-{number}", server)
        each.environment = only_these(wheels)
        jobs.append(each.assign(TELLS, environment=spec(["thing==1.0"])))
    agents = [each.start() for each in jobs]
    assert [each.ended(agent) for each, agent in zip(jobs, agents, strict=True)] == [0, 0, 0]
    printed = {each.server.console("stdout") for each in jobs}
    assert len(printed) == 1
    made = [each for each in jobs if "is made." in setup_log(each)]
    waited = [each for each in jobs if "is there already." in setup_log(each)]
    assert (len(made), len(waited)) == (1, 2)
    for each in jobs:
        each.close()
        each.server.stop()


def test_what_differs_in_anything_is_another_environment(env_job: JobFolder):
    keys = set()
    for pip in (["thing==1.0"], ["thing==2.0"]):
        shutil.rmtree(env_job.path, ignore_errors=True)
        env_job.server.job.ends, env_job.server.job.agent_id = [], ""
        env_job.assign(TELLS, environment=spec(pip)).run()
        keys = {path.name for path in (env_job.path.parent / "environments").iterdir()}
    assert len(keys) == 2


def test_an_environment_that_was_not_finished_is_made_anew(env_job: JobFolder):
    cache = env_job.path.parent / "environments"
    env_job.assign(TELLS, environment=spec(["thing==1.0"])).run()
    (home,) = cache.iterdir()
    (home / "ready").unlink()
    (half,) = home.glob("env-*")
    shutil.rmtree(env_job.path)
    env_job.server.job.ends, env_job.server.job.agent_id = [], ""
    env_job.assign(TELLS, environment=spec(["thing==1.0"])).run()
    assert env_job.end["status"] == "completed"
    assert not half.exists()
    assert [path.name for path in home.glob("env-*")] == [(home / "ready").read_text()]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_an_environment_whose_python_is_gone_is_made_anew(env_job: JobFolder):
    env_job.assign(TELLS, environment=spec(["thing==1.0"])).run()
    (python,) = (env_job.path.parent / "environments").glob("*/env-*/bin/python")
    python.unlink()
    shutil.rmtree(env_job.path)
    env_job.server.job.ends, env_job.server.job.agent_id = [], ""
    env_job.assign(TELLS, environment=spec(["thing==1.0"])).run()
    assert env_job.end["status"] == "completed"


def test_r18_an_agent_killed_while_it_makes_an_environment_is_followed_by_one_that_does(
    env_job: JobFolder, tmp_path: Path
):
    programs = own_programs(env_job, tmp_path)
    _write_program(programs / "micromamba", f"#!/bin/sh\necho $$ > {tmp_path}/pid; exec sleep 600\n")
    agent = env_job.assign(TELLS, environment=spec(["thing==1.0"], ["other"])).start()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    builder = int((tmp_path / "pid").read_text())
    until(lambda: not lives(builder))
    record = str(tmp_path / "record")
    _write_program(programs / "micromamba", CONDA.format(python=PLAIN, record=record))
    assert env_job.run() == 0, env_job.log
    assert env_job.end["status"] == "completed", setup_log(env_job)


def test_a_job_that_is_canceled_while_its_environment_is_made_does_not_run(
    env_job: JobFolder, tmp_path: Path
):
    programs = own_programs(env_job, tmp_path)
    _write_program(programs / "micromamba", f"#!/bin/sh\ntouch {tmp_path}/begun; sleep 600; true\n")
    agent = env_job.assign(TELLS, environment=spec([], ["other"])).start()
    until(lambda: (tmp_path / "begun").exists())
    env_job.server.job.is_cancel_requested = True
    assert env_job.ended(agent) == 0
    assert env_job.end == {"status": "canceled", "exit_code": None, "reason": "it was canceled"}
    assert not (env_job.path / "script.json").exists()
    (home,) = (env_job.path.parent / "environments").iterdir()
    assert list(home.glob("env-*")) == []


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o700)


def test_conda_installs_its_part_where_there_is_one(env_job: JobFolder, tmp_path: Path):
    programs = own_programs(env_job, tmp_path)
    record = tmp_path / "record"
    _write_program(programs / "micromamba", CONDA.format(python=PLAIN, record=str(record)))
    packages = [f"python={OWN}", "pip", "conda-forge::numpy=1.26", "r-base>=4"]
    assert env_job.assign(TELLS, environment=spec(["thing"], packages)).run() == 0
    words = json.loads(record.read_text())
    assert words[:3] == ["create", "-y", "-p"]
    assert words[4:] == [
        *("--override-channels", "-c", "conda-forge"),
        *(f"python=={OWN}.*", "conda-forge::numpy=1.26", "r-base>=4"),
    ]
    assert env_job.server.console("stdout").startswith(b"2.0 "), setup_log(env_job)


def test_without_conda_its_packages_come_from_pip_and_the_log_says_so(env_job: JobFolder):
    packages = [f"python={OWN}", "pip=23", "thing=1", "cudatoolkit=11.8"]
    env_job.assign(TELLS, environment=spec([], packages)).run()
    assert env_job.server.console("stdout").startswith(b"1.1.3 ")
    assert "thing=1 comes from pip, as thing==1.*: there is no conda here." in setup_log(env_job)
    assert "cudatoolkit=11.8 is left out" in setup_log(env_job)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (
            spec(["no-such-thing==3"]),
            "The environment could not be made: exit code 1: No solution found when resolving dependencies: "
            "Because no-such-thing was not found",
        ),
        (spec([], ["python=2.7"]), "There is no Python ==2.7.* on the machine of the job. Ask for another"),
        (
            spec([], ["r-base>=4"]),
            "unsatisfiable. There is no conda here, so r-base>=4 was asked of pip.",
        ),
        (spec([], ["thing[version='>=1']"]), "can't be translated for pip"),
        (
            spec(is_user_managed=True, interpreter="no-such-python"),
            "There is no interpreter 'no-such-python'",
        ),
    ],
)
def test_what_cannot_be_made_fails_and_says_why(
    env_job: JobFolder, environment: Mapping[str, Any], reason: str
):
    assert env_job.assign(TELLS, environment=environment).run() == 0
    assert env_job.end["status"] == "failed"
    assert env_job.end["exit_code"] is None
    assert reason in env_job.end["reason"]
    assert "The job failed: " in setup_log(env_job)
    assert env_job.server.console("stdout") == b""


def test_an_interpreter_that_is_named_is_used_as_it_is(env_job: JobFolder):
    python = PLAIN
    code = {"train.py": "import sys; print(sys.executable)"}
    env_job.assign(code, environment=spec(is_user_managed=True, interpreter=python)).run()
    assert env_job.server.console("stdout").decode() == f"{python}\n"
    assert not (env_job.path.parent / "environments").exists()


def test_python_is_that_of_the_environment_which_is_activated(env_job: JobFolder, tmp_path: Path):
    folder = tmp_path / "activated"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(PLAIN)
    env_job.environment = {**env_job.environment, "VIRTUAL_ENV": str(folder)}
    code = {"train.py": "import sys; print(sys.executable)"}
    env_job.assign(code, environment=spec(is_user_managed=True, interpreter="python")).run()
    assert env_job.server.console("stdout").decode() == f"{folder}/bin/python\n"


def test_an_interpreter_may_lie_in_the_code(env_job: JobFolder):
    code = {"train.py": "", "bin/own": "#!/bin/sh\necho own $1\n"}
    env_job.assign(code, environment=spec(is_user_managed=True, interpreter="bin/own")).run()
    # What isn't a program in the snapshot isn't one here.
    assert "There is no interpreter 'bin/own'" in env_job.end["reason"]


@pytest.mark.parametrize("named", ["path", "address"])
def test_the_sdk_is_installed_too_if_its_wheel_is_named(env_job: JobFolder, tmp_path: Path, named: str):
    wheel = write_wheel(tmp_path / "sdk", "runyard_sdk", "7.0", requires=["thing<2"])
    env_job.server.files["/api/v1/agent/" + wheel.name] = wheel.read_bytes()
    where = str(wheel) if named == "path" else f"/api/v1/agent/{wheel.name}"
    code = {"train.py": "import runyard_sdk, thing; print(runyard_sdk.VERSION, thing.VERSION)"}
    env_job.assign(code, environment=spec(), sdk_wheel=where).run()
    assert env_job.server.console("stdout") == b"7.0 1.1.3\n", setup_log(env_job)


@pytest.mark.parametrize("wheel", ["http://127.0.0.1:9/x.whl", "sdk.tar.gz", "https://elsewhere/-x.whl"])
def test_a_wheel_from_elsewhere_is_refused(env_job: JobFolder, wheel: str):
    env_job.assign(TELLS, sdk_wheel=wheel).run()
    assert env_job.end["status"] == "failed"


def test_with_the_alias_packages_of_azure_are_left_out(env_job: JobFolder, wheels: Path):
    write_wheel(wheels, "mlflow_skinny", "3.0")
    pip = ["azureml-core==1.60", "azureml-mlflow", "azureml_telemetry[x]", "thing"]
    # Without the SDK in it, which is looked for when the environment is there.
    env_job.assign(TELLS, environment=spec(pip), is_azureml=True).run()
    log = setup_log(env_job)
    assert "azureml-core==1.60 is left out: the script's `azureml` is Runyard's SDK." in log
    assert "azureml_telemetry[x] is left out" in log
    assert "mlflow-skinny, which it brings, is installed in its place." in log
    assert "mlflow-skinny==3.0" in log, log
    assert "can't import Runyard's SDK" in env_job.end["reason"]


def test_secrets_of_an_index_are_for_the_installer_alone(env_job: JobFolder):
    secret = {"UV_INDEX_LAB_PASSWORD": "s3cret", "PIP_TOKEN": "s3cret", "PIP_TIMEOUT": "7"}
    env_job.environment = {**env_job.environment, **secret}
    code = {"train.py": "import os; print(sorted(n for n in os.environ if os.environ[n] in ('s3cret', '7')))"}
    env_job.assign(code, environment=spec(["thing"])).run()
    assert env_job.server.console("stdout") == b"['PIP_TIMEOUT']\n"
    assert os.environ.get("PIP_TOKEN") is None
