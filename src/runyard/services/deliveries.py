"""Tells webhooks of events, again and again until they say that they have understood."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import GIVEN_UP_AFTER_MS, Delivery, DeliveryState, Webhook
from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.services import mlflow_webhooks
from runyard.services.outbound import WITHIN_S, OutboundAnswer, OutboundClient
from runyard.services.sealing import Sealer
from runyard.stores.opening import Stores

CLAIMED_MS = int(4 * WITHIN_S * 1000)
"""For how long nobody else tries a delivery: longer than a try takes. Who died meanwhile has not told."""
FIRST_WAIT_MS = 1_000
LONGEST_WAIT_MS = 3600_000
MAX_ERROR_LENGTH = 500

SIGNATURE = "X-Runyard-Signature"
_log = logging.getLogger("runyard.webhooks")


@dataclass(frozen=True, slots=True)
class Courier:
    """What it takes to tell a webhook: a way to reach it, and to read what signs it."""

    client: OutboundClient
    sealer: Sealer


def deliver_due(
    stores: Stores, courier: Courier, now_ms: Callable[[], int], rest: Callable[[float], None]
) -> int:
    """Try what is due, one after the other, until nothing is; return how much that was.

    Args:
        stores: What the server remembers.
        courier: Sends.
        now_ms: Tells milliseconds since the epoch.
        rest: Called between two; raises to end it.
    """
    count = 0
    while True:
        begun_ms = now_ms()
        claim = partial(stores.metadata.webhooks.claim_due, begun_ms, begun_ms + CLAIMED_MS, 1)
        claimed = stores.database.retrying(claim)
        if not claimed:
            return count
        deliver(stores, courier, claimed[0], now_ms)
        count += 1
        rest(0.0)


def deliver(stores: Stores, courier: Courier, delivery: Delivery, now_ms: Callable[[], int]) -> Delivery:
    """Try one delivery that was claimed and return what became of it; blocks."""
    webhooks = stores.metadata.webhooks
    try:
        webhook = webhooks.get_webhook(delivery.webhook_id)
    except NotFound:  # removed meanwhile, and its deliveries with it
        return delivery
    status, error = _send(courier, webhook, delivery, now_ms())
    tried = _after(delivery, status, error, now_ms())
    stores.database.retrying(lambda: webhooks.note_try(tried))
    if tried.state is DeliveryState.GIVEN_UP:
        _log.warning(
            "gave up to tell webhook %s of event %d: %s", webhook.webhook_id, tried.event.event_number, error
        )
    return tried


def signature_of(secret: str, body: bytes, sent_s: int) -> str:
    """Return what proves to a receiver that a body is from this server, and when it was sent."""
    signed = hmac.new(secret.encode(), f"{sent_s}.".encode() + body, hashlib.sha256)
    return f"t={sent_s},v1={signed.hexdigest()}"


def body_of(event: Event) -> bytes:
    """Return an event as webhooks are told of it."""
    told: dict[str, Any] = {
        "event_number": event.event_number,
        "kind": event.kind.value,
        "workspace": event.workspace,
        "happened_ms": event.happened_ms,
        "message": event.message,
        "subject": dict(event.subject),
    }
    return json.dumps(told).encode()


def wait_ms(attempts: int) -> int:
    """Return how long to wait after so many tries: twice as long each time, up to an hour, never evenly."""
    even = min(FIRST_WAIT_MS * 2 ** min(attempts - 1, 20), LONGEST_WAIT_MS)
    return int(even * random.uniform(0.75, 1.25))


def _send(courier: Courier, webhook: Webhook, delivery: Delivery, at_ms: int) -> tuple[int, str]:
    """Return the status that was answered, 0 for none, and what was wrong."""
    try:
        answer = send(courier, webhook, delivery, at_ms)
    except (InvalidParameter, Unavailable) as error:
        return 0, error.message[:MAX_ERROR_LENGTH]
    return answer.status, "" if answer.is_success else f"It answered {answer.status}."


def send(courier: Courier, webhook: Webhook, delivery: Delivery, at_ms: int) -> OutboundAnswer:
    """Tell a webhook of an event, once, and return what it answers; blocks.

    Raises:
        InvalidParameter: Its address is none that this server sends to.
        Unavailable: It does not answer, or its secret can't be read.
    """
    secret = courier.sealer.open(webhook.secret, webhook.webhook_id)
    made = _mlflow_request if webhook.is_mlflow else _request
    headers, body = made(webhook, delivery, secret, at_ms // 1000)
    return courier.client.send("POST", webhook.url, headers, body)


def _request(webhook: Webhook, delivery: Delivery, secret: str, sent_s: int) -> tuple[dict[str, str], bytes]:
    body = body_of(delivery.event)
    return {
        "Content-Type": "application/json",
        "X-Runyard-Event": delivery.event.kind.value,
        "X-Runyard-Delivery": str(delivery.delivery_number),
        SIGNATURE: signature_of(secret, body, sent_s),
    }, body


def _mlflow_request(
    webhook: Webhook, delivery: Delivery, secret: str, sent_s: int
) -> tuple[dict[str, str], bytes]:
    event = delivery.event
    if event.kind is EventKind.WEBHOOK_TEST:
        event = mlflow_webhooks.example_of(webhook.kinds[0], event)
    body = mlflow_webhooks.body_of(event)
    return mlflow_webhooks.headers_of(webhook, delivery, secret, body, sent_s), body


def _after(delivery: Delivery, status: int, error: str, at_ms: int) -> Delivery:
    tried = replace(delivery, tried_ms=at_ms, last_status=status, last_error=error)
    if not error:
        return replace(tried, state=DeliveryState.DELIVERED, due_ms=at_ms)
    due_ms = at_ms + wait_ms(delivery.attempts)
    if due_ms > delivery.created_ms + GIVEN_UP_AFTER_MS:
        return replace(tried, state=DeliveryState.GIVEN_UP, due_ms=at_ms)
    return replace(tried, due_ms=due_ms)
