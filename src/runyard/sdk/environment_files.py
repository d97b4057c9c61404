"""An environment in a folder, in the files that Azure's first SDK writes and reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.messages.environments import WireDocker, WirePython
from runyard.sdk.conda_dependencies import FILE_NAME, CondaDependencies
from runyard.sdk.environment_sections import ContainerRegistry, DockerSection, PythonSection
from runyard.sdk.yaml_text import read_small_file

DEFINITION = "azureml_environment.json"
DOCKERFILE = "BaseDockerfile"


class ReadEnvironment(NamedTuple):
    """What a folder holds of an environment."""

    name: str
    python: PythonSection
    docker: DockerSection
    variables: dict[str, str]


def write_environment(
    folder: Path,
    name: str,
    version: str | None,
    python: WirePython,
    docker: WireDocker,
    variables: Mapping[str, str],
    *,
    overwrite: bool,
) -> None:
    """Write the files of an environment.

    Raises:
        AlreadyExists: One of them is there, and may not be written over.
    """
    contents = {
        DEFINITION: json.dumps(_definition(name, version, python, docker, variables), indent=4) + "\n",
        FILE_NAME: CondaDependencies._of(python.conda).serialize_to_string(),
    }
    if docker.dockerfile:
        contents[DOCKERFILE] = docker.dockerfile
    taken = [each for each in (DEFINITION, FILE_NAME, DOCKERFILE) if (folder / each).exists()]
    if taken and not overwrite:
        raise AlreadyExists(f"{folder / taken[0]} is there already; overwrite=True writes over it.")
    folder.mkdir(parents=True, exist_ok=True)
    for each in taken:
        (folder / each).unlink()
    for each, text in contents.items():
        (folder / each).write_text(text, encoding="utf-8")


def read_environment(folder: Path) -> ReadEnvironment:
    """Return what the files of an environment say.

    Raises:
        NotFound: There is none in the folder.
        InvalidParameter: One of them can't be read.
    """
    if not (folder / DEFINITION).is_file():
        raise NotFound(f"There is no environment in {str(folder)!r}: it has no {DEFINITION}.")
    try:
        content = json.loads(read_small_file(folder / DEFINITION))
        python, docker = _section(content, "python"), _section(content, "docker")
        name, variables = str(content["name"]), _section(content, "environmentVariables")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidParameter(
            f"{folder / DEFINITION} is no definition of an environment: {error!r}"
        ) from None
    conda = CondaDependencies(folder / FILE_NAME) if (folder / FILE_NAME).is_file() else None
    dockerfile = read_small_file(folder / DOCKERFILE) if (folder / DOCKERFILE).is_file() else None
    return ReadEnvironment(
        name,
        PythonSection(
            conda, bool(python.get("userManagedDependencies")), str(python.get("interpreterPath") or "python")
        ),
        _docker(docker, dockerfile or docker.get("baseDockerfile")),
        {str(key): str(value) for key, value in variables.items()},
    )


def _docker(said: Mapping[str, Any], dockerfile: str | None) -> DockerSection:
    registry = said.get("baseImageRegistry")
    address = registry.get("address") if isinstance(registry, dict) else None
    # Azure's SDK names an image of its own even where a Dockerfile takes its place.
    image = None if dockerfile else said.get("baseImage")
    return DockerSection(image, dockerfile, said.get("shmSize"), ContainerRegistry(address))


def _section(content: Any, name: str) -> dict[str, Any]:
    found = content.get(name) or {} if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise TypeError(f"{name} is no object")
    return found


def _definition(
    name: str, version: str | None, python: WirePython, docker: WireDocker, variables: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "environmentVariables": dict(variables),
        "python": {
            "userManagedDependencies": python.user_managed,
            "interpreterPath": python.interpreter,
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
        },
        "docker": {
            "baseImage": docker.image or None,
            "baseDockerfile": None,
            "shmSize": docker.shm_size or None,
            "arguments": [],
        },
    }
