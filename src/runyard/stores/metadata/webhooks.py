"""Webhooks in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from runyard.entities.event import Event, EventKind
from runyard.entities.webhook import Comparison, Crossing, Delivery, DeliveryState, Threshold, Webhook
from runyard.errors import NotFound
from runyard.stores.database import Database, insert_if_free, insert_missing
from runyard.stores.metadata.base_webhooks import WebhookStore
from runyard.stores.metadata.crossings import crossed
from runyard.stores.metadata.events import event_of
from runyard.stores.metadata.schema_operation import (
    events,
    webhook_crossings,
    webhook_deliveries,
    webhooks,
)
from runyard.stores.prepared import Prepared

_LOOKED_AT = 200
# Each run that begins asks. SQLite prepares a statement anew for each value of what stands alone behind LIKE.
_TOLD = Prepared(
    "SELECT 1 FROM webhooks WHERE is_active AND ' ' || kinds || ' ' LIKE '% ' || :kind || ' %'"
    " AND (workspace IS NULL OR workspace = :workspace) LIMIT 1"
)
_DELIVERY = webhook_deliveries.c


class SqlWebhooks(WebhookStore):
    """Keeps webhooks in ``webhooks``, and what is on its way to them in ``webhook_deliveries``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_webhook(self, webhook: Webhook) -> None:
        with self._database.writing() as connection:
            kept = {name: getattr(webhook, name) for name in ("created_ms", "created_by", "is_mlflow")}
            connection.execute(
                insert(webhooks), {**kept, "webhook_id": webhook.webhook_id, **_choices(webhook)}
            )

    def update_webhook(self, webhook: Webhook) -> None:
        this = webhooks.c.webhook_id == webhook.webhook_id
        with self._database.writing() as connection:
            connection.execute(update(webhooks).where(this).values(**_choices(webhook)))

    def get_webhook(self, webhook_id: str) -> Webhook:
        query = self._database.locked(select(webhooks).where(webhooks.c.webhook_id == webhook_id), webhooks)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no webhook {webhook_id}.")
        return _webhook(row)

    def list_webhooks(self) -> list[Webhook]:
        query = select(webhooks).order_by(webhooks.c.created_ms, webhooks.c.webhook_id)
        with self._database.reading() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    def is_anyone_told(self, kind: EventKind, workspace: str) -> bool:
        with self._database.reading() as connection:
            found = _TOLD.row(connection, kind=kind.value, workspace=workspace)
        return found is not None

    def list_thresholds(self) -> list[Webhook]:
        query = select(webhooks).where(webhooks.c.metric.is_not(None), webhooks.c.is_active)
        with self._database.reading() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    def take_crossings(
        self, webhook: Webhook, run_ids: Sequence[str] | None, limit: int, now_ms: int
    ) -> list[Crossing]:
        query = crossed(webhook, run_ids).limit(limit)
        with self._database.reading() as connection:
            if connection.execute(query).first() is None:  # which is so nearly always, and locks nothing
                return []
        with self._database.writing() as connection:
            if not self._is_asked_still(connection, webhook):
                return []
            return [
                Crossing(row.run_id, row.name, row.workspace, str(row.experiment_id), row.value)
                for row in connection.execute(query).all()
                if insert_if_free(
                    connection,
                    webhook_crossings,
                    {
                        "webhook_id": webhook.webhook_id,
                        "run_number": row.run_number,
                        "crossed_ms": now_ms,
                    },
                )
            ]

    def _is_asked_still(self, connection: Connection, webhook: Webhook) -> bool:
        """Hold a webhook, and return whether it is told of the same crossings as when it was read.

        A run that is taken for a threshold that was changed meanwhile could not cross the new one any more.
        """
        query = select(webhooks).where(webhooks.c.webhook_id == webhook.webhook_id)
        row = connection.execute(self._database.locked(query, webhooks, shared=True)).first()
        return row is not None and _looks_at(_webhook(row)) == _looks_at(webhook)

    def forget_crossings(self, webhook_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(webhook_crossings).where(webhook_crossings.c.webhook_id == webhook_id))

    def remove_webhook(self, webhook_id: str) -> bool:
        with self._database.writing() as connection:
            gone = delete(webhooks).where(webhooks.c.webhook_id == webhook_id)
            return connection.execute(gone).rowcount > 0

    def add_deliveries(self, pairs: Sequence[tuple[Event, str]], now_ms: int) -> None:
        rows = [
            {
                "webhook_id": webhook_id,
                "event_number": event.event_number,
                "state": DeliveryState.WAITING.value,
                "attempts": 0,
                "created_ms": now_ms,
                "due_ms": now_ms,
                "last_error": "",
            }
            for event, webhook_id in pairs
        ]
        with self._database.writing() as connection:
            insert_missing(connection, webhook_deliveries, rows)

    def claim_due(self, now_ms: int, until_ms: int, limit: int) -> list[Delivery]:
        due = (
            select(_DELIVERY.delivery_number, _DELIVERY.webhook_id)
            .where(_DELIVERY.state == DeliveryState.WAITING.value, _DELIVERY.due_ms <= now_ms)
            .order_by(_DELIVERY.due_ms, _DELIVERY.delivery_number)
            .limit(_LOOKED_AT)
        )
        with self._database.reading() as connection:
            if connection.execute(due).first() is None:  # which is so nearly always, and locks nothing
                return []
        with self._database.writing() as connection:
            first: dict[str, int] = {}
            for row in connection.execute(due.with_for_update(skip_locked=True)):
                first.setdefault(row.webhook_id, row.delivery_number)
            return _claimed(connection, list(first.values())[:limit], until_ms)

    def claim(self, webhook_id: str, event_number: int, until_ms: int) -> Delivery:
        this = (_DELIVERY.webhook_id == webhook_id, _DELIVERY.event_number == event_number)
        with self._database.writing() as connection:
            number = connection.scalar(select(_DELIVERY.delivery_number).where(*this))
            if number is None:
                raise NotFound(f"Event {event_number} is not on its way to webhook {webhook_id}.")
            return _claimed(connection, [number], until_ms)[0]

    def note_try(self, tried: Delivery) -> None:
        noted = ("due_ms", "tried_ms", "last_status", "last_error")
        values = {name: getattr(tried, name) for name in noted} | {"state": tried.state.value}
        with self._database.writing() as connection:
            this = _DELIVERY.delivery_number == tried.delivery_number
            connection.execute(update(webhook_deliveries).where(this).values(**values))
            if tried.state is DeliveryState.WAITING:
                others = (
                    _DELIVERY.webhook_id == tried.webhook_id,
                    _DELIVERY.state == DeliveryState.WAITING.value,
                    _DELIVERY.due_ms < tried.due_ms,
                )
                connection.execute(update(webhook_deliveries).where(*others).values(due_ms=tried.due_ms))

    def list_deliveries(self, webhook_id: str, limit: int) -> list[Delivery]:
        query = _with_events().where(_DELIVERY.webhook_id == webhook_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_DELIVERY.delivery_number.desc()).limit(limit)).all()
        return [_delivery(row) for row in rows]


def _claimed(connection: Connection, numbers: Sequence[int], until_ms: int) -> list[Delivery]:
    these = _DELIVERY.delivery_number.in_(numbers)
    counted = update(webhook_deliveries).where(these)
    connection.execute(counted.values(due_ms=until_ms, attempts=_DELIVERY.attempts + 1))
    rows = connection.execute(_with_events().where(these).order_by(_DELIVERY.delivery_number)).all()
    return [_delivery(row) for row in rows]


def _with_events() -> Select[Any]:
    return select(webhook_deliveries, *(column for column in events.c if column.name != "event_number")).join(
        events
    )


def _choices(webhook: Webhook) -> dict[str, Any]:
    kinds = " ".join(kind.value for kind in webhook.kinds)
    limit = webhook.threshold
    same = ("url", "secret", "workspace", "name", "description", "is_active", "updated_ms")
    return {
        **{name: getattr(webhook, name) for name in same},
        "kinds": kinds,
        "metric": limit and limit.metric,
        "comparison": limit and limit.comparison.value,
        "threshold": limit and limit.value,
        "experiment_id": None if limit is None or limit.experiment_id is None else int(limit.experiment_id),
    }


def _looks_at(webhook: Webhook) -> tuple[Threshold | None, str | None, bool]:
    return webhook.threshold, webhook.workspace, webhook.is_active


def _webhook(row: Any) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id,
        url=row.url,
        secret=row.secret,
        kinds=tuple(EventKind(kind) for kind in row.kinds.split()),
        workspace=row.workspace,
        created_ms=row.created_ms,
        created_by=row.created_by,
        name=row.name,
        description=row.description,
        is_active=row.is_active,
        is_mlflow=row.is_mlflow,
        threshold=_threshold(row),
        updated_ms=row.updated_ms,
    )


def _threshold(row: Any) -> Threshold | None:
    if row.metric is None:
        return None
    experiment_id = None if row.experiment_id is None else str(row.experiment_id)
    return Threshold(row.metric, Comparison(row.comparison), row.threshold, experiment_id)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        delivery_number=row.delivery_number,
        webhook_id=row.webhook_id,
        event=event_of(row),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_ms=row.created_ms,
        due_ms=row.due_ms,
        tried_ms=row.tried_ms,
        last_status=row.last_status,
        last_error=row.last_error,
    )
