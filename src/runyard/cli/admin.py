"""`runyard admin`: the first administrator and API keys, at the machine that holds the data."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated, Literal

from cyclopts import App, Parameter

from runyard import app as server
from runyard.cli.homes import Database, Home, existing_home
from runyard.cli.options import Json
from runyard.cli.printing import note, print_json, print_table, say, time_text
from runyard.entities.credential import ApiKey, Principal
from runyard.entities.permission import Scope
from runyard.settings import Mode, read_settings

app = App(name="admin", help="Make the first administrator and API keys.")
key_app = App(name="key", help="Create, list and revoke API keys.")
app.command(key_app)

ScopeName = Literal["reader", "contributor", "owner", "admin"]


@app.command
def init(
    *,
    name: Annotated[str, Parameter(help="What to call the administrator.")] = "administrator",
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make the first administrator of a server and print their API key, once.

    The key goes to stdout alone: `export RUNYARD_TOKEN=$(runyard admin init)`.
    """
    with contextlib.closing(
        server.open_stores(read_settings(Mode.SERVE, home=home, database=database))
    ) as stores:
        made = server.administration(stores).make_first_administrator(name)
    if json:
        print_json({**_described(made.key, made.owner), "api_key": made.text})
        return
    note(f"{made.owner.name!r} is the administrator. Their API key, shown this once:")
    say(made.text)
    note("Keep it where passwords go. Clients send it from RUNYARD_TOKEN.")


@key_app.command
def create(
    *,
    name: Annotated[str, Parameter(help="What the key is for.")],
    scope: Annotated[ScopeName, Parameter(help="The most that the key may do.")] = "admin",
    workspace: Annotated[
        str | None, Parameter(name=["--workspace", "-w"], help="The one workspace it is for; else all.")
    ] = None,
    lifetime_days: Annotated[
        int | None, Parameter(help="For how many days; else until it is revoked.")
    ] = None,
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Print a new API key of the administrator, once."""
    with contextlib.closing(server.open_stores(existing_home(home, database))) as stores:
        made = server.administration(stores).create_key(name, Scope(scope), workspace, lifetime_days)
    if json:
        print_json({**_described(made.key, made.owner), "api_key": made.text})
        return
    reach = f"workspace {workspace!r}" if workspace else "all workspaces"
    note(f"API key {made.key.key_id} ({name!r}): {scope} in {reach}. Shown this once:")
    say(made.text)


@key_app.command(name="list")
def list_keys(*, home: Home = None, database: Database = None, json: Json = False) -> None:
    """List all API keys, without their secrets."""
    with contextlib.closing(server.open_stores(existing_home(home, database))) as stores:
        found = server.administration(stores).list_keys()
    if json:
        print_json([_described(key, owner) for key, owner in found])
        return
    print_table(
        ("ID", "NAME", "OWNER", "SCOPE", "WORKSPACE", "CREATED", "STATE"),
        (
            (
                key.key_id,
                key.name,
                owner.name,
                key.scope.value,
                key.workspace or "all",
                time_text(key.created_ms),
                _state(key, owner),
            )
            for key, owner in found
        ),
    )


@key_app.command
def revoke(
    key_id: Annotated[str, Parameter(help="The key's id: the part after `ry_`.")],
    *,
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """End an API key and the tokens made from it; a running server refuses them within a second."""
    with contextlib.closing(server.open_stores(existing_home(home, database))) as stores:
        revoked = server.administration(stores).revoke_key(key_id)
    if json:
        print_json({"key_id": revoked.key_id, "name": revoked.name, "state": "revoked"})
    else:
        say(f"API key {revoked.key_id} ({revoked.name!r}) is revoked.")


def _state(key: ApiKey, owner: Principal) -> str:
    if key.revoked_ms is not None:
        return "revoked"
    if not owner.is_active:
        return "owner disabled"
    if not key.is_active(time.time_ns() // 1_000_000):
        return "expired"
    return "active"


def _described(key: ApiKey, owner: Principal) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "owner": owner.name,
        "scope": key.scope.value,
        "workspace": key.workspace,
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
        "state": _state(key, owner),
    }
