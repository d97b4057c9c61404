"""MLflow's messages about webhooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from runyard.entities.event import EventKind
from runyard.entities.webhook import Webhook
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.wire import invalid

ACTIVE, DISABLED = "ACTIVE", "DISABLED"
_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
_BUDGETS = "budget_policy.exceeded"
_SCHEMES = ("http", "https")


class MlflowEvent(Wire):
    """A kind of event, in two words."""

    entity: str = ""
    action: str = ""


class MlflowCreateWebhook(Wire):
    """Body of ``POST /api/2.0/mlflow/webhooks``."""

    name: str
    url: str
    events: list[MlflowEvent]
    description: str = ""
    secret: str = ""
    status: str = ACTIVE


class MlflowUpdateWebhook(Wire):
    """Body of ``PATCH /api/2.0/mlflow/webhooks/{webhook_id}``; what is left out stays."""

    name: str = ""
    url: str = ""
    events: list[MlflowEvent] = []
    description: str | None = None
    secret: str | None = None
    status: str | None = None


class MlflowListWebhooks(Wire):
    """Query of ``GET /api/2.0/mlflow/webhooks``."""

    max_results: Int64 = 0
    page_token: str = ""


class MlflowTestWebhook(Wire):
    """Body of ``POST /api/2.0/mlflow/webhooks/{webhook_id}/test``."""

    event: MlflowEvent | None = None


class MlflowWebhook(Wire, kw_only=True):
    """A webhook, without its secret."""

    webhook_id: str
    name: str
    url: str
    events: list[MlflowEvent]
    description: str = ""
    status: str
    creation_timestamp: int
    last_updated_timestamp: int


class MlflowWebhookAnswer(Wire):
    """One webhook."""

    webhook: MlflowWebhook


class MlflowWebhooksAnswer(Wire):
    """A page of webhooks, the last made first."""

    webhooks: list[MlflowWebhook] = []
    next_page_token: str = ""


class MlflowTestResult(Wire):
    """What became of a test."""

    success: bool
    response_status: int = 0
    response_body: str = ""
    error_message: str = ""


class MlflowTestAnswer(Wire):
    """What became of a test."""

    result: MlflowTestResult


def check_webhook_name(name: str) -> None:
    """Refuse a name that MLflow would refuse, in its words."""
    if _NAME.fullmatch(name) is None:
        raise InvalidParameter(
            f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, be less "
            "than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and "
            "hyphens (-)."
        )


def check_webhook_url(url: str) -> None:
    """Refuse an address that MLflow would refuse, in its words; not whether one may send there."""
    if not url.strip():
        raise InvalidParameter(f"Webhook URL cannot be empty or just whitespace: {url[:100]!r}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidParameter(f"Invalid webhook URL {url[:100]!r}: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise InvalidParameter(
            f"Invalid webhook URL scheme: {parts.scheme[:100]!r}. Allowed schemes are: {', '.join(_SCHEMES)}."
        )
    if not parts.hostname:
        raise InvalidParameter(f"Webhook URL must include a hostname: {url[:100]!r}")


def is_active(status: str) -> bool:
    """Return whether a webhook of that status is told of events."""
    if status not in (ACTIVE, DISABLED):
        raise invalid("status", status, f"Expected {ACTIVE} or {DISABLED}.")
    return status == ACTIVE


def kind_of(event: MlflowEvent, known: Sequence[EventKind]) -> EventKind:
    """Return the kind of event that two words of MLflow's name.

    Raises:
        InvalidParameter: They name none.
        NotImplementedHere: There are no such things here.
    """
    named = f"{event.entity}.{event.action}".lower()
    if named == _BUDGETS:
        raise NotImplementedHere(f"There are no events {_BUDGETS}: Runyard is no gateway and has no budgets.")
    for kind in known:
        if kind.value == named:
            return kind
    entity, _, action = named.partition(".")
    actions = sorted(each for of, _, each in (kind.value.partition(".") for kind in known) if of == entity)
    if actions:
        raise InvalidParameter(
            f"Invalid action {action[:100]!r} for entity {entity!r}. Valid actions are: {actions}"
        )
    expected = ", ".join(kind.value for kind in known)
    raise invalid("events", named, f"Expected some of {expected}.")


def kinds_of(events: Sequence[MlflowEvent], known: Sequence[EventKind]) -> list[EventKind]:
    """Return the kinds of events that a request names, of which there must be some, in MLflow's order."""
    if not events:
        raise InvalidParameter("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    return sorted((kind_of(each, known) for each in events), key=lambda kind: kind.value.split("."))


def mlflow_webhook(webhook: Webhook) -> MlflowWebhook:
    """Return a webhook as MLflow writes it."""
    return MlflowWebhook(
        webhook_id=webhook.webhook_id,
        name=webhook.name,
        url=webhook.url,
        events=[_wire_event(kind) for kind in webhook.kinds],
        description=webhook.description,
        status=ACTIVE if webhook.is_active else DISABLED,
        creation_timestamp=webhook.created_ms,
        last_updated_timestamp=webhook.updated_ms,
    )


def _wire_event(kind: EventKind) -> MlflowEvent:
    entity, _, action = kind.value.upper().partition(".")
    return MlflowEvent(entity=entity, action=action)
