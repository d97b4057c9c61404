"""Roles in a workspace and in its experiments."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.identity import (
    GrantAnswer,
    GrantsAnswer,
    ListGrants,
    RemoveGrant,
    SetGrant,
    WireGrant,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection

_GRANTS = "/api/v1/grants"


@names_arguments
class Grants:
    """Who has which role in a workspace; iterated, those of the whole workspace first.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> ws.grants.set("everyone", "reader").role
        'reader'
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[WireGrant]:
        """Yield the grants.

        Raises:
            Forbidden: The caller has no role in the whole workspace.
        """
        yield from self._connection.get(_GRANTS, GrantsAnswer).grants

    def of_experiment(self, experiment_id: str) -> list[WireGrant]:
        """Return the roles in one experiment alone.

        Example:
            >>> ws.grants.of_experiment(experiment.id)
            []
        """
        return self._connection.get(_GRANTS, GrantsAnswer, ListGrants(experiment_id=experiment_id)).grants

    def set(self, principal: str, role: str, *, experiment_id: str | None = None) -> WireGrant:
        """Give a role in place of the one before and return the grant.

        Args:
            principal: Name or id of a person, service or group; the group ``everyone`` is all people.
            role: ``reader``, ``contributor`` or ``owner``.
            experiment_id: The one experiment; left out, the whole workspace.

        Raises:
            Forbidden: The caller does not own the workspace or the experiment.
            NotFound: There is nobody of that name, or no such experiment.

        Example:
            >>> ws.grants.set("everyone", "reader", experiment_id=experiment.id).role
            'reader'
        """
        wanted = SetGrant(principal=principal, role=role, experiment_id=experiment_id)
        return self._connection.change("PUT", _GRANTS, wanted, GrantAnswer).grant

    def remove(self, principal: str, *, experiment_id: str | None = None) -> None:
        """Take away a role that somebody was given themselves; what a group gives them stays.

        Raises:
            NotFound: They were given none there.

        Example:
            >>> granted = ws.grants.set("everyone", "reader")
            >>> ws.grants.remove("everyone")
        """
        self._connection.delete(_GRANTS, RemoveGrant(principal=principal, experiment_id=experiment_id), Empty)


@names_arguments
class HasGrants:
    """What a workspace has about who may do what in it."""

    _connection: Connection

    @property
    def grants(self) -> Grants:
        """Who has which role in the workspace and in its experiments.

        Example:
            >>> granted = ws.grants.set("everyone", "reader")
            >>> [(grant.principal, grant.role) for grant in ws.grants]
            [('everyone', 'reader')]
        """
        return Grants(self._connection)
