"""`runyard workspace`: the workspaces of a server, and the file that ties a folder to one."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import THIS_SERVER, Json, Server, nearest_configuration, pair_of
from runyard.cli.printing import note, print_json, print_pairs, print_table, say
from runyard.cli.trash import describe, print_freed, progress_shown
from runyard.errors import InvalidParameter
from runyard.sdk.addresses import default_url, server_url
from runyard.sdk.configuration import Configuration, write_configuration
from runyard.sdk.workspace import Workspace
from runyard.sdk.workspace_trash import delete_workspace

app = App(name="workspace", help="List, create, show, configure and delete workspaces.")

Name = Annotated[str, Parameter(help="Name of the workspace: lower-case letters, digits and dashes.")]


@app.command(name="list")
def list_workspaces(*, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List the workspaces of a server that you may see."""
    found = [
        workspace for same_name in Workspace.list(url=server.address()).values() for workspace in same_name
    ]
    if json:
        print_json([workspace.describe() for workspace in found])
        return
    print_table(
        ("NAME", "EXPERIMENTS", "RUNS", "CREATED", "DESCRIPTION"),
        (
            (
                workspace.name,
                str(described["experimentCount"]),
                str(described["runCount"]),
                str(described["creationTime"]),
                str(described["description"]),
            )
            for workspace in found
            for described in (workspace.describe(),)
        ),
    )


@app.command
def create(
    name: Name,
    *,
    description: Annotated[str, Parameter(help="What it is for.")] = "",
    tag: Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")] = (),
    exist_ok: Annotated[bool, Parameter(help="It is no error if it exists.")] = False,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Create a workspace."""
    tags = dict(pair_of(text) for text in tag)
    made = Workspace.create(name, url=server.address(), description=description, tags=tags, exist_ok=exist_ok)
    if json:
        print_json(made.describe())
    else:
        say(f"Workspace {made.name} is at {made.tracking_uri}")


@app.command
def show(
    name: Annotated[str | None, Parameter(help="By default that of the nearest configuration.")] = None,
    *,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Show a workspace: its address and how much it holds."""
    wanted = name or nearest_configuration().workspace_name
    workspace = Workspace.get(wanted, url=server.address())
    details = workspace.get_details()
    if json:
        print_json(details)
        return
    tags = ", ".join(f"{key}={value}" for key, value in workspace.tags.items())
    print_pairs(
        {
            "Name": workspace.name,
            "Description": str(details["description"]) or "-",
            "Studio": f"{workspace.tracking_uri}/",
            "Tracking URI": workspace.tracking_uri,
            "Experiments": str(details["experimentCount"]),
            "Runs": str(details["runCount"]),
            "Created": str(details["creationTime"]),
            "Tags": tags or "-",
        }
    )


@app.command
def update(
    name: Name,
    *,
    description: Annotated[str | None, Parameter(help="What it is for; left out, it stays.")] = None,
    tag: Annotated[
        tuple[str, ...], Parameter(help="A tag as KEY=VALUE, in place of all that it has; may be repeated.")
    ] = (),
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Describe and tag a workspace."""
    if description is None and not tag:
        raise InvalidParameter("Nothing was changed: give --description or --tag.")
    tags = dict(pair_of(text) for text in tag) if tag else None
    changed = Workspace.get(name, url=server.address()).update(description=description, tags=tags)
    if json:
        print_json(changed.describe())
    else:
        say(f"Workspace {changed.name} is changed.")


@app.command
def config(
    name: Annotated[str, Parameter(help="Name of the workspace; by default default.")] = "default",
    *,
    write: Annotated[
        Path | None, Parameter(help="Folder to write .azureml/config.json into; without it, it is printed.")
    ] = None,
    home: Annotated[Path | None, Parameter(help="Home of the server whose address to write.")] = None,
    url: Annotated[str | None, Parameter(help="Address to write, in place of that of the home.")] = None,
    json: Json = False,
) -> None:
    """Write the file from which `Workspace.from_config()` opens a workspace. The server need not run."""
    address = server_url(url) if url else default_url(home)
    configuration = Configuration(name, runyard_url=address)
    if write is None:
        print_json(asdict(configuration))
        return
    try:
        path = write_configuration(configuration, write)
    except InvalidParameter as error:
        raise InvalidParameter(f"--write: {error}") from None
    if json:
        print_json({"path": str(path), **asdict(configuration)})
    else:
        say(f"Wrote {path}: workspace {name} at {address}")


@app.command
def delete(
    name: Name,
    *,
    yes: Annotated[bool, Parameter(help="Don't ask for the name once more.")] = False,
    dry_run: Annotated[bool, Parameter(help="Only say how much it would be.")] = False,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Take a workspace away for good, with all that it holds. There is no way back.

    It may be stopped; the same command goes on.
    """
    if not yes and not dry_run and _asked(name) != name:
        raise InvalidParameter(f"Nothing was deleted. To delete {name!r}, type its name, or give --yes.")
    with progress_shown(not json) as on_progress:
        collected = delete_workspace(name, url=server.address(), dry_run=dry_run, on_progress=on_progress)
    if json:
        print_json({"workspace": name, **describe(collected)})
    else:
        print_freed(name, collected, dry_run=dry_run)


def _asked(name: str) -> str:
    note(f"This deletes workspace {name!r} for good, with all its runs and files. Type its name to go on:")
    return sys.stdin.readline().strip()
