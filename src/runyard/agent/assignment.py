"""What an agent is to do, as the launcher has written it into its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from runyard.agent.shares import Share, read_share

FILE_NAME = "assignment.json"

T = TypeVar("T")


class UnreadableAssignment(Exception):
    """It isn't there, or it isn't one."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the job needs around it.

    Args:
        is_user_managed: Nothing is installed: the interpreter is there, with all that is needed.
        interpreter: That interpreter.
        channels: Where conda looks.
        packages: What conda installs, Python itself among it.
        pip: Lines as in a file of requirements.
        image: Name of the image of a container; empty for none.
        dockerfile: The text of a Dockerfile to make one of; empty for none.
        shm_size: How much shared memory that container gets; empty for what is usual.
        variables: Variables of its processes.
    """

    is_user_managed: bool = False
    interpreter: str = "python"
    channels: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    image: str = ""
    dockerfile: str = ""
    shm_size: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_contained(self) -> bool:
        """Whether it is in a container."""
        return bool(self.image or self.dockerfile)

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing at all."""
        return not (self.is_user_managed or self.packages or self.pip)


@dataclass(frozen=True, slots=True)
class DataPlace:
    """A file or folder of a datastore; without one, of the workspace's artifacts."""

    datastore: str
    path: str


@dataclass(frozen=True, slots=True)
class DataInput:
    """What is brought before the script; without places its words get the id of the data asset."""

    name: str
    places: tuple[DataPlace, ...] = ()
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class DataOutput:
    """A folder that goes to a datastore after the script."""

    name: str
    datastore: str
    path: str
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job, for one attempt of it.

    Args:
        url: Address of the workspace.
        key: What the server is called with.
        ca: Whose certificates count, in PEM; empty for those that the machine trusts.
        run_id: Id of the job and of its run.
        run_name: What the run is called.
        experiment_id: The experiment of the run.
        experiment_name: Its name.
        workspace: The workspace's name.
        artifact_path: Where the run's artifacts lie below the workspace's.
        attempt: How often the job was begun, this time included.
        snapshot: SHA-256 of the archive with the code; empty for none.
        script: Path of a Python script in it; empty where there is a command.
        arguments: What the script is given.
        command: Words of a command to run in place of a script.
        environment: What it needs around it.
        variables: Variables of its process, above those of the environment.
        max_duration_s: After how many seconds of the script it is ended; 0 for never.
        is_azureml: Whether the script's ``azureml`` is Runyard's SDK.
        beat_s: How often the agent reports.
        stop_grace_s: For how long a script may end by itself after it was told to.
        cache: The folder of environments, shared by jobs; ``~`` is the user's home.
        sdk_wheel: Runyard's own wheel to install too: a path here, or one below the workspace's address.
        share: What of the machine the script has to itself.
        end_file: Where the end is written too, for who can't read the agent's folder; empty for nowhere.
        inputs: What is brought before the script.
        outputs: What goes to datastores after it.
        has_containers: Whether the target lets jobs have containers.
    """

    url: str
    key: str = field(repr=False)
    ca: str = field(repr=False)
    run_id: str
    run_name: str
    experiment_id: str
    experiment_name: str
    workspace: str
    artifact_path: str
    attempt: int
    snapshot: str
    script: str
    arguments: tuple[str, ...]
    command: tuple[str, ...]
    environment: Environment
    variables: Mapping[str, str]
    max_duration_s: float
    is_azureml: bool
    beat_s: float
    stop_grace_s: float
    cache: Path
    sdk_wheel: str = ""
    share: Share = field(default_factory=Share)
    end_file: str = ""
    inputs: tuple[DataInput, ...] = ()
    outputs: tuple[DataOutput, ...] = ()
    has_containers: bool = True


def read_assignment(folder: Path) -> Assignment:
    """Return what the folder asks for.

    Raises:
        UnreadableAssignment: It asks for nothing that can be read.
    """
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return _assignment(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableAssignment(f"{folder / FILE_NAME}: {type(error).__name__}: {error}") from None


def _assignment(content: Mapping[str, Any]) -> Assignment:
    return Assignment(
        url=_typed(content["url"], str).rstrip("/"),
        key=_typed(content["key"], str),
        ca=_typed(content.get("ca", ""), str),
        run_id=_typed(content["run_id"], str),
        run_name=_typed(content.get("run_name", ""), str),
        experiment_id=_typed(content["experiment_id"], str),
        experiment_name=_typed(content.get("experiment_name", ""), str),
        workspace=_typed(content["workspace"], str),
        artifact_path=_typed(content["artifact_path"], str).strip("/"),
        attempt=_typed(content["attempt"], int),
        snapshot=_typed(content.get("snapshot", ""), str),
        script=_typed(content.get("script", ""), str),
        arguments=_texts(content.get("arguments", [])),
        command=_texts(content.get("command", [])),
        environment=_environment(content.get("environment") or {}),
        variables=_mapping(content.get("variables", {})),
        max_duration_s=float(content.get("max_duration_s", 0)),
        is_azureml=_typed(content.get("is_azureml", False), bool),
        beat_s=float(content.get("beat_s", 5.0)),
        stop_grace_s=float(content.get("stop_grace_s", 10.0)),
        cache=Path(_typed(content["cache"], str)).expanduser(),
        sdk_wheel=_typed(content.get("sdk_wheel") or "", str),
        share=read_share(content.get("share") or {}),
        end_file=_typed(content.get("end_file", ""), str),
        inputs=tuple(_input(each) for each in content.get("inputs", [])),
        outputs=tuple(_output(each) for each in content.get("outputs", [])),
        has_containers=_typed(content.get("has_containers", True), bool),
    )


def _input(content: Mapping[str, Any]) -> DataInput:
    places = tuple(
        DataPlace(_typed(each["datastore"], str), _typed(each["path"], str).strip("/"))
        for each in content["places"]
    )
    return DataInput(_typed(content["name"], str), places, _typed(content["asset_id"], str))


def _output(content: Mapping[str, Any]) -> DataOutput:
    return DataOutput(
        name=_typed(content["name"], str),
        datastore=_typed(content["datastore"], str),
        path=_typed(content["path"], str).strip("/"),
        overwrite=_typed(content["overwrite"], bool),
    )


def _environment(content: Mapping[str, Any]) -> Environment:
    python: Mapping[str, Any] = content.get("python") or {}
    conda: Mapping[str, Any] = python.get("conda") or {}
    docker: Mapping[str, Any] = content.get("docker") or {}
    return Environment(
        is_user_managed=_typed(python.get("is_user_managed", False), bool),
        interpreter=_typed(python.get("interpreter", "python"), str),
        channels=_texts(conda.get("channels", [])),
        packages=_texts(conda.get("packages", [])),
        pip=_texts(conda.get("pip", [])),
        image=_typed(docker.get("image", ""), str),
        dockerfile=_typed(docker.get("dockerfile", ""), str),
        shm_size=_typed(docker.get("shm_size", ""), str),
        variables=_mapping(content.get("variables", {})),
    )


def _typed(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _texts(values: object) -> tuple[str, ...]:
    return tuple(_typed(each, str) for each in _typed(values, list))


def _mapping(values: object) -> dict[str, str]:
    return {_typed(name, str): _typed(value, str) for name, value in _typed(values, dict).items()}
