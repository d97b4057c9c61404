"""`runyard job again`: a job that was submitted before, as it was or with changes."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from runyard.cli.job_submit import NO_WISHES, Stream, Wishes, follow, say_submitted, wished_environment
from runyard.cli.log import pairs_of
from runyard.cli.options import HERE, Json, Place, RunId
from runyard.sdk.experiment import Experiment
from runyard.sdk.job_file import FileEnvironment, environment_of, seconds_of
from runyard.sdk.workspace import Workspace

Words = Annotated[
    str, Parameter(help="What the script is given in place of all that it was given; after `--`.")
]
Settings = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        help="Another value of an option of the script, as `lr=0.1` for `--lr`; may be repeated.",
    ),
]


def again(
    run_id: RunId,
    *words: Words,
    settings: Settings = (),
    wishes: Wishes = NO_WISHES,
    stream: Stream = False,
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Submit a job again: the same code, environment, data and limits, but for what is said here.

    The code is what was sent then, whatever has become of its folder; --folder takes it anew.
    """
    workspace = place.open()
    run = workspace.get_run(run_id).submit_again(**changes_of(workspace, words, settings, wishes))
    say_submitted(run, json=json)
    return follow(run) if stream else 0


def changes_of(
    workspace: Workspace, words: tuple[str, ...], settings: tuple[str, ...], wishes: Wishes
) -> dict[str, Any]:
    """Return what `Run.submit_again` is asked for.

    Raises:
        InvalidParameter: Something that was said can't be.
        NotFound: A file that was named is not there.
    """
    wished = wished_environment(wishes)
    environment = environment_of(wished) if isinstance(wished, FileEnvironment) else wished
    return {
        "arguments": list(words) if words else None,
        "options": pairs_of(settings) if settings else None,
        "display_name": wishes.name,
        "tags": pairs_of(wishes.tag) if wishes.tag else None,
        "environment_variables": pairs_of(wishes.env) if wishes.env else None,
        "compute_target": wishes.compute,
        "environment": environment,
        "source_directory": wishes.folder,
        "max_run_duration_seconds": (
            None if wishes.max_duration is None else seconds_of(wishes.max_duration) or 0
        ),
        "max_attempts": wishes.attempts,
        "priority": wishes.priority,
        "slots": wishes.slots,
        "is_azureml": wishes.azureml or None,
        "experiment": Experiment(workspace, wishes.experiment) if wishes.experiment else None,
    }
