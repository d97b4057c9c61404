"""How much a workspace holds, for those who pay for its disk."""

from __future__ import annotations

from urllib.parse import quote

from runyard.protocol.messages.usage import UsageAnswer
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection, connect


def server_usage(url: str) -> UsageAnswer:
    """Return what each workspace of a server holds, and the largest experiments of all.

    Args:
        url: Address of the server.

    Raises:
        Forbidden: The credential is not an administrator's.
        Unavailable: No server answers at the address.
    """
    return connect(url).get("/api/v1/usage", UsageAnswer)


@names_arguments
class HasUsage:
    """What a workspace has about its size."""

    _name: str
    _connection: Connection

    def usage(self) -> UsageAnswer:
        """Return what the workspace holds, and its largest experiments by runs and by bytes.

        Experiments, runs and models are counted now. Points and artifacts are as the server measured them
        at ``measured_ms``, which it does every quarter of an hour, with what it has noted since.

        Raises:
            NotFound: The workspace does not exist any more.
            Unavailable: No server answers at the address.

        Example:
            >>> ws.usage().workspaces[0].runs
            0
        """
        return self._connection.get(f"/api/v1/workspaces/{quote(self._name, safe='')}/usage", UsageAnswer)
