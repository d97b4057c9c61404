"""What can be done with compute targets: make, change, look at, delete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from runyard.entities.compute_target import THIS_MACHINE, ComputeKind, ComputeTarget
from runyard.entities.job import Job
from runyard.errors import AlreadyExists, Forbidden, InvalidParameter, InvalidState, NotFound
from runyard.protocol import asset_limits as limits
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.job_life import cancel
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


def create_target(
    call: Call, name: str, kind: ComputeKind, slots: int, description: str, tags: Mapping[str, str]
) -> TargetInUse:
    """Keep a new compute target and return it.

    Raises:
        InvalidParameter: A name, a number of slots or a tag that can't be.
        AlreadyExists: There is one of this name.
        Forbidden: This server's machine runs no jobs.
    """
    if _NAME.fullmatch(name) is None:
        raise invalid("name", name[:100], "Letters, digits, '-' and '_', at most 63, a letter first.")
    if name == THIS_MACHINE:
        raise AlreadyExists(f"'{THIS_MACHINE}' is the server's own machine, in each workspace.")
    _check_slots(slots)
    _check_words(description, tags)
    if not call.settings.slots_of_this_machine:
        raise Forbidden(_NO_JOBS_HERE)
    made = ComputeTarget(
        workspace=call.workspace.name,
        name=name,
        kind=kind,
        slots=slots,
        description=description,
        tags=dict(tags),
        created_ms=call.now_ms(),
        created_by="" if call.caller is None else call.caller.name,
    )
    if not call.stores.metadata.compute_targets.add_target(made):
        raise AlreadyExists(f"Workspace '{call.workspace.name}' has a compute target '{name}'.")
    return TargetInUse(made, 0, 0)


def get_target(call: Call, name: str) -> ComputeTarget:
    """Return a target by its name.

    Raises:
        NotFound: There is none; the message names those that there are.
    """
    kept = call.stores.metadata.compute_targets
    found = target_of(call.settings, call.workspace.name, name) or kept.find_target(call.workspace.name, name)
    if found is not None:
        return found
    if name == THIS_MACHINE:
        raise NotFound(_NO_JOBS_HERE)
    names = ", ".join(repr(each.target.name) for each in list_targets(call)) or "none"
    raise NotFound(f"Workspace '{call.workspace.name}' has no compute target {name[:100]!r}; it has {names}.")


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


def change_target(
    call: Call,
    name: str,
    slots: int | None,
    is_paused: bool | None,
    description: str | None,
    tags: Mapping[str, str] | None,
) -> TargetInUse:
    """Change a target and return it; jobs that were begun go on.

    Raises:
        NotFound: There is none.
        InvalidParameter: A number of slots or a tag that can't be.
        Forbidden: It is the server's own machine.
    """
    if slots is not None:
        _check_slots(slots)
    _check_words(description, tags)
    with call.stores.atomic():
        found = _own_target(call, name)
        changed = replace(
            found,
            slots=found.slots if slots is None else slots,
            is_paused=found.is_paused if is_paused is None else is_paused,
            description=found.description if description is None else description,
            tags=found.tags if tags is None else dict(tags),
        )
        call.stores.metadata.compute_targets.update_target(changed)
    return _in_use(changed, call.stores.metadata.jobs.list_active())


def delete_target(call: Call, name: str, *, force: bool) -> None:
    """Forget a target.

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
        _own_target(call, name)
        active = [each for each in call.stores.metadata.jobs.list_active() if _is_on(each, call, name)]
        if active and not force:
            raise InvalidState(
                f"Compute target '{name}' has {len(active)} jobs that are not over. "
                "Wait for them or cancel them, or say force to have them ended."
            )
        for job in active:
            cancel(call.stores, job, call.now_ms(), f"compute target '{name}' was deleted")
        call.stores.metadata.compute_targets.remove_target(call.workspace.name, name)


def target_of(settings: Settings, workspace: str, name: str) -> ComputeTarget | None:
    """Return the target that each workspace has first, if this is its name and this machine runs jobs."""
    slots = settings.slots_of_this_machine
    if name != THIS_MACHINE or not slots:
        return None
    return ComputeTarget(
        workspace, THIS_MACHINE, ComputeKind.LOCAL, slots, description="The server's own machine."
    )


def _own_target(call: Call, name: str) -> ComputeTarget:
    if name == THIS_MACHINE:
        raise Forbidden(f"'{THIS_MACHINE}' is the server's own machine; the setting local_slots changes it.")
    return get_target(call, name)


def _in_use(target: ComputeTarget, active: Iterable[Job]) -> TargetInUse:
    own = [each for each in active if (each.workspace, each.compute) == (target.workspace, target.name)]
    begun = [each for each in own if each.status.holds_slots]
    return TargetInUse(target, sum(each.spec.slots for each in begun), len(own) - len(begun))


def _is_on(job: Job, call: Call, name: str) -> bool:
    return (job.workspace, job.compute) == (call.workspace.name, name)


def _check_slots(slots: int) -> None:
    if not 1 <= slots <= MAX_SLOTS:
        raise InvalidParameter(f"'slots' must be from 1 to {MAX_SLOTS}, not {slots}.")


def _check_words(description: str | None, tags: Mapping[str, str] | None) -> None:
    limits.check_description(description or "")
    limits.check_asset_tags(tags or {})


_NO_JOBS_HERE = (
    "This server's machine runs no jobs: the code of a job can do whatever the server's own user can, so on "
    "'serve' whoever operates it says so by the setting local_slots."
)
