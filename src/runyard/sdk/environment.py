"""An environment: what the code of a run needs around it, kept in a workspace by name and in versions."""

from __future__ import annotations

import builtins
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.asset_limits import check_environment_name
from runyard.protocol.messages.environments import (
    ChangeEnvironment,
    RegisterEnvironment,
    WireDocker,
    WireEnvironment,
    WirePython,
)
from runyard.protocol.messages.jobs import JobEnvironment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.environment_changes import EnvironmentChanges
from runyard.sdk.environment_files import read_environment, write_environment
from runyard.sdk.environment_records import (
    change_record,
    get_record,
    list_records,
    list_versions,
    register_record,
)
from runyard.sdk.environment_sections import ContainerRegistry, DockerSection, PythonSection
from runyard.sdk.lock_files import read_requirements
from runyard.sdk.representation import html_table

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

NAMELESS = "submitted"
"""What an environment is called that was submitted without a name."""
_EXPORT_WITHIN_S = 300
_NOT_BUILT = (
    "Runyard builds no image of an environment before a run needs it. Register it and name it where you "
    "submit the run; env.docker and env.python.conda_dependencies say what it will be."
)
_NO_SECTIONS = {
    "spark": "Spark's packages belong to the Spark that a run is linked with.",
    "databricks": "Databricks' libraries belong to the cluster that a run is linked with.",
    "r": "R has no part of its own: name an image with R in it, env.docker.base_image.",
}


@names_arguments
class Environment(EnvironmentChanges):
    """What the code of a run needs around it: packages, an interpreter or a container, and variables.

    It is a value of this program until :meth:`register` keeps it; versions that are kept never change.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``; unique in a workspace.

    Attributes:
        name: Its name.
        version: Its version, as Azure's SDK has it a text; None until it is registered.
        python: Which Python runs, with which packages.
        docker: The container; none unless something is said.
        environment_variables: Variables that the run's process sees.
        description: What it is for; of all its versions.
        tags: Free key and value pairs; of all its versions.

    Raises:
        InvalidParameter: No environment can have this name.

    Example:
        >>> env = Environment("training")
        >>> env.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn"])
        >>> env.environment_variables["OMP_NUM_THREADS"] = "4"
        >>> env.register(ws).version
        '1'
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
        self._record: WireEnvironment | None = None

    def __getattr__(self, name: str) -> NoReturn:
        if name in _NO_SECTIONS:
            raise NotImplementedHere(f"An environment has no '{name}' here. {_NO_SECTIONS[name]}")
        raise AttributeError(f"'Environment' object has no attribute {name!r}")

    @staticmethod
    def get(
        workspace: Workspace, name: str, version: str | int | None = None, label: str | None = None
    ) -> Environment:
        """Return an environment of a workspace, or one that comes with the server.

        Args:
            workspace: Where to look.
            name: Its name.
            version: Which version; by default the one that was registered last.
            label: ``Latest``, for what is the default here.

        Raises:
            NotFound: There is no such environment or version.
            InvalidParameter: The version is no number, or there is no such label.

        Example:
            >>> Environment.get(ws, "Runyard-Sklearn").is_curated
            True
        """
        if label is not None and (label.lower() != "latest" or version is not None):
            raise InvalidParameter(
                f"label may be 'Latest', without a version; not {label!r}. Name a version."
            )
        return Environment._of(get_record(workspace, name, version))

    @staticmethod
    def list(workspace: Workspace, *, with_archived: bool = False) -> Environments:
        """Return the environments of a workspace by name, and those that come with the server.

        Each is the version that was registered last.

        Args:
            workspace: Where to look.
            with_archived: Whether those that are archived are among them.

        Example:
            >>> sorted(Environment.list(ws))
            ['Runyard-Minimal', 'Runyard-PyTorch', 'Runyard-Sklearn', 'Runyard-XGBoost']
        """
        records = list_records(workspace, with_archived=with_archived)
        return Environments((record.name, Environment._of(record)) for record in records)

    def versions(self, workspace: Workspace) -> builtins.list[Environment]:
        """Return all versions of this environment that a workspace keeps, the highest number first.

        Raises:
            NotFound: It keeps none.

        Example:
            >>> kept = env.register(ws)
            >>> env.environment_variables["MODE"] = "train"
            >>> kept = env.register(ws)
            >>> [each.version for each in env.versions(ws)]
            ['2', '1']
        """
        return [Environment._of(record) for record in list_versions(workspace, self.name)]

    def register(self, workspace: Workspace) -> Environment:
        """Keep this environment in a workspace and return the version that it is there.

        What is in it already, under this name, is the version that it was; and it is the latest one now.

        Raises:
            InvalidParameter: A part of it can't be; the message says which.
            Forbidden: The name is one of those that come with the server, or the caller may only read.
            InvalidState: The environment is archived.

        Example:
            >>> env.register(ws).version
            '1'
        """
        wanted = RegisterEnvironment(
            name=self.name,
            python=self.python._wire(),
            docker=self.docker._wire(),
            variables={str(name): str(value) for name, value in self.environment_variables.items()},
            description=self.description,
            tags=self.tags,
        )
        return Environment._of(register_record(workspace, wanted))

    def archive(self, workspace: Workspace) -> None:
        """Leave this environment, with all versions, out of lists; who knows its name still finds it.

        Raises:
            NotFound: The workspace has no such environment.

        Example:
            >>> env = env.register(ws)
            >>> env.archive(ws)
            >>> "training" in ws.environments
            False
        """
        self._record = change_record(workspace, self.name, ChangeEnvironment(is_archived=True))

    def restore(self, workspace: Workspace) -> None:
        """Take back :meth:`archive`.

        Example:
            >>> env = env.register(ws)
            >>> env.archive(ws)
            >>> env.restore(ws)
            >>> "training" in ws.environments
            True
        """
        self._record = change_record(workspace, self.name, ChangeEnvironment(is_archived=False))

    def clone(self, new_name: str) -> Environment:
        """Return an environment of another name with the same content, to change and to register.

        Example:
            >>> mine = Environment.get(ws, "Runyard-Sklearn").clone("mine")
            >>> mine.python.conda_dependencies.add_pip_package("shap")
            >>> mine.register(ws)
            Environment('mine', version='1')
        """
        return Environment(
            new_name,
            python=PythonSection._of(self.python._wire()),
            docker=DockerSection._of(self.docker._wire()),
            environment_variables=self.environment_variables,
            description=self.description,
            tags=None if self.tags is None else dict(self.tags),
        )

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """Return an environment of what a conda file names, its variables too.

        Raises:
            NotFound: The file is not there.
            InvalidParameter: It is none of conda's, or PyYAML is not installed.

        Example:
            >>> Environment.from_conda_specification("training", "environment.yml").environment_variables
            {'OMP_NUM_THREADS': '4'}
        """
        return _of_conda(name, CondaDependencies(file_path))

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
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
        return _of_conda(name, conda)

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment:
        """Return an environment of what conda has installed into one of this machine.

        Raises:
            NotFound: This machine has no conda, or conda has no such environment.

        Example:
            >>> Environment.from_existing_conda_environment("training", "base")  # doctest: +SKIP
            Environment('training', version=None)
        """
        conda = os.environ.get("CONDA_EXE") or shutil.which("conda")
        if conda is None:
            raise NotFound(
                "There is no conda on this machine's PATH. Activate it, or write its file where it is "
                "(conda env export > environment.yml) and use Environment.from_conda_specification."
            )
        command = [conda, "env", "export", "--no-builds", "--name", conda_environment_name]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_EXPORT_WITHIN_S)
        if ended.returncode:
            raise NotFound(
                f"conda has no environment {conda_environment_name!r}: {ended.stderr.strip()[:500]}"
            )
        exported = CondaDependencies._parsed(ended.stdout, f"what conda says of {conda_environment_name!r}")
        return _of_conda(name, exported)

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | str | None = None,
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
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
        made = _on_top(name, conda_specification, pip_requirements)
        made.docker.base_image = text(image, "image")
        if isinstance(container_registry, str):
            container_registry = ContainerRegistry(container_registry)
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | os.PathLike[str],
        conda_specification: str | os.PathLike[str] | None = None,
        pip_requirements: str | os.PathLike[str] | None = None,
    ) -> Environment:
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
        made = _on_top(name, conda_specification, pip_requirements)
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

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
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
        return Environment(name, python=python, docker=docker, environment_variables=variables)

    def get_image_details(self, workspace: Workspace) -> NoReturn:
        """Raise an error that says what there is instead of the details of a built image.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> env.get_image_details(ws)
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard builds no image of an environment ...
        """
        raise NotImplementedHere(_NOT_BUILT)

    def build(self, workspace: Workspace, image_build_compute: str | None = None) -> NoReturn:
        """Raise an error that says what there is instead of building an image.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> env.build(ws)
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard builds no image of an environment ...
        """
        raise NotImplementedHere(_NOT_BUILT)

    def build_local(self, workspace: Workspace, platform: object = None, **options: Any) -> NoReturn:
        """Raise an error that says what there is instead of building an image on this machine.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> env.build_local(ws)
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard builds no image of an environment ...
        """
        raise NotImplementedHere(_NOT_BUILT)

    @property
    def is_archived(self) -> bool:
        """Whether it was archived when it was read.

        Example:
            >>> env = env.register(ws)
            >>> env.is_archived
            False
        """
        return self._record is not None and self._record.is_archived

    @property
    def is_curated(self) -> bool:
        """Whether it comes with the server and can't be changed; :meth:`clone` it.

        Example:
            >>> env.is_curated
            False
        """
        return self._record is not None and self._record.is_curated

    @property
    def record(self) -> WireEnvironment | None:
        """What the server said of it; None until it is registered.

        Example:
            >>> env.record is None
            True
            >>> env.register(ws).record.name
            'training'
        """
        return self._record

    @classmethod
    def _of(cls, record: WireEnvironment) -> Environment:
        found = cls(
            record.name,
            python=PythonSection._of(record.python),
            docker=DockerSection._of(record.docker),
            environment_variables=record.variables,
            description=record.description or None,
            tags=dict(record.tags) or None,
        )
        found.version = str(record.version)
        found._record = record
        return found

    @classmethod
    def _submitted(cls, sent: JobEnvironment) -> Environment:
        """Return what a job was submitted with; one that was only described has no version."""
        found = cls(
            sent.name or NAMELESS,
            python=PythonSection._of(sent.python or WirePython()),
            docker=DockerSection._of(sent.docker or WireDocker()),
            environment_variables=sent.variables,
        )
        found.version = None if sent.version is None else str(sent.version)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Environment) and _content(self) == _content(other)

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"Environment({self.name!r}, version={self.version!r})"

    def _repr_html_(self) -> str:
        docker = self.docker.base_image or ("a Dockerfile" if self.docker.base_dockerfile else "")
        packages = [*self.python.conda_dependencies.conda_packages]
        packages += self.python.conda_dependencies.pip_packages
        return html_table(
            [
                ("Environment", self.name),
                ("Version", self.version or "not registered"),
                ("Description", self.description or ""),
                ("Python", self.python.conda_dependencies.get_python_version() or ""),
                (
                    "Interpreter",
                    self.python.interpreter_path if self.python.user_managed_dependencies else "",
                ),
                ("Packages", ", ".join(packages)),
                ("Container", docker),
                ("Variables", ", ".join(self.environment_variables)),
            ]
        )


class Environments(dict[str, Environment]):
    """Environments by name, as they were when the server was asked.

    Example:
        >>> ws.environments["Runyard-Minimal"].name
        'Runyard-Minimal'
    """

    def _repr_html_(self) -> str:
        return html_table((name, f"version {each.version}{_origin(each)}") for name, each in self.items())


class HasEnvironments:
    """What a workspace has about environments."""

    @property
    def environments(self) -> Environments:
        """The environments of the workspace by name, and those that come with the server.

        Example:
            >>> ws.environments["Runyard-Minimal"].is_curated
            True
        """
        return Environment.list(cast("Workspace", self))


def _origin(environment: Environment) -> str:
    if environment.is_curated:
        return ", comes with the server"
    return ", archived" if environment.is_archived else ""


def _content(environment: Environment) -> tuple[Any, ...]:
    return (
        environment.name,
        environment.python._wire(),
        environment.docker._wire(),
        environment.environment_variables,
    )


def _of_conda(name: str, conda: CondaDependencies) -> Environment:
    return Environment(name, python=PythonSection(conda), environment_variables=conda.variables)


def _on_top(
    name: str,
    conda_specification: str | os.PathLike[str] | None,
    pip_requirements: str | os.PathLike[str] | None,
) -> Environment:
    if conda_specification is not None and pip_requirements is not None:
        raise InvalidParameter("Give a conda_specification or pip_requirements, not both.")
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name, python=PythonSection(user_managed_dependencies=True))
