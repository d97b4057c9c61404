"""Submitting again: what a job or a sweep was submitted with, with what is to be different."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from runyard.errors import InvalidParameter
from runyard.protocol.limits import check_first_tags
from runyard.protocol.messages.jobs import JobAnswer, SubmitJob, WireJob
from runyard.sdk.job_data import RUN_ID, JobData
from runyard.sdk.job_submission import SentCode, Submitter, arguments_tag, whole_number
from runyard.sdk.option_words import option_name, with_options
from runyard.sdk.run_configuration import checked_variables, target_name
from runyard.sdk.script.recorded_run import NOTE_TAG
from runyard.sdk.script_run_config import ScriptRunConfig, checked_words, wire_environment

if TYPE_CHECKING:
    from runyard.sdk.compute import ComputeTarget
    from runyard.sdk.compute_pool import LocalTarget
    from runyard.sdk.environment import Environment

Wanted = TypeVar("Wanted", bound=SubmitJob)

_OURS = ("mlflow.", "runyard.")
_OF_CODE = "mlflow.source.git."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different in another submission; what is None is as it was.

    Args:
        arguments: What the script is given in place of all that it was given; of a command, all its words.
        options: Other values of options among those.
        display_name: What the run is called.
        tags: Tags beside those of before.
        environment_variables: Variables beside those of before.
        compute_target: Where it runs.
        environment: What it needs around it.
        source_directory: A folder with other code.
        max_run_duration_seconds: After how many seconds of the script it is ended; 0 for never.
        max_attempts: How often it is begun at most, if it fails.
        priority: Jobs with more are begun first.
        slots: How many slots of the target it takes.
        is_azureml: Whether the script's ``azureml`` is Runyard's SDK.
    """

    arguments: Sequence[object] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    display_name: str | None = None
    tags: Mapping[str, object] = field(default_factory=dict)
    environment_variables: Mapping[str, object] = field(default_factory=dict)
    compute_target: str | ComputeTarget | LocalTarget | None = None
    environment: Environment | str | None = None
    source_directory: str | None = None
    max_run_duration_seconds: int | None = None
    max_attempts: int | None = None
    priority: int | None = None
    slots: int | None = None
    is_azureml: bool | None = None


def wanted_of(answer: JobAnswer, tags: Mapping[str, str]) -> SubmitJob:
    """Return what a job was submitted with, whose run has these tags; its outputs are those of a new run."""
    job = answer.job
    both = set(WireJob.__struct_fields__) & set(SubmitJob.__struct_fields__)
    outputs = {
        name: msgspec.structs.replace(each, path=each.path.replace(job.run_id, RUN_ID))
        for name, each in job.outputs.items()
    }
    said: dict[str, Any] = {name: getattr(job, name) for name in both}
    said |= {"environment": answer.environment, "outputs": outputs, "tags": tags}
    return SubmitJob(**said)


def changed(submitter: Submitter, wanted: Wanted, changes: Changes) -> tuple[Wanted, SentCode]:
    """Send the code, if it is another one, and return what to ask for.

    Raises:
        InvalidParameter: A change can't be; the message names it.
        NotFound: There is no such folder, or the script is not in it.
        TooLarge: The code is too large; the largest files are named.
    """
    code = SentCode(wanted.snapshot, _tags_of_code(wanted.tags))
    if changes.source_directory is not None:
        ScriptRunConfig(changes.source_directory, wanted.script or None, **_command(wanted)).checked_script()
        code = submitter.sent_code(changes.source_directory)
    said = {**_program(wanted, changes), **_wishes(wanted, changes)}
    own = {key: value for key, value in wanted.tags.items() if not key.startswith(_OURS)}
    tags = {**code.tags, **own, **arguments_tag(said["arguments"])}
    tags |= {key: str(value) for key, value in changes.tags.items()}
    check_first_tags(tags)
    said |= {"snapshot": code.sha256, "tags": tags, "run_id": uuid.uuid4().hex}
    return msgspec.structs.replace(wanted, **said), code


def refuse_swept(options: Mapping[str, object], parameters: Mapping[str, object]) -> None:
    """Return if no option is one whose values a sweep finds.

    Raises:
        InvalidParameter: One is.
    """
    for name in sorted({option_name(each) for each in options} & {option_name(each) for each in parameters}):
        raise InvalidParameter(f"{name} is a parameter of the sweep, which finds its values.")


def _command(wanted: SubmitJob) -> dict[str, Any]:
    return {} if wanted.script else {"command": wanted.command}


def _program(wanted: SubmitJob, changes: Changes) -> dict[str, Any]:
    """Return the words of what runs, and the data that they name."""
    data = JobData(wanted.inputs, wanted.outputs)
    words = wanted.arguments if wanted.script else wanted.command
    if changes.arguments is not None:
        words = checked_words(changes.arguments, "arguments", data)
    words = with_options(words, changes.options)
    if not wanted.script and not words:
        raise InvalidParameter("arguments must have a word: they are the command.")
    return {
        "arguments": words if wanted.script else [],
        "command": [] if wanted.script else words,
        "inputs": data.inputs,
        "outputs": data.outputs,
    }


def _wishes(wanted: SubmitJob, changes: Changes) -> dict[str, Any]:
    said: dict[str, Any] = {
        "run_name": changes.display_name or wanted.run_name,
        "variables": {**wanted.variables, **checked_variables(changes.environment_variables)},
        "max_duration_s": whole_number(
            changes.max_run_duration_seconds, wanted.max_duration_s, 0, "max_run_duration_seconds"
        ),
        "max_attempts": whole_number(changes.max_attempts, wanted.max_attempts, 1, "max_attempts"),
        "priority": whole_number(changes.priority, wanted.priority, 0, "priority", least=None),
        "slots": whole_number(changes.slots, wanted.slots, 1, "slots"),
    }
    if changes.is_azureml is not None:
        said["is_azureml"] = changes.is_azureml
    if changes.compute_target is not None:
        said["compute"] = target_name(changes.compute_target, "compute_target")
    if changes.environment is not None:
        said["environment"] = wire_environment(changes.environment)
    return said


def _tags_of_code(tags: Mapping[str, str]) -> dict[str, str]:
    """Return what git said of the code; that stays with it, and with no other."""
    return {key: value for key, value in tags.items() if key.startswith(_OF_CODE) or key == NOTE_TAG}
