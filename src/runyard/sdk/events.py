"""What happened on a server, and the addresses that are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.events import ListEvents, ListEventsAnswer, WireEvent
from runyard.protocol.messages.webhooks import (
    ChooseWebhook,
    DeliveryAnswer,
    ListDeliveries,
    ListDeliveriesAnswer,
    ListWebhooksAnswer,
    NewWebhookAnswer,
    WireDelivery,
    WireThreshold,
    WireWebhook,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection, connect
from runyard.sdk.pages import pages

_WEBHOOKS = "/api/v1/webhooks"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_THRESHOLD = re.compile(rf"(?P<metric>.+?)\s*(?P<comparison><=|>=|<|>)\s*(?P<value>{_NUMBER})")


def list_events(
    connection: Connection, *, kinds: Sequence[str] = (), since_ms: int = 0, all_workspaces: bool = False
) -> Iterator[WireEvent]:
    """Yield what happened in a workspace, the latest first.

    Args:
        connection: Reaches the workspace.
        kinds: Of which kinds, as ``run.failed``; none for all.
        since_ms: What happened then or later, in milliseconds since the epoch.
        all_workspaces: What happened in all workspaces and to the server as a whole.

    Raises:
        Forbidden: ``all_workspaces`` needs an administrator.
        InvalidParameter: There is no such kind.
        Unavailable: No server answers at the address.
    """
    asked = list(kinds)

    def page(token: str | None) -> ListEventsAnswer:
        query = ListEvents(kind=asked, since_ms=since_ms, all_workspaces=all_workspaces, page_token=token)
        return connection.get("/api/v1/events", ListEventsAnswer, query)

    for answer in pages(page):
        yield from answer.events


@names_arguments
class Webhooks:
    """The addresses that a server tells of events; all of it needs an administrator.

    Args:
        url: Address of the server.

    Example:
        >>> [each.url for each in Server().webhooks]
        []
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url)

    def __iter__(self) -> Iterator[WireWebhook]:
        """Yield the webhooks, the first made first.

        Raises:
            Forbidden: The credential is not an administrator's.
        """
        yield from self._connection.get(_WEBHOOKS, ListWebhooksAnswer).webhooks

    def add(
        self,
        url: str,
        *,
        kinds: Sequence[str] = (),
        workspace: str | None = None,
        when: str | None = None,
        experiment_id: str | None = None,
        name: str = "",
    ) -> NewWebhookAnswer:
        """Have an address told of events, and return the webhook with its secret, which is told only now.

        Args:
            url: Where to, ``https://…``; an address that is not public must be in ``outbound_allow``.
            kinds: Of which kinds, as ``run.failed``; none for all but ``run.created``, which has to be named.
            workspace: Of what happens in one workspace; left out, in all and to the server as a whole.
            when: In place of kinds, what a metric has to be, as ``val/loss < 0.1``; once for each run.
            experiment_id: Of runs of this experiment; needs ``workspace`` and ``when``.
            name: What to call it.

        Raises:
            InvalidParameter: The server sends nothing to such an address, or there is no such kind.
            NotFound: There is no such workspace or experiment.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().webhooks.add("http://127.0.0.1/told", kinds=["run.failed"])
            Traceback (most recent call last):
                ...
            runyard.errors.InvalidParameter: ...
        """
        if experiment_id is not None and when is None:
            raise InvalidParameter("An experiment is named beside what a metric has to be: give 'when'.")
        wanted = ChooseWebhook(
            url=url,
            kinds=list(kinds),
            workspace=workspace,
            name=name,
            threshold=None if when is None else parse_threshold(when, experiment_id),
        )
        return self._connection.post(_WEBHOOKS, wanted, NewWebhookAnswer)

    def try_now(self, webhook_id: str) -> WireDelivery:
        """Tell a webhook of a test, and return what became of it.

        Raises:
            NotFound: There is no such webhook.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().webhooks.try_now("none")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        return self._connection.post(f"{_path(webhook_id)}/test", Empty(), DeliveryAnswer).delivery

    def deliveries(self, webhook_id: str, limit: int = 100) -> list[WireDelivery]:
        """Return what went and goes to a webhook, the latest first.

        Raises:
            NotFound: There is no such webhook.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().webhooks.deliveries("none")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        query = ListDeliveries(max_results=limit)
        path = f"{_path(webhook_id)}/deliveries"
        return self._connection.get(path, ListDeliveriesAnswer, query).deliveries

    def delete(self, webhook_id: str) -> None:
        """Forget a webhook and what is on its way to it.

        Raises:
            NotFound: There is no such webhook.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().webhooks.delete("none")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        self._connection.delete(_path(webhook_id), Empty(), Empty)


def parse_threshold(text: str, experiment_id: str | None = None) -> WireThreshold:
    """Return what a metric has to be, from ``<metric> <comparison> <number>``.

    Raises:
        InvalidParameter: It is not of that form.

    Example:
        >>> parse_threshold("val/loss <= 0.1").value
        0.1
    """
    found = _THRESHOLD.fullmatch(text.strip())
    if found is None:
        raise InvalidParameter(f"{text!r} is not of the form 'val/loss < 0.1', with <, <=, > or >=.")
    return WireThreshold(
        metric=found["metric"],
        comparison=found["comparison"],
        value=float(found["value"]),
        experiment_id=experiment_id,
    )


def _path(webhook_id: str) -> str:
    return f"{_WEBHOOKS}/{named_segment(webhook_id, 'webhook')}"
