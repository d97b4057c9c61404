"""Group commit on PostgreSQL: groups that lose their connection or meet another server are written again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest
from sqlalchemy import insert, select, update

from runyard.errors import InvalidParameter
from runyard.stores import group_commit
from runyard.stores.group_commit import GroupCommit
from runyard.stores.metadata.schema_identity import signing_keys
from runyard.stores.postgres import PostgresDatabase
from tests.postgres_server import PostgresServer

IDS = [f"{number:02d}" for number in range(20)]


@pytest.fixture
def database(
    cluster: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresDatabase]:
    # However slow the machine is just now, a group is not cut in two and committed in its middle.
    monkeypatch.setattr(group_commit, "THREAD_BUDGET_S", 60.0)
    database = cluster.open(name)
    yield database
    database.close()


def add(database: PostgresDatabase, key_id: str) -> str:
    with database.writing() as connection:
        row = {"key_id": key_id, "private_jwk": "{}", "created_ms": 1}
        connection.execute(insert(signing_keys), row)
    return key_id


def kept(database: PostgresDatabase) -> list[str]:
    with database.reading() as connection:
        return sorted(connection.scalars(select(signing_keys.c.key_id)))


def outcomes(database: PostgresDatabase, changes: list[Callable[[], object]]) -> list[object]:
    """Submit all in one turn of a loop; return what each got, result or error."""

    async def main() -> list[object]:
        commits = GroupCommit(database)
        ended = await asyncio.gather(*map(commits.submit, changes), return_exceptions=True)
        commits.close()
        return ended

    return asyncio.run(main())


def test_a_group_is_written_and_a_bad_change_takes_no_other_with_it(database):
    def refuse() -> None:
        add(database, "refused")
        raise InvalidParameter("no")

    changes: list[Callable[[], object]] = [partial(add, database, key_id) for key_id in IDS]
    ended = outcomes(database, [*changes[:10], refuse, *changes[10:]])
    assert [each for each in ended if not isinstance(each, InvalidParameter)] == IDS
    assert kept(database) == IDS


def test_a_group_that_loses_its_connection_is_written_again_and_once(cluster, name, database):
    tries = []

    def lose() -> None:
        tries.append(1)
        if len(tries) == 1:
            cluster.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )

    changes: list[Callable[[], object]] = [partial(add, database, key_id) for key_id in IDS]
    assert outcomes(database, [*changes[:10], lose, *changes[10:]]) == [*IDS[:10], None, *IDS[10:]]
    assert kept(database) == IDS


def test_a_group_that_meets_another_server_waits_its_turn(database):
    add(database, "shared")
    held, may_end = Event(), Event()

    def hold() -> None:
        with database.writing() as connection:
            connection.execute(update(signing_keys).values(created_ms=5))
            held.set()
            may_end.wait(60)

    def change() -> int:
        with database.writing() as connection:
            changed = update(signing_keys).where(signing_keys.c.key_id == "shared")
            made = connection.execute(changed.values(created_ms=signing_keys.c.created_ms + 1))
            return int(made.rowcount)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        assert held.wait(60)
        writing = pool.submit(outcomes, database, [change, partial(add, database, "new")])
        may_end.set()
        assert writing.result(60) == [1, "new"]
        holding.result(60)
    with database.reading() as connection:
        created = select(signing_keys.c.created_ms).where(signing_keys.c.key_id == "shared")
        assert connection.scalar(created) == 6
