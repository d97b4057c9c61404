"""``mlflow.projects.run(backend="runyard")``: a project of MLflow's as a job of the workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mlflow
import msgspec
from mlflow.entities import RunStatus
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.projects.utils import fetch_and_validate_project, load_project

from runyard.decoding import learnt
from runyard.errors import InvalidParameter
from runyard.sdk.addresses import without_workspace
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.environment import Environment
from runyard.sdk.job_file import JobFile, complaint_about
from runyard.sdk.job_records import GOING_ON
from runyard.sdk.run import Run
from runyard.sdk.run_beginning import PARENT_TAG
from runyard.sdk.workspace import Workspace
from runyard.sdk.yaml_text import parse_yaml, read_small_file, texts

ENVIRONMENT_NAME = "mlflow-project"

_WEB = ("http://", "https://")
# What MLflow adds to the configuration; of it the manager of environments alone says something here.
_OF_MLFLOW = ("DOCKER_ARGS", "STORAGE_DIR", "BUILD_IMAGE", "DOCKER_AUTH", "SYNCHRONOUS", "ENV_MANAGER")
_REFUSED = {
    "DOCKER_ARGS": "docker_args: a job's container is begun with what its image, its variables and its "
    "compute target say, and with no arguments of Docker's.",
    "DOCKER_AUTH": "docker_auth: the machine that a job runs on pulls its image with the login that it has. "
    "Log in there with `docker login`.",
}
_OF_PROJECT = ("script", "command", "arguments", "folder", "experiment")


class SubmittedJob(SubmittedRun):  # type: ignore[misc]  # MLflow has no types
    """A project that a workspace runs.

    Args:
        run: The run of its job.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self._run.id

    def wait(self) -> bool:
        """Show what it prints until it has ended; return whether it ended well."""
        self._run.stream_console()
        return self._run.get_status() == "Completed"

    def get_status(self) -> int:
        """Return where the run is, as one of MLflow's states."""
        status = self._run.get_status()
        if status in GOING_ON:
            return int(RunStatus.RUNNING if status == "Running" else RunStatus.SCHEDULED)
        ended = {"Completed": RunStatus.FINISHED, "Canceled": RunStatus.KILLED}
        return int(ended.get(status, RunStatus.FAILED))

    def cancel(self) -> None:
        """End it, and wait for that."""
        self._run.cancel()
        self._run.wait_for_completion(raise_on_error=False)


class RunyardBackend(AbstractBackend):  # type: ignore[misc]  # MLflow has no types
    """Submits projects to the workspace that MLflow's client is set to."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, Any],
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedJob:
        """Submit an entry point of a project, and return it.

        Args:
            project_uri: A folder, or what git can fetch.
            entry_point: Which of the project's.
            params: What it is given.
            version: Commit or branch of what git fetches.
            backend_config: What a job file may say but for what runs: ``compute``, ``environment``,
                ``variables``, ``max_duration``, ``attempts``, ``priority``, ``slots``, ``tags``.
            tracking_uri: Address of a workspace.
            experiment_id: Where the run is made.

        Raises:
            InvalidParameter: The client is set to no Runyard server, or the configuration has something that
                a job has not.
        """
        workspace = _workspace(tracking_uri)
        wanted = _wishes(backend_config)
        folder = fetch_and_validate_project(project_uri, version, entry_point, params)
        project = load_project(folder)
        command = project.get_entry_point(entry_point)
        config = msgspec.structs.replace(
            wanted, folder=folder, command=command.compute_command(params, None)
        ).config(workspace)
        if not wanted.environment and backend_config.get("ENV_MANAGER") != "local":
            config.run_config.environment = _environment(project, Path(folder))
        given = wanted.text_tags()
        run = workspace.get_experiment(experiment_id).submit(
            config, {**_tags(project_uri, entry_point), **given}
        )
        used, more = command.compute_parameters(params, None)
        run.log_params({**used, **more})
        run.flush()
        return SubmittedJob(run)


def _workspace(tracking_uri: str) -> Workspace:
    if not tracking_uri.startswith(_WEB):
        raise InvalidParameter(
            f"MLflow's tracking URI {tracking_uri!r} is no workspace of Runyard's. Set it with "
            "mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())."
        )
    url = without_workspace(tracking_uri)
    name = unquote(tracking_uri[len(url) :].strip("/").rpartition("/")[2])
    return Workspace.get(name or "default", url=url)


def _wishes(backend_config: Mapping[str, Any]) -> JobFile:
    for name, value in backend_config.items():
        if value and name.upper() in _REFUSED:
            raise InvalidParameter(_REFUSED[name.upper()])
    said = {name: value for name, value in backend_config.items() if name.upper() not in _OF_MLFLOW}
    of_project = sorted(said.keys() & set(_OF_PROJECT))
    if of_project:
        raise InvalidParameter(f"backend_config has {of_project[0]!r}, which the project says.")
    try:
        return msgspec.convert(said, learnt(JobFile))
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"backend_config: {complaint_about(said, str(error))}") from None


def _tags(project_uri: str, entry_point: str) -> dict[str, str]:
    tags = {
        "mlflow.source.name": project_uri,
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": entry_point,
    }
    active = mlflow.active_run()
    return {**tags, PARENT_TAG: active.info.run_id} if active is not None else tags


def _environment(project: Any, folder: Path) -> Environment | None:
    """Return the environment that a project names, or None."""
    if project.docker_env:
        return _of_docker_env(project.docker_env)
    if project.env_config_path is None:
        return None
    if project.env_type == "conda_env":
        return Environment.from_conda_specification(ENVIRONMENT_NAME, project.env_config_path)
    return _of_python_env(Path(project.env_config_path), folder)


def _of_docker_env(said: Mapping[str, Any]) -> Environment:
    """Return an image with the variables that a project wants in it, which MLflow's own backend sets too.

    Raises:
        InvalidParameter: It wants folders mounted, or a variable of here that is not set.
    """
    if said.get("volumes"):
        raise InvalidParameter(
            "docker_env of the project has `volumes`, and a job mounts no folders of its machine: bring data "
            "as inputs of a job file, or from a datastore."
        )
    made = Environment.from_docker_image(ENVIRONMENT_NAME, str(said["image"]))
    for wanted in said.get("environment") or ():
        name, value = wanted if isinstance(wanted, list) else (wanted, os.environ.get(wanted))
        if value is None:
            raise InvalidParameter(
                f"docker_env of the project copies the variable {name!r}: it is not set here."
            )
        made.environment_variables[str(name)] = str(value)
    return made


def _of_python_env(path: Path, folder: Path) -> Environment:
    content = parse_yaml(read_small_file(path), str(path))
    lines = texts(content.get("dependencies"), f"dependencies of {path}")
    packages: list[str] = []
    for line in lines:
        option, _, named = line.partition(" ")
        if option in ("-r", "--requirement"):
            packages += read_small_file(folder / named.strip()).replace("\\\n", " ").splitlines()
        else:
            packages.append(line)
    made = Environment(ENVIRONMENT_NAME)
    made.python.conda_dependencies = CondaDependencies.create()
    made.python.conda_dependencies.set_pip_requirements(packages)
    if content.get("python"):
        made.python.conda_dependencies.set_python_version(str(content["python"]))
    return made
