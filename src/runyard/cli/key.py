"""`runyard key`: one's own API keys, made and ended from any machine."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from runyard.cli.options import THIS_SERVER, Json, Server
from runyard.cli.printing import note, print_json, print_table, say, time_text
from runyard.protocol.messages.identity import CreateKey, WireKey
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.principals import ApiKeys

app = App(name="key", help="Create, list and revoke API keys, yours or as an administrator anybody's.")

Scope = Literal["reader", "contributor", "owner", "admin"]
Owner = Annotated[str | None, Parameter(help="Whose, for administrators; by default yours.")]


@app.command
def create(
    name: Annotated[str, Parameter(help="What the key is for, as laptop or nightly-training.")],
    *,
    scope: Annotated[
        Scope | None, Parameter(help="The most that it may do; by default all that you may.")
    ] = None,
    workspace: Annotated[
        str | None, Parameter(name=["--workspace", "-w"], help="The one workspace it is for; else all.")
    ] = None,
    lifetime_days: Annotated[
        int | None, Parameter(help="For how many days; else until it is revoked.")
    ] = None,
    principal: Owner = None,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Print a new API key, once."""
    wanted = CreateKey(
        name=name, scope=scope, workspace=workspace, lifetime_days=lifetime_days, principal=principal
    )
    made = ApiKeys(connect_by_key(server.address())).create(wanted)
    if json:
        print_json({**_described(made.key), "api_key": made.api_key})
        return
    reach = f"workspace {made.key.workspace}" if made.key.workspace else "all workspaces"
    note(f"API key {made.key.key_id} of {made.key.principal}: {made.key.scope} in {reach}. Shown this once:")
    say(made.api_key)


@app.command(name="list")
def list_keys(
    *,
    principal: Owner = None,
    everybodys: Annotated[bool, Parameter(name="--all", help="Those of all, for administrators.")] = False,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """List API keys, sessions and logins, without their secrets."""
    found = ApiKeys(connect(server.address())).list("*" if everybodys else principal)
    if json:
        print_json([_described(key) for key in found])
        return
    print_table(
        ("ID", "NAME", "KIND", "OWNER", "SCOPE", "WORKSPACE", "CREATED", "STATE"),
        (
            (
                key.key_id,
                key.name,
                key.kind,
                key.principal,
                key.scope,
                key.workspace or "all",
                time_text(key.created_ms),
                _state(key),
            )
            for key in found
        ),
    )


@app.command
def revoke(
    key_id: Annotated[str, Parameter(help="The key's id: the part after `ry_`.")],
    *,
    server: Server = THIS_SERVER,
) -> None:
    """End an API key, and the tokens and sessions made from it, within a second."""
    ApiKeys(connect(server.address())).revoke(key_id)
    say(f"API key {key_id} is revoked.")


def _state(key: WireKey) -> str:
    if key.revoked_ms is not None:
        return "revoked"
    return "active" if key.is_active else "ended"


def _described(key: WireKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in key.__struct_fields__}
