"""A webhook: an address that is told of events, and what became of telling it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.event import Event, EventKind


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events.

    Args:
        webhook_id: Its id.
        url: Where to.
        secret: What signs that it is told; shown once to whoever made it.
        kinds: Of which kinds of events; none for all.
        workspace: Of which workspace's; ``None`` for all, and for those of the server as a whole.
        created_ms: When it was made.
        created_by: By whom.
    """

    webhook_id: str
    url: str
    secret: str = field(repr=False)
    kinds: tuple[EventKind, ...]
    workspace: str | None
    created_ms: int
    created_by: str

    def wants(self, event: Event) -> bool:
        """Whether it is to be told of an event."""
        is_of_kind = not self.kinds or event.kind in self.kinds
        return is_of_kind and self.workspace in (None, event.workspace)


class DeliveryState(str, Enum):
    """How far telling of an event has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook.

    Args:
        delivery_number: The store's own number.
        webhook_id: To which.
        event: Which event.
        state: How far it has come.
        attempts: How often it was tried.
        created_ms: Since when it is on its way.
        due_ms: When to try next.
        tried_ms: When it was tried last.
        last_status: What was answered then; 0 if nothing was.
        last_error: Why not, if it failed.
    """

    delivery_number: int
    webhook_id: str
    event: Event
    state: DeliveryState
    attempts: int
    created_ms: int
    due_ms: int
    tried_ms: int | None = None
    last_status: int | None = None
    last_error: str = ""
