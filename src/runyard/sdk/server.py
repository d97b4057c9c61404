"""A server as a whole, for whoever administers it: who may enter, what happened, and how it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.events import WireEvent
from runyard.protocol.messages.identity import SigningKeyAnswer
from runyard.protocol.messages.operation import ReadyAnswer
from runyard.protocol.messages.service import CheckAnswer
from runyard.protocol.messages.usage import UsageAnswer
from runyard.sdk.addresses import default_url, server_url
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.events import Webhooks, list_events
from runyard.sdk.principals import ApiKeys, AuditLog, Principals
from runyard.sdk.transport import Request


@names_arguments
class Server:
    """A server as a whole. Workspaces are :class:`Workspace`; most of what is here is for administrators.

    Args:
        url: Its address; see :class:`Workspace`.

    Example:
        >>> Server(url="http://127.0.0.1:5000").get_readiness().problems
        []
    """

    def __init__(self, *, url: str | None = None) -> None:
        self._url = server_url(url) if url else default_url()
        self._connection = connect(self._url)

    @property
    def url(self) -> str:
        """Where it answers.

        Example:
            >>> Server(url="http://127.0.0.1:5000/").url
            'http://127.0.0.1:5000'
        """
        return self._url

    @property
    def principals(self) -> Principals:
        """People, services and groups.

        Example:
            >>> Server().principals.add("cleo", email="cleo@lab.example").name
            'cleo'
        """
        return Principals(self._connection)

    @property
    def keys(self) -> ApiKeys:
        """API keys: one's own and, for an administrator, those of others.

        Example:
            >>> Server().keys.list("nobody-at-all")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        return ApiKeys(connect_by_key(self._url))

    @property
    def audit(self) -> AuditLog:
        """Who did what, and who was not let do what.

        Example:
            >>> Server().audit.verify().is_whole
            True
        """
        return AuditLog(self._connection)

    @property
    def webhooks(self) -> Webhooks:
        """The addresses that it tells of events.

        Example:
            >>> list(Server().webhooks)
            []
        """
        return Webhooks(self._url)

    def list_events(self, kinds: Sequence[str] = (), *, since_ms: int = 0) -> Iterator[WireEvent]:
        """Yield what happened in all workspaces and to the server as a whole, the latest first.

        Args:
            kinds: Of which kinds, as ``run.failed``; none for all.
            since_ms: What happened then or later, in milliseconds since the epoch.

        Raises:
            InvalidParameter: There is no such kind.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> run.fail()
            >>> next(Server().list_events(["run.failed"])).kind
            'run.failed'
        """
        yield from list_events(self._connection, kinds=kinds, since_ms=since_ms, all_workspaces=True)

    def usage(self) -> UsageAnswer:
        """Return how much each workspace holds.

        Raises:
            Forbidden: The credential is not an administrator's.

        Example:
            >>> ws.name in [each.workspace for each in Server().usage().workspaces]
            True
        """
        return self._connection.get("/api/v1/usage", UsageAnswer)

    def get_readiness(self) -> ReadyAnswer:
        """Return that it can work.

        Raises:
            Unavailable: It can't, or no server answers at the address.

        Example:
            >>> Server().get_readiness().is_ready
            True
        """
        return self._connection.get("/readyz", ReadyAnswer)

    def get_metrics_text(self) -> str:
        """Return what it can be measured by, in the text format of Prometheus.

        Raises:
            Forbidden: The credential is not an administrator's.

        Example:
            >>> "runyard_" in Server().get_metrics_text()
            True
        """
        return self._connection.send(Request("GET", "/metrics", is_repeatable=True)).decode()

    def check(self) -> CheckAnswer:
        """Return whether all data is whole; it reads all of it.

        Raises:
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().check().faults
            []
        """
        return self._connection.get("/api/v1/check", CheckAnswer)

    def rotate_signing_key(self) -> SigningKeyAnswer:
        """Let another key sign the tokens from now on; those that others signed are good until they end.

        Raises:
            Forbidden: The credential is not an administrator's.

        Example:
            >>> Server().rotate_signing_key().created_ms > 0
            True
        """
        return self._connection.post("/api/v1/signing-keys/rotate", Empty(), SigningKeyAnswer)
