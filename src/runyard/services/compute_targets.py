"""What can be done with compute targets: make, change, look at, delete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from runyard.compute.base import TargetKind
from runyard.compute.kind_schema import schema_of
from runyard.compute.kinds import KINDS
from runyard.entities.compute_target import LOCAL, POOL, THIS_MACHINE, ComputeTarget
from runyard.entities.job import Job
from runyard.errors import AlreadyExists, Forbidden, InvalidParameter, InvalidState, NotFound, Unavailable
from runyard.protocol import asset_limits as limits
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.job_life import cancel
from runyard.services.launchers import (
    checked_settings,
    kind_named,
    may_run,
    open_launcher,
    sealed_credential,
)
from runyard.services.pools import cluster_for_pools
from runyard.settings import Settings

MAX_SLOTS = 1_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class TargetInUse:
    """A target, and how much of it is taken.

    Args:
        target: The target.
        slots_taken: By jobs that were begun.
        jobs_waiting: Jobs in its queue.
    """

    target: ComputeTarget
    slots_taken: int
    jobs_waiting: int


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What somebody wants to be a compute target.

    Args:
        name: Its name.
        kind: What starts its jobs.
        slots: How many slots it has.
        description: What it is for.
        tags: Free key and value pairs.
        settings: How its kind reaches it.
        credential: With what.
        skip_validation: Whether to keep it without looking whether it can be reached.
    """

    name: str
    kind: str
    slots: int = 1
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    skip_validation: bool = False


@dataclass(frozen=True, slots=True)
class TargetChange:
    """What is to be different about a compute target; ``None`` stays.

    Args:
        slots: How many slots it has.
        is_paused: Whether it begins no jobs.
        description: What it is for.
        tags: Free key and value pairs, in place of those there are.
        settings: Those that change.
        credential: What it is reached with instead.
        skip_validation: Whether to keep these without looking whether it can be reached.
    """

    slots: int | None = None
    is_paused: bool | None = None
    description: str | None = None
    tags: Mapping[str, str] | None = None
    settings: Mapping[str, Any] | None = None
    credential: Mapping[str, str] | None = field(default=None, repr=False)
    skip_validation: bool = False


@dataclass(frozen=True, slots=True)
class KindTold:
    """A kind of targets by its name, and its settings as a JSON Schema."""

    name: str
    kind: TargetKind
    settings: dict[str, Any]


def list_kinds() -> list[KindTold]:
    """Return all kinds that targets may be of."""
    return [KindTold(name, kind, schema_of(kind)) for name, kind in KINDS.items()]


def create_target(call: Call, new: NewTarget) -> TargetInUse:
    """Keep a new compute target and return it; blocks while one that is elsewhere is looked at.

    Raises:
        InvalidParameter: A name, a number of slots, a tag or a setting that can't be, or it can't be reached.
        AlreadyExists: There is one of this name.
        Forbidden: It is this server's machine, and that runs no jobs.
    """
    if _NAME.fullmatch(new.name) is None:
        raise invalid("name", new.name[:100], "Letters, digits, '-' and '_', at most 63, a letter first.")
    if new.name == THIS_MACHINE:
        raise AlreadyExists(f"'{THIS_MACHINE}' is the server's own machine, in each workspace.")
    _check_slots(new.slots)
    limits.check_described(new.description, new.tags)
    if new.kind == POOL:
        new = _on_cluster(call, new)
    made = ComputeTarget(
        workspace=call.workspace.name,
        name=new.name,
        kind=new.kind,
        slots=new.slots,
        description=new.description,
        tags=dict(new.tags),
        created_ms=call.now_ms(),
        created_by="" if call.caller is None else call.caller.name,
        settings=checked_settings(kind_named(new.kind), new.settings),
    )
    if not may_run(call.settings, made):
        raise Forbidden(_NO_JOBS_HERE)
    made = replace(made, sealed=sealed_credential(call.settings, made, new.credential))
    kept = call.stores.metadata.compute_targets
    if not new.skip_validation and kept.find_target(made.workspace, made.name) is None:
        _check_reachable(call, made, "made")
    if not kept.add_target(made):
        raise AlreadyExists(f"Workspace '{call.workspace.name}' has a compute target '{made.name}'.")
    return TargetInUse(made, 0, 0)


def get_target(call: Call, name: str) -> ComputeTarget:
    """Return a target by its name.

    Raises:
        NotFound: There is none; the message names those that there are, and how one is made.
    """
    kept = call.stores.metadata.compute_targets
    found = target_of(call.settings, call.workspace.name, name) or kept.find_target(call.workspace.name, name)
    if found is not None:
        return found
    if name == THIS_MACHINE:
        raise NotFound(_NO_JOBS_HERE)
    names = ", ".join(repr(each.target.name) for each in list_targets(call)) or "none"
    word = name if _NAME.fullmatch(name) else "NAME"
    raise NotFound(
        f"Workspace '{call.workspace.name}' has no compute target {name[:100]!r}; it has {names}. "
        f"`runyard compute create {word}` makes one of this server's machine, and `runyard compute attach` "
        "one of another machine or cluster, like ComputeTarget.create, .attach and the Studio's Compute page."
    )


def list_targets(call: Call) -> list[TargetInUse]:
    """Return all targets of the workspace, the server's own machine first."""
    here = target_of(call.settings, call.workspace.name, THIS_MACHINE)
    own = call.stores.metadata.compute_targets.list_targets(call.workspace.name)
    active = [
        each for each in call.stores.metadata.jobs.list_active() if each.workspace == call.workspace.name
    ]
    return [_in_use(each, active) for each in ([] if here is None else [here]) + own]


def show_target(call: Call, name: str) -> TargetInUse:
    """Return a target, and how much of it is taken.

    Raises:
        NotFound: There is none.
    """
    return _in_use(get_target(call, name), call.stores.metadata.jobs.list_active())


def change_target(call: Call, name: str, wanted: TargetChange) -> TargetInUse:
    """Change a target and return it; jobs that were begun go on.

    Blocks while one that is elsewhere is looked at as it is to be reached then.

    Raises:
        NotFound: There is none.
        InvalidParameter: A number of slots, a tag or a setting that can't be, or it can't be reached so.
        InvalidState: Its settings are to change, and jobs were begun by those that it has.
        Forbidden: It is the server's own machine, or would be there, and that runs no jobs.
    """
    if wanted.slots is not None:
        _check_slots(wanted.slots)
    limits.check_described(wanted.description, wanted.tags)
    if wanted.settings is not None or wanted.credential is not None:
        tried = _changed(call, _own_target(call, name), wanted)
        if not wanted.skip_validation:
            _check_reachable(call, tried, "changed")
    with call.stores.atomic():
        found = _own_target(call, name)
        changed = _changed(call, found, wanted)
        active = call.stores.metadata.jobs.list_active()
        if _finding(changed) != _finding(found):
            _check_nothing_begun(_in_use(found, active))
        call.stores.metadata.compute_targets.update_target(changed)
        # Said once more as they are they prove nothing, and would look like another server's word.
        if (changed.settings, changed.sealed) != (found.settings, found.sealed):
            call.stores.metadata.compute_targets.end_outage(changed.workspace, changed.name)
            changed = replace(changed, outage=None)
    return _in_use(changed, active)


def delete_target(call: Call, name: str, *, force: bool) -> None:
    """Forget a target; one that is elsewhere as soon as its jobs are over, it takes none meanwhile.

    Args:
        call: Whose workspace.
        name: The target.
        force: Whether its jobs that are not over are to be ended.

    Raises:
        NotFound: There is none.
        InvalidState: It has jobs that are not over, and ``force`` is false.
        Forbidden: It is the server's own machine.
    """
    with call.stores.atomic():
        kept = call.stores.metadata.compute_targets
        found = _own_target(call, name)
        active = [each for each in call.stores.metadata.jobs.list_active() if _is_on(each, call, name)]
        if active and not force:
            count = "1 job that is" if len(active) == 1 else f"{len(active)} jobs that are"
            raise InvalidState(
                f"Compute target '{name}' has {count} not over. "
                "Wait for the end or cancel, or say force to have them ended."
            )
        for job in active:
            cancel(call.stores, job, call.now_ms(), f"compute target '{name}' was deleted")
        if found.kind != LOCAL and any(job.status.holds_slots for job in active):
            # Without its settings nobody could end what runs there.
            kept.update_target(replace(found, is_leaving=True))
        else:
            kept.remove_target(call.workspace.name, name)
    call.operation.job_submitted.set()


def target_of(settings: Settings, workspace: str, name: str) -> ComputeTarget | None:
    """Return the target that each workspace has first, if this is its name and this machine runs jobs."""
    slots = settings.slots_of_this_machine
    if name != THIS_MACHINE or not slots:
        return None
    return ComputeTarget(workspace, THIS_MACHINE, LOCAL, slots, description="The server's own machine.")


def _on_cluster(call: Call, new: NewTarget) -> NewTarget:
    if new.settings or new.credential:
        raise invalid("kind", POOL, "A pool is reached as its cluster is: no settings, no credential.")
    cluster = cluster_for_pools(call)
    return replace(new, kind=cluster.kind, settings=cluster.settings, credential=cluster.credential)


def _check_reachable(call: Call, target: ComputeTarget, done: str) -> None:
    try:
        with closing(open_launcher(call.settings, target, call.operation.tunnel)) as launcher:
            launcher.check()
    except Unavailable as error:
        raise InvalidParameter(
            f"Compute target '{target.name}' was not {done}: {error} Mend that, or skip the validation."
        ) from None


def _changed(call: Call, found: ComputeTarget, wanted: TargetChange) -> ComputeTarget:
    """Return a target as it is to be.

    Raises:
        InvalidParameter: Its kind takes no such settings or no such credential.
        Forbidden: Its jobs would run on this machine, and that runs none.
    """
    settings = found.settings
    if wanted.settings is not None:
        settings = checked_settings(kind_named(found.kind), {**settings, **wanted.settings})
    changed = replace(
        found,
        slots=found.slots if wanted.slots is None else wanted.slots,
        is_paused=found.is_paused if wanted.is_paused is None else wanted.is_paused,
        description=found.description if wanted.description is None else wanted.description,
        tags=found.tags if wanted.tags is None else dict(wanted.tags),
        settings=settings,
    )
    if wanted.settings is not None and not may_run(call.settings, changed):
        raise Forbidden(_NO_JOBS_HERE)
    if wanted.credential is None:
        return changed
    return replace(changed, sealed=sealed_credential(call.settings, changed, wanted.credential))


def _finding(target: ComputeTarget) -> Mapping[str, Any]:
    """Return the settings by which a launcher finds its agents again."""
    known_by = KINDS[target.kind].known_by if target.kind in KINDS else ()

    def without(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: without(value) if isinstance(value, Mapping) else value
            for name, value in settings.items()
            if name not in known_by
        }

    return without(target.settings)


def _check_nothing_begun(used: TargetInUse) -> None:
    if used.slots_taken:
        raise InvalidState(
            f"Jobs on compute target '{used.target.name}' were begun by the settings it has, and are looked "
            "after by them. Pause it and wait for them, or cancel them; then change the settings."
        )


def _own_target(call: Call, name: str) -> ComputeTarget:
    if name == THIS_MACHINE:
        raise Forbidden(f"'{THIS_MACHINE}' is the server's own machine; the setting local_slots changes it.")
    return get_target(call, name)


def _in_use(target: ComputeTarget, active: Iterable[Job]) -> TargetInUse:
    own = [each for each in active if (each.workspace, each.compute) == (target.workspace, target.name)]
    begun = [each for each in own if each.status.holds_slots]
    taken = sum(each.spec.slots for each in begun)
    return TargetInUse(target, taken, len(own) - len(begun))


def _is_on(job: Job, call: Call, name: str) -> bool:
    return (job.workspace, job.compute) == (call.workspace.name, name)


def _check_slots(slots: int) -> None:
    if not 1 <= slots <= MAX_SLOTS:
        raise InvalidParameter(f"'slots' must be from 1 to {MAX_SLOTS}, not {slots}.")


_NO_JOBS_HERE = (
    "This server's machine runs no jobs: the code of a job can do whatever the server's own user can, so on "
    "'serve' whoever operates it says so by the setting local_slots."
)
