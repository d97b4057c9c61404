"""`runyard model`: deleting registered models and versions of them, many at once."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, say
from runyard.errors import InvalidParameter

app = App(name="model", help="Delete registered models and versions of them for good.")

DryRun = Annotated[bool, Parameter(help="Only say which.")]
Filter = Annotated[
    str | None,
    Parameter(name=["--filter", "-f"], help="In place of names, a search as \"tags.draft = 'yes'\"."),
]


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


def _done(dry_run: bool) -> str:
    return "would be deleted" if dry_run else "deleted"


def _say_if_none(found: list[str] | list[tuple[str, str]]) -> None:
    if not found:
        say("Nothing was found.")
