"""`runyard job submit`: a script, or what a job file names, for the workspace to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from runyard.cli.job_end import exit_code_of, interruptible
from runyard.cli.log import pairs_of
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import note, one_line, print_json, say
from runyard.cli.run_words import SUBMIT, options_among
from runyard.errors import InvalidParameter
from runyard.sdk.experiment import Experiment
from runyard.sdk.job_file import FileEnvironment, JobFile, read_job_file
from runyard.sdk.run import Run
from runyard.sdk.workspace import Workspace

_DEFAULT_EXPERIMENT_ID = "0"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is said of a job beside what it runs; a job file says the rest."""

    folder: Annotated[
        Path | None, Parameter(help="The folder with the code; by default that of the script.")
    ] = None
    compute: Annotated[
        str | None, Parameter(help="Name of the compute target; by default `local`, the server's machine.")
    ] = None
    environment: Annotated[
        str | None, Parameter(help="An environment of the workspace, NAME or NAME:VERSION.")
    ] = None
    pip_requirements: Annotated[
        Path | None, Parameter(help="In its place, a file of pip's requirements.")
    ] = None
    conda: Annotated[Path | None, Parameter(help="In its place, a conda file.")] = None
    experiment: Annotated[
        str | None,
        Parameter(name=["--experiment", "-e"], help="Name of the experiment; it is made if need be."),
    ] = None
    name: Annotated[str | None, Parameter(help="What the run is called; by default a name is drawn.")] = None
    tag: Annotated[tuple[str, ...], Parameter(help="A tag of the run as KEY=VALUE; may be repeated.")] = ()
    env: Annotated[
        tuple[str, ...], Parameter(help="A variable of the script as NAME=VALUE; may be repeated.")
    ] = ()
    max_duration: Annotated[
        str | None, Parameter(help="End the script after so many seconds, or as 30m, 2h, 1d.")
    ] = None
    attempts: Annotated[
        int | None, Parameter(help="How often to begin it at most, if it fails; by default once.")
    ] = None
    priority: Annotated[int | None, Parameter(help="Jobs with more are begun first; by default 0.")] = None
    slots: Annotated[int | None, Parameter(help="How many slots of the target it takes; by default one.")] = (
        None
    )
    azureml: Annotated[
        bool, Parameter(help="The script is one for Azure ML's first SDK; it imports Runyard's as `azureml`.")
    ] = False

    def over(self, file: JobFile) -> JobFile:
        """Return what a job file says, with these wishes in place of its own."""
        said = {
            "folder": None if self.folder is None else str(self.folder),
            "compute": self.compute,
            "environment": wished_environment(self),
            "experiment": self.experiment,
            "name": self.name,
            "max_duration": self.max_duration,
            "attempts": self.attempts,
            "priority": self.priority,
            "slots": self.slots,
            "azureml": self.azureml or None,
            "tags": {**file.tags, **(pairs_of(self.tag) if self.tag else {})},
            "variables": {**file.variables, **(pairs_of(self.env) if self.env else {})},
        }
        return msgspec.structs.replace(
            file, **{key: value for key, value in said.items() if value is not None}
        )


NO_WISHES = Wishes()
Stream = Annotated[
    bool, Parameter(help="Show what it prints until it has ended; the exit code is the script's.")
]


def submit(
    *script: Annotated[str, Parameter(help="A script, and what to pass on to it unchanged.")],
    file: Annotated[
        Path | None,
        Parameter(name=["--file", "-f"], help="A job file, TOML or YAML; options go before what it says."),
    ] = None,
    command: Annotated[
        bool, Parameter(help="What follows is no script but a command with its arguments.")
    ] = False,
    wishes: Wishes = NO_WISHES,
    stream: Stream = False,
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Submit a script with its folder to a compute target, where it runs without this program.

    Our own options come before the script. What .runyardignore, else .amlignore, else .gitignore names stays
    here; on this machine itself a script runs by `runyard run`.
    """
    wanted = wishes.over(JobFile() if file is None else read_job_file(file))
    ours = [] if command else options_among(script[1:], SUBMIT)
    if ours:
        note(
            f"{ours[0]} stands behind the script, so the script gets it. What is for runyard goes before: "
            f"runyard job submit {ours[0]} … {script[0]}"
        )
    if script:
        _set_program(wanted, script, is_command=command)
    if not wanted.script and not wanted.command:
        raise InvalidParameter(
            "Name a script, as in `runyard job submit train.py`, or a job file by --file. See "
            "`runyard job submit --help`."
        )
    run = _submitted(place.open(), wanted)
    if wanted.sweep is not None:
        note(f"This is one job; what its file searches for is begun by: runyard sweep submit {file}")
    say_submitted(run, json=json)
    return follow(run) if stream else 0


def follow(run: Run) -> int:
    """Show what a job prints until it has ended, and return its exit code."""
    with interruptible(f"runyard job logs -f {run.id}", f"runyard job cancel {run.id}"):
        run.stream_console()
        return exit_code_of(run)


def _set_program(wanted: JobFile, words: tuple[str, ...], *, is_command: bool) -> None:
    """Let the words of the command line stand in place of what a job file runs, or behind its script."""
    if is_command:
        wanted.script, wanted.arguments, wanted.command = "", [], list(words)
        return
    folder, name = _place_of(words[0], wanted.folder)
    wanted.folder, wanted.script, wanted.arguments, wanted.command = folder, name, list(words[1:]), ""


def _place_of(script: str, folder: str) -> tuple[str, str]:
    """Return the folder and the script's path in it: that may be written as it is seen from here."""
    path = Path(script)
    if not folder:
        return str(path.parent), path.name
    if path.is_absolute() or not (Path(folder) / path).is_file():
        below, around = path.resolve(), Path(folder).resolve()
        if below.is_relative_to(around):
            return folder, below.relative_to(around).as_posix()
    return folder, script


def wished_environment(wishes: Wishes) -> str | FileEnvironment | None:
    """Return the environment that is wished for: a name, or what a file says.

    Raises:
        InvalidParameter: There is more than one.
    """
    name, pip_requirements, conda = wishes.environment, wishes.pip_requirements, wishes.conda
    if sum(each is not None for each in (name, pip_requirements, conda)) > 1:
        raise InvalidParameter("Give an --environment, --pip-requirements or a --conda file: one of them.")
    if pip_requirements is not None:
        return FileEnvironment(pip_requirements=str(pip_requirements))
    return FileEnvironment(conda=str(conda)) if conda is not None else name


def _submitted(workspace: Workspace, wanted: JobFile) -> Run:
    config = wanted.config(workspace)
    config.checked_script()
    experiment = experiment_of(workspace, wanted)
    return experiment.submit(config, wanted.text_tags(), display_name=wanted.name or None)


def experiment_of(workspace: Workspace, wanted: JobFile) -> Experiment:
    """Return the experiment that a job file names, else the one of the environment, else the first."""
    experiment = wanted.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if experiment:
        return Experiment(workspace, experiment)
    return workspace.get_experiment(_DEFAULT_EXPERIMENT_ID)


def say_submitted(run: Run, *, json: bool) -> None:
    """Say that a job is submitted: its run's id on standard output."""
    if json:
        print_json(msgspec.to_builtins(run.job))
        return
    job = run.job
    say(run.id)
    where = f" to {job.compute}" if job else ""
    waits = f", number {job.position} in its queue" if job and job.position else ""
    note(one_line(f"Run {run.display_name} is submitted{where}{waits}: {run.get_portal_url()}"))
