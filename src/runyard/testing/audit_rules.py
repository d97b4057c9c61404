"""The rules that every audit log must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from runyard.entities.audit import AuditEvent, AuditSearch, Outcome
from runyard.stores.metadata.base_audit import AuditStore

GRANTED = AuditEvent(
    at_ms=1_000,
    action="grants.set_grant",
    outcome=Outcome.DONE,
    caller="ann",
    principal_id="p-ann",
    key_id="00000000000a",
    client="192.0.2.1",
    workspace="vision",
    target="principal=bea role=reader",
    request_id="0123456789abcdef",
)
REFUSED = replace(
    GRANTED,
    at_ms=2_000,
    action="runs.delete_run",
    outcome=Outcome.REFUSED,
    caller="",
    principal_id="",
    count=7,
)


class AuditStoreRules(ABC):
    """Inherit, and implement the hooks, to hold an audit log to its contract."""

    @pytest.fixture
    @abstractmethod
    def audit(self) -> AuditStore:
        """Return an empty log."""

    @abstractmethod
    def again(self) -> AuditStore:
        """Return another log over what ``audit`` has kept, as another process would open it."""

    def test_entries_are_found_as_they_were_added(self, audit: AuditStore) -> None:
        """No field is lost or changed; the newest comes first, and in order when all are read."""
        audit.append([GRANTED, REFUSED])
        for log in (audit, self.again()):
            assert [entry.event for entry in log.search(AuditSearch())] == [REFUSED, GRANTED]
            assert [(entry.number, entry.event) for entry in log.read_all()] == [(1, GRANTED), (2, REFUSED)]

    def test_each_entry_is_tied_to_all_before_it(self, audit: AuditStore) -> None:
        """Whether they came together or one by one, by one process or two."""
        audit.append([GRANTED, REFUSED])
        self.again().append([GRANTED])
        before = ""
        for entry in audit.read_all():
            assert entry.chain_hash == entry.event.chained_to(before)
            before = entry.chain_hash
        assert len({entry.chain_hash for entry in audit.read_all()}) == 3

    def test_many_at_once_make_one_chain(self, audit: AuditStore) -> None:
        """No number is given twice or left out."""
        logs = [audit, self.again()]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda at: logs[at % 2].append([replace(GRANTED, at_ms=at)]), range(40)))
        entries = list(audit.read_all())
        assert [entry.number for entry in entries] == list(range(1, 41))
        assert {entry.event.at_ms for entry in entries} == set(range(40))
        before = ""
        for entry in entries:
            assert entry.chain_hash == entry.event.chained_to(before)
            before = entry.chain_hash

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            (AuditSearch(caller="ann"), [1]),
            (AuditSearch(caller="p-ann"), [1]),
            (AuditSearch(action="runs"), [2]),
            (AuditSearch(action="runs.delete_run"), [2]),
            (AuditSearch(action="run"), []),
            (AuditSearch(action="%"), []),
            (AuditSearch(outcome=Outcome.REFUSED), [2]),
            (AuditSearch(workspace="vision"), [2, 1]),
            (AuditSearch(workspace="other"), []),
            (AuditSearch(target="role=reader"), [2, 1]),
            (AuditSearch(target="_ole"), []),
            (AuditSearch(since_ms=2_000), [2]),
            (AuditSearch(until_ms=2_000), [1]),
            (AuditSearch(before_number=2), [1]),
            (AuditSearch(limit=1), [2]),
        ],
    )
    def test_a_search_finds_what_it_asks_for(
        self, audit: AuditStore, search: AuditSearch, found: list[int]
    ) -> None:
        """Signs that mean something to a database mean themselves."""
        audit.append([GRANTED, REFUSED])
        assert [entry.number for entry in audit.search(search)] == found

    def test_more_than_are_read_at_once_come_all(self, audit: AuditStore) -> None:
        """Each once, in order."""
        audit.append([replace(GRANTED, at_ms=at) for at in range(2_345)])
        assert [entry.event.at_ms for entry in audit.read_all()] == list(range(2_345))
