"""What a workspace has for deletion: its trash, and its own end."""

from __future__ import annotations

from urllib.parse import quote

from runyard.protocol.messages.trash import CollectedAnswer, DeleteWorkspace
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.collection import Collected, OnProgress, until_done
from runyard.sdk.connection import Connection, connect
from runyard.sdk.trash import Trash


def delete_workspace(
    name: str, *, url: str, dry_run: bool = False, on_progress: OnProgress = lambda freed: None
) -> Collected:
    """Take a workspace away for good; also one that has no address any more because this was begun before.

    Raises:
        NotFound: There is none of that name.
        InvalidParameter: It is the default workspace.
        Forbidden: The credential is not an administrator's.
    """
    connection, path = connect(url), f"/api/v1/workspaces/{quote(name, safe='')}"

    def step(last: CollectedAnswer | None) -> CollectedAnswer:
        offset = 0 if last is None else last.next_offset
        query = DeleteWorkspace(confirm="" if dry_run else name, dry_run=dry_run, offset=offset)
        return connection.delete(path, query, CollectedAnswer)

    return until_done(step, on_progress)


@names_arguments
class HasTrash:
    """What a workspace has for deletion."""

    _name: str
    _url: str
    _connection: Connection

    def delete(
        self,
        delete_dependent_resources: bool = False,
        no_wait: bool = False,
        *,
        dry_run: bool = False,
        on_progress: OnProgress = lambda freed: None,
    ) -> Collected:
        """Take the workspace away for good with all that it holds, its files too, and return what that freed.

        From the first moment it has no address any more. Stopped on its way, the next call goes on.

        Args:
            delete_dependent_resources: Taken for Azure's scripts; all that it holds goes with it.
            no_wait: As ``delete_dependent_resources``; this waits.
            dry_run: Only say how much it would be.
            on_progress: Called every second or so with what has been freed so far.

        Raises:
            InvalidParameter: It is the default workspace.
            Forbidden: The credential is not an administrator's.

        Example:
            >>> doomed = Workspace.create("doomed")
            >>> doomed.delete().freed.runs
            0
        """
        return delete_workspace(self._name, url=self._url, dry_run=dry_run, on_progress=on_progress)

    @property
    def trash(self) -> Trash:
        """What was deleted and can be brought back.

        Example:
            >>> run.delete()
            >>> [each.name for each in ws.trash.list_items()]
            ['ridge']
        """
        return Trash(self._connection)
