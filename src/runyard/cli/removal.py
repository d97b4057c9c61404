"""`runyard metric|param|tag|artifact delete`: taking parts of runs away for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import bytes_text, count_text, print_json, say
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.trash import RemoveParts

metric_app = App(name="metric", help="Delete metrics of runs for good.")
param_app = App(name="param", help="Delete params of runs for good.")
tag_app = App(name="tag", help="Delete tags of runs for good.")
artifact_app = App(name="artifact", help="Delete files of runs for good.")

_FIELDS = {
    "metric": "metric_keys",
    "param": "param_keys",
    "tag": "tag_keys",
    "artifact": "artifact_paths",
}


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """From which runs."""

    run: Annotated[
        tuple[RunId, ...], Parameter(name=["--run", "-r"], help="A run's id; may be repeated.")
    ] = ()
    experiment: Annotated[
        tuple[str, ...],
        Parameter(name=["--experiment", "-e"], help="In place of runs, the name of an experiment of theirs."),
    ] = ()
    filter: Annotated[
        str | None, Parameter(help="Only those runs of the experiments, as 'metrics.a < 1'.")
    ] = None


NO_RUNS = Which()
DryRun = Annotated[bool, Parameter(help="Only say how much it would be.")]


@metric_app.command(name="delete")
def delete_metrics(
    *key: Annotated[str, Parameter(help="The metric's key.")],
    which: Which = NO_RUNS,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete all points of metrics, in one run or in many. There is no way back."""
    _remove("metric", key, which, dry_run, place, json)


@param_app.command(name="delete")
def delete_params(
    *key: Annotated[str, Parameter(help="The param's key.")],
    which: Which = NO_RUNS,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete params, in one run or in many. There is no way back."""
    _remove("param", key, which, dry_run, place, json)


@tag_app.command(name="delete")
def delete_tags(
    *key: Annotated[str, Parameter(help="The tag's key.")],
    which: Which = NO_RUNS,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete tags, in one run or in many. There is no way back."""
    _remove("tag", key, which, dry_run, place, json)


@artifact_app.command(name="delete")
def delete_artifacts(
    *path: Annotated[str, Parameter(help="A file or a folder of the run.")],
    which: Which = NO_RUNS,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete files or folders, in one run or in many. There is no way back."""
    _remove("artifact", path, which, dry_run, place, json)


def _remove(
    kind: str, named: tuple[str, ...], which: Which, dry_run: bool, place: Place, as_json: bool
) -> None:
    if not named:
        raise InvalidParameter(f"Name the {kind}s to delete.")
    if not which.run and not which.experiment:
        raise InvalidParameter("Say in which runs: --run ID, or --experiment NAME for all runs of one.")
    workspace = place.open()
    parts = RemoveParts(
        run_ids=list(which.run),
        experiment_ids=[workspace.experiments[name].id for name in which.experiment],
        filter=which.filter,
        dry_run=dry_run,
    )
    setattr(parts, _FIELDS[kind], list(named))
    removed = workspace.trash.remove_parts(parts)
    if not removed.runs:
        raise NotFound(f"None of these runs has {kind} {' or '.join(map(repr, named))}.")
    if as_json:
        print_json(msgspec.to_builtins(removed))
        return
    verb = "would be" if dry_run else "were"
    size = bytes_text(removed.database_bytes + removed.artifact_bytes)
    say(f"{size} {verb} deleted in {count_text(removed.runs, 'run')}.")
