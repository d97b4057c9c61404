"""`runyard model`: registering models, looking at them, bringing them here, deleting many at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.log import pairs_of
from runyard.cli.model_names import alias, create, unalias, update
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import (
    bytes_text,
    print_json,
    print_pairs,
    print_parts,
    print_table,
    say,
    time_text,
)
from runyard.errors import InvalidParameter
from runyard.sdk.connection import connection_of
from runyard.sdk.model import Model
from runyard.sdk.model_files import list_files
from runyard.sdk.workspace import Workspace

app = App(name="model", help="Register, list, show, describe, alias, download and delete models.")
app.command(create)
app.command(update)
app.command(alias)
app.command(unalias)

WORKING_FOLDER = Path()

Tags = Annotated[tuple[str, ...], Parameter(name=["--tag", "-t"], help="As team=robots; may be repeated.")]
ModelName = Annotated[str, Parameter(help="The model, as ridge for its latest version, or ridge:3.")]

DryRun = Annotated[bool, Parameter(help="Only say which.")]
Filter = Annotated[
    str | None,
    Parameter(name=["--filter", "-f"], help="In place of names, a search as \"tags.draft = 'yes'\"."),
]


@app.command
def register(
    name: Annotated[str, Parameter(help="The model's name; it is made if there is none.")],
    path: Annotated[Path, Parameter(help="A file or a folder: of this machine, or with --run of the run.")],
    *,
    run: Annotated[
        str | None, Parameter(name=["--run", "-r"], help="The id of the run whose files they are.")
    ] = None,
    tag: Tags = (),
    property: Annotated[
        tuple[str, ...], Parameter(help="As data=2026-11, written once; may be repeated.")
    ] = (),
    description: Annotated[str | None, Parameter(name=["--description", "-d"], help="What it is.")] = None,
    framework: Annotated[str | None, Parameter(help="What it was made with, as ScikitLearn.")] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Register the next version of a model."""
    tags, properties = (pairs_of(texts) if texts else {} for texts in (tag, property))
    workspace = place.open()
    if run is None:
        model = Model.register(
            workspace, path, name, tags, properties, description, model_framework=framework
        )
    else:
        model = workspace.get_run(run).register_model(
            name, path.as_posix(), tags, properties, framework, description=description
        )
    if json:
        print_json(model.serialize())
    else:
        say(f"{model.name} version {model.version}")


@app.command(name="list")
def list_models(
    name: Annotated[str | None, Parameter(help="Only versions of this model.")] = None,
    *,
    latest: Annotated[bool, Parameter(help="Only the latest version of each model.")] = False,
    run: Annotated[str | None, Parameter(name=["--run", "-r"], help="Only versions from this run.")] = None,
    tag: Tags = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List versions of models, the last changed first."""
    wanted = dict(text.partition("=")[::2] if "=" in text else (text, None) for text in tag)
    models = Model.list(place.open(), name, wanted, run_id=run, latest=latest)
    if json:
        print_json([model.serialize() for model in models])
        return
    print_table(
        ("NAME", "VERSION", "ALIASES", "REGISTERED", "RUN ID", "TAGS"),
        (
            (
                model.name,
                str(model.version),
                " ".join(model.aliases),
                time_text(round(model.created_time.timestamp() * 1000)),
                model.run_id,
                " ".join(f"{key}={value}" for key, value in sorted(model.tags.items())),
            )
            for model in models
        ),
    )


@app.command
def show(name: ModelName, *, place: Place = HERE, json: Json = False) -> None:
    """Show a version of a model: where it comes from, its tags, its properties and its files."""
    workspace = place.open()
    model = _named(workspace, name)
    files = list_files(connection_of(workspace), model.name, model.version)
    if json:
        print_json({**model.serialize(), "files": [file.path for file in files]})
        return
    shown = {
        "Model": model.name,
        "Version": str(model.version),
        "Description": model.description,
        "Aliases": ", ".join(model.aliases),
        "Registered": time_text(round(model.created_time.timestamp() * 1000)),
        "Run": model.run_id,
        "For MLflow": model.url,
    }
    print_pairs({title: value for title, value in shown.items() if value})
    print_parts(
        {"Tags": model.tags, "Properties": model.properties},
        [f"{file.path}  {bytes_text(file.file_size or 0)}" for file in files],
    )


@app.command
def download(
    name: ModelName,
    *,
    to: Annotated[
        Path, Parameter(help="Folder to put it into; by default the working one.")
    ] = WORKING_FOLDER,
    overwrite: Annotated[bool, Parameter(help="Replace what is there already.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring a version of a model to this machine."""
    written = Path(_named(place.open(), name).download(to, exist_ok=overwrite)).absolute()
    if json:
        print_json(str(written))
    else:
        say(str(written))


@app.command
def delete(
    *name: Annotated[str, Parameter(help="The registered model's, or the prompt's, name.")],
    filter: Filter = None,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete registered models with all their versions. There is no way back.

    Files that nothing else needs go with the next `runyard gc`.
    """
    trash = place.open().trash
    names = trash.remove_registered_models(name, filter_text=filter, dry_run=dry_run)
    if json:
        print_json(names)
        return
    for each in names:
        say(f"{each} {_done(dry_run)}")
    _say_if_none(names)


@app.command(name="delete-version")
def delete_version(
    name: Annotated[str | None, Parameter(help="The registered model's name.")] = None,
    *version: Annotated[str, Parameter(help="The version's number.")],
    filter: Filter = None,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete versions of a registered model, or those that a search finds. There is no way back."""
    if (name is None) == (filter is None) or (name is not None and not version):
        raise InvalidParameter("Name a model and the numbers of its versions, or give a --filter.")
    named = [] if name is None else [(name, each) for each in version]
    versions = place.open().trash.remove_model_versions(named, filter_text=filter, dry_run=dry_run)
    if json:
        print_json([{"name": each, "version": number} for each, number in versions])
        return
    for each, number in versions:
        say(f"{each} version {number} {_done(dry_run)}")
    _say_if_none(versions)


def _named(workspace: Workspace, name: str) -> Model:
    return Model(workspace, id=name) if ":" in name else Model(workspace, name)


def _done(dry_run: bool) -> str:
    return "would be deleted" if dry_run else "deleted"


def _say_if_none(found: list[str] | list[tuple[str, str]]) -> None:
    if not found:
        say("Nothing was found.")
