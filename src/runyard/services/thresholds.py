"""Notes when a metric crosses a threshold: behind the requests, from summaries that are kept anyway."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Crossing, Threshold, Webhook
from runyard.stores.opening import Stores

TAKEN_AT_ONCE = 1000
_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}


def note_crossings(stores: Stores, now_ms: int, run_ids: Sequence[str] | None = None) -> int:
    """Note which runs have crossed a threshold, each once; return how many are new.

    A run that logs is looked at again and again; one that has ended once, by its id.
    """
    count = 0
    for webhook in stores.metadata.webhooks.list_thresholds():
        with stores.atomic():
            found = stores.metadata.webhooks.take_crossings(webhook, run_ids, TAKEN_AT_ONCE, now_ms)
            for crossing in found:
                if webhook.threshold is not None:
                    event = _event(webhook.webhook_id, webhook.threshold, crossing, now_ms)
                    stores.metadata.events.add_event(event)
        count += len(found)
    return count


def pass_over(stores: Stores, webhook: Webhook, now_ms: int) -> None:
    """Take the runs that have crossed a new threshold before there was one: they are told of no more."""
    stores.metadata.webhooks.forget_crossings(webhook.webhook_id)
    if webhook.threshold is None:
        return
    while stores.metadata.webhooks.take_crossings(webhook, None, TAKEN_AT_ONCE, now_ms):
        pass


def _event(webhook_id: str, limit: Threshold, crossing: Crossing, now_ms: int) -> Event:
    return Event(
        kind=EventKind.METRIC_CROSSED,
        workspace=crossing.workspace,
        happened_ms=now_ms,
        message=f"Metric '{limit.metric}' of run '{crossing.run_name}' of workspace '{crossing.workspace}' "
        f"is {_WORDS[limit.comparison.value]} {limit.value:g}: it came to {crossing.value:g}.",
        subject={
            "webhook_id": webhook_id,
            "run_id": crossing.run_id,
            "run_name": crossing.run_name,
            "experiment_id": crossing.experiment_id,
            "metric": limit.metric,
            "comparison": limit.comparison.value,
            "threshold": limit.value,
            "value": crossing.value if math.isfinite(crossing.value) else str(crossing.value),
        },
    )
