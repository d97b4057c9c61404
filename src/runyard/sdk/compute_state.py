"""What a compute target was when it was last read, in the words that Azure's SDK has for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runyard.entities.compute_target import LOCAL
from runyard.protocol.messages.compute_targets import WireComputeTarget
from runyard.protocol.timestamps import moment_of
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.representation import utc_text

READY = "Succeeded"
UNREACHABLE = "Unreachable"
AZURE_TYPES = {LOCAL: "AmlCompute", "ssh": "VirtualMachine", "kubernetes": "Kubernetes"}
"""What Azure calls a target that comes nearest to a kind of ours; others have no such name."""


@dataclass(frozen=True)
class ScaleSettings:
    """How many slots a target may have: a fixed number.

    Args:
        minimum_node_count: The least.
        maximum_node_count: The most.

    Example:
        >>> pool.scale_settings
        ScaleSettings(minimum_node_count=4, maximum_node_count=4)
    """

    minimum_node_count: int
    maximum_node_count: int


@names_arguments
class ComputeStatus:
    """How much of a target is taken.

    Args:
        record: What the server said of it.

    Example:
        >>> pool.get_status()
        ComputeStatus(0 of 4 slots taken, 0 waiting)
    """

    def __init__(self, record: WireComputeTarget) -> None:
        self._record = record

    @property
    def provisioning_state(self) -> str:
        """``Succeeded``: a target is there as soon as it is made.

        Example:
            >>> pool.get_status().provisioning_state
            'Succeeded'
        """
        return READY

    @property
    def allocation_state(self) -> str:
        """``Steady``; ``Paused``, which is Runyard's own, while no more jobs are begun.

        Example:
            >>> pool.pause()
            >>> pool.get_status().allocation_state
            'Paused'
        """
        return "Paused" if self._record.is_paused else "Steady"

    @property
    def current_node_count(self) -> int:
        """How many slots there are.

        Example:
            >>> pool.get_status().current_node_count
            4
        """
        return self._record.slots

    @property
    def target_node_count(self) -> int:
        """How many slots there are to be; as :attr:`current_node_count`.

        Example:
            >>> pool.get_status().target_node_count
            4
        """
        return self._record.slots

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Why the server could not reach it when it last tried; empty if it did.

        Example:
            >>> pool.get_status().errors
            []
        """
        if self._record.unreachable_since_ms is None:
            return []
        return [{"error": {"code": UNREACHABLE, "message": unreachable_text(self._record)}}]

    @property
    def scale_settings(self) -> ScaleSettings:
        """How many slots there may be.

        Example:
            >>> pool.get_status().scale_settings.maximum_node_count
            4
        """
        return ScaleSettings(self._record.slots, self._record.slots)

    def serialize(self) -> dict[str, Any]:
        """Return the status under the names that Azure's SDK uses; ``jobsWaiting`` is Runyard's own.

        Example:
            >>> pool.get_status().serialize()["nodeStateCounts"]["idleNodeCount"]
            4
        """
        taken = self._record.slots_taken
        free = max(0, self._record.slots - taken)
        is_reached = self._record.unreachable_since_ms is None
        return {
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": {
                "preparingNodeCount": 0,
                "runningNodeCount": taken,
                "idleNodeCount": free if is_reached else 0,
                "unusableNodeCount": 0 if is_reached else free,
                "leavingNodeCount": 0,
                "preemptedNodeCount": 0,
            },
            "allocationState": self.allocation_state,
            "errors": self.errors or None,
            "creationTime": utc_text(self._record.created_ms),
            "provisioningState": READY,
            "scaleSettings": {"minNodeCount": self._record.slots, "maxNodeCount": self._record.slots},
            "vmPriority": "Dedicated",
            "vmSize": "",
            "jobsWaiting": self._record.jobs_waiting,
        }

    def __repr__(self) -> str:
        record = self._record
        taken = f"{record.slots_taken} of {record.slots} slots taken"
        lacks = "" if record.unreachable_since_ms is None else f", {unreachable_text(record)}"
        return f"ComputeStatus({taken}, {record.jobs_waiting} waiting{lacks})"


def unreachable_text(record: WireComputeTarget) -> str:
    """Return since when a target can't be reached, and why; empty if it can."""
    if record.unreachable_since_ms is None:
        return ""
    since = moment_of(record.unreachable_since_ms)
    return f"unreachable since {since:%Y-%m-%d %H:%M:%S} UTC: {record.unreachable_reason}"


class ComputeTargetRecord:
    """A compute target as it was when the server was last asked."""

    _record: WireComputeTarget

    @property
    def record(self) -> WireComputeTarget:
        """What the server said of it.

        Example:
            >>> pool.record.kind
            'local'
        """
        return self._record

    @property
    def name(self) -> str:
        """Its name, unique in the workspace.

        Example:
            >>> pool.name
            'pool'
        """
        return self._record.name

    @property
    def type(self) -> str:
        """The kind of Azure's that comes nearest, as ``AmlCompute``; else :attr:`kind`.

        Example:
            >>> pool.type
            'AmlCompute'
        """
        return AZURE_TYPES.get(self.kind, self.kind)

    @property
    def kind(self) -> str:
        """What starts its jobs: ``local``, or the name of another launcher.

        Example:
            >>> pool.kind
            'local'
        """
        return self._record.kind

    @property
    def settings(self) -> dict[str, Any]:
        """How its kind reaches it, by the names that the kind has for that; no credential.

        Example:
            >>> pool.settings
            {}
        """
        return dict(self._record.settings)

    @property
    def slots(self) -> int:
        """How many slots it has.

        Example:
            >>> pool.slots
            4
        """
        return self._record.slots

    @property
    def slots_taken(self) -> int:
        """How many of them jobs hold.

        Example:
            >>> pool.slots_taken
            0
        """
        return self._record.slots_taken

    @property
    def jobs_waiting(self) -> int:
        """How many jobs wait for slots.

        Example:
            >>> pool.jobs_waiting
            0
        """
        return self._record.jobs_waiting

    @property
    def is_paused(self) -> bool:
        """Whether no more jobs are begun.

        Example:
            >>> pool.is_paused
            False
        """
        return self._record.is_paused

    @property
    def description(self) -> str:
        """What it is for.

        Example:
            >>> pool.update(description="for the night")
            >>> pool.description
            'for the night'
        """
        return self._record.description

    @property
    def tags(self) -> dict[str, str]:
        """Free key and value pairs.

        Example:
            >>> pool.update(tags={"team": "robots"})
            >>> pool.tags
            {'team': 'robots'}
        """
        return dict(self._record.tags)

    @property
    def provisioning_state(self) -> str:
        """``Succeeded``: a target is there as soon as it is made.

        Example:
            >>> pool.provisioning_state
            'Succeeded'
        """
        return READY

    @property
    def provisioning_errors(self) -> None:
        """None: nothing is rented that could fail.

        Example:
            >>> pool.provisioning_errors is None
            True
        """
        return

    def _serialized(self, location: str) -> dict[str, Any]:
        return {
            "id": None,
            "name": self.name,
            "location": location,
            "tags": self.tags,
            "properties": {
                "description": self.description,
                "computeType": self.type,
                "provisioningState": READY,
                "provisioningErrors": None,
                "createdOn": utc_text(self._record.created_ms),
                "isAttachedCompute": self.kind != LOCAL,
                "status": ComputeStatus(self._record).serialize(),
            },
        }
