"""A secret of a workspace: what is known of it beside its value, which lies encrypted and apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """What may be told of a secret; its value is no part of it.

    Args:
        name: Its name, unique in its workspace.
        content_type: What its owner says that the value is; empty if nothing.
        created_ms: When it was set first, in milliseconds since the epoch.
        updated_ms: When its value was set last.
        updated_by: By whom.
    """

    name: str
    content_type: str
    created_ms: int
    updated_ms: int
    updated_by: str
