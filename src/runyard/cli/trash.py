"""`runyard trash` and `runyard gc`: what was deleted, bringing it back, freeing its space."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import bytes_text, print_json, print_pairs, print_table, say, time_text
from runyard.entities.trash import Freed
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.collection import Collected
from runyard.sdk.progress import is_terminal_watched
from runyard.sdk.workspace import Workspace

app = App(name="trash", help="List what was deleted, and bring it back.")

OlderThan = Annotated[
    str, Parameter(help="Only what was deleted so long ago, as 30d, 12h, or 1d12h as MLflow writes it.")
]
KeepLast = Annotated[
    int,
    Parameter(
        help="How many runs stay in the trash of each experiment, the last started ones.",
        validator=Number(gte=0),
    ),
]
Untagged = Annotated[bool, Parameter(help="Only runs and models without tags of their own.")]

_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command(name="list")
def list_trash(*, place: Place = HERE, json: Json = False) -> None:
    """List what is in the trash of a workspace, the last deleted first."""
    items = list(place.open().trash.list_items())
    if json:
        print_json(
            [
                {
                    "kind": item.kind,
                    "id": item.id,
                    "name": item.name,
                    "experiment_id": item.experiment_id,
                    "deleted_ms": item.deleted_ms,
                }
                for item in items
            ]
        )
        return
    print_table(
        ("KIND", "ID", "NAME", "DELETED", "EXPERIMENT"),
        (
            (
                item.kind.replace("_", " "),
                item.id,
                item.name,
                time_text(item.deleted_ms),
                item.experiment_id,
            )
            for item in items
        ),
    )


@app.command
def restore(
    *id: Annotated[str, Parameter(help="The id of a run, a logged model or an experiment, as listed.")],
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring back what is in the trash, of whatever kind it is."""
    if not id:
        raise InvalidParameter("Name what to bring back by its id, as `runyard trash list` prints it.")
    trash = place.open().trash
    kinds = {item.id: item.kind for item in trash.list_items()}
    missing = [each for each in id if each not in kinds]
    if missing:
        raise NotFound(f"The trash holds nothing of the id {missing[0]!r}.")
    for kind, restored in (
        ("experiment", trash.restore_experiments),
        ("run", trash.restore_runs),
        ("logged_model", trash.restore_logged_models),
    ):
        ids = [each for each in id if kinds[each] == kind]
        if ids:
            restored(ids)
    if json:
        print_json([{"kind": kinds[each], "id": each} for each in id])
        return
    for each in id:
        say(f"{kinds[each].replace('_', ' ')} {each} restored")


def gc(
    *,
    dry_run: Annotated[bool, Parameter(help="Only say how much it would be.")] = False,
    older_than: OlderThan = "0s",
    experiment: Annotated[
        tuple[str, ...],
        Parameter(name=["--experiment", "-e"], help="Only this experiment, by id or name; may be repeated."),
    ] = (),
    run: Annotated[
        tuple[str, ...], Parameter(name=["--run", "-r"], help="Only this run's id; may be repeated.")
    ] = (),
    keep_last: KeepLast = 0,
    untagged: Untagged = False,
    rules: Annotated[
        bool, Parameter(help="Only what the rules of `runyard retention` let go; goes with no other rule.")
    ] = False,
    all_workspaces: Annotated[bool, Parameter(help="In every workspace that you may see.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Free the space of what is in the trash: take it away for good, with its files.

    What is not in the trash is never touched. It may be stopped at any time; the next one goes on.
    """
    age = parse_age(older_than)
    if rules and (age or keep_last or untagged or experiment or run):
        raise InvalidParameter(
            "--rules goes alone: what `runyard retention` says stands in place of --older-than, --keep-last, "
            "--untagged, --experiment and --run."
        )
    workspaces = _all(place) if all_workspaces else [place.open()]
    described = []
    for workspace in workspaces:
        with progress_shown(not json) as on_progress:
            collected = workspace.trash.collect(
                older_than=age,
                experiment_ids=[experiment_id_of(workspace, each) for each in experiment],
                run_ids=run,
                keep_last=keep_last,
                untagged=untagged,
                by_rules=rules,
                dry_run=dry_run,
                on_progress=on_progress,
            )
        described.append({"workspace": workspace.name, **describe(collected)})
        if not json:
            print_freed(workspace.name, collected, dry_run=dry_run)
    if json:
        print_json(described if all_workspaces else described[0])


def print_freed(workspace: str, collected: Collected, *, dry_run: bool) -> None:
    """Print what was freed in a workspace, or would be, by kind."""
    freed = collected.freed
    say(f"Workspace {workspace}: {bytes_text(freed.total_bytes)} {'would be' if dry_run else 'were'} freed.")
    counts = {
        "Experiments": freed.experiments,
        "Runs": freed.runs,
        "Logged models": freed.logged_models,
        "Datasets": freed.datasets,
    }
    lines = {name: str(count) for name, count in counts.items() if count}
    if freed.trace_bytes:
        lines["Traces"] = f"{freed.traces}, {bytes_text(freed.trace_bytes)}"
    if freed.metric_points:
        lines["Metrics"] = f"{freed.metric_points} points, {bytes_text(freed.metric_bytes)}"
    if freed.other_bytes:
        lines["Other rows"] = bytes_text(freed.other_bytes)
    if freed.artifact_files:
        lines["Artifacts"] = f"{freed.artifact_files} files, {bytes_text(freed.artifact_bytes)}"
    lines["Database"] = f"now {bytes_text(collected.database_bytes)}"
    print_pairs(lines, indent="  ")


def describe(collected: Collected) -> dict[str, int]:
    """Return what was freed as numbers by name."""
    freed = collected.freed
    return {**asdict(freed), "freed_bytes": freed.total_bytes, "database_bytes": collected.database_bytes}


@contextlib.contextmanager
def progress_shown(is_wanted: bool) -> Iterator[Callable[[Freed], None]]:
    """Show on a screen how far a collection is, and nothing in a pipe."""
    if not is_wanted or not is_terminal_watched():
        yield lambda freed: None
        return
    with Console(stderr=True).status("Looking into the trash") as status:

        def show(freed: Freed) -> None:
            size = bytes_text(freed.total_bytes)
            status.update(f"{freed.runs} runs, {freed.artifact_files} files, {size}")

        yield show


def experiment_id_of(workspace: Workspace, text: str) -> str:
    """Return the id of an experiment in the trash or not; what is a number is an id."""
    if text.isdecimal():
        return text
    for item in workspace.trash.list_items():
        if item.kind == "experiment" and item.name == text:
            return item.id
    return workspace.experiments[text].id


def parse_age(text: str, option: str = "--older-than") -> timedelta:
    """Return how long ago an option says.

    Args:
        text: What was given.
        option: Its name, for the error.

    Raises:
        InvalidParameter: It does not say that.
    """
    parts = _AGE.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidParameter(f"{option} is a time as 30d, 12h or 1d12h, not {text!r}.")
    try:
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise InvalidParameter(f"{option} {text} is longer than any time there was.") from None


def age_text(age: timedelta) -> str:
    """Return a time as an option says it, to the second."""
    left, told = int(age.total_seconds()), ""
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        told += f"{count}{unit}" if count else ""
    return told or "0s"


def _all(place: Place) -> list[Workspace]:
    found = Workspace.list(url=place.address()).values()
    return [workspace for same_name in found for workspace in same_name]
