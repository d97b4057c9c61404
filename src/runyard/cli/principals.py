"""`runyard person`, `runyard service-principal` and `runyard group`: who there is."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import THIS_SERVER, Json, Server
from runyard.cli.printing import note, print_json, print_table, say, time_text
from runyard.protocol.messages.identity import ChangePrincipal, CreateKey, WirePrincipal
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.principals import ApiKeys, Principals

person_app = App(name="person", help="Add, list, change and lock out people.")
service_app = App(name="service-principal", help="Add, list, change and lock out programs with a name.")
group_app = App(name="group", help="Add and list groups, and who is in them.")

Name = Annotated[str, Parameter(help="Name, or id.")]
NewName = Annotated[str | None, Parameter(name="--rename", help="Another name.")]
Administrator = Annotated[
    bool | None,
    Parameter(help="Whether the whole server is theirs to administer.", negative="--no-administrator"),
]


@person_app.command(name="add")
def add_person(
    name: Annotated[str, Parameter(help="What to call them.")],
    *,
    email: Annotated[
        str | None, Parameter(help="Finds them when they sign in by a provider of identities.")
    ] = None,
    administrator: Annotated[bool, Parameter(help="Let them administer the whole server.")] = False,
    without_key: Annotated[
        bool, Parameter(help="Make no API key: they sign in by a provider of identities.")
    ] = False,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Add a person and print their first API key, once: with it they sign in to the Studio.

    They have no role until `runyard grant set` gives them one.
    """
    connection = connect_by_key(server.address())
    made = Principals(connection).add(name, email=email, is_administrator=administrator)
    _print_new(made, None if without_key else _first_key(ApiKeys(connection), name), json)


@service_app.command(name="add")
def add_service(
    name: Annotated[str, Parameter(help="What to call it.")],
    *,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Add a program that has a name and roles of its own, and print its API key, once."""
    connection = connect_by_key(server.address())
    made = Principals(connection).add(name, "service")
    _print_new(made, _first_key(ApiKeys(connection), name), json)


@group_app.command(name="add")
def add_group(
    name: Annotated[str, Parameter(help="What to call it; a provider's group of that name fills it.")],
    *,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Add a group; what it is granted, all its members have."""
    _print_new(Principals(connect(server.address())).add(name, "group"), None, json)


@person_app.command(name="list")
def list_people(*, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List all people."""
    _print_all(server, "person", json)


@service_app.command(name="list")
def list_services(*, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List all programs with a name."""
    _print_all(server, "service", json)


@group_app.command(name="list")
def list_groups(*, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List all groups; `everyone` is all people."""
    _print_all(server, "group", json)


@person_app.command(name="change")
def change_person(
    name: Name,
    *,
    rename: NewName = None,
    email: Annotated[str | None, Parameter(help="Another email address; '' takes it away.")] = None,
    administrator: Administrator = None,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Rename somebody, or make them an administrator or none."""
    _change(server, name, ChangePrincipal(name=rename, email=email, is_administrator=administrator), json)


@person_app.command
@service_app.command
@group_app.command
def disable(name: Name, *, server: Server = THIS_SERVER, json: Json = False) -> None:
    """Lock out within a second, with all API keys, tokens and sessions; `enable` lets in again.

    Browsers and machines then sign in anew; API keys are good again, unless `runyard key revoke` ended them.
    """
    _change(server, name, ChangePrincipal(is_disabled=True), json)


@person_app.command
@service_app.command
@group_app.command
def enable(name: Name, *, server: Server = THIS_SERVER, json: Json = False) -> None:
    """Let in again who was locked out."""
    _change(server, name, ChangePrincipal(is_disabled=False), json)


@group_app.command
def members(name: Name, *, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List who is in a group."""
    _print_principals(Principals(connect(server.address())).members(name), json)


@group_app.command
def add_member(
    name: Name,
    member: Annotated[list[str], Parameter(help="Names of people and service principals.")],
    *,
    server: Server = THIS_SERVER,
) -> None:
    """Put people or service principals into a group."""
    principals = Principals(connect(server.address()))
    for each in member:
        principals.add_member(name, each)
        say(f"{each} is in {name}.")


@group_app.command
def remove_member(
    name: Name,
    member: Annotated[list[str], Parameter(help="Names of people and service principals.")],
    *,
    server: Server = THIS_SERVER,
) -> None:
    """Take people or service principals out of a group."""
    principals = Principals(connect(server.address()))
    for each in member:
        principals.remove_member(name, each)
        say(f"{each} is not in {name} any more.")


def _first_key(keys: ApiKeys, name: str) -> str:
    return keys.create(CreateKey(name="first", principal=name)).api_key


def _print_new(made: WirePrincipal, api_key: str | None, as_json: bool) -> None:
    if as_json:
        print_json(_described(made) | ({} if api_key is None else {"api_key": api_key}))
        return
    if api_key is None:
        say(f"Added {made.name}.")
        return
    note(f"Added {made.name}. Their API key, shown this once:")
    say(api_key)
    note(f"Give them a role: runyard grant set {made.name} contributor --workspace WORKSPACE")


def _print_all(server: Server, kind: str, as_json: bool) -> None:
    _print_principals(Principals(connect(server.address())).list(kind), as_json)


def _print_principals(found: list[WirePrincipal], as_json: bool) -> None:
    if as_json:
        print_json([_described(each) for each in found])
        return
    print_table(
        ("NAME", "KIND", "EMAIL", "SINCE", "STATE"),
        (
            (each.name, each.kind, each.email or "-", time_text(each.created_ms), _state(each))
            for each in found
        ),
    )


def _change(server: Server, name: str, change: ChangePrincipal, as_json: bool) -> None:
    changed = Principals(connect(server.address())).change(name, change)
    if as_json:
        print_json(_described(changed))
    else:
        say(f"{changed.name}: {_state(changed)}")


def _state(principal: WirePrincipal) -> str:
    if principal.is_disabled:
        return "disabled"
    return "administrator" if principal.is_administrator else "active"


def _described(principal: WirePrincipal) -> dict[str, object]:
    return {name: getattr(principal, name) for name in principal.__struct_fields__}
