"""`runyard environment`: what the code of runs needs around it, kept by name and in versions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place, pair_of
from runyard.cli.printing import print_json, print_pairs, print_table, say, time_text
from runyard.errors import InvalidParameter
from runyard.protocol.messages.environments import WireEnvironment
from runyard.sdk.environment import Environment

app = App(name="environment", help="Register, list, show, describe, clone and archive environments.")

Name = Annotated[str, Parameter(help="The environment's name.")]
Version = Annotated[
    str | None, Parameter(name=["--version", "-v"], help="Which version; by default the latest.")
]
_OPTION_FOR = {
    ".yml": "--conda",
    ".yaml": "--conda",
    ".json": "--conda",
    ".toml": "--conda",
    ".txt": "--requirements",
}
Tag = Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")]


@app.command(name="list")
def list_environments(
    *,
    archived: Annotated[bool, Parameter(help="Also those that are archived.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the environments of the workspace, and those that come with the server."""
    found = _records(Environment.list(place.open(), with_archived=archived).values())
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("NAME", "VERSION", "FROM", "REGISTERED", "DESCRIPTION"),
        (
            (each.name, str(each.version), _origin(each), time_text(each.created_ms), each.description)
            for each in found
        ),
    )


@app.command
def show(
    name: Name,
    *,
    version: Version = None,
    save: Annotated[
        Path | None, Parameter(help="Also write it into this folder, in files that can be edited.")
    ] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Show a version of an environment with all that is in it."""
    found = Environment.get(place.open(), name, version)
    if save is not None:
        found.save_to_directory(save)
    _show(found, json)


@app.command
def versions(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """List the versions of an environment, the highest number first."""
    found = _records(Environment(name).versions(place.open()))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("VERSION", "LATEST", "REGISTERED", "BY"),
        (
            (
                str(each.version),
                "yes" if each.version == each.latest_version else "-",
                time_text(each.created_ms),
                each.created_by or "-",
            )
            for each in found
        ),
    )


@app.command
def register(
    name: Annotated[str | None, Parameter(help="Its name; by default that in the --directory.")] = None,
    *,
    conda: Annotated[Path | None, Parameter(help="A conda file of its packages.")] = None,
    requirements: Annotated[Path | None, Parameter(help="A file of pip's requirements.")] = None,
    image: Annotated[str | None, Parameter(help="The image of its container.")] = None,
    dockerfile: Annotated[Path | None, Parameter(help="A Dockerfile, in place of an image.")] = None,
    interpreter: Annotated[
        str | None, Parameter(help="An interpreter that is there already, with all that is needed.")
    ] = None,
    directory: Annotated[
        Path | None, Parameter(help="A folder that `environment show --save` wrote, in place of all these.")
    ] = None,
    variable: Annotated[
        tuple[str, ...], Parameter(help="An environment variable as NAME=VALUE; may be repeated.")
    ] = (),
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    tag: Tag = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Register an environment; the same content again is the version that it was."""
    if directory is not None:
        made = Environment.load_from_directory(directory)
        made.name = name or made.name
    elif name is not None:
        if not any((conda, requirements, image, dockerfile, interpreter)):
            _check_no_file(name)
        made = _made(name, conda, requirements, image, dockerfile)
    else:
        raise InvalidParameter("Name the environment, or give a --directory that it was saved to.")
    if interpreter is not None:
        made.python.user_managed_dependencies = True
        made.python.interpreter_path = interpreter
    made.environment_variables.update(pair_of(each, "variable", "NAME=VALUE") for each in variable)
    made.description = description
    made.tags = dict(pair_of(each) for each in tag) or None
    _say_registered(made.register(place.open()), json)


@app.command
def clone(
    name: Name,
    new_name: Annotated[str, Parameter(help="The name of the copy.")],
    *,
    version: Version = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Register an environment under another name, as one that comes with the server."""
    workspace = place.open()
    _say_registered(Environment.get(workspace, name, version).clone(new_name).register(workspace), json)


@app.command
def update(
    name: Name,
    *,
    description: Annotated[str | None, Parameter(help="What it is for.")] = None,
    tag: Tag = (),
    remove_tag: Annotated[tuple[str, ...], Parameter(help="A tag to take away; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Say anew what an environment is for, and set tags of it or take them away."""
    if description is None and not tag and not remove_tag:
        raise InvalidParameter("Give a --description, a --tag or a --remove-tag.")
    workspace = place.open()
    found = Environment.get(workspace, name)
    tags = {key: value for key, value in (found.tags or {}).items() if key not in remove_tag}
    found.update(workspace, description, tags | dict(pair_of(each) for each in tag))
    if json:
        print_json(msgspec.to_builtins(found.record))
    else:
        say(f"Environment {found.name} is changed.")


@app.command
def archive(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Leave an environment out of lists; runs that name it still find it."""
    found = Environment(name)
    found.archive(place.open())
    _say_changed(found, json)


@app.command
def restore(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Bring an archived environment back into lists."""
    found = Environment(name)
    found.restore(place.open())
    _say_changed(found, json)


def _check_no_file(name: str) -> None:
    """Refuse a file in the place of a name: it would be that of an environment with nothing in it."""
    path = Path(name)
    if path.name != "Dockerfile" and path.suffix.lower() not in _OPTION_FOR and not path.is_file():
        return
    option = "--dockerfile" if path.name == "Dockerfile" else _OPTION_FOR.get(path.suffix.lower(), "--conda")
    raise InvalidParameter(
        f"{name!r} is where the environment's name is expected, and looks like a file. A conda file goes "
        "with --conda, one of pip's requirements with --requirements, a Dockerfile with --dockerfile, as in "
        f"`runyard environment register NAME {option} {name}`."
    )


def _made(
    name: str, conda: Path | None, requirements: Path | None, image: str | None, dockerfile: Path | None
) -> Environment:
    if image is not None and dockerfile is not None:
        raise InvalidParameter("Give an --image or a --dockerfile, not both.")
    if image is not None:
        if not image:
            raise InvalidParameter("--image must be the name of an image, as python:3.12-slim, not ''.")
        return Environment.from_docker_image(
            name, image, conda_specification=conda, pip_requirements=requirements
        )
    if dockerfile is not None:
        return Environment.from_dockerfile(name, dockerfile, conda, requirements)
    if conda is not None and requirements is not None:
        raise InvalidParameter("Give a --conda file or --requirements, not both.")
    if conda is not None:
        return Environment.from_conda_specification(name, conda)
    if requirements is not None:
        return Environment.from_pip_requirements(name, requirements)
    return Environment(name)


def _show(found: Environment, json: bool) -> None:
    (record,) = _records([found])
    if json:
        print_json(msgspec.to_builtins(record))
        return
    print_pairs(
        {
            "Name": record.name,
            "Version": f"{record.version} (the latest is {record.latest_version})",
            "Description": record.description or "-",
            "Tags": ", ".join(f"{key}={value}" for key, value in record.tags.items()) or "-",
            "From": _origin(record) + (", archived" if record.is_archived else ""),
            "Registered": f"{time_text(record.created_ms)} by {record.created_by or '-'}",
            "Interpreter": record.python.interpreter if record.python.user_managed else "-",
            "Container": record.docker.image or ("a Dockerfile" if record.docker.dockerfile else "-"),
            "Variables": ", ".join(f"{key}={value}" for key, value in record.variables.items()) or "-",
        }
    )
    if not record.python.user_managed:
        say()
        say(str(found.python.conda_dependencies))
    if record.docker.dockerfile:
        say()
        say(record.docker.dockerfile.rstrip())


def _say_registered(made: Environment, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(made.record))
    else:
        say(f"Environment {made.name} is version {made.version}")


def _say_changed(changed: Environment, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(changed.record))
    else:
        say(f"Environment {changed.name} is {'archived' if changed.is_archived else 'in use'}.")


def _records(found: Iterable[Environment]) -> list[WireEnvironment]:
    return [each.record for each in found if each.record is not None]


def _origin(record: WireEnvironment) -> str:
    return "the server" if record.is_curated else "the workspace"
