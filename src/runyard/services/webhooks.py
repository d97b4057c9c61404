"""Webhooks: addresses that administrators name and that are told of events."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Delivery, Webhook
from runyard.errors import InvalidParameter, NotFound
from runyard.services.call import Call
from runyard.services.deliveries import CLAIMED_MS, deliver
from runyard.services.outbound import OutboundClient
from runyard.services.tokens import identify

MAX_WEBHOOKS = 100
MAX_DELIVERIES_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class WebhookChoices:
    """What a webhook is told, and where: the kinds of events, none for all; one workspace, or all."""

    url: str
    kinds: Sequence[EventKind] = ()
    workspace: str | None = None


def create_webhook(call: Call, choices: WebhookChoices) -> Webhook:
    """Return a new webhook, with the secret that signs what it is told.

    Raises:
        InvalidParameter: Its address is not one that this server may send to, or there are too many.
        NotFound: There is no such workspace.
    """
    OutboundClient(call.settings).check(choices.url)
    webhook = Webhook(
        webhook_id=f"wh_{secrets.token_hex(6)}",
        url=choices.url,
        secret=f"whsec_{secrets.token_urlsafe(32)}",
        kinds=tuple(dict.fromkeys(choices.kinds)),
        workspace=choices.workspace,
        created_ms=call.now_ms(),
        created_by=identify(call).name,
    )
    webhooks = call.stores.metadata.webhooks
    with call.stores.atomic(alone_for="webhooks"):
        _check_workspace(call, choices.workspace)
        if len(webhooks.list_webhooks()) >= MAX_WEBHOOKS:
            raise InvalidParameter(f"A server may have {MAX_WEBHOOKS} webhooks; remove one first.")
        webhooks.add_webhook(webhook)
    return webhook


def update_webhook(call: Call, webhook_id: str, choices: WebhookChoices) -> Webhook:
    """Change what a webhook is told and where, and return it; its secret stays.

    Raises:
        InvalidParameter: As :func:`create_webhook`.
        NotFound: There is no such webhook or workspace.
    """
    OutboundClient(call.settings).check(choices.url)
    webhooks = call.stores.metadata.webhooks
    with call.stores.atomic():
        _check_workspace(call, choices.workspace)
        changed = replace(
            webhooks.get_webhook(webhook_id),
            url=choices.url,
            kinds=tuple(dict.fromkeys(choices.kinds)),
            workspace=choices.workspace,
        )
        webhooks.update_webhook(changed)
    return changed


def get_webhook(call: Call, webhook_id: str) -> Webhook:
    """Return a webhook.

    Raises:
        NotFound: There is none of that id.
    """
    return call.stores.metadata.webhooks.get_webhook(webhook_id)


def list_webhooks(call: Call) -> list[Webhook]:
    """Return all webhooks, the first made first."""
    return call.stores.metadata.webhooks.list_webhooks()


def remove_webhook(call: Call, webhook_id: str) -> None:
    """Forget a webhook and what is on its way to it.

    Raises:
        NotFound: There is none of that id.
    """
    with call.stores.atomic():
        if not call.stores.metadata.webhooks.remove_webhook(webhook_id):
            raise NotFound(f"There is no webhook {webhook_id}.")


def try_webhook(call: Call, webhook_id: str) -> Delivery:
    """Tell a webhook of an event that is only a test, now, and return what became of it; blocks.

    If that fails it is tried again as any other event.

    Raises:
        NotFound: There is no webhook of that id.
    """
    metadata = call.stores.metadata
    with call.stores.atomic():
        webhook = metadata.webhooks.get_webhook(webhook_id)
        once = f"test:{secrets.token_hex(8)}"
        message = f"This is a test of webhook {webhook_id}."
        event = Event(EventKind.WEBHOOK_TEST, webhook.workspace, call.now_ms(), message, {}, once)
        number = metadata.events.add_told(event)
        metadata.webhooks.add_deliveries([(replace(event, event_number=number), webhook_id)], call.now_ms())
    delivery = metadata.webhooks.claim(webhook_id, number, call.now_ms() + CLAIMED_MS)
    return deliver(call.stores, OutboundClient(call.settings), delivery, call.now_ms)


def list_deliveries(call: Call, webhook_id: str, limit: int) -> list[Delivery]:
    """Return what went and goes to a webhook, the latest first.

    Raises:
        NotFound: There is no webhook of that id.
    """
    if not 1 <= limit <= MAX_DELIVERIES_SHOWN:
        raise InvalidParameter(f"'max_results' must be from 1 to {MAX_DELIVERIES_SHOWN}, not {limit}.")
    call.stores.metadata.webhooks.get_webhook(webhook_id)
    return call.stores.metadata.webhooks.list_deliveries(webhook_id, limit)


def _check_workspace(call: Call, workspace: str | None) -> None:
    if workspace is not None:
        call.stores.metadata.workspaces.get_workspace(workspace)
