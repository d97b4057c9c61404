"""The contract of the store of groups and grants: who may do what where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from runyard.entities.rights import Grant, Rights


class RightsStore(ABC):
    """Remembers who is in which group, and who was granted what.

    The promises of :mod:`runyard.stores.metadata.base` hold here too. Another process may go on seeing the
    older state for at most one second.
    """

    @abstractmethod
    def changes(self) -> int:
        """Return a number that is another one once something was changed through this object."""

    @abstractmethod
    def add_member(self, group_id: str, principal_id: str) -> bool:
        """Put somebody into a group; return whether they were not in it.

        Raises:
            NotFound: There is no such principal or group.
        """

    @abstractmethod
    def remove_member(self, group_id: str, principal_id: str) -> bool:
        """Take somebody out of a group; return whether they were in it."""

    @abstractmethod
    def set_groups_from_provider(self, principal_id: str, group_ids: Iterable[str]) -> None:
        """Let somebody be in these groups because a provider of identities says so.

        They leave the groups that they were in only because it said so before.
        """

    @abstractmethod
    def list_members(self, group_id: str) -> list[str]:
        """Return the ids of those who were put into a group."""

    @abstractmethod
    def list_groups_of(self, principal_id: str) -> list[str]:
        """Return the ids of the groups that somebody was put into."""

    @abstractmethod
    def set_grant(self, grant: Grant) -> None:
        """Keep a grant in place of another one for the same principal at the same place.

        Raises:
            NotFound: There is no such principal, workspace or experiment.
        """

    @abstractmethod
    def change_grant(self, grant: Grant) -> bool:
        """Keep a grant in place of another one for the same principal at the same place, if there is one.

        Return whether there was: one that somebody ends at the same moment stays ended.
        """

    @abstractmethod
    def remove_grant(self, principal_id: str, workspace: str, experiment_id: str | None) -> bool:
        """End a grant; return whether there was one."""

    @abstractmethod
    def list_grants(self, workspace: str) -> list[Grant]:
        """Return the grants in a workspace and its experiments, those of the whole workspace first."""

    @abstractmethod
    def list_grants_of(self, principal_id: str) -> list[Grant]:
        """Return what somebody was granted themselves, not by way of a group."""

    @abstractmethod
    def rights_of(self, principal_id: str) -> Rights:
        """Return what the grants of somebody and of their active groups come to.

        A person is in the group :data:`~runyard.entities.credential.EVERYONE` too, a service is not.
        """
