"""What the parts of an import work with: from where, to where, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runyard.sdk.transfer.destination import Destination
from runyard.sdk.transfer.source import Source


@dataclass(frozen=True, slots=True)
class Takeover:
    """What traces, registry and evaluation are taken over with.

    Args:
        source: Where to read.
        destination: Where to write.
        is_dry_run: Whether to read all and write nothing.
        note: Called with what could not be taken over.
        told: Called with what, how much of it is done, and of how much, which nobody knows.
    """

    source: Source
    destination: Destination
    is_dry_run: bool
    note: Callable[[str], None]
    told: Callable[[str, int, int], None]
