"""`runyard compute`: the places that jobs are sent to."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from runyard.cli.compute_ssh import Host, Passphrase, Password, PrivateKey, host_configuration
from runyard.cli.log import pairs_of
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import count_text, print_json, print_pairs, print_table, say, time_text
from runyard.cli.ray_targets import create_ray, end_ray_of
from runyard.cli.secret import asked_for
from runyard.entities.compute_target import LOCAL, RAY
from runyard.errors import InvalidParameter
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration

app = App(name="compute", help="List, make, change, pause and delete compute targets.")

Name = Annotated[str, Parameter(help="The target's name.")]
Slots = Annotated[int | None, Parameter(help="How many jobs of one slot run on it at a time.")]
Description = Annotated[str | None, Parameter(help="What it is for.")]
Tag = Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")]
Setting = Annotated[
    tuple[str, ...],
    Parameter(
        name=["--setting", "-s"],
        help="How it is reached, as KEY=VALUE, numbers and lists as JSON has them; may be repeated.",
    ),
]
Credential = Annotated[
    tuple[str, ...],
    Parameter(help="What it is reached with: PART=@FILE, or PART to be asked for it; may be repeated."),
]
SkipValidation = Annotated[bool, Parameter(help="Don't look whether it can be reached.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Share:
    """What of the machine a slot has to itself."""

    gpu: Annotated[
        tuple[int, ...],
        Parameter(help="Index of a GPU that is the pool's, as nvidia-smi shows it; may be repeated."),
    ] = ()
    gpus_per_slot: Annotated[int | None, Parameter(help="How many of them a slot has; by default 1.")] = None
    cpus_per_slot: Annotated[int | None, Parameter(help="How many processors a slot has to itself.")] = None
    memory_mb_per_slot: Annotated[
        int | None, Parameter(help="How many MB of memory a slot may hold before its script is ended.")
    ] = None

    def settings(self) -> dict[str, Any]:
        """Return what was said, as the server takes it."""
        memory_mb = self.memory_mb_per_slot
        said = {
            "gpus": list(self.gpu) or None,
            "gpus_per_slot": self.gpus_per_slot,
            "cpus_per_slot": self.cpus_per_slot,
            "memory_bytes_per_slot": None if memory_mb is None else memory_mb * 1_000_000,
        }
        return {name: value for name, value in said.items() if value is not None}


WHOLE_MACHINE = Share()


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
            "Unreachable": "-"
            if record.unreachable_since_ms is None
            else f"since {time_text(record.unreachable_since_ms)}: {record.unreachable_reason}",
            "Slots": f"{target.slots}, {target.slots_taken} taken",
            "Waiting": count_text(target.jobs_waiting, "job"),
            "Reached by": ", ".join(f"{key}={json_text(value)}" for key, value in target.settings.items())
            or "-",
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
    kind: Annotated[
        str,
        Parameter(help="local: slots on the server's own machine; ray: a Ray cluster, started on this one."),
    ] = LOCAL,
    slots: Slots = None,
    share: Share = WHOLE_MACHINE,
    setting: Annotated[
        tuple[str, ...],
        Parameter(
            name=["--setting", "-s"],
            help="What else its kind is told, as KEY=VALUE: use_containers, and of ray those of `attach`; "
            "may be repeated.",
        ),
    ] = (),
    description: Description = None,
    tag: Tag = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make a compute target: slots on the server's own machine, or a Ray cluster that is started here."""
    wanted = TargetConfiguration(
        slots=1 if slots is None else slots,
        settings={**_settings(setting), **share.settings()},
        description=description or "",
        tags=pairs_of(tag) if tag else {},
    )
    if kind == RAY:
        wanted = replace(wanted, slots=slots or os.cpu_count() or 1)
        _say(create_ray(place.open(), name, wanted), "is made", json=json)
        return
    if kind != LOCAL:
        raise InvalidParameter(
            f"--kind {kind} is nothing that is made here; `runyard compute attach` takes more."
        )
    _say(ComputeTarget.create(place.open(), name, wanted), "is made", json=json)


@app.command
def attach(
    name: Name,
    *,
    kind: Annotated[str, Parameter(help="What starts its jobs; docs/how-to tells of each kind.")],
    setting: Setting = (),
    credential: Credential = (),
    slots: Slots = None,
    description: Description = None,
    tag: Tag = (),
    skip_validation: SkipValidation = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make a compute target of a machine or a cluster that is there, once it was reached.

    A secret is read from a file or from standard input, or typed without echo; it is no argument, because
    those are seen by everybody on the machine. The server keeps it encrypted, and tells it nobody.
    """
    wanted = TargetConfiguration(
        kind=kind,
        slots=1 if slots is None else slots,
        description=description or "",
        tags=pairs_of(tag) if tag else {},
        settings=_settings(setting),
        credential=dict(_part(each) for each in credential),
        skip_validation=skip_validation,
    )
    _say(ComputeTarget.attach(place.open(), name, wanted), "is attached", json=json)


@app.command
def attach_ssh(
    name: Name,
    host: Host,
    *,
    private_key: PrivateKey = "",
    passphrase: Passphrase = False,
    password: Password = False,
    setting: Annotated[
        tuple[str, ...],
        Parameter(
            name=["--setting", "-s"],
            help="How jobs are run there, as KEY=VALUE: python, folder, server_url, use_tunnel, tunnel_port, "
            "use_containers.",
        ),
    ] = (),
    slots: Slots = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Make a compute target of a host that is reached over SSH, once the server has connected to it.

    By what the host is known to be that one is read from this machine's known_hosts and sent along. Without a
    key and a password, a server of `runyard up` tries the keys and the agent of its own user.
    """
    settings = _settings(setting)
    wanted = host_configuration(
        host, private_key, settings | {"slots": slots or 1}, passphrase=passphrase, password=password
    )
    _say(ComputeTarget.attach(place.open(), name, wanted), "is attached", json=json)


@app.command
def update(
    name: Name,
    *,
    slots: Slots = None,
    description: Description = None,
    tag: Annotated[
        tuple[str, ...], Parameter(help="A tag as KEY=VALUE, in place of those there are; may be repeated.")
    ] = (),
    setting: Setting = (),
    credential: Credential = (),
    skip_validation: SkipValidation = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Change a compute target; jobs that run on it go on.

    Settings that are not named stay, and can only change while no job runs on it. A credential takes the
    place of the one that the target has.
    """
    if slots is None and description is None and not (tag or setting or credential):
        raise InvalidParameter("Give --slots, a --description, a --tag, a --setting or a --credential.")
    target = ComputeTarget(place.open(), name)
    target.update(
        max_nodes=slots,
        description=description,
        tags=pairs_of(tag) if tag else None,
        settings=_settings(setting) or None,
        credential=dict(_part(each) for each in credential) or None,
        skip_validation=skip_validation,
    )
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
    if end_ray_of(target):
        say("Its Ray cluster, which was started on this machine, has ended.")


def _settings(words: tuple[str, ...]) -> dict[str, Any]:
    """Return settings as the server takes them."""
    return {key: json_value(value) for key, value in pairs_of(words).items()} if words else {}


def _part(text: str) -> tuple[str, str]:
    """Return a part of a credential by its name, from where a person said that it is."""
    part, _, where = text.partition("=")
    if not where:
        return part, asked_for(part)
    if not where.startswith("@"):
        raise InvalidParameter(
            f"Write {part}=@FILE, or {part} alone to be asked for it: arguments are seen by everybody on the "
            "machine."
        )
    try:
        return part, Path(where[1:]).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{part} can't be read: {error}") from None


def json_value(text: str) -> Any:
    """Return what a person wrote as a value: JSON if it is, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def json_text(value: Any) -> str:
    """Return a value as a person would write it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _say(target: ComputeTarget, done: str, *, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(target.record))
        return
    slots = count_text(target.slots, "slot")
    where = "on the server's machine" if target.kind == LOCAL else f"by {target.kind}"
    say(f"Compute target {target.name} {done}: {slots} {where}.")


def _state(target: ComputeTarget) -> str:
    if target.record.is_leaving:
        return "being deleted"
    if target.is_paused:
        return "paused"
    return "open" if target.record.unreachable_since_ms is None else "unreachable"
