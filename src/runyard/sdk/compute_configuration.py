"""What compute targets are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runyard.entities.compute_target import LOCAL
from runyard.sdk.argument_errors import names_arguments


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
