"""The contract of the store for webhooks; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Crossing, Delivery, Webhook


class WebhookStore(ABC):
    """Remembers webhooks, and which events are on their way to them. A webhook goes with its workspace."""

    @abstractmethod
    def add_webhook(self, webhook: Webhook) -> None:
        """Keep a new webhook."""

    @abstractmethod
    def update_webhook(self, webhook: Webhook) -> None:
        """Keep all that a webhook says but when and by whom it was made."""

    @abstractmethod
    def get_webhook(self, webhook_id: str) -> Webhook:
        """Return the webhook of that id.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    def list_webhooks(self) -> list[Webhook]:
        """Return all webhooks, the first made first."""

    @abstractmethod
    def is_anyone_told(self, kind: EventKind, workspace: str) -> bool:
        """Whether a webhook names that kind of event, and is told of what happens in that workspace."""

    @abstractmethod
    def list_thresholds(self) -> list[Webhook]:
        """Return the active webhooks that are told of thresholds."""

    @abstractmethod
    def take_crossings(
        self, webhook: Webhook, run_ids: Sequence[str] | None, limit: int, now_ms: int
    ) -> list[Crossing]:
        """Return active runs that have crossed a webhook's threshold, each once ever.

        Without ``run_ids`` it looks at runs that are under way.
        """

    @abstractmethod
    def forget_crossings(self, webhook_id: str) -> None:
        """Forget which runs have crossed a webhook's threshold, as it is another one now."""

    @abstractmethod
    def remove_webhook(self, webhook_id: str) -> bool:
        """Forget a webhook and what is on its way to it; say whether there was one."""

    @abstractmethod
    def add_deliveries(self, pairs: Sequence[tuple[Event, str]], now_ms: int) -> None:
        """Put each event on its way to the webhook of the id beside it, once."""

    @abstractmethod
    def claim_due(self, now_ms: int, until_ms: int, limit: int) -> list[Delivery]:
        """Return deliveries that are due, no two of them to one webhook, counted as tried once more.

        Nobody else gets them until ``until_ms``: whoever claims and dies leaves them due from then on.
        """

    @abstractmethod
    def claim(self, webhook_id: str, event_number: int, until_ms: int) -> Delivery:
        """Return the delivery of an event to a webhook, due or not, as :meth:`claim_due` does.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    def note_try(self, tried: Delivery) -> None:
        """Keep what became of a try: all but the number of attempts.

        Where it has to be tried again, nothing else is tried before that at the same webhook.
        """

    @abstractmethod
    def list_deliveries(self, webhook_id: str, limit: int) -> list[Delivery]:
        """Return what went and goes to a webhook, the last that was put on its way first."""
