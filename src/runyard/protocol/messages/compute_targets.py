"""Runyard's own messages about compute targets."""

from __future__ import annotations

from typing import Any

from runyard.protocol.messages.common import Int64, Wire


class CreateComputeTarget(Wire):
    """Body of ``POST /api/v1/compute``; ``kind`` is ``local`` for slots on the server's own machine, and
    ``pool`` for slots on the cluster whose target has the tag ``runyard.pools``, or there if none has.

    What ``settings`` and ``credential`` hold is the kind's. A target elsewhere is looked at before it is
    kept, unless ``skip_validation`` is said; the credential is kept encrypted, and never answered.
    """

    name: str
    kind: str = "local"
    slots: Int64 = 1
    description: str = ""
    tags: dict[str, str] = {}
    settings: dict[str, Any] = {}
    credential: dict[str, str] = {}
    skip_validation: bool = False


class ChangeComputeTarget(Wire):
    """Body of ``PATCH /api/v1/compute/{name}``; what is left out stays. Jobs of a paused target wait.

    Of ``settings`` those change that are named, while no job of the target was begun; a ``credential`` takes
    the place of the one there is. The target is looked at by them first, unless ``skip_validation`` is said.
    """

    slots: Int64 | None = None
    is_paused: bool | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    settings: dict[str, Any] | None = None
    credential: dict[str, str] | None = None
    skip_validation: bool = False


class DeleteComputeTarget(Wire):
    """Query of ``DELETE /api/v1/compute/{name}``; ``force`` ends its jobs that are not over."""

    force: bool = False


class WireComputeTarget(Wire, omit_defaults=False):
    """A compute target, and how much of it is taken: slots by running jobs, and jobs that wait.

    One that ``is_leaving`` was deleted, and goes as soon as its jobs are over. ``unreachable_since_ms`` is
    since when it has not answered the queue that looks after its jobs; nothing is asked of it here.
    """

    name: str
    kind: str
    slots: int
    slots_taken: int
    jobs_waiting: int
    is_paused: bool
    is_built_in: bool
    description: str
    tags: dict[str, str]
    created_ms: int
    created_by: str
    settings: dict[str, Any] = {}
    has_credential: bool = False
    is_leaving: bool = False
    unreachable_since_ms: int | None = None
    unreachable_reason: str = ""


class ComputeTargetAnswer(Wire, omit_defaults=False):
    """One compute target."""

    compute_target: WireComputeTarget


class ListComputeTargetsAnswer(Wire, omit_defaults=False):
    """All compute targets of a workspace, the server's own machine first."""

    compute_targets: list[WireComputeTarget]


class WireCredentialPart(Wire, omit_defaults=False):
    """A part of what targets of a kind are reached with; ``has_lines`` says that it is a text of several."""

    name: str
    hint: str
    has_lines: bool


class WireTargetKind(Wire, omit_defaults=False):
    """A kind of compute targets: what it is called and is, and what must be said to make one.

    ``settings`` is the JSON Schema of the ``settings`` of such a target.
    """

    name: str
    title: str
    summary: str
    settings: dict[str, Any]
    credential: list[WireCredentialPart]


class ListTargetKindsAnswer(Wire, omit_defaults=False):
    """All kinds of compute targets that this server knows."""

    kinds: list[WireTargetKind]
