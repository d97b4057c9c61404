"""What a workspace has of compute targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runyard.entities.compute_target import THIS_MACHINE
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute import ComputeTarget

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class HasComputeTargets:
    """What a workspace has about compute targets."""

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """The compute targets of the workspace by name, as they are now.

        Example:
            >>> ws.compute_targets["local"].name
            'local'
        """
        return {target.name: target for target in ComputeTarget.list(cast("Workspace", self))}

    def get_default_compute_target(self, type: str = "CPU") -> ComputeTarget:
        """Return the server's own machine.

        Args:
            type: Taken for Azure's scripts; no effect.

        Example:
            >>> ws.get_default_compute_target().name
            'local'
        """
        return ComputeTarget(cast("Workspace", self), THIS_MACHINE)
