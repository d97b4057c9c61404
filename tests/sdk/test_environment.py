"""Environments on the real server, as a user's program handles them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runyard import CondaDependencies, Environment, Workspace
from runyard.errors import (
    AlreadyExists,
    Forbidden,
    InvalidParameter,
    InvalidState,
    NotFound,
    NotImplementedHere,
)
from runyard.sdk.environment_sections import ContainerRegistry

CONDA = """\
channels: [conda-forge]
dependencies:
  - python=3.10
  - pip
  - pip: [mlflow-skinny]
variables: {OMP_NUM_THREADS: "4"}
"""


def training(name: str = "training") -> Environment:
    env = Environment(name)
    env.python.conda_dependencies = CondaDependencies.create(
        pip_packages=["scikit-learn"], python_version="3.11"
    )
    return env


def test_an_environment_is_registered_changed_and_found_again(workspace: Workspace):
    env = training()
    env.environment_variables["MODE"] = "train"
    env.description, env.tags = "to train", {"team": "vision"}
    assert env.version is None
    first = env.register(workspace)
    assert (first.version, first.is_curated, first.is_archived) == ("1", False, False)
    assert first == env
    assert env.register(workspace).version == "1"
    first.python.conda_dependencies.add_conda_package("numpy")
    assert first.register(workspace).version == "2"
    found = Environment.get(workspace, "training")
    assert found.version == "2"
    assert list(found.python.conda_dependencies.conda_packages) == ["pip", "numpy"]
    assert (found.description, found.tags) == ("to train", {"team": "vision"})
    assert found.environment_variables == {"MODE": "train"}
    for version in ("1", 1):
        assert Environment.get(workspace, "training", version=version) == env
    assert Environment.get(workspace, "training", label="Latest").version == "2"
    assert [each.version for each in env.versions(workspace)] == ["2", "1"]


def test_environments_are_listed_by_name_with_those_of_the_server(workspace: Workspace):
    training("b").register(workspace)
    training("a").register(workspace)
    names = list(workspace.environments)
    assert names[-2:] == ["a", "b"]
    assert workspace.environments["Runyard-Minimal"].is_curated
    assert "comes with the server" in workspace.environments._repr_html_()
    training("a").archive(workspace)
    assert "a" not in Environment.list(workspace)
    assert Environment.list(workspace, with_archived=True)["a"].is_archived
    with pytest.raises(InvalidState, match="Restore"):
        training("a").register(workspace)
    training("a").restore(workspace)
    assert "a" in workspace.environments


def test_what_comes_with_the_server_is_cloned_and_changed(workspace: Workspace):
    curated = Environment.get(workspace, "Runyard-Minimal")
    with pytest.raises(Forbidden, match="Clone"):
        curated.register(workspace)
    mine = curated.clone("mine")
    mine.python.conda_dependencies.add_pip_package("shap")
    assert "shap" not in list(curated.python.conda_dependencies.pip_packages)
    assert mine.register(workspace).version == "1"
    with pytest.raises(NotFound, match="Runyard-Minimal"):
        Environment.get(workspace, "AzureML-Minimal")


def test_environments_come_from_files(workspace: Workspace, tmp_path: Path):
    (tmp_path / "conda.yml").write_text(CONDA)
    (tmp_path / "requirements.txt").write_text("# all\nnumpy>=2 \\\n  ; python_version > '3'\npandas\n")
    env = Environment.from_conda_specification("conda", tmp_path / "conda.yml")
    assert env.environment_variables == {"OMP_NUM_THREADS": "4"}
    assert env.register(workspace) == env
    env = Environment.from_pip_requirements("pip", tmp_path / "requirements.txt", pip_version="25.0")
    conda = env.python.conda_dependencies
    assert [each.split()[0] for each in conda.pip_packages] == ["numpy>=2", "pandas"]
    assert list(conda.conda_packages) == ["pip=25.0"]
    assert env.register(workspace) == env
    env = Environment("by-file")
    env.python.conda_dependencies_file = tmp_path / "conda.yml"
    assert env.python.conda_dependencies.get_python_version() == "3.10"


def test_environments_come_from_images_and_dockerfiles(workspace: Workspace, tmp_path: Path):
    (tmp_path / "conda.yml").write_text(CONDA)
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nRUN true\n")
    env = Environment.from_docker_image(
        "image", "team/train:1", ContainerRegistry("https://reg.example.org/")
    )
    kept = env.register(workspace)
    assert kept.docker.base_image == "reg.example.org/team/train:1"
    assert kept.python.user_managed_dependencies
    for dockerfile in (tmp_path / "Dockerfile", "FROM python:3.11\nRUN true\n"):
        env = Environment.from_dockerfile("file", dockerfile, conda_specification=tmp_path / "conda.yml")
        kept = env.register(workspace)
        assert (kept.version, kept.docker.base_dockerfile) == ("1", "FROM python:3.11\nRUN true\n")
        assert not kept.python.user_managed_dependencies
    with pytest.raises(InvalidParameter, match="not both"):
        Environment.from_docker_image("x", "y", None, tmp_path / "conda.yml", tmp_path / "conda.yml")
    env.docker.base_dockerfile = "Dockerfile.not-there"
    with pytest.raises(InvalidParameter, match="FROM"):
        env.register(workspace)


def test_secrets_and_options_of_docker_are_refused(workspace: Workspace):
    env = Environment.from_docker_image("x", "y", ContainerRegistry("reg", "me", "hush"))
    with pytest.raises(InvalidParameter, match="docker login"):
        env.register(workspace)
    assert "hush" not in repr(env.docker)
    env.docker.enabled = True
    env.docker.arguments = []
    with pytest.raises(NotImplementedHere, match="shm_size"):
        env.docker.arguments = ["--privileged"]
    with pytest.raises(AttributeError):
        env.docker.nothing_known = 1  # type: ignore[attr-defined] # what is tested


def test_an_interpreter_that_is_there_is_named(workspace: Workspace):
    env = Environment("mine")
    env.python.user_managed_dependencies = True
    env.python.interpreter_path = "/opt/python/bin/python"
    kept = env.register(workspace)
    assert kept.python.user_managed_dependencies
    assert kept.python.interpreter_path == "/opt/python/bin/python"
    assert "/opt/python" in kept._repr_html_()


def test_an_environment_is_written_to_a_folder_and_read_from_it(workspace: Workspace, tmp_path: Path):
    env = training()
    env.docker.base_image, env.docker.shm_size = "python:3.11", "2g"
    env.environment_variables["A"] = "b"
    env.save_to_directory(tmp_path / "env")
    assert Environment.load_from_directory(tmp_path / "env") == env
    with pytest.raises(AlreadyExists, match="overwrite"):
        env.save_to_directory(tmp_path / "env")
    env.docker.base_image, env.docker.base_dockerfile = None, "FROM a\n"
    env.save_to_directory(tmp_path / "env", overwrite=True)
    assert (tmp_path / "env" / "BaseDockerfile").read_text() == "FROM a\n"
    assert Environment.load_from_directory(tmp_path / "env") == env
    assert Environment.load_from_directory(tmp_path / "env").register(workspace) == env
    env.docker.base_dockerfile = None
    env.save_to_directory(tmp_path / "env", overwrite=True)
    assert not (tmp_path / "env" / "BaseDockerfile").exists()
    with pytest.raises(NotFound, match=r"azureml_environment\.json"):
        Environment.load_from_directory(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "python": []}', "nonsense"])
def test_a_folder_with_another_definition_is_refused(tmp_path: Path, text: str):
    (tmp_path / "azureml_environment.json").write_text(text)
    if text == '{"name": "x", "python": []}':
        assert Environment.load_from_directory(tmp_path).name == "x"
        return
    with pytest.raises(InvalidParameter, match="no definition"):
        Environment.load_from_directory(tmp_path)


def test_a_folder_that_azure_s_sdk_wrote_is_read(tmp_path: Path):
    """With the parts that have no counterpart, and an image of its own beside a Dockerfile."""
    definition = {
        "databricks": {"eggLibraries": []},
        "docker": {
            "arguments": [],
            "baseDockerfile": None,
            "baseImage": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
            "baseImageRegistry": {"address": None, "password": None, "username": None},
            "enabled": False,
            "platform": {"architecture": "amd64", "os": "Linux"},
            "sharedVolumes": True,
            "shmSize": None,
        },
        "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
        "inferencingStackVersion": None,
        "name": "theirs",
        "python": {
            "baseCondaEnvironment": None,
            "interpreterPath": "python",
            "userManagedDependencies": False,
        },
        "spark": {"packages": []},
        "version": "7",
    }
    (tmp_path / "azureml_environment.json").write_text(json.dumps(definition))
    (tmp_path / "conda_dependencies.yml").write_text(CONDA)
    found = Environment.load_from_directory(tmp_path)
    assert found.docker.base_image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
    assert found.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert list(found.python.conda_dependencies.pip_packages) == ["mlflow-skinny"]
    (tmp_path / "BaseDockerfile").write_text("FROM a")
    found = Environment.load_from_directory(tmp_path)
    assert (found.docker.base_image, found.docker.base_dockerfile) == (None, "FROM a")


def test_a_conda_environment_of_this_machine_is_taken_over(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="conda env export"):
        Environment.from_existing_conda_environment("x", "base")
    conda = tmp_path / "conda"
    conda.write_text(
        '#!/bin/sh\n[ "$5" = there ] || { echo "no such: $5" >&2; exit 1; }\n'
        f"/bin/cat <<'END'\n{CONDA}END\n".replace('"$5"', '"$5"')
    )
    conda.chmod(0o755)
    found = Environment.from_existing_conda_environment("x", "there")
    assert found.python.conda_dependencies.get_python_version() == "3.10"
    with pytest.raises(NotFound, match="no such: other"):
        Environment.from_existing_conda_environment("x", "other")


def test_what_has_no_counterpart_says_what_to_use(workspace: Workspace):
    env = Environment("x")
    for call in (env.get_image_details, env.build, env.build_local):
        with pytest.raises(NotImplementedHere, match="submit the run"):
            call(workspace)
    for name in ("spark", "databricks", "r"):
        with pytest.raises(NotImplementedHere, match=name):
            getattr(env, name)
    with pytest.raises(AttributeError, match="nothing"):
        env.nothing  # noqa: B018 -- the look is the test
    with pytest.raises(TypeError, match="nothing"):
        Environment("x", nothing=1)


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "x" * 300])
def test_a_name_that_can_not_be_is_refused_before_anything_is_sent(workspace: Workspace, name: str):
    with pytest.raises(InvalidParameter, match="name"):
        Environment(name)
    with pytest.raises(InvalidParameter, match="name"):
        Environment.get(workspace, name)


@pytest.mark.parametrize("version", ["latest", "-1", "1.0", "9" * 20])
def test_a_version_that_is_no_number_is_refused(workspace: Workspace, version: str):
    with pytest.raises(InvalidParameter, match="number"):
        Environment.get(workspace, "x", version)


def test_what_is_not_there_is_not_found(workspace: Workspace):
    for version in (None, 1):
        with pytest.raises(NotFound, match="nowhere"):
            Environment.get(workspace, "nowhere", version)
    with pytest.raises(NotFound, match="nowhere"):
        Environment("nowhere").versions(workspace)
    with pytest.raises(InvalidParameter, match="Latest"):
        Environment.get(workspace, "x", label="newest")


def test_a_notebook_shows_a_table_without_markup_of_others(workspace: Workspace):
    env = training()
    env.description = "<script>alert(1)</script>"
    env.python.conda_dependencies.add_pip_package("<b>")
    shown = env._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "scikit-learn" in shown
    assert repr(env.register(workspace)) == "Environment('training', version='1')"


def test_the_environment_of_the_test_names_no_conda():
    assert os.environ.get("CONDA_EXE") is None or Path(os.environ["CONDA_EXE"]).exists()
