"""The quota of a workspace: how much it may hold at most."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from runyard.protocol.messages.quotas import QuotaAnswer, SetQuota
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection


@names_arguments
class WorkspaceQuota:
    """The limits of a workspace, which an administrator sets and everybody in it may read.

    Args:
        connection: Reaches the workspace.
        workspace: Its name.

    Example:
        >>> ws.quota.set(max_runs=10_000).limits["max_runs"]
        10000
    """

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._path = f"/api/v1/workspaces/{quote(workspace, safe='')}/quota"

    def show(self) -> QuotaAnswer:
        """Return the quota, the limits that come of it, and how much is used.

        Raises:
            NotFound: The workspace does not exist any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> ws.quota.show().used["max_runs"]
            0
        """
        return self._connection.get(self._path, QuotaAnswer)

    def set(
        self,
        *,
        max_runs: int | None = None,
        max_experiments: int | None = None,
        max_artifact_bytes: int | None = None,
        max_metric_points: int | None = None,
    ) -> QuotaAnswer:
        """Change the limits that are named, and return the quota; 0 lifts a limit.

        Raises:
            InvalidParameter: A limit can't be.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> ws.quota.set(max_artifact_bytes=50 * 10**9).quota.max_artifact_bytes
            50000000000
        """
        named = {
            "max_runs": max_runs,
            "max_experiments": max_experiments,
            "max_artifact_bytes": max_artifact_bytes,
            "max_metric_points": max_metric_points,
        }
        kept = msgspec.structs.asdict(self.show().quota)
        changed = {name: limit for name, limit in named.items() if limit is not None}
        return self._connection.put_message(self._path, SetQuota(**(kept | changed)), QuotaAnswer)

    def clear(self) -> QuotaAnswer:
        """Let the server's own settings hold again, and return what comes of it.

        Raises:
            Forbidden: The credential is not an administrator's.

        Example:
            >>> ws.quota.clear().quota.max_runs is None
            True
        """
        return self._connection.put_message(self._path, SetQuota(), QuotaAnswer)


class HasQuota:
    """What a workspace has about its limits."""

    _name: str
    _connection: Connection

    @property
    def quota(self) -> WorkspaceQuota:
        """How much the workspace may hold at most.

        Example:
            >>> ws.quota.show().used["max_runs"]
            0
        """
        return WorkspaceQuota(self._connection, self._name)
