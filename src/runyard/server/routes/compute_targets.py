"""Runyard's own routes about compute targets."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.compute_target import THIS_MACHINE
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.compute_targets import (
    ChangeComputeTarget,
    ComputeTargetAnswer,
    CreateComputeTarget,
    DeleteComputeTarget,
    ListComputeTargetsAnswer,
    ListTargetKindsAnswer,
    WireComputeTarget,
    WireCredentialPart,
    WireTargetKind,
)
from runyard.server.routing import Routes
from runyard.services import compute_targets
from runyard.services.call import Call
from runyard.services.compute_targets import NewTarget, TargetChange, TargetInUse

routes = Routes()
_BASE = "/api/v1/compute"
_ONE = f"{_BASE}/{{name}}"
_KINDS = "/api/v1/compute-kinds"


@routes.get(_BASE, permits=Permission.READ, summary="List the compute targets of the workspace.")
def list_compute_targets(call: Call) -> ListComputeTargetsAnswer:
    """Answer all of them."""
    return ListComputeTargetsAnswer(
        compute_targets=[_wire(each) for each in compute_targets.list_targets(call)]
    )


@routes.post(_BASE, permits=Permission.MANAGE, runs_code=True, summary="Make a compute target.")
def create_compute_target(call: Call, body: CreateComputeTarget) -> ComputeTargetAnswer:
    """Keep a target."""
    wanted = NewTarget(
        name=body.name,
        kind=body.kind,
        slots=body.slots,
        description=body.description,
        tags=body.tags,
        settings=body.settings,
        credential=body.credential,
        skip_validation=body.skip_validation,
    )
    made = compute_targets.create_target(call, wanted)
    return ComputeTargetAnswer(compute_target=_wire(made))


@routes.get(_ONE, permits=Permission.READ, summary="Get a compute target, and how much of it is taken.")
def get_compute_target(call: Call, name: str) -> ComputeTargetAnswer:
    """Answer one target."""
    return ComputeTargetAnswer(compute_target=_wire(compute_targets.show_target(call, name)))


@routes.patch(_ONE, permits=Permission.MANAGE, summary="Change, pause or resume a compute target.")
def change_compute_target(call: Call, body: ChangeComputeTarget, name: str) -> ComputeTargetAnswer:
    """Answer the target as it is now."""
    wanted = TargetChange(
        slots=body.slots,
        is_paused=body.is_paused,
        description=body.description,
        tags=body.tags,
        settings=body.settings,
        credential=body.credential,
        skip_validation=body.skip_validation,
    )
    changed = compute_targets.change_target(call, name, wanted)
    return ComputeTargetAnswer(compute_target=_wire(changed))


@routes.delete(
    _ONE,
    permits=Permission.MANAGE,
    summary="Delete a compute target; `force` ends its jobs that are not over.",
)
def delete_compute_target(call: Call, body: DeleteComputeTarget, name: str) -> Empty:
    """Forget a target."""
    compute_targets.delete_target(call, name, force=body.force)
    return Empty()


@routes.get(_KINDS, permits=Permission.READ, summary="List what compute targets may be, and what each needs.")
def list_compute_kinds(call: Call) -> ListTargetKindsAnswer:
    """Answer all kinds."""
    return ListTargetKindsAnswer(
        kinds=[
            WireTargetKind(
                name=each.name,
                title=each.kind.title,
                summary=each.kind.summary,
                settings=each.settings,
                credential=[
                    WireCredentialPart(name=part.name, hint=part.hint, has_lines=part.has_lines)
                    for part in each.kind.credential
                ],
            )
            for each in compute_targets.list_kinds()
        ]
    )


def _wire(found: TargetInUse) -> WireComputeTarget:
    target = found.target
    return WireComputeTarget(
        name=target.name,
        kind=target.kind,
        slots=target.slots,
        slots_taken=found.slots_taken,
        jobs_waiting=found.jobs_waiting,
        is_paused=target.is_paused,
        is_built_in=target.name == THIS_MACHINE,
        description=target.description,
        tags=dict(target.tags),
        created_ms=target.created_ms,
        created_by=target.created_by,
        settings=dict(target.settings),
        has_credential=bool(target.sealed),
        is_leaving=target.is_leaving,
        unreachable_since_ms=None if target.outage is None else target.outage.since_ms,
        unreachable_reason="" if target.outage is None else target.outage.reason,
    )
