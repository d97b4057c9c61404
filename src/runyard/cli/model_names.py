"""Parts of `runyard model`, and `runyard prompt`: registered names, what is said of them, and aliases."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.log import pairs_of
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_pairs, print_table, say, time_text
from runyard.entities.registered_model import PROMPT_TEXT_TAG
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.model_versions import NamedVersion
from runyard.protocol.messages.registered_models import ModelVersionAnswer, WireRegisteredModel
from runyard.sdk.model import Model
from runyard.sdk.model_search import VERSIONS, split_id

prompt_app = App(name="prompt", help="List and show prompts; `runyard model` changes and deletes them.")

Name = Annotated[str, Parameter(help="The registered model's, or the prompt's, name.")]
Description = Annotated[str | None, Parameter(name=["--description", "-d"], help="What it is.")]
Alias = Annotated[str, Parameter(help="The alias, as champion.")]
Tags = Annotated[tuple[str, ...], Parameter(name=["--tag", "-t"], help="As team=robots; may be repeated.")]


def create(
    name: Annotated[str, Parameter(help="The registered model's name.")],
    *,
    description: Description = None,
    tag: Tags = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make a registered model without a version; `runyard model register` makes one as need be."""
    made = place.open().registered_models.create(
        name, description=description or "", tags=pairs_of(tag) if tag else None
    )
    _show_change(made, "made", json)


def update(
    name: Annotated[str, Parameter(help="A version, as ridge:3, or the model or prompt as a whole: ridge.")],
    *,
    description: Description = None,
    tag: Annotated[
        tuple[str, ...],
        Parameter(name=["--tag", "-t"], help="A version's, as team=robots; may be repeated."),
    ] = (),
    remove_tag: Annotated[tuple[str, ...], Parameter(help="A tag of a version to take away.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Say anew what a model or a prompt is, or what a version of a model is, and set tags of a version."""
    if description is None and not tag and not remove_tag:
        raise InvalidParameter("Give a --description, or for a version a --tag or a --remove-tag.")
    workspace = place.open()
    if ":" not in name:
        if tag or remove_tag or description is None:
            raise InvalidParameter(f"Tags are a version's: name one, as {name}:1, not {name!r}.")
        _show_change(workspace.registered_models.describe(name, description), "changed", json)
        return
    model = Model(workspace, id=name)
    if tag:
        model.add_tags(pairs_of(tag))
    if remove_tag:
        model.remove_tags(remove_tag)
    model.update(description=description)
    if json:
        print_json(model.serialize())
    else:
        say(f"{model.name} version {model.version} changed")


def alias(
    name: Name,
    alias: Alias,
    version: Annotated[str, Parameter(help="The version's number.")],
    *,
    place: Place = HERE,
) -> None:
    """Let an alias of a model or a prompt point to a version."""
    place.open().registered_models.set_alias(name, alias, version)
    say(f"{name}@{alias} is version {version}")


def unalias(name: Name, alias: Alias, *, place: Place = HERE) -> None:
    """Take an alias away; its version stays."""
    place.open().registered_models.delete_alias(name, alias)
    say(f"{name} has no alias {alias}")


@prompt_app.command(name="list")
def list_prompts(
    *,
    filter: Annotated[str | None, Parameter(help="Conditions, as \"name LIKE 'greet%'\".")] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the prompts of a workspace by name."""
    found = list(place.open().registered_models.search(filter, prompts=True))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("NAME", "VERSION", "ALIASES", "CHANGED", "DESCRIPTION"),
        (
            (
                each.name,
                str(max((int(one.version) for one in each.latest_versions or ()), default="-")),
                " ".join(f"{one.alias}={one.version}" for one in each.aliases or ()),
                time_text(each.last_updated_timestamp),
                each.description or "-",
            )
            for each in found
        ),
    )


@prompt_app.command(name="show")
def show_prompt(
    name: Annotated[str, Parameter(help="The prompt, as greeting for its latest version, or greeting:3.")],
    *,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Show a version of a prompt: its text, and what is said of it."""
    workspace = place.open()
    if ":" in name:
        name, number = split_id(name)
    else:
        latest = workspace.registered_models.get(name).latest_versions or ()
        number = max((int(each.version) for each in latest), default=1)
    query = NamedVersion(name=name, version=str(number))
    found = workspace.connection.get(f"{VERSIONS}/get", ModelVersionAnswer, query).model_version
    if json:
        print_json(msgspec.to_builtins(found))
        return
    tags = mapping(found.tags or ())
    print_pairs(
        {
            "Prompt": found.name,
            "Version": found.version,
            "Aliases": ", ".join(found.aliases or ()) or "-",
            "Description": found.description or "-",
            "Written": time_text(found.creation_timestamp),
        }
    )
    say(f"\n{tags.get(PROMPT_TEXT_TAG, '')}")


def _show_change(changed: WireRegisteredModel, done: str, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(changed))
    else:
        say(f"{changed.name} {done}")
