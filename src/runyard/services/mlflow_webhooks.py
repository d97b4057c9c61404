"""How MLflow tells webhooks: the body, the headers that sign it, and what a test is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Delivery, Webhook

SIGNATURE: Final = "X-MLflow-Signature"
DELIVERY_ID: Final = "X-MLflow-Delivery-Id"
TIMESTAMP: Final = "X-MLflow-Timestamp"
_DELIVERIES: Final = uuid.UUID("8f0a0b0e-5d3b-4c55-9d57-5a1d5f0a9c11")

_TAG = {"key": "example_key", "value": "example_value"}
_MADE = {"tags": {"example_key": "example_value"}}
_MODEL, _PROMPT = {"name": "example_model"}, {"name": "example_prompt"}
_FIRST = {"version": "1"}
_NAMED = {"alias": "example_alias"}

EXAMPLES: Final[Mapping[EventKind, Mapping[str, Any]]] = {
    EventKind.REGISTERED_MODEL_CREATED: {**_MODEL, **_MADE, "description": "An example registered model"},
    EventKind.MODEL_VERSION_CREATED: {
        **_MODEL,
        **_FIRST,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        **_MADE,
        "description": "An example model version",
    },
    EventKind.MODEL_VERSION_TAG_SET: {**_MODEL, **_FIRST, **_TAG},
    EventKind.MODEL_VERSION_TAG_DELETED: {**_MODEL, **_FIRST, "key": "example_key"},
    EventKind.MODEL_VERSION_ALIAS_CREATED: {**_MODEL, **_NAMED, **_FIRST},
    EventKind.MODEL_VERSION_ALIAS_DELETED: {**_MODEL, **_NAMED},
    EventKind.PROMPT_CREATED: {**_PROMPT, **_MADE, "description": "An example prompt"},
    EventKind.PROMPT_VERSION_CREATED: {
        **_PROMPT,
        **_FIRST,
        "template": "Hello {{name}}!",
        **_MADE,
        "description": "An example prompt version",
    },
    EventKind.PROMPT_TAG_SET: {**_PROMPT, **_TAG},
    EventKind.PROMPT_TAG_DELETED: {**_PROMPT, "key": "example_key"},
    EventKind.PROMPT_VERSION_TAG_SET: {**_PROMPT, **_FIRST, **_TAG},
    EventKind.PROMPT_VERSION_TAG_DELETED: {**_PROMPT, **_FIRST, "key": "example_key"},
    EventKind.PROMPT_ALIAS_CREATED: {**_PROMPT, **_NAMED, **_FIRST},
    EventKind.PROMPT_ALIAS_DELETED: {**_PROMPT, **_NAMED},
}
"""The events that MLflow has, each with what a test is told of it."""


def example_of(kind: EventKind, event: Event) -> Event:
    """Return a test as if it were an event of that kind."""
    return Event(kind, event.workspace, event.happened_ms, event.message, payload=EXAMPLES[kind])


def body_of(event: Event) -> bytes:
    """Return an event as MLflow's webhooks are told of it."""
    entity, _, action = event.kind.value.partition(".")
    happened = datetime.fromtimestamp(event.happened_ms / 1000, tz=timezone.utc)
    told = {
        "entity": entity,
        "action": action,
        "timestamp": happened.isoformat(),
        "data": dict(event.payload or {}),
        "workspace": event.workspace,
    }
    return json.dumps(told).encode()


def headers_of(webhook: Webhook, delivery: Delivery, secret: str, body: bytes, sent_s: int) -> dict[str, str]:
    """Return what a receiver needs to tell who sends, when, and whether it came before.

    The id stays the same however often it is tried; the signature is of the try.
    """
    delivery_id = str(uuid.uuid5(_DELIVERIES, f"{webhook.webhook_id}/{delivery.delivery_number}"))
    headers = {"Content-Type": "application/json", DELIVERY_ID: delivery_id, TIMESTAMP: str(sent_s)}
    return headers | ({SIGNATURE: signature_of(secret, delivery_id, sent_s, body)} if secret else {})


def signature_of(secret: str, delivery_id: str, sent_s: int, body: bytes) -> str:
    """Return the signature as MLflow's receivers check it: over id, time and body, in base 64."""
    signed = f"{delivery_id}.{sent_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
