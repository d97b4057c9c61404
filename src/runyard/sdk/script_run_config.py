"""What to submit: a script with its folder, and the configuration of its run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import msgspec

from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.messages.jobs import JobEnvironment, WireInput, WireOutput
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_path, whole_number
from runyard.sdk.environment import Environment
from runyard.sdk.job_data import PLACES, JobData
from runyard.sdk.run_configuration import (
    DEFAULT_ENVIRONMENT,
    DockerConfiguration,
    RunConfiguration,
    target_name,
)

if TYPE_CHECKING:
    from runyard.sdk.compute import ComputeTarget
    from runyard.sdk.compute_pool import LocalTarget

_SHELL = ("sh", "-c")
_NO_COUNTERPART = {
    "distributed_job_config": "a job is one process on one machine. Give a command= that starts the others, "
    "as ['torchrun', '--nproc-per-node=4', 'train.py'].",
    "resume_from": "hand the id of the earlier run to the script as an argument, and let it read that run's "
    "files: ws.get_run(run_id).download_files('checkpoints').",
}


@names_arguments
class ScriptRunConfig:
    """A script to submit, the folder with its code, and the configuration of its run.

    Nothing is looked at before :meth:`Experiment.submit`: that takes what is in the folder then.

    Args:
        source_directory: The folder with the code; by default the working directory for a script, and none
            for a command.
        script: The script, by its path in that folder.
        arguments: What the script is given, word by word; numbers are taken as text. A dataset or a place in
            a datastore is brought to the job's machine, and the script gets its path.
        run_config: Configuration to begin with, in place of a new one.
        compute_target: Where it runs, as a target or by name. ``local``, or none, is the server's own
            machine; on this machine a script runs by ``runyard run``.
        environment: What it needs around it, as an environment, or as the name of one that the workspace
            keeps: ``training`` or ``training:3``.
        distributed_job_config: Must be None.
        resume_from: Must be None.
        max_run_duration_seconds: After how many seconds of the script it is ended; None for never.
        command: What to run in place of a script: words, or one text for a shell.
        docker_runtime_config: Taken for Azure's scripts; the environment's image says whether there is a
            container.

    Attributes:
        run_config: The configuration of the run, which may be changed until it is submitted.
        is_azureml: Whether the script's ``azureml`` is Runyard's SDK, as for a configuration made under the
            alias.
        inputs: Data by name, besides what is among the arguments; ``${{inputs.NAME}}`` in a word is its path.
        outputs: Folders that go to datastores by name, as ``${{outputs.NAME}}``.

    Raises:
        InvalidParameter: An argument is of the wrong kind, or there are both a script and a command.
        NotImplementedHere: An argument has no counterpart; the message says what to use.

    Example:
        >>> config = ScriptRunConfig("training", "train.py", ["--alpha", 0.1])
        >>> config
        ScriptRunConfig('train.py', source_directory='training', target='local')
        >>> experiment.submit(config).job.arguments
        ['--alpha', '0.1']
    """

    _is_of_azureml: ClassVar[bool] = False

    def __init__(
        self,
        source_directory: str | os.PathLike[str] | None = None,
        script: str | None = None,
        arguments: Sequence[object] | None = None,
        run_config: RunConfiguration | None = None,
        compute_target: str | ComputeTarget | LocalTarget | None = None,
        environment: Environment | str | None = None,
        distributed_job_config: object = None,
        resume_from: object = None,
        max_run_duration_seconds: int | None = None,
        command: str | Sequence[object] | None = None,
        docker_runtime_config: DockerConfiguration | None = None,
    ) -> None:
        _refuse(distributed_job_config=distributed_job_config, resume_from=resume_from)
        if run_config is not None and not isinstance(run_config, RunConfiguration):
            raise InvalidParameter(
                f"run_config must be a RunConfiguration, not a {type(run_config).__name__}."
            )
        if optional_path(script, "script") is not None and command is not None:
            raise InvalidParameter("Give ScriptRunConfig a script or a command, not both.")
        if command is not None and arguments is not None:
            raise InvalidParameter("arguments belong to a script; put those of a command into the command.")
        self.is_azureml = self._is_of_azureml
        self.inputs: dict[str, WireInput] = {}
        self.outputs: dict[str, WireOutput] = {}
        self.run_config = run_config or RunConfiguration()
        self.script = script if script is not None or command is not None else self.run_config.script
        self.arguments = arguments if arguments is not None else self.run_config.arguments
        self.command = command if command is not None or script is not None else self.run_config.command
        self.source_directory = _folder(source_directory, has_code=self.command is None)
        checked_words(self.arguments, "arguments", JobData(is_unfinished=self.is_azureml))
        if compute_target is not None:
            self.run_config.target = target_name(compute_target, "compute_target")
        if environment is not None:
            self.run_config.environment = _checked_environment(environment)
        if max_run_duration_seconds is not None:
            self.run_config.max_run_duration_seconds = whole_number(
                max_run_duration_seconds, "max_run_duration_seconds"
            )
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config

    def __repr__(self) -> str:
        what = self.script if self.script is not None else self.command
        return (
            f"ScriptRunConfig({what!r}, source_directory={self.source_directory!r}, "
            f"target={self.run_config.target!r})"
        )

    def checked_script(self) -> str:
        """Return the script's path in its folder; empty where there is a command.

        Raises:
            NotFound: There is no such folder or script.
            InvalidParameter: There is neither script nor command, or the path leads out of the folder.

        Example:
            >>> ScriptRunConfig("training", "train.py").checked_script()
            'train.py'
        """
        folder = Path(self.source_directory or ".")
        if not folder.is_dir():
            raise NotFound(f"There is no folder source_directory={self.source_directory!r}.")
        if self.command is not None:
            return ""
        if not self.script:
            raise InvalidParameter("ScriptRunConfig has neither a script nor a command.")
        path = PurePosixPath(os.fspath(optional_path(self.script, "script")))
        if path.is_absolute() or ".." in path.parts:
            raise InvalidParameter(
                f"script={self.script!r} must be a path in source_directory={self.source_directory!r}."
            )
        if not (folder / path).is_file():
            raise NotFound(
                f"There is no script={self.script!r} in source_directory={self.source_directory!r}."
            )
        return path.as_posix()

    def data(self) -> JobData:
        """Return what is known of the job's data before its words are looked at.

        Example:
            >>> ScriptRunConfig("training", "train.py").data().inputs
            {}
        """
        return JobData(self.inputs, self.outputs)

    def checked_command(self, data: JobData | None = None) -> list[str]:
        """Return the words of the command; none where there is a script.

        Args:
            data: Takes the places that are among them.

        Raises:
            InvalidParameter: It is empty, or no words.

        Example:
            >>> ScriptRunConfig("training", command=["python", "train.py"]).checked_command()
            ['python', 'train.py']
        """
        if self.command is None:
            return []
        if isinstance(self.command, str):
            return [*_SHELL, self.command] if self.command.strip() else _empty_command()
        return checked_words(self.command, "command", data) or _empty_command()

    def checked_arguments(self, data: JobData | None = None) -> list[str]:
        """Return the arguments as text.

        Args:
            data: Takes the places that are among them.

        Raises:
            InvalidParameter: One of them is nothing that can be an argument.

        Example:
            >>> ScriptRunConfig("training", "train.py", ["--alpha", 0.1]).checked_arguments()
            ['--alpha', '0.1']
        """
        data = data or JobData()
        references = self.run_config.data_references
        return [data.named(each, references) for each in checked_words(self.arguments, "arguments", data)]

    def wire_environment(self) -> JobEnvironment | None:
        """Return the environment as a server is asked for it.

        Raises:
            InvalidParameter: It is of the wrong kind.

        Example:
            >>> ScriptRunConfig("training", "train.py", environment="training:3").wire_environment().version
            3
        """
        if self.run_config.environment in (None, Environment(DEFAULT_ENVIRONMENT)):
            return None
        return wire_environment(self.run_config.environment, self.run_config.docker)


def wire_environment(environment: object, docker: DockerConfiguration | None = None) -> JobEnvironment:
    """Return an environment, or the name of one, as a server is asked for it.

    Raises:
        InvalidParameter: It is of the wrong kind.
    """
    environment = _checked_environment(environment)
    if isinstance(environment, str):
        return _named(environment)
    return _described(environment, docker or DockerConfiguration())


def _folder(said: str | os.PathLike[str] | None, *, has_code: bool) -> str | None:
    if said is None:
        return "." if has_code else None
    if not isinstance(said, str | os.PathLike):
        raise InvalidParameter(f"source_directory must be a path, not {said!r}.")
    return os.fspath(said)


def checked_words(words: object, parameter: str, data: JobData | None = None) -> list[str]:
    """Return a list of words as text.

    Args:
        words: The list.
        parameter: What it is called, for errors.
        data: Takes the places that are in it.

    Raises:
        InvalidParameter: It is no list, or has something in it that can't be a word.
        NotImplementedHere: It has data in it that can't be brought to a job.
    """
    if words is None:
        return []
    if isinstance(words, str | bytes | Mapping) or not isinstance(words, Sequence):
        raise InvalidParameter(f"{parameter} must be a list of words, as ['--alpha', 0.1], not {words!r}.")
    data = data or JobData()
    return [data.word(each) if isinstance(each, PLACES) else _word(each, parameter) for each in words]


def _word(word: Any, parameter: str) -> str:
    if not isinstance(word, str | int | float | os.PathLike):
        raise InvalidParameter(f"{parameter} has a {type(word).__name__}; words and numbers can be there.")
    text = os.fspath(word) if isinstance(word, os.PathLike) else str(word)
    if "\0" in text:
        raise InvalidParameter(f"{parameter} has a word with a NUL character in it, {text!r}.")
    return text


def _empty_command() -> NoReturn:
    raise InvalidParameter("The command of ScriptRunConfig is empty.")


def _refuse(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise NotImplementedHere(f"{name} has no counterpart in Runyard: {_NO_COUNTERPART[name]}")


def _checked_environment(environment: object) -> Environment | str:
    if isinstance(environment, str) and environment:
        return environment
    if not isinstance(environment, Environment):
        raise InvalidParameter(
            f"environment must be an Environment or the name of one, not a {type(environment).__name__}."
        )
    return environment


def _named(said: str) -> JobEnvironment:
    name, colon, version = said.partition(":")
    if colon and not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise InvalidParameter(f"environment={said!r} must be a name, or NAME:VERSION with a number.")
    return JobEnvironment(name=name, version=int(version) if colon else None)


def _described(environment: Environment, docker: DockerConfiguration) -> JobEnvironment:
    record = environment.record
    python, container = environment.python._wire(), environment.docker._wire()
    variables = {str(name): str(value) for name, value in environment.environment_variables.items()}
    if docker.shm_size and not container.shm_size and (container.image or container.dockerfile):
        container = msgspec.structs.replace(container, shm_size=docker.shm_size)
    wanted = (python, container, variables)
    if record is not None and (record.python, record.docker, record.variables) == wanted:
        return JobEnvironment(name=record.name, version=record.version)
    return JobEnvironment(name=environment.name, python=python, docker=container, variables=variables)
