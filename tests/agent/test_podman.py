"""Jobs in containers, by a real podman in an image of Debian's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.marks import boot_id
from tests.agent.container_rules import (
    IN_IMAGE,
    TELLS,
    ContainerRules,
    boxed,
    index,
    of_image,
    registry,
    setup_log,
)
from tests.agent.job_folder import JobFolder
from tests.container_engine import IMAGE, TestsPodman, needs_engines
from tests.waiting import until

pytestmark = [pytest.mark.slow, needs_engines]
__all__ = ["boxed", "index", "registry"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestsPodman]:
    running = TestsPodman(tmp_path_factory.mktemp("podman"))
    yield running
    running.close()


class TestPodman(ContainerRules):
    """The rules."""


def test_variables_of_a_caller_do_not_reach_the_engine(boxed: JobFolder, tmp_path: Path):
    wrong = {"CONTAINERS_CONF": "/nowhere/containers.conf", "LD_PRELOAD": "/nowhere/x.so", "PATH": "/nowhere"}
    boxed.assign({"train.py": "print('ran')"}, environment=IN_IMAGE, variables=wrong).run()
    assert boxed.server.console("stdout") == b"ran\n", boxed.server.console("stderr")


def test_a_script_that_does_not_listen_is_killed_after_the_grace(boxed: JobFolder):
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('begun', flush=True); time.sleep(600)"
    )
    boxed.assign({"train.py": code}, environment=IN_IMAGE, stop_grace_s=0.5, max_duration_s=0.1).run()
    assert boxed.end["status"] == "failed"
    assert boxed.end["reason"] == "it ran longer than 0.1 s"


def test_shared_memory_has_the_size_that_the_environment_says(boxed: JobFolder):
    code = "import os; found = os.statvfs('/dev/shm'); print(found.f_blocks * found.f_frsize >> 20)"
    environment = {"docker": {"image": IMAGE, "shm_size": "24m"}}
    boxed.assign({"train.py": code}, environment=environment).run()
    assert boxed.server.console("stdout") == b"24\n"


def test_a_command_runs_without_a_python(boxed: JobFolder):
    words = ["sh", "-c", 'echo "$1" > outputs/told; pwd', "sh", "a  b"]
    boxed.assign({"x": ""}, script="", command=words, environment=IN_IMAGE).run()
    assert boxed.server.console("stdout").decode() == f"{boxed.path / 'code'}\n"
    assert boxed.server.artifacts["0/run/artifacts/outputs/told"] == b"a  b\n"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (of_image(packages=["python=2.7"]), "has Python 3."),
        (
            of_image(is_user_managed=True, interpreter="/opt/none"),
            "There is no interpreter '/opt/none' in the",
        ),
        (of_image(pip=["no-such-thing"]), "The environment could not be made: exit code"),
        ({"docker": {"image": "--privileged"}}, "is no name of an image"),
        ({"docker": {"image": "oci-archive:/etc/passwd"}}, "is no name of an image"),
        ({"docker": {"image": "dir:/etc"}}, "is no name of an image"),
        (
            {"docker": {"image": "127.0.0.1:9/no/such:1"}},
            "The image 127.0.0.1:9/no/such:1 could not be pulled: ",
        ),
        (
            {"docker": {"dockerfile": f"FROM {IMAGE}\nRUN exit 4"}},
            "The Dockerfile could not be built: exit code",
        ),
    ],
)
def test_what_cannot_be_had_fails_and_says_why(
    boxed: JobFolder, index: dict[str, str], environment: dict[str, Any], reason: str
):
    boxed.environment = {**boxed.environment, **index}
    boxed.assign(TELLS, environment=environment).run()
    assert boxed.end["status"] == "failed"
    assert boxed.end["exit_code"] is None
    assert reason in boxed.end["reason"]


def test_a_job_that_is_canceled_while_its_packages_are_made_leaves_no_container(
    boxed: JobFolder, engine: TestsPodman
):
    text = f"FROM {IMAGE}\nRUN printf '#!/bin/sh\\nsleep 600\\n' > /usr/bin/uv && chmod 755 /usr/bin/uv\n"
    agent = boxed.assign(
        TELLS, environment={"docker": {"dockerfile": text}, "python": {"conda": {"pip": ["thing"]}}}
    ).start()
    boxed.until_printed(b"uv venv", "setup")
    until(lambda: len(engine.containers()) == 1)
    boxed.server.job.is_cancel_requested = True
    assert boxed.ended(agent) == 0
    assert boxed.end == {"status": "canceled", "exit_code": None, "reason": "it was canceled"}


def test_a_container_of_another_machine_is_left_alone(boxed: JobFolder, tmp_path: Path):
    record = tmp_path / "called"
    written = {"engine": ["touch", str(record)], "name": "x", "boot": f"not-{boot_id()}"}
    boxed.assign({"train.py": "print(1)"})
    (boxed.path / "container.json").write_text(json.dumps(written))
    boxed.run()
    assert boxed.end["status"] == "completed"
    assert not record.exists()


def test_pip_of_the_image_installs_where_uv_can_not(boxed: JobFolder, index: dict[str, str]):
    boxed.environment = {**boxed.environment, **index}
    # A line that uv does not take.
    boxed.assign(TELLS, environment=of_image(pip=["thing<2", "--prefer-binary"])).run()
    assert boxed.server.console("stdout").startswith(b"1.0 "), setup_log(boxed)
    assert "-m pip install" in setup_log(boxed)


def test_a_target_may_run_no_containers(boxed: JobFolder):
    boxed.assign({"train.py": "print(1)"}, environment=IN_IMAGE, has_containers=False).run()
    assert boxed.end["status"] == "failed"
    assert f"names the image '{IMAGE}', and this compute target runs no containers" in boxed.end["reason"]
    assert boxed.server.console("stdout") == b""


def test_podman_is_found_on_the_path_if_it_answers(boxed: JobFolder, tmp_path: Path, engine: TestsPodman):
    programs = tmp_path / "programs"
    programs.mkdir()
    podman = programs / "podman"
    podman.write_text(f'#!/bin/sh\nexec {shutil.which("podman")} {" ".join(engine.words[1:])} "$@"\n')
    podman.chmod(0o700)
    found = {"RUNYARD_CONTAINER_ENGINE": "", "PATH": f"{programs}:/usr/sbin:/usr/bin:/bin"}
    boxed.environment = {**boxed.environment, **found}
    boxed.assign({"train.py": "print('ran')"}, environment=IN_IMAGE).run()
    assert boxed.server.console("stdout") == b"ran\n", boxed.end


def test_what_a_script_could_not_send_is_sent_from_the_image(boxed: JobFolder):
    code = {
        "train.py": "import os, pathlib\n"
        "pathlib.Path(os.environ['RUNYARD_SPOOL_DIR'], 'some-run').mkdir(parents=True)",
        # It stands where the SDK would: the words that it is called with are the agent's.
        "runyard.py": "import os, pathlib, sys\n"
        "pathlib.Path('outputs/called').write_text(' '.join(sys.argv[1:]) + os.environ['MLFLOW_RUN_ID'])\n"
        "pathlib.Path(sys.argv[2], 'some-run').rmdir()",
    }
    boxed.assign(code, environment=IN_IMAGE).run()
    assert boxed.end == {"status": "completed", "exit_code": 0, "reason": ""}, boxed.log
    called = boxed.server.artifacts["0/run/artifacts/outputs/called"].decode()
    assert called == f"sync {boxed.path / 'spool'}run"
