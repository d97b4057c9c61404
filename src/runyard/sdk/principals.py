"""People, services and groups of a server, their API keys, and what the server's audit log tells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.identity import (
    AuditAnswer,
    ChainAnswer,
    ChangePrincipal,
    CreateKey,
    CreateKeyAnswer,
    CreatePrincipal,
    KeysAnswer,
    ListKeys,
    ListPrincipals,
    PrincipalAnswer,
    PrincipalsAnswer,
    SearchAudit,
    WireAuditEntry,
    WireKey,
    WirePrincipal,
)
from runyard.sdk.addresses import named_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages

# A method called list hides the type in its class.
PrincipalList = list[WirePrincipal]

_PRINCIPALS = "/api/v1/principals"
_KEYS = "/api/v1/keys"
_AUDIT = "/api/v1/audit"
_AUDIT_PAGE = 1_000


@names_arguments
class Principals:
    """People, services and groups; wherever one is named, it is by name or by id.

    Args:
        connection: Reaches the server.

    Example:
        >>> Server().principals.add("bea", email="bea@lab.example").email
        'bea@lab.example'
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, kind: str | None = None) -> PrincipalList:
        """Return those of a kind (``person``, ``service``, ``group``), or all, by name; disabled ones too.

        Raises:
            Forbidden: The caller owns no workspace.

        Example:
            >>> vera = Server().principals.add("vera")
            >>> "vera" in [each.name for each in Server().principals.list("person")]
            True
        """
        return self._connection.get(_PRINCIPALS, PrincipalsAnswer, ListPrincipals(kind=kind)).principals

    def add(
        self, name: str, kind: str = "person", *, email: str | None = None, is_administrator: bool = False
    ) -> WirePrincipal:
        """Return somebody new, who has no role yet but what everyone has.

        Args:
            name: What to call them; no two are alike in any case.
            kind: ``person``, ``service`` or ``group``.
            email: Finds a person when a provider of identities tells of them.
            is_administrator: Whether the whole server is theirs to administer.

        Raises:
            AlreadyExists: The name or the address is taken.
            Forbidden: The caller is no administrator.

        Example:
            >>> Server().principals.add("nightly-training", "service").kind
            'service'
        """
        wanted = CreatePrincipal(name=name, kind=kind, email=email, is_administrator=is_administrator)
        return self._connection.post(_PRINCIPALS, wanted, PrincipalAnswer).principal

    def change(self, principal: str, change: ChangePrincipal) -> WirePrincipal:
        """Return somebody after a change; who is disabled is locked out within a second.

        Raises:
            NotFound: There is nobody of that name.
            InvalidState: The server would have no administrator left.

        Example:
            >>> from runyard.protocol.messages.identity import ChangePrincipal
            >>> omar = Server().principals.add("omar")
            >>> Server().principals.change("omar", ChangePrincipal(name="omar k")).name
            'omar k'
        """
        path = f"{_PRINCIPALS}/{named_segment(principal, 'principal')}"
        return self._connection.change("PATCH", path, change, PrincipalAnswer).principal

    def members(self, group: str) -> PrincipalList:
        """Return who is in a group, by name.

        Raises:
            NotFound: There is no such group.

        Example:
            >>> robots = Server().principals.add("robots", "group")
            >>> Server().principals.members("robots")
            []
        """
        return self._connection.get(_members(group), PrincipalsAnswer).principals

    def add_member(self, group: str, member: str) -> None:
        """Put somebody into a group; to do it twice changes nothing.

        Raises:
            NotFound: There is no such group, or nobody of that name.

        Example:
            >>> principals = Server().principals
            >>> people = principals.add("vision", "group"), principals.add("ines")
            >>> principals.add_member("vision", "ines")
            >>> [each.name for each in principals.members("vision")]
            ['ines']
        """
        self._connection.change("PUT", _members(group, member), Empty(), Empty)

    def remove_member(self, group: str, member: str) -> None:
        """Take somebody out of a group.

        Raises:
            NotFound: They are not in it.

        Example:
            >>> principals = Server().principals
            >>> people = principals.add("speech", "group"), principals.add("ruth")
            >>> principals.add_member("speech", "ruth")
            >>> principals.remove_member("speech", "ruth")
            >>> principals.members("speech")
            []
        """
        self._connection.delete(_members(group, member), Empty(), Empty)


@names_arguments
@dataclass(frozen=True, slots=True)
class ApiKeys:
    """API keys: one's own and, for an administrator, those of others.

    Args:
        connection: Reaches the server; to make a key, one of :func:`~runyard.sdk.connection.connect_by_key`.

    Example:
        >>> Server().keys.list("nobody-at-all")
        Traceback (most recent call last):
            ...
        runyard.errors.NotFound: ...
    """

    connection: Connection

    def list(self, principal: str | None = None) -> list[WireKey]:
        """Return one's own keys, those of somebody, or by ``*`` those of all, the newest first.

        Raises:
            NotFound: There is nobody of that name.

        Example:
            >>> all_of_them = Server().keys.list("*")
        """
        return self.connection.get(_KEYS, KeysAnswer, ListKeys(principal=principal)).keys

    def create(self, wanted: CreateKey) -> CreateKeyAnswer:
        """Return a new key with its secret, which no other call ever returns.

        Raises:
            Forbidden: It would reach further than the caller's own credential, or be somebody else's.
            NotFound: There is no such workspace or principal.

        Example:
            >>> from runyard.protocol.messages.identity import CreateKey
            >>> zoe = Server().principals.add("zoe")
            >>> Server().keys.create(CreateKey(name="laptop", principal="zoe")).api_key[:3]
            'ry_'
        """
        return self.connection.post(_KEYS, wanted, CreateKeyAnswer)

    def revoke(self, key_id: str) -> None:
        """End a key, and the tokens and sessions that were made from it, within a second.

        Raises:
            NotFound: There is none of that id, or it is somebody else's.

        Example:
            >>> from runyard.protocol.messages.identity import CreateKey
            >>> yuri = Server().principals.add("yuri")
            >>> made = Server().keys.create(CreateKey(name="laptop", principal="yuri"))
            >>> Server().keys.revoke(made.key.key_id)
        """
        self.connection.delete(f"{_KEYS}/{named_segment(key_id, 'key')}", Empty(), Empty)


@names_arguments
@dataclass(frozen=True, slots=True)
class AuditLog:
    """Who did what, and who was not let do what: for administrators.

    Args:
        connection: Reaches the server.

    Example:
        >>> Server().audit.verify().is_whole
        True
    """

    connection: Connection

    def search(self, search: SearchAudit, limit: int) -> Iterator[WireAuditEntry]:
        """Yield at most ``limit`` entries, the newest first, a page at a time.

        Raises:
            Forbidden: The caller is no administrator.

        Example:
            >>> from runyard.protocol.messages.identity import SearchAudit
            >>> len([*Server().audit.search(SearchAudit(outcome="done"), 2)]) <= 2
            True
        """

        def page(token: str | None) -> AuditAnswer:
            asked = msgspec.structs.replace(
                search, max_results=min(limit, _AUDIT_PAGE), page_token=token or search.page_token
            )
            return self.connection.get(_AUDIT, AuditAnswer, asked)

        entries = itertools.chain.from_iterable(answer.entries for answer in pages(page))
        return itertools.islice(entries, max(limit, 0))

    def verify(self) -> ChainAnswer:
        """Return whether nothing in the log was changed or left out; the server reads all of it.

        Raises:
            Forbidden: The caller is no administrator.

        Example:
            >>> Server().audit.verify().is_whole
            True
        """
        return self.connection.get(f"{_AUDIT}/verify", ChainAnswer)


def _members(group: str, member: str | None = None) -> str:
    path = f"/api/v1/groups/{named_segment(group, 'group')}/members"
    return path if member is None else f"{path}/{named_segment(member, 'member')}"
