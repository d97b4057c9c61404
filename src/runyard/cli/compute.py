"""`runyard compute`: the places that jobs are sent to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.log import pairs_of
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_pairs, print_table, say, time_text
from runyard.sdk.compute import ComputeTarget, ProvisioningConfiguration

app = App(name="compute", help="List, make, change, pause and delete compute targets.")

Name = Annotated[str, Parameter(help="The target's name.")]
Slots = Annotated[int | None, Parameter(help="How many jobs of one slot run on it at a time.")]
Description = Annotated[str | None, Parameter(help="What it is for.")]
Tag = Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")]


@app.command(name="list")
def list_(*, place: Place = HERE, json: Json = False) -> None:
    """List the compute targets of the workspace, the server's own machine first."""
    found = ComputeTarget.list(place.open())
    if json:
        print_json(msgspec.to_builtins([target.record for target in found]))
        return
    print_table(
        ("NAME", "SLOTS", "TAKEN", "WAITING", "STATE", "KIND", "DESCRIPTION"),
        (
            (
                target.name,
                str(target.slots),
                str(target.slots_taken),
                str(target.jobs_waiting),
                _state(target),
                target.record.kind,
                target.description or "-",
            )
            for target in found
        ),
    )


@app.command
def show(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Show a compute target: its slots, and how many jobs hold them or wait."""
    target = ComputeTarget(place.open(), name)
    if json:
        print_json(msgspec.to_builtins(target.record))
        return
    record = target.record
    print_pairs(
        {
            "Name": target.name,
            "Kind": record.kind,
            "State": _state(target),
            "Slots": f"{target.slots}, {target.slots_taken} taken",
            "Waiting": f"{target.jobs_waiting} {'job' if target.jobs_waiting == 1 else 'jobs'}",
            "Description": target.description or "-",
            "Tags": ", ".join(f"{key}={value}" for key, value in target.tags.items()) or "-",
            "Made": "with the workspace"
            if record.is_built_in
            else f"{time_text(record.created_ms)} by {record.created_by or '-'}",
        }
    )


@app.command
def create(
    name: Name,
    *,
    slots: Slots = None,
    description: Description = None,
    tag: Tag = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make a compute target: a pool of slots on the server's own machine."""
    wanted = ProvisioningConfiguration(
        slots=1 if slots is None else slots,
        description=description or "",
        tags=pairs_of(tag) if tag else {},
    )
    _say(ComputeTarget.create(place.open(), name, wanted), "is made", json=json)


@app.command
def update(
    name: Name,
    *,
    slots: Slots = None,
    description: Description = None,
    tag: Annotated[
        tuple[str, ...], Parameter(help="A tag as KEY=VALUE, in place of those there are; may be repeated.")
    ] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Change a compute target; jobs that run on it go on."""
    target = ComputeTarget(place.open(), name)
    target.update(max_nodes=slots, description=description, tags=pairs_of(tag) if tag else None)
    _say(target, "is changed", json=json)


@app.command
def pause(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Begin no more jobs on a compute target; those that run go on."""
    target = ComputeTarget(place.open(), name)
    target.pause()
    _say(target, "is paused", json=json)


@app.command
def resume(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Begin jobs on a paused compute target again."""
    target = ComputeTarget(place.open(), name)
    target.resume()
    _say(target, "begins jobs again", json=json)


@app.command
def delete(
    name: Name,
    *,
    force: Annotated[bool, Parameter(help="Also if it has jobs that are not over: they are ended.")] = False,
    place: Place = HERE,
) -> None:
    """Delete a compute target."""
    target = ComputeTarget(place.open(), name)
    target.delete(force=force)
    say(f"Compute target {name} is deleted.")


def _say(target: ComputeTarget, done: str, *, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(target.record))
        return
    slots = f"{target.slots} {'slot' if target.slots == 1 else 'slots'}"
    say(f"Compute target {target.name} {done}: {slots} on the server's machine.")


def _state(target: ComputeTarget) -> str:
    return "paused" if target.is_paused else "open"
