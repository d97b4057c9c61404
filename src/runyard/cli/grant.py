"""`runyard grant`: who has which role in a workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_table, say, time_text
from runyard.cli.trash import experiment_id_of
from runyard.protocol.messages.identity import WireGrant
from runyard.sdk.workspace import Workspace

app = App(name="grant", help="Give, list and take away roles in a workspace.")

Role = Literal["reader", "contributor", "owner"]
Whom = Annotated[
    str, Parameter(help="A person, service principal or group, by name or id; `everyone` is all people.")
]
Where = Annotated[
    str | None,
    Parameter(
        name=["--experiment", "-e"], help="In this experiment alone, by id or name; else the whole workspace."
    ),
]


@app.command(name="set")
def set_grant(
    whom: Whom,
    role: Annotated[Role, Parameter(help="A reader sees, a contributor logs, an owner deletes and grants.")],
    *,
    experiment: Where = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Give somebody a role, in place of the one that they have there."""
    workspace = place.open()
    grant = workspace.grants.set(whom, role, experiment_id=_experiment_id(workspace, experiment))
    if json:
        print_json(_described(grant))
    else:
        say(f"{grant.principal} is {grant.role} of {_where(grant, workspace)}.")


@app.command(name="list")
def list_grants(*, experiment: Where = None, place: Place = HERE, json: Json = False) -> None:
    """List who has which role."""
    workspace = place.open()
    experiment_id = _experiment_id(workspace, experiment)
    grants = workspace.grants
    found = list(grants) if experiment_id is None else grants.of_experiment(experiment_id)
    if json:
        print_json([_described(grant) for grant in found])
        return
    print_table(
        ("WHO", "KIND", "ROLE", "OF", "SINCE", "GIVEN BY"),
        (
            (
                grant.principal,
                grant.kind,
                grant.role,
                _where(grant, workspace),
                time_text(grant.granted_ms),
                grant.granted_by or "-",
            )
            for grant in found
        ),
    )


@app.command(name="remove")
def remove_grant(whom: Whom, *, experiment: Where = None, place: Place = HERE) -> None:
    """Take a role away; what a group gives them stays."""
    workspace = place.open()
    workspace.grants.remove(whom, experiment_id=_experiment_id(workspace, experiment))
    say(f"{whom} has no role there of their own any more.")


def _experiment_id(workspace: Workspace, named: str | None) -> str | None:
    return None if named is None else experiment_id_of(workspace, named)


def _where(grant: WireGrant, workspace: Workspace) -> str:
    if grant.experiment_id is None:
        return f"workspace {workspace.name}"
    return f"experiment {grant.experiment_id}"


def _described(grant: WireGrant) -> dict[str, object]:
    return {name: getattr(grant, name) for name in grant.__struct_fields__}
