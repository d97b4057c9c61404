"""An environment: what the code of a run needs around it, kept in a workspace by name and in versions."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, NoReturn, cast

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.environments import (
    ChangeEnvironment,
    RegisterEnvironment,
    WireDocker,
    WireEnvironment,
    WirePython,
)
from runyard.protocol.messages.jobs import JobEnvironment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.environment_changes import EnvironmentChanges
from runyard.sdk.environment_content import EnvironmentContent
from runyard.sdk.environment_records import (
    change_record,
    get_record,
    list_records,
    list_versions,
    register_record,
)
from runyard.sdk.environment_sections import DockerSection, PythonSection
from runyard.sdk.representation import html_table

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

NAMELESS = "submitted"
"""What an environment is called that was submitted without a name."""
_NOT_BUILT = (
    "Runyard builds no image of an environment before a run needs it. Register it and name it where you "
    "submit the run; env.docker and env.python.conda_dependencies say what it will be."
)


@names_arguments
class Environment(EnvironmentChanges, EnvironmentContent):
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

    _record: WireEnvironment | None = None

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
