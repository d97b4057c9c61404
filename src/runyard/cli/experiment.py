"""`runyard experiment`: what experiments a workspace has."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.log import changed_tags, pairs_of
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_pairs, print_table, say, time_text
from runyard.errors import AlreadyExists, NotFound
from runyard.sdk.experiment import Experiment
from runyard.sdk.workspace import Workspace

app = App(name="experiment", help="List, create, rename, tag, delete and restore experiments.")

Which = Annotated[str, Parameter(help="The experiment's id, or its name.")]


@app.command(name="list")
def list_experiments(
    *,
    deleted: Annotated[bool, Parameter(help="Those in the trash instead.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the experiments of a workspace, the newest first."""
    found = Experiment.list(place.open(), view_type="ArchivedOnly" if deleted else "ActiveOnly")
    if json:
        print_json([_described(experiment) for experiment in found])
        return
    print_table(
        ("ID", "NAME", "CREATED", "TAGS"),
        (
            (
                experiment.id,
                experiment.name,
                time_text(experiment.created_ms),
                ", ".join(f"{key}={value}" for key, value in _own_tags(experiment).items()),
            )
            for experiment in found
        ),
    )


@app.command
def create(
    name: Annotated[str, Parameter(help="Its name.")],
    *,
    tag: Annotated[
        tuple[str, ...], Parameter(name=["--tag", "-t"], help="As team=robots; may be repeated.")
    ] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make an experiment and print its id."""
    workspace = place.open()
    if Experiment.list(workspace, name, view_type="All"):
        raise AlreadyExists(f"Workspace {workspace.name!r} has an experiment {name!r}, maybe in the trash.")
    made = Experiment(workspace, name)
    if tag:
        made.set_tags(pairs_of(tag))
    if json:
        print_json(_described(made))
    else:
        say(made.id)


@app.command
def rename(
    experiment: Which,
    name: Annotated[str, Parameter(help="Its new name.")],
    *,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Give an experiment another name; its id and its runs stay."""
    workspace = place.open()
    renamed = workspace.get_experiment(_found(workspace, experiment))
    renamed.rename(name)
    _said([renamed.id], [renamed.name], "is its name now", as_json=json)


@app.command
def tag(
    experiment: Which,
    *pair: Annotated[str, Parameter(help="A tag and its value, as team=robots.")],
    remove: Annotated[tuple[str, ...], Parameter(help="A tag to take away; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Set tags of an experiment, and take others away."""
    tags, workspace = changed_tags(pair, remove), place.open()
    tagged = workspace.get_experiment(_found(workspace, experiment))
    if tags:
        tagged.set_tags(tags)
    if remove:
        tagged.remove_tags([*remove])
    if json:
        print_json(tagged.tags)
    else:
        print_pairs(dict(sorted(tagged.tags.items())))


@app.command
def delete(
    experiment: Which,
    *more: Which,
    reuse_name: Annotated[
        bool, Parameter(help="Free its name at once: in the trash it has another one, with its id.")
    ] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Move experiments with their runs to the trash; `runyard experiment restore` brings them back.

    The name stays taken until `runyard gc` takes the experiment away, unless it is to be reused.
    """
    workspace = place.open()
    ids = [_found(workspace, each) for each in (experiment, *more)]
    names = workspace.trash.delete_experiments(ids, reuse_name=reuse_name)
    _said(ids, names, "moved to the trash", as_json=json)


@app.command
def restore(
    experiment: Which,
    *more: Which,
    name: Annotated[str | None, Parameter(help="Another name for it.")] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring experiments with their runs back from the trash."""
    workspace = place.open()
    ids = [_found(workspace, each) for each in (experiment, *more)]
    _said(ids, workspace.trash.restore_experiments(ids, new_name=name), "restored", as_json=json)


def _found(workspace: Workspace, text: str) -> str:
    """Return the id of an experiment, in the trash or not; what is a number is an id.

    Raises:
        NotFound: The workspace has none of that id or name.
    """
    if text.isdecimal():
        return workspace.get_experiment(text).id
    found = Experiment.list(workspace, text, view_type="All")
    if not found:
        raise NotFound(f"Workspace {workspace.name!r} has no experiment {text!r}, in the trash or not.")
    return found[0].id


def _said(ids: list[str], names: list[str], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json([{"experiment_id": id_, "name": name} for id_, name in zip(ids, names, strict=True)])
        return
    for id_, name in zip(ids, names, strict=True):
        say(f"{id_} ({name}) {done}")


def _own_tags(experiment: Experiment) -> dict[str, str]:
    return {key: value for key, value in experiment.tags.items() if not key.startswith("mlflow.")}


def _described(experiment: Experiment) -> dict[str, object]:
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "created_ms": experiment.created_ms,
        "is_active": experiment.is_active,
        "tags": experiment.tags,
        "url": experiment.get_portal_url(),
    }
