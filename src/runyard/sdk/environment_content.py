"""What an environment is, whether a workspace keeps it or not: its parts, their sources, its files."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.asset_limits import check_environment_name
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.environment_files import read_environment, write_environment
from runyard.sdk.environment_sections import ContainerRegistry, DockerSection, PythonSection
from runyard.sdk.lock_files import read_requirements

_EXPORT_WITHIN_S = 300
_NO_SECTIONS = {
    "spark": "Spark's packages belong to the Spark that a run is linked with.",
    "databricks": "Databricks' libraries belong to the cluster that a run is linked with.",
    "r": "R has no part of its own: name an image with R in it, env.docker.base_image.",
}
_Made = TypeVar("_Made", bound="EnvironmentContent")


@names_arguments
class EnvironmentContent:
    """The parts of an environment, as a value of this program.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``; unique in a workspace.
        **kwargs: Its parts, as its attributes are called.

    Raises:
        InvalidParameter: No environment can have this name.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        check_environment_name(text(name, "name"))
        unknown = sorted(kwargs.keys() - {"python", "docker", "environment_variables", "description", "tags"})
        if unknown:
            raise TypeError(f"Environment() got unexpected keyword arguments: {', '.join(unknown)}")
        self.name = name
        self.version: str | None = None
        self.python: PythonSection = kwargs.get("python") or PythonSection()
        self.docker: DockerSection = kwargs.get("docker") or DockerSection()
        self.environment_variables: dict[str, str] = dict(kwargs.get("environment_variables") or {})
        self.description: str | None = kwargs.get("description")
        self.tags: dict[str, str] | None = kwargs.get("tags")
        self.inferencing_stack_version: str | None = None

    def __getattr__(self, name: str) -> NoReturn:
        if name in _NO_SECTIONS:
            raise NotImplementedHere(f"An environment has no '{name}' here. {_NO_SECTIONS[name]}")
        raise AttributeError(f"'Environment' object has no attribute {name!r}")

    def clone(self: _Made, new_name: str) -> _Made:
        """Return an environment of another name with the same content, to change and to register.

        Example:
            >>> mine = Environment.get(ws, "Runyard-Sklearn").clone("mine")
            >>> mine.python.conda_dependencies.add_pip_package("shap")
            >>> mine.register(ws)
            Environment('mine', version='1')
        """
        return type(self)(
            new_name,
            python=PythonSection._of(self.python._wire()),
            docker=DockerSection._of(self.docker._wire()),
            environment_variables=self.environment_variables,
            description=self.description,
            tags=None if self.tags is None else dict(self.tags),
        )

    @classmethod
    def from_conda_specification(cls: type[_Made], name: str, file_path: str | os.PathLike[str]) -> _Made:
        """Return an environment of what a conda file names, its variables too.

        Raises:
            NotFound: The file is not there.
            InvalidParameter: It is none of conda's, or PyYAML is not installed.

        Example:
            >>> Environment.from_conda_specification("training", "environment.yml").environment_variables
            {'OMP_NUM_THREADS': '4'}
        """
        return _of_conda(cls, name, CondaDependencies(file_path))

    @classmethod
    def from_pip_requirements(
        cls: type[_Made], name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> _Made:
        """Return an environment of what a file of requirements names, with the Python that runs this.

        Args:
            name: Its name.
            file_path: The file; a `pylock.toml`, as `uv pip compile` and `pip lock` write it, will do too.
            pip_version: Which pip installs it.

        Raises:
            NotFound: The file is not there.
            InvalidParameter: A line of it names another file, or it is a lock that can't be read.

        Example:
            >>> env = Environment.from_pip_requirements("training", "requirements.txt")
            >>> list(env.python.conda_dependencies.pip_packages)
            ['numpy', 'pandas>=2']
        """
        conda = CondaDependencies.create()
        conda.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        conda.set_pip_requirements(read_requirements(file_path))
        return _of_conda(cls, name, conda)

    @classmethod
    def from_existing_conda_environment(cls: type[_Made], name: str, conda_environment_name: str) -> _Made:
        """Return an environment of what conda has installed into one of this machine.

        Raises:
            NotFound: This machine has no conda, or conda has no such environment.

        Example:
            >>> Environment.from_existing_conda_environment("training", "base")  # doctest: +SKIP
            Environment('training', version=None)
        """
        return _of_conda(cls, name, _exported(conda_environment_name))

    @classmethod
    def from_docker_image(
        cls: type[_Made],
        name: str,
        image: str,
        container_registry: ContainerRegistry | str | None = None,
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> _Made:
        """Return an environment that is an image, with the Python that is in it or with packages on top.

        Args:
            name: Its name.
            image: Name of the image.
            container_registry: Where it is pulled from, where its name doesn't say that.
            conda_specification: A conda file of packages on top.
            pip_requirements: A file of requirements on top, in its place.

        Raises:
            InvalidParameter: Both files are named.

        Example:
            >>> Environment.from_docker_image("training", "python:3.12-slim").docker.base_image
            'python:3.12-slim'
        """
        made = _on_top(cls, name, conda_specification, pip_requirements)
        made.docker.base_image = text(image, "image")
        if isinstance(container_registry, str):
            container_registry = ContainerRegistry(container_registry)
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @classmethod
    def from_dockerfile(
        cls: type[_Made],
        name: str,
        dockerfile: str | os.PathLike[str],
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> _Made:
        """Return an environment that is made by a Dockerfile; see :meth:`from_docker_image`.

        Args:
            name: Its name.
            dockerfile: The text of the Dockerfile, or its path.
            conda_specification: A conda file of packages on top.
            pip_requirements: A file of requirements on top, in its place.

        Example:
            >>> env = Environment.from_dockerfile("training", "FROM python:3.12-slim")
            >>> env.docker.base_dockerfile
            'FROM python:3.12-slim'
        """
        made = _on_top(cls, name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = os.fspath(dockerfile)
        return made

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write this environment down in files that a person can edit and Azure's SDK can read.

        Args:
            path: The folder.
            overwrite: Whether files of an environment that are there already may be written over.

        Raises:
            AlreadyExists: There are, and they may not.

        Example:
            >>> env.save_to_directory("environment")
            >>> sorted(path.name for path in Path("environment").iterdir())
            ['azureml_environment.json', 'conda_dependencies.yml']
        """
        wire = (self.python._wire(), self.docker._wire(), self.environment_variables)
        write_environment(Path(path), self.name, self.version, *wire, overwrite=overwrite)

    @classmethod
    def load_from_directory(cls: type[_Made], path: str | os.PathLike[str]) -> _Made:
        """Return the environment that :meth:`save_to_directory`, or Azure's SDK, wrote.

        Raises:
            NotFound: There is none.
            InvalidParameter: A file of it can't be read.

        Example:
            >>> env.save_to_directory("environment")
            >>> Environment.load_from_directory("environment").name
            'training'
        """
        name, python, docker, variables = read_environment(Path(path))
        return cls(name, python=python, docker=docker, environment_variables=variables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnvironmentContent) and _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment] # it changes


def _content(environment: EnvironmentContent) -> tuple[Any, ...]:
    return (
        environment.name,
        environment.python._wire(),
        environment.docker._wire(),
        environment.environment_variables,
    )


def _of_conda(made: type[_Made], name: str, conda: CondaDependencies) -> _Made:
    return made(name, python=PythonSection(conda), environment_variables=conda.variables)


def _on_top(
    made: type[_Made],
    name: str,
    conda_specification: str | os.PathLike[str] | None,
    pip_requirements: str | os.PathLike[str] | None,
) -> _Made:
    if conda_specification is not None and pip_requirements is not None:
        raise InvalidParameter("Give a conda_specification or pip_requirements, not both.")
    if conda_specification is not None:
        return made.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return made.from_pip_requirements(name, pip_requirements)
    return made(name, python=PythonSection(user_managed_dependencies=True))


def _exported(conda_environment_name: str) -> CondaDependencies:
    """Return what conda has installed into an environment of this machine."""
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if conda is None:
        raise NotFound(
            "There is no conda on this machine's PATH. Activate it, or write its file where it is "
            "(conda env export > environment.yml) and use Environment.from_conda_specification."
        )
    command = [conda, "env", "export", "--no-builds", "--name", conda_environment_name]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_EXPORT_WITHIN_S)
    if ended.returncode:
        raise NotFound(f"conda has no environment {conda_environment_name!r}: {ended.stderr.strip()[:500]}")
    return CondaDependencies._parsed(ended.stdout, f"what conda says of {conda_environment_name!r}")
