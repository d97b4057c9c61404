"""What compute targets are made of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runyard.entities.compute_target import LOCAL
from runyard.protocol.messages.compute_targets import CreateComputeTarget, WireComputeTarget
from runyard.sdk.argument_errors import names_arguments

_log = logging.getLogger("runyard.compute")


@names_arguments
@dataclass(frozen=True, slots=True)
class TargetConfiguration:
    """What a target is made of: of which kind it is, and how that is reached.

    Args:
        kind: What starts its jobs: ``local``, the name of another launcher, or ``pool`` for what the
            workspace has for pools.
        slots: How many jobs of one slot run on it at a time.
        description: What it is for.
        tags: Free key and value pairs.
        settings: How its kind reaches it and starts jobs there, by the names that the kind has for that.
        credential: What it is reached with; the server keeps it encrypted and tells it nobody.
        skip_validation: Whether the server keeps the target without looking whether it can be reached.
        ignored: What was said, and has no effect: for the line that says so.

    Example:
        >>> AmlCompute.provisioning_configuration(max_nodes=2).slots
        2
    """

    kind: str = LOCAL
    slots: int = 1
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    skip_validation: bool = False
    ignored: tuple[str, ...] = ()

    def _wire(self, name: str) -> CreateComputeTarget:
        """Return what the server is asked to make under a name."""
        return CreateComputeTarget(
            name=name,
            kind=self.kind,
            slots=self.slots,
            description=self.description,
            tags=dict(self.tags),
            settings=dict(self.settings),
            credential=dict(self.credential),
            skip_validation=self.skip_validation,
        )

    def _warn_of_ignored(self, made: WireComputeTarget) -> None:
        """Log that some of what was said has no effect on the target that was made, if it is so."""
        if self.ignored:
            _log.warning(
                "Compute target %s is a pool of %s on %s: Runyard rents no machines, so %s and the like have "
                "no effect.",
                made.name,
                "one slot" if made.slots == 1 else f"{made.slots} slots",
                "the server's own machine" if made.kind == LOCAL else f"a {made.kind} cluster",
                self.ignored[0],
            )
