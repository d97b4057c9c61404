"""What happened that whoever operates the server wants to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Subject = Mapping[str, "str | int | float | None"]


class EventKind(str, Enum):
    """What kinds of things happen."""

    RUN_CREATED = "run.created"
    RUN_FINISHED = "run.finished"
    RUN_FAILED = "run.failed"
    RUN_KILLED = "run.killed"
    RUN_STUCK = "run.stuck"
    METRIC_CROSSED = "metric.crossed"
    QUOTA_WARNING = "quota.warning"
    DISK_WARNING = "disk.warning"
    WEBHOOK_TEST = "webhook.test"
    # Of the model registry, by MLflow's names for what it tells webhooks of.
    REGISTERED_MODEL_CREATED = "registered_model.created"
    MODEL_VERSION_CREATED = "model_version.created"
    MODEL_VERSION_TAG_SET = "model_version_tag.set"
    MODEL_VERSION_TAG_DELETED = "model_version_tag.deleted"
    MODEL_VERSION_ALIAS_CREATED = "model_version_alias.created"
    MODEL_VERSION_ALIAS_DELETED = "model_version_alias.deleted"
    PROMPT_CREATED = "prompt.created"
    PROMPT_VERSION_CREATED = "prompt_version.created"
    PROMPT_TAG_SET = "prompt_tag.set"
    PROMPT_TAG_DELETED = "prompt_tag.deleted"
    PROMPT_VERSION_TAG_SET = "prompt_version_tag.set"
    PROMPT_VERSION_TAG_DELETED = "prompt_version_tag.deleted"
    PROMPT_ALIAS_CREATED = "prompt_alias.created"
    PROMPT_ALIAS_DELETED = "prompt_alias.deleted"
    # Of the model registry, and MLflow tells nobody.
    REGISTERED_MODEL_RENAMED = "registered_model.renamed"
    REGISTERED_MODEL_DELETED = "registered_model.deleted"
    MODEL_VERSION_STAGE_CHANGED = "model_version.stage_changed"
    MODEL_VERSION_DELETED = "model_version.deleted"

    @property
    def is_a_warning(self) -> bool:
        """Whether somebody should look."""
        return self in _WARNINGS

    @property
    def is_only_told_by_name(self) -> bool:
        """Whether it is kept and told only where a webhook names it: there would be too many else."""
        return self is EventKind.RUN_CREATED

    @property
    def ends_a_run(self) -> bool:
        """Whether a run has ended by it."""
        return self in (EventKind.RUN_FINISHED, EventKind.RUN_FAILED, EventKind.RUN_KILLED)


_WARNINGS = frozenset(
    {EventKind.RUN_FAILED, EventKind.RUN_STUCK, EventKind.QUOTA_WARNING, EventKind.DISK_WARNING}
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Args:
        kind: What kind of thing.
        workspace: Where; ``None`` for the server as a whole.
        happened_ms: When.
        message: One sentence for a person.
        subject: What it is about, by name.
        once: A name under which it is told once, however often it is noticed.
        event_number: The store's own number, which counts up.
        payload: The whole of it, values too, for who is told by MLflow's protocol; ``None`` where MLflow has
            no such event. It is in no list and in no log.
    """

    kind: EventKind
    workspace: str | None
    happened_ms: int
    message: str
    subject: Subject = field(default_factory=dict)
    once: str | None = None
    event_number: int = 0
    payload: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SilentRun:
    """A run that is said to be running and has not been heard of for a while."""

    workspace: str
    experiment_id: str
    run_id: str
    name: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class EventSearch:
    """Which events are asked for.

    Args:
        workspace: Those of one workspace; ``None`` for all, and those of the server as a whole.
        kinds: Of which kinds; none for all.
        since_ms: Those that happened then or later.
        before_number: Those with smaller numbers; ``None`` for all.
        limit: How many at most.
    """

    workspace: str | None
    kinds: Sequence[EventKind] = ()
    since_ms: int = 0
    before_number: int | None = None
    limit: int = 100
