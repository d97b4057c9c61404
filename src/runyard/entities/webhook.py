"""A webhook: an address that is told of events, and what became of telling it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.event import Event, EventKind

GIVEN_UP_AFTER_MS = 24 * 3600_000
"""For how long an event is told again and again to a webhook that does not take it."""


class Comparison(str, Enum):
    """How a value stands to a threshold once it has crossed it."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    @property
    def is_upward(self) -> bool:
        """Whether it is crossed by growing."""
        return self in (Comparison.ABOVE, Comparison.AT_LEAST)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a metric has to be for a webhook to be told, once for each run.

    Args:
        metric: The metric's key.
        comparison: How a value has to stand to the threshold.
        value: The threshold.
        experiment_id: In which experiment; ``None`` for all.
    """

    metric: str
    comparison: Comparison
    value: float
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A run whose metric has crossed a threshold; ``value`` is the furthest that it came."""

    run_id: str
    run_name: str
    workspace: str
    experiment_id: str
    value: float


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events.

    Args:
        webhook_id: Its id.
        url: Where to.
        secret: What signs that it is told, encrypted; shown once to whoever made it; empty if there is none.
        kinds: Of which kinds of events; none for all but those that have to be named.
        workspace: Of which workspace's; ``None`` for all, and for those of the server as a whole.
        created_ms: When it was made.
        created_by: By whom.
        name: What people call it.
        description: What it is for.
        is_active: Whether it is told at all.
        is_mlflow: Whether it was made by MLflow's protocol, and is told by it.
        threshold: What its runs' metrics have to cross; it is told of nothing else.
        updated_ms: When it was changed last.
    """

    webhook_id: str
    url: str
    secret: str = field(repr=False)
    kinds: tuple[EventKind, ...]
    workspace: str | None
    created_ms: int
    created_by: str
    name: str = ""
    description: str = ""
    is_active: bool = True
    is_mlflow: bool = False
    threshold: Threshold | None = None
    updated_ms: int = 0

    def wants(self, event: Event) -> bool:
        """Whether it is to be told of an event."""
        if not self.is_active or self.workspace not in (None, event.workspace):
            return False
        if event.kind is EventKind.METRIC_CROSSED:
            return event.subject.get("webhook_id") == self.webhook_id
        if self.threshold is not None:
            return False
        if not self.kinds:
            return not event.kind.is_only_told_by_name
        return event.kind in self.kinds


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
