"""What Azure's first SDK calls the configuration of a run: where it runs, and with what around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runyard.entities.compute_target import THIS_MACHINE
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.data_reference import DataReferenceConfiguration
from runyard.sdk.environment import Environment

if TYPE_CHECKING:
    from runyard.sdk.compute import ComputeTarget
    from runyard.sdk.compute_pool import LocalTarget
    from runyard.sdk.conda_dependencies import CondaDependencies

DEFAULT_ENVIRONMENT = "default-environment"

_FRAMEWORKS = ("Python",)
_NO_COMMUNICATOR = ("None", "")


@dataclass(slots=True)
class DockerConfiguration:
    """Whether a run is in a container. Here the environment says that: by ``env.docker.base_image``.

    Args:
        use_docker: Taken for Azure's scripts; no effect.
        shared_volumes: As ``use_docker``.
        arguments: Options for ``docker run``, which must be none.
        shm_size: How much shared memory a container gets, where the environment doesn't say it.
    """

    use_docker: bool = False
    shared_volumes: bool = True
    arguments: Sequence[str] | None = None
    shm_size: str | None = None

    def __post_init__(self) -> None:
        if self.arguments:
            raise NotImplementedHere(
                "A run has no options for `docker run`: who submits one must not open the machine to its "
                "code. Use shm_size, or say it where the machine is set up."
            )


@names_arguments
class RunConfiguration:
    """Where a run takes place, and what its code needs around it.

    Args:
        script: A script of the source directory; :class:`ScriptRunConfig` sets it too.
        arguments: What the script is given.
        framework: ``Python``.
        communicator: ``None``: processes of a distributed run are started by the script.
        conda_dependencies: Packages, in place of an environment.
        command: A command in place of a script.

    Attributes:
        target: Name of the compute target; ``local`` is the server's own machine.
        environment: What the code needs around it, as an environment or by its name; an empty one at first,
            with which it has what the target's machine has.
        environment_variables: Variables of the script's process, above those of the environment.
        max_run_duration_seconds: After how many seconds of the script it is ended; None for never.
        priority: Jobs with more are begun first.
        max_attempts: How often it is begun at most, if it fails.
        node_count: How many slots of the target it takes.
        data_references: Paths in datastores, by the names that arguments have for them.

    Raises:
        NotImplementedHere: A framework or a communicator that has no counterpart.

    Example:
        >>> config = RunConfiguration()
        >>> config.target = "pool"
        >>> config.environment_variables["MODE"] = "train"
        >>> config
        RunConfiguration(target='pool', environment=Environment('default-environment', version=None))
    """

    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        command: str | Sequence[object] | None = None,
    ) -> None:
        self.script = script
        self.arguments = arguments
        self.command = command
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.environment: Any = Environment(DEFAULT_ENVIRONMENT)
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self.environment_variables: dict[str, str] = {}
        self.max_run_duration_seconds: int | None = None
        self.priority: int | None = None
        self.max_attempts: int | None = None
        self.node_count = 1
        self.data_references: dict[str, DataReferenceConfiguration] = {}
        self.docker = DockerConfiguration()
        self.auto_prepare_environment = True
        self._target = THIS_MACHINE

    @property
    def target(self) -> str:
        """Name of the compute target.

        Example:
            >>> config = RunConfiguration()
            >>> config.target = pool
            >>> config.target
            'pool'
        """
        return self._target

    @target.setter
    def target(self, target: str | ComputeTarget | LocalTarget | None) -> None:
        self._target = target_name(target, "target")

    @property
    def framework(self) -> str:
        """What the script is written for.

        Example:
            >>> RunConfiguration().framework
            'Python'
        """
        return self._framework

    @framework.setter
    def framework(self, framework: str) -> None:
        if str(framework).capitalize() not in _FRAMEWORKS:
            raise NotImplementedHere(
                f"framework={framework!r} has no counterpart: a job runs a script of Python's, or a command. "
                "Give ScriptRunConfig a command=, as ['spark-submit', 'job.py']."
            )
        self._framework = "Python"

    @property
    def communicator(self) -> str:
        """How processes of one run talk to each other: not at all.

        Example:
            >>> RunConfiguration().communicator
            'None'
        """
        return self._communicator

    @communicator.setter
    def communicator(self, communicator: str) -> None:
        if str(communicator) not in _NO_COMMUNICATOR:
            raise NotImplementedHere(
                f"communicator={communicator!r} has no counterpart: a job is one process on one machine. "
                "Give ScriptRunConfig a command= that starts the others, as ['torchrun', "
                "'--nproc-per-node=4', 'train.py']."
            )
        self._communicator = "None"

    def save(self, path: object = None, name: object = None, separate_environment_yaml: bool = False) -> None:
        """Raise an error that says what there is instead of files of configurations.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> RunConfiguration().save("project")
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard has no files of run configurations. ...
        """
        raise NotImplementedHere(
            "Runyard has no files of run configurations. Write a job file, and submit it with "
            "`runyard job submit --file job.toml`; see docs/how-to/submit-jobs.md."
        )

    load = delete = save

    def __repr__(self) -> str:
        return f"RunConfiguration(target={self.target!r}, environment={self.environment!r})"


def target_name(target: object, parameter: str) -> str:
    """Return the name of a compute target that is given as such, as an object, or not at all.

    Raises:
        InvalidParameter: It is none of these.
    """
    if target is None:
        return THIS_MACHINE
    name = target if isinstance(target, str) else getattr(target, "name", None)
    if not isinstance(name, str) or not name:
        raise InvalidParameter(
            f"{parameter} must be a ComputeTarget or the name of one, not a {type(target).__name__}."
        )
    return name


def checked_variables(variables: Mapping[str, object]) -> dict[str, str]:
    """Return environment variables as text.

    Raises:
        InvalidParameter: One of them can't be a variable.
    """
    found = {str(name): str(value) for name, value in variables.items()}
    for name, value in found.items():
        if not name or "=" in name or "\0" in name + value:
            raise InvalidParameter(f"environment_variables has {name!r}, which can't be a variable.")
    return found
