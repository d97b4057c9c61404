"""Webhooks: addresses that administrators name and that are told of events."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Delivery, Threshold, Webhook
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.deliveries import CLAIMED_MS, Courier, deliver
from runyard.services.mlflow_webhooks import EXAMPLES
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.services.thresholds import pass_over
from runyard.services.tokens import identify
from runyard.stores.opening import Stores

MAX_WEBHOOKS = 100
MAX_DELIVERIES_SHOWN = 1000
MAX_SECRET_LENGTH = 1000
MAX_NAME_LENGTH = 63
MAX_DESCRIPTION_LENGTH = 5000


@dataclass(frozen=True, slots=True)
class WebhookChoices:
    """What a webhook is told, and where.

    Args:
        url: Where to.
        kinds: Of which kinds of events; none for all that need not be named.
        workspace: Of one workspace, or of all.
        name: What people call it.
        description: What it is for.
        is_active: Whether it is told at all.
        threshold: What metrics have to cross, in place of kinds.
    """

    url: str
    kinds: Sequence[EventKind] = ()
    workspace: str | None = None
    name: str = ""
    description: str = ""
    is_active: bool = True
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A new webhook, and the secret that signs what it is told, which is not shown again."""

    webhook: Webhook
    secret: str


def create_webhook(
    call: Call, choices: WebhookChoices, *, is_mlflow: bool = False, secret: str | None = None
) -> NewWebhook:
    """Return a new webhook, with the secret that signs what it is told: one that is made up unless given.

    Raises:
        InvalidParameter: Its address is not one that this server may send to, or there are too many.
        NotFound: There is no such workspace or experiment.
    """
    _check(call, choices)
    secret = f"whsec_{secrets.token_urlsafe(32)}" if secret is None else secret
    limits.check_length(secret, MAX_SECRET_LENGTH, "secret")
    webhook_id = f"wh_{secrets.token_hex(6)}"
    webhook = Webhook(
        webhook_id=webhook_id,
        secret=Sealer(call.settings).seal(secret, webhook_id),
        created_ms=call.now_ms(),
        created_by=identify(call).name,
        is_mlflow=is_mlflow,
        updated_ms=call.now_ms(),
        **_chosen(choices),
    )
    webhooks = call.stores.metadata.webhooks
    with call.stores.atomic(alone_for="webhooks"):
        _check_places(call, choices)
        if len(webhooks.list_webhooks()) >= MAX_WEBHOOKS:
            raise InvalidParameter(f"A server may have {MAX_WEBHOOKS} webhooks; remove one first.")
        webhooks.add_webhook(webhook)
        pass_over(call.stores, webhook, call.now_ms())
    return NewWebhook(webhook, secret)


def update_webhook(
    call: Call, webhook_id: str, choices: WebhookChoices, *, secret: str | None = None
) -> Webhook:
    """Change what a webhook is told and where, and return it; its secret stays unless there is a new one.

    Raises:
        InvalidParameter: As :func:`create_webhook`.
        NotFound: There is no such webhook, workspace or experiment.
    """
    _check(call, choices)
    limits.check_length(secret or "", MAX_SECRET_LENGTH, "secret")
    webhooks = call.stores.metadata.webhooks
    with call.stores.atomic():
        _check_places(call, choices)
        before = webhooks.get_webhook(webhook_id)
        if before.is_mlflow:
            _check_mlflow_kinds(choices)
        changed = replace(
            before,
            secret=before.secret if secret is None else Sealer(call.settings).seal(secret, webhook_id),
            updated_ms=call.now_ms(),
            **_chosen(choices),
        )
        webhooks.update_webhook(changed)
        if changed.threshold != before.threshold or changed.workspace != before.workspace:
            pass_over(call.stores, changed, call.now_ms())
    return changed


def seal_secrets(stores: Stores, sealer: Sealer) -> None:
    """Encrypt the secrets of webhooks that were made before secrets were encrypted."""

    def seal() -> None:
        with stores.atomic():
            for webhook in stores.metadata.webhooks.list_webhooks():
                if webhook.secret and not sealer.is_sealed(webhook.secret):
                    sealed = sealer.seal(webhook.secret, webhook.webhook_id)
                    stores.metadata.webhooks.update_webhook(replace(webhook, secret=sealed))

    stores.database.retrying(seal)


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
        # Here, before anybody else sees that it is due.
        delivery = metadata.webhooks.claim(webhook_id, number, call.now_ms() + CLAIMED_MS)
    return deliver(call.stores, courier_of(call), delivery, call.now_ms)


def courier_of(call: Call) -> Courier:
    """Return what it takes to tell a webhook now."""
    return Courier(OutboundClient(call.settings), Sealer(call.settings))


def list_deliveries(call: Call, webhook_id: str, limit: int) -> list[Delivery]:
    """Return what went and goes to a webhook, the latest first.

    Raises:
        NotFound: There is no webhook of that id.
    """
    if not 1 <= limit <= MAX_DELIVERIES_SHOWN:
        raise InvalidParameter(f"'max_results' must be from 1 to {MAX_DELIVERIES_SHOWN}, not {limit}.")
    call.stores.metadata.webhooks.get_webhook(webhook_id)
    return call.stores.metadata.webhooks.list_deliveries(webhook_id, limit)


def _chosen(choices: WebhookChoices) -> dict[str, Any]:
    return {
        "url": choices.url,
        "kinds": tuple(dict.fromkeys(choices.kinds)),
        "workspace": choices.workspace,
        "name": choices.name,
        "description": choices.description,
        "is_active": choices.is_active,
        "threshold": choices.threshold,
    }


def _check(call: Call, choices: WebhookChoices) -> None:
    OutboundClient(call.settings).check(choices.url)
    limits.check_length(choices.name, MAX_NAME_LENGTH, "name")
    limits.check_length(choices.description, MAX_DESCRIPTION_LENGTH, "description")
    names_it = EventKind.METRIC_CROSSED in choices.kinds
    if choices.threshold is None:
        if names_it:
            raise InvalidParameter(f"The kind {EventKind.METRIC_CROSSED.value} needs a 'threshold' to cross.")
        return
    if choices.kinds and (not names_it or len(set(choices.kinds)) > 1):
        raise InvalidParameter("A webhook with a 'threshold' is told of nothing else: leave 'kinds' out.")
    limits.check_key(choices.threshold.metric, "threshold.metric")
    limits.check_length(choices.threshold.metric, limits.MAX_KEY_LENGTH, "threshold.metric")
    if not math.isfinite(choices.threshold.value):
        raise InvalidParameter("'threshold.value' must be a finite number.")


def _check_mlflow_kinds(choices: WebhookChoices) -> None:
    if choices.threshold is not None or not choices.kinds or not set(choices.kinds) <= EXAMPLES.keys():
        raise InvalidParameter("This webhook is told by MLflow's protocol: it names kinds that MLflow has.")
    if choices.workspace is None:
        raise InvalidParameter("This webhook is told by MLflow's protocol, so it is of one workspace.")


def _check_places(call: Call, choices: WebhookChoices) -> None:
    """Refuse a workspace or an experiment that isn't there; an experiment names its workspace."""
    if choices.workspace is not None:
        call.stores.metadata.workspaces.get_workspace(choices.workspace)
    if choices.threshold is None or choices.threshold.experiment_id is None:
        return
    if choices.workspace is None:
        raise InvalidParameter("'threshold.experiment_id' needs the 'workspace' that the experiment is in.")
    number = limits.check_experiment_id(choices.threshold.experiment_id)
    call.stores.metadata.experiments.get_experiment(choices.workspace, str(number))
