"""Runyard's own messages about webhooks."""

from __future__ import annotations

from runyard.entities.webhook import Comparison, Delivery, Threshold, Webhook
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.messages.events import WireEvent, wire_event
from runyard.protocol.wire import choice


class WireThreshold(Wire, omit_defaults=False):
    """What a metric has to be, once for each run; `comparison` is `>`, `>=`, `<` or `<=`."""

    metric: str
    comparison: str
    value: float
    experiment_id: str | None = None


class ChooseWebhook(Wire):
    """Body of ``POST /api/v1/webhooks`` and of ``PUT /api/v1/webhooks/{webhook_id}``.

    Without kinds it is told of all of them but `run.created`; without a workspace of what happens in all of
    them and to the server as a whole. With a threshold it is told of runs that cross it, and of nothing else.
    """

    url: str
    kinds: list[str] = []
    workspace: str | None = None
    name: str = ""
    description: str = ""
    is_active: bool = True
    threshold: WireThreshold | None = None


class ListDeliveries(Wire):
    """Query of ``GET /api/v1/webhooks/{webhook_id}/deliveries``."""

    max_results: Int64 = 100


class WireWebhook(Wire, omit_defaults=False):
    """A webhook, without its secret; `is_mlflow` says that it was made, and is told, by MLflow's protocol."""

    webhook_id: str
    url: str
    kinds: list[str]
    workspace: str | None
    created_ms: int
    created_by: str
    name: str
    description: str
    is_active: bool
    is_mlflow: bool
    threshold: WireThreshold | None


class WebhookAnswer(Wire, omit_defaults=False):
    """One webhook."""

    webhook: WireWebhook


class NewWebhookAnswer(Wire, omit_defaults=False):
    """A new webhook, and the secret that signs what it is told, which nobody can ask for again."""

    webhook: WireWebhook
    secret: str


class ListWebhooksAnswer(Wire, omit_defaults=False):
    """All webhooks."""

    webhooks: list[WireWebhook]


class WireDelivery(Wire, omit_defaults=False):
    """An event on its way to a webhook; ``state`` is ``waiting``, ``delivered`` or ``given_up``."""

    delivery_number: int
    event: WireEvent
    state: str
    attempts: int
    created_ms: int
    due_ms: int
    tried_ms: int | None
    last_status: int | None
    last_error: str


class DeliveryAnswer(Wire, omit_defaults=False):
    """What became of telling a webhook."""

    delivery: WireDelivery


class ListDeliveriesAnswer(Wire, omit_defaults=False):
    """What went and goes to a webhook, the latest first."""

    deliveries: list[WireDelivery]


def wire_webhook(webhook: Webhook) -> WireWebhook:
    """Return a webhook as Runyard writes it."""
    return WireWebhook(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        kinds=[kind.value for kind in webhook.kinds],
        workspace=webhook.workspace,
        created_ms=webhook.created_ms,
        created_by=webhook.created_by,
        name=webhook.name,
        description=webhook.description,
        is_active=webhook.is_active,
        is_mlflow=webhook.is_mlflow,
        threshold=_wire_threshold(webhook.threshold),
    )


def threshold_of(wire: WireThreshold | None) -> Threshold | None:
    """Return the threshold that a request names."""
    if wire is None:
        return None
    comparison = choice(Comparison, wire.comparison, "threshold.comparison")
    return Threshold(wire.metric, comparison, wire.value, wire.experiment_id)


def _wire_threshold(threshold: Threshold | None) -> WireThreshold | None:
    if threshold is None:
        return None
    return WireThreshold(
        metric=threshold.metric,
        comparison=threshold.comparison.value,
        value=threshold.value,
        experiment_id=threshold.experiment_id,
    )


def wire_delivery(delivery: Delivery) -> WireDelivery:
    """Return a delivery as Runyard writes it."""
    return WireDelivery(
        delivery_number=delivery.delivery_number,
        event=wire_event(delivery.event),
        state=delivery.state.value,
        attempts=delivery.attempts,
        created_ms=delivery.created_ms,
        due_ms=delivery.due_ms,
        tried_ms=delivery.tried_ms,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
    )
