"""Which engine runs containers on a machine, what it is told, and which names images may have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runyard.agent.console import StreamLog
from runyard.agent.contained import as_of_process, owner_words
from runyard.agent.engines import Engine, find_engine
from runyard.agent.images import _REFERENCE, _whole
from runyard.agent.inside import Mount, _told
from runyard.agent.orders import Orders
from runyard.agent.process import all_oom_kills
from runyard.agent.shares import Share
from runyard.agent.steps import CannotPrepare, Steps
from runyard.agent.variables import contained, engine_variables, passed_on

PODMAN, DOCKER = Engine(("podman",)), Engine(("/usr/bin/docker", "--debug"))


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    (tmp_path / "out").mkdir()
    return Steps(StreamLog("setup", tmp_path / "out"), Orders(), tmp_path)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PATH": "/nowhere"}, "has neither podman nor docker. Install podman there"),
        (
            {"RUNYARD_CONTAINER_ENGINE": "none"},
            "runs no containers: RUNYARD_CONTAINER_ENGINE is 'none' there.",
        ),
        (
            {"RUNYARD_CONTAINER_ENGINE": "no-such --x"},
            "no 'no-such' on the machine of the job, which RUNYARD_",
        ),
    ],
)
def test_a_machine_that_runs_no_containers_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, steps: Steps, variables: dict[str, str], reason: str
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CannotPrepare) as refused:
        find_engine(steps)
    assert reason in str(refused.value)


def test_what_a_machine_says_of_its_engine_counts(monkeypatch: pytest.MonkeyPatch, steps: Steps):
    monkeypatch.setenv("RUNYARD_CONTAINER_ENGINE", "sh '--root=/a b'")
    monkeypatch.setenv("RUNYARD_CONTAINER_OPTIONS", "--ulimit nofile=9:9")
    assert find_engine(steps) == Engine(("sh", "--root=/a b"), ("--ulimit", "nofile=9:9"))


@pytest.mark.parametrize(
    ("engine", "gpus", "words"),
    [
        (PODMAN, (1, 3), ["--device", "nvidia.com/gpu=1", "--device", "nvidia.com/gpu=3"]),
        (DOCKER, (1, 3), ["--gpus", '"device=1,3"']),
        (PODMAN, (), []),
        (DOCKER, (), []),
        (PODMAN, None, []),
        (DOCKER, None, []),
    ],
)
def test_a_container_gets_the_gpus_of_its_share(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, gpus: tuple[int, ...] | None, words: list[str]
):
    monkeypatch.setenv("PATH", "/nowhere")
    assert engine.share_words(Share(gpus=gpus)) == words


def test_where_nobody_divides_gpus_a_container_gets_all_that_can_be_brought_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("nvidia-smi", "nvidia-container-runtime"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert DOCKER.share_words(Share()) == ["--gpus", "all"]
    (tmp_path / "nvidia-container-runtime").unlink()
    assert DOCKER.share_words(Share()) == []


def test_gpus_are_counted_from_0_in_a_container():
    assert Share(gpus=(2, 5)).variables_inside["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert Share(gpus=()).variables_inside == Share().variables_inside == {}


def test_docker_hands_signals_on_by_itself():
    assert DOCKER.init_words() == ["--init"]


def test_a_container_is_its_agents_users(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert owner_words(("podman",), is_rootless=False) == ["--user", "0:0"]
    assert owner_words(("docker",), is_rootless=True) == ["--user", "0:0"]
    assert owner_words(("docker",), is_rootless=False) == ["--user", "1000:100"]


@pytest.mark.parametrize(
    "name",
    [
        *("python", "python:3.11-slim", "team/image", "registry.example:5000/a/b_c/d:v1", "localhost/x:1"),
        *(
            "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest",
            f"a@sha256:{'0' * 64}",
            "[::1]:5000/a",
        ),
    ],
)
def test_names_of_images_are_taken(name: str):
    assert _REFERENCE.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "-v", "--privileged", "a b", "a\nb", "docker://a", "oci-archive:/x", "dir:/etc", "/etc/passwd"),
        *(
            "../a",
            "./a",
            "A",
            "a:-x",
            "a@sha256:0",
            "a:b:c",
            "$(id)",
            "a;b",
            "containers-storage:[x]y",
            "a//b",
        ),
    ],
)
def test_what_is_no_name_of_an_image_is_refused(name: str):
    assert _REFERENCE.fullmatch(name) is None


def test_a_name_without_a_registry_means_the_same_with_each_engine():
    assert _whole("python:3.11") == "docker.io/library/python:3.11"
    assert _whole("team/image") == "docker.io/team/image"
    for name in ("mcr.microsoft.com/a:1", "localhost/a", "host:5000/a"):
        assert _whole(name) == name


def test_what_is_no_line_of_a_file_is_set_by_a_shell(tmp_path: Path):
    values = {
        "A": "plain = #'x'",
        "B": "two\nlines",
        "C": "'quoted'",
        "D": " led",
        "E": "",
        "F": "$(id) `id`",
    }
    lines, others = _told(values)
    assert lines == "A=plain = #'x'\nE=\nF=$(id) `id`\n"
    script = tmp_path / "begin.sh"
    script.write_text(others)
    tells = ["sh", str(script), "env", "-0"]
    shown = subprocess.run(tells, capture_output=True, env={"PATH": os.environ["PATH"]}, check=True).stdout
    found = dict(each.split("=", 1) for each in shown.decode().split("\0") if each)
    assert {name: found[name] for name in "BCD"} == {name: values[name] for name in "BCD"}


def test_a_path_that_an_engine_would_take_apart_is_refused(tmp_path: Path):
    assert Mount(tmp_path).words() == ["--mount", f"type=bind,src={tmp_path},dst={tmp_path},readonly"]
    with pytest.raises(CannotPrepare, match="has a comma in it"):
        Mount(Path("/a,dst=/")).words()


@pytest.mark.parametrize(
    ("code", "of_process"), [(0, 0), (3, 3), (125, 125), (137, -9), (143, -15), (255, 255)]
)
def test_an_exit_code_of_an_engine_tells_a_signal(code: int, of_process: int):
    assert as_of_process(code) == of_process


def test_the_kernels_count_is_read(tmp_path: Path):
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 7\nnr_free 1\n")
    assert all_oom_kills(tmp_path / "vmstat") == 7
    assert all_oom_kills(tmp_path / "none") == 0


def test_an_engine_gets_what_names_its_place_and_a_script_does_not(monkeypatch: pytest.MonkeyPatch):
    own = {"DOCKER_HOST": "unix:///x", "XDG_RUNTIME_DIR": "/run/user/1", "RUNYARD_CONTAINER_ENGINE": "podman"}
    more = {"RUNYARD_TOKEN": "secret", "SLURM_JWT": "secret", "HTTPS_PROXY": "http://p:1"}
    for name, value in (own | more).items():
        monkeypatch.setenv(name, value)
    assert own.items() <= engine_variables().items()
    assert "RUNYARD_TOKEN" not in engine_variables()
    assert own.items() <= passed_on(os.environ).items()
    found = contained({"PATH": "/opt/bin", "HOME": "/root"}, Path("/job/home"))
    assert not found.keys() & (own.keys() | {"RUNYARD_TOKEN", "SLURM_JWT"})
    assert (found["PATH"], found["HOME"], found["HTTPS_PROXY"]) == ("/opt/bin", "/job/home", "http://p:1")
