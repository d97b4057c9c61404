"""The webhooks of a workspace that were made, and are told, by MLflow's protocol."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Delivery, DeliveryState, Webhook
from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.deliveries import send
from runyard.services.mlflow_webhooks import EXAMPLES
from runyard.services.webhooks import courier_of

MAX_WEBHOOKS_PAGE: Final = 1000
MAX_BODY_SHOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Tried:
    """What a webhook answered to a test: a status and the beginning of a body, or why there is none."""

    status: int = 0
    body: str = ""
    error: str = ""


def get_webhook(call: Call, webhook_id: str) -> Webhook:
    """Return one of the workspace's webhooks.

    Raises:
        NotFound: There is none of that id, or it is told otherwise or elsewhere.
    """
    found = next((each for each in _of_workspace(call) if each.webhook_id == webhook_id), None)
    if found is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.")
    return found


def list_page(call: Call, limit: int, page_token: str | None) -> Page[Webhook]:
    """Return a page of them, the last made first.

    Raises:
        InvalidParameter: The page is too large or none, or its token is none.
    """
    if not 1 <= limit <= MAX_WEBHOOKS_PAGE:
        raise InvalidParameter(f"max_results must be between 1 and {MAX_WEBHOOKS_PAGE}.")
    offset = parse_page_token(page_token)
    found = _of_workspace(call)[::-1]
    return page_of(found[offset : offset + limit + 1], limit, offset)


def try_webhook(call: Call, webhook_id: str, kind: EventKind | None) -> Tried:
    """Tell a webhook of an example of an event, once and now, and return what it answered; blocks.

    Nothing of it is kept: it is no delivery.

    Raises:
        NotFound: There is no such webhook.
    """
    webhook = get_webhook(call, webhook_id)
    kind = kind or webhook.kinds[0]
    event = Event(kind, webhook.workspace, call.now_ms(), "A test.", payload=EXAMPLES[kind])
    number = secrets.randbelow(2**62)
    delivery = Delivery(number, webhook_id, event, DeliveryState.WAITING, 1, call.now_ms(), call.now_ms())
    try:
        answer = send(courier_of(call), webhook, delivery, call.now_ms())
    except (InvalidParameter, Unavailable) as error:
        return Tried(error=f"Failed to test webhook: {error.message}")
    return Tried(answer.status, answer.body[:MAX_BODY_SHOWN].decode(errors="replace"))


def _of_workspace(call: Call) -> list[Webhook]:
    everywhere = call.stores.metadata.webhooks.list_webhooks()
    return [each for each in everywhere if each.is_mlflow and each.workspace == call.workspace.name]
