"""A job file: what is to be submitted, written down in TOML or YAML beside the code."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.arguments import shown
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.environment import Environment
from runyard.sdk.job_data import input_of, output_of
from runyard.sdk.run_configuration import RunConfiguration
from runyard.sdk.script_run_config import ScriptRunConfig
from runyard.sdk.sweep_config import SweepConfig
from runyard.sdk.yaml_text import parse_yaml, read_small_file

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

YAML_SUFFIXES = (".yaml", ".yml")

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UNKNOWN = re.compile(r"unknown field `([^`]*)`(?: - at `\$\.(\w+)`)?")
_PYTHON_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,2}(\.\*)?")
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d|)")

Word = str | int | float


class FileEnvironment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a job needs around it, where that is not one that the workspace keeps.

    Args:
        name: What to call it.
        pip_requirements: Path of a file of requirements.
        conda: Path of a conda file, in its place.
        packages: What pip installs, in place of both.
        python_version: Which Python, with ``packages``.
        variables: Variables of the job's process.
    """

    name: str = "job-environment"
    pip_requirements: str = ""
    conda: str = ""
    packages: list[str] = []
    python_version: str | float = ""
    variables: dict[str, Word] = {}


class SweepTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is searched for with the job; see :class:`SweepConfig`.

    Args:
        parameters: Where the values of each come from: a list, or bounds by their names.
        metric: Name of the metric that counts.
        goal: ``minimize`` or ``maximize``.
        sampling: ``grid``, ``random`` or ``bayesian``.
        max_trials: How many runs at most.
        max_concurrent: How many at a time.
        max_duration: After which time the sweep ends what goes on: seconds, or as ``2h``.
        stopping: When a run is ended early.
        seed: What chance begins with.
    """

    parameters: dict[str, list[bool | Word] | dict[str, bool | Word]]
    metric: str
    goal: str = "minimize"
    sampling: str = "random"
    max_trials: int | None = None
    max_concurrent: int | None = None
    max_duration: int | str = 0
    stopping: dict[str, Word] | None = None
    seed: int | None = None


class JobFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be submitted.

    Args:
        script: A script of the folder.
        arguments: What it is given.
        command: Words of a command, or one text for a shell, in place of a script.
        folder: The folder with the code; by default that of the job file. A command may have none.
        compute: Name of the compute target.
        environment: ``NAME`` or ``NAME:VERSION`` of one that the workspace keeps, or what is in it.
        experiment: Name of the experiment.
        name: What the run is called; by default a name is drawn.
        tags: Tags of the run.
        variables: Variables of the script's process.
        max_duration: After which time of the script it is ended: seconds, or as ``2h``.
        attempts: How often the job is begun at most, if it fails.
        priority: Jobs with more are begun first.
        slots: How many slots of the target it takes.
        azureml: Whether the script's ``azureml`` is Runyard's SDK.
        inputs: Data by name, as ``STORE:PATH`` or ``@DATASET:VERSION``; ``${{inputs.NAME}}`` in an argument
            is where it is then.
        outputs: Folders that go to a datastore, as ``STORE:PATH``; ``${{outputs.NAME}}`` is the folder.
        sweep: What is searched for with it, where it is a sweep.
    """

    script: str = ""
    arguments: list[Word] = []
    command: str | list[Word] = ""
    folder: str = ""
    compute: str = ""
    environment: str | FileEnvironment = ""
    experiment: str = ""
    name: str = ""
    tags: dict[str, Word] = {}
    variables: dict[str, Word] = {}
    max_duration: int | str = 0
    attempts: int = 1
    priority: int = 0
    slots: int = 1
    azureml: bool = False
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    sweep: SweepTable | None = None

    def config(self, workspace: Workspace | None = None) -> ScriptRunConfig:
        """Return what to submit, with the datasets that it names where a workspace is given.

        Raises:
            NotFound: A file or a dataset that it names is not there.
            InvalidParameter: A part of it can't be.
        """
        wishes = RunConfiguration()
        wishes.target = self.compute or wishes.target
        wishes.environment_variables = _texts(self.variables)
        wishes.max_run_duration_seconds = seconds_of(self.max_duration)
        wishes.max_attempts, wishes.priority, wishes.node_count = self.attempts, self.priority, self.slots
        if isinstance(self.environment, FileEnvironment):
            wishes.environment = environment_of(self.environment)
        elif self.environment:
            wishes.environment = self.environment
        config = ScriptRunConfig(
            self.folder or None,
            self.script or None,
            self.arguments or None,
            run_config=wishes,
            command=self.command or None,
        )
        config.is_azureml = self.azureml
        for name, each in self.inputs.items():
            with _named(f"inputs.{name}"):
                config.inputs[name] = input_of(each, workspace)
        for name, each in self.outputs.items():
            with _named(f"outputs.{name}"):
                config.outputs[name] = output_of(each)
        return config

    def sweep_config(self, workspace: Workspace | None = None) -> SweepConfig:
        """Return what to sweep, with the datasets that it names where a workspace is given.

        Raises:
            NotFound: A file or a dataset that it names is not there.
            InvalidParameter: A part of it can't be, or there is no sweep in it.
        """
        said = self.sweep
        if said is None:
            raise InvalidParameter("The job file has no table `sweep`, with parameters and a metric.")
        return SweepConfig(
            self.config(workspace),
            said.parameters,
            said.metric,
            goal=said.goal,
            sampling=said.sampling,
            max_trials=said.max_trials,
            max_concurrent=said.max_concurrent,
            max_duration_seconds=seconds_of(said.max_duration),
            stopping=said.stopping,
            seed=said.seed,
        )

    def text_tags(self) -> dict[str, str]:
        """Return the tags of the run."""
        return _texts(self.tags)


def read_job_file(path: Path) -> JobFile:
    """Return what a job file says; paths in it begin at its own folder.

    Raises:
        NotFound: It is not there.
        InvalidParameter: It is no TOML or YAML, or has something in it that a job has not.
    """
    text = read_small_file(path)
    if path.suffix.lower() in YAML_SUFFIXES:
        content = parse_yaml(text, f"the job file {str(path)!r}")
    else:
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidParameter(f"The job file {str(path)!r} is no TOML: {error}") from None
    try:
        found = msgspec.convert(content, learnt(JobFile))
    except msgspec.ValidationError as error:
        raise InvalidParameter(
            f"The job file {str(path)!r}: {complaint_about(content, str(error))}"
        ) from None
    found.folder = str(path.parent / found.folder)
    if isinstance(found.environment, FileEnvironment):
        _resolve(found.environment, path.parent)
    return found


def seconds_of(duration: int | str) -> int | None:
    """Return a duration in seconds, which is given as such or as ``2h``; None for one without an end.

    Raises:
        InvalidParameter: It is no duration.
    """
    read = _DURATION.fullmatch(str(duration))
    if read is None:
        raise InvalidParameter(f"max_duration={duration!r} must be seconds, or as 90s, 30m, 2h or 1d.")
    return int(read[1]) * _UNITS_S[read[2]] or None


def complaint_about(content: Mapping[str, object], said: str) -> str:
    """Return what is wrong with a job file in words that name the key.

    Args:
        content: What it says.
        said: What a decoder said of that.
    """
    unknown = _UNKNOWN.search(said)
    if unknown is not None:
        tables: dict[str, type[msgspec.Struct]] = {"environment": FileEnvironment, "sweep": SweepTable}
        names = tables.get(unknown[2], JobFile).__struct_fields__
        likely = difflib.get_close_matches(unknown[1].lower(), names, n=1)
        hint = f"did you mean `{likely[0]}`?" if likely else f"there are {', '.join(names)}."
        return f"there is no key `{unknown[1]}`{f' in `{unknown[2]}`' if unknown[2] else ''}; {hint}"
    sweep = content.get("sweep")
    parameters = sweep.get("parameters") if isinstance(sweep, Mapping) else None
    for name, value in parameters.items() if isinstance(parameters, Mapping) else ():
        if not _can_be_parameter(value):
            return (
                f"`{name}` in `sweep.parameters` is {shown(value)}. Values to choose from are a list of "
                f"words and numbers, as {name} = [1, 2]; bounds are as {name} = {{low = 0.001, high = 0.1}}."
            )
    for table in ("variables", "tags"):
        pairs = content.get(table)
        for name, value in pairs.items() if isinstance(pairs, Mapping) else ():
            if isinstance(value, bool) or not isinstance(value, Word):
                return f"`{name}` in `{table}` is no text and no number: write it in quotes."
    return f"{said}."


def _can_be_parameter(said: object) -> bool:
    values = said.values() if isinstance(said, Mapping) else said
    is_several = isinstance(said, Mapping | list)
    return is_several and all(isinstance(each, bool | Word) for each in cast(Iterable[object], values))


def _resolve(environment: FileEnvironment, folder: Path) -> None:
    if environment.pip_requirements:
        environment.pip_requirements = str(folder / environment.pip_requirements)
    if environment.conda:
        environment.conda = str(folder / environment.conda)


def environment_of(said: FileEnvironment) -> Environment:
    """Return the environment that a job file describes.

    Raises:
        InvalidParameter: It says more than one thing.
        NotFound: A file that it names is not there.
    """
    if sum(map(bool, (said.pip_requirements, said.conda, said.packages))) > 1:
        raise InvalidParameter("An environment has pip_requirements, a conda file or packages: one of them.")
    if said.pip_requirements:
        made = Environment.from_pip_requirements(said.name, said.pip_requirements)
    elif said.conda:
        made = Environment.from_conda_specification(said.name, said.conda)
    else:
        made = Environment(said.name)
        made.python.conda_dependencies = CondaDependencies.create(pip_packages=said.packages)
    if said.python_version:
        _check_python_version(said.python_version)
        made.python.conda_dependencies.set_python_version(str(said.python_version))
    made.environment_variables.update(_texts(said.variables))
    return made


def _check_python_version(version: str | float) -> None:
    if version in (3.1, 3.2):  # what 3.10 and 3.20 are as numbers
        raise InvalidParameter(f'python_version={version} is a number: write it in quotes, as "{version}0".')
    if _PYTHON_VERSION.fullmatch(str(version)) is None:
        raise InvalidParameter(f"python_version={version!r} must be a version of Python, as '3.11'.")


@contextlib.contextmanager
def _named(key: str) -> Iterator[None]:
    """Have errors about data say which key of the job file it is."""
    try:
        yield
    except (InvalidParameter, NotFound) as error:
        raise type(error)(f"{key}: {error}") from None


def _texts(pairs: Mapping[str, Word]) -> dict[str, str]:
    return {name: str(value) for name, value in pairs.items()}
