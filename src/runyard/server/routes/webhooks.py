"""Runyard's own routes about webhooks: addresses that are told of events."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.events import event_kinds
from runyard.protocol.messages.webhooks import (
    ChooseWebhook,
    DeliveryAnswer,
    ListDeliveries,
    ListDeliveriesAnswer,
    ListWebhooksAnswer,
    NewWebhookAnswer,
    WebhookAnswer,
    threshold_of,
    wire_delivery,
    wire_webhook,
)
from runyard.server.routing import Routes
from runyard.services import webhooks
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/webhooks"
_ONE = f"{_BASE}/{{webhook_id}}"


@routes.get(_BASE, permits=Permission.ADMINISTER, summary="List the webhooks.")
def list_webhooks(call: Call) -> ListWebhooksAnswer:
    """Answer all webhooks."""
    return ListWebhooksAnswer(webhooks=[wire_webhook(each) for each in webhooks.list_webhooks(call)])


@routes.post(
    _BASE, permits=Permission.ADMINISTER, summary="Have an address told of events; answers its secret once."
)
def create_webhook(call: Call, body: ChooseWebhook) -> NewWebhookAnswer:
    """Make a webhook."""
    made = webhooks.create_webhook(call, _choices(body))
    return NewWebhookAnswer(webhook=wire_webhook(made.webhook), secret=made.secret)


@routes.get(_ONE, permits=Permission.ADMINISTER, summary="Get a webhook.")
def get_webhook(call: Call, webhook_id: str) -> WebhookAnswer:
    """Answer one webhook."""
    return WebhookAnswer(webhook=wire_webhook(webhooks.get_webhook(call, webhook_id)))


@routes.put(_ONE, permits=Permission.ADMINISTER, summary="Change what a webhook is told, and where.")
def update_webhook(call: Call, body: ChooseWebhook, webhook_id: str) -> WebhookAnswer:
    """Change a webhook."""
    changed = webhooks.update_webhook(call, webhook_id, _choices(body))
    return WebhookAnswer(webhook=wire_webhook(changed))


@routes.delete(_ONE, permits=Permission.ADMINISTER, summary="Remove a webhook.")
def remove_webhook(call: Call, webhook_id: str) -> Empty:
    """Forget a webhook."""
    webhooks.remove_webhook(call, webhook_id)
    return Empty()


@routes.post(f"{_ONE}/test", permits=Permission.ADMINISTER, summary="Tell a webhook of a test, now.")
def try_webhook(call: Call, webhook_id: str) -> DeliveryAnswer:
    """Answer what became of the test."""
    return DeliveryAnswer(delivery=wire_delivery(webhooks.try_webhook(call, webhook_id)))


@routes.get(f"{_ONE}/deliveries", permits=Permission.ADMINISTER, summary="List what went to a webhook.")
def list_deliveries(call: Call, body: ListDeliveries, webhook_id: str) -> ListDeliveriesAnswer:
    """Answer the latest deliveries."""
    found = webhooks.list_deliveries(call, webhook_id, body.max_results)
    return ListDeliveriesAnswer(deliveries=[wire_delivery(each) for each in found])


def _choices(body: ChooseWebhook) -> webhooks.WebhookChoices:
    return webhooks.WebhookChoices(
        url=body.url,
        kinds=event_kinds(body.kinds, "kinds"),
        workspace=body.workspace,
        name=body.name,
        description=body.description,
        is_active=body.is_active,
        threshold=threshold_of(body.threshold),
    )
