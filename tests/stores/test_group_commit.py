"""Group commit: who is written together, and that nobody gets another one's answer or fault."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from runyard.errors import InvalidParameter, StorageFull, Unavailable
from runyard.stores import group_commit
from runyard.stores.group_commit import GroupCommit
from runyard.stores.metadata.schema_identity import signing_keys
from tests.migrated import open_migrated


class Commits:
    """A database, the commits to it, and changes that write one row each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = open_migrated(path)
        self.group = GroupCommit(self.database)
        self.threads: list[str] = []
        self.transactions = 0

    def add(self, key_id: str, private_jwk: str = "{}") -> Callable[[], str]:
        """Return a change that adds a row and answers its id."""

        def change() -> str:
            self.threads.append(threading.current_thread().name)
            with self.database.writing() as connection:
                row = {"key_id": key_id, "private_jwk": private_jwk, "created_ms": 1}
                connection.execute(insert(signing_keys), row)
                return key_id

        return change

    def refuse(self, key_id: str) -> Callable[[], str]:
        """Return a change that is refused after it has written."""

        def change() -> str:
            self.add(key_id)()
            raise InvalidParameter(f"{key_id} is refused")

        return change

    def counted(self) -> Callable[[], None]:
        """Return a change that counts the transactions that are committed."""

        def note() -> None:
            self.transactions += 1

        return lambda: self.database.after_commit(note)

    def kept(self) -> list[str]:
        """Return the ids in the order of their rows, as another program reads them."""
        with closing(sqlite3.connect(self.path)) as raw:
            return [key_id for (key_id,) in raw.execute("SELECT key_id FROM signing_keys ORDER BY rowid")]

    def close(self) -> None:
        """Let go of the files."""
        self.group.close()
        self.database.close()


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commits]:
    # However slow the machine is just now, a group is not cut in two unless a test asks for it.
    monkeypatch.setattr(group_commit, "LOOP_BUDGET_S", 60.0)
    monkeypatch.setattr(group_commit, "THREAD_BUDGET_S", 60.0)
    made = Commits(tmp_path / "runyard.db")
    yield made
    made.close()


async def outcomes(commits: Commits, *changes: Callable[[], object]) -> list[object]:
    """Submit all in one turn of the loop and return what each got, result or error."""
    return await asyncio.gather(*map(commits.group.submit, changes), return_exceptions=True)


def elsewhere(commits: Commits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commits take long, as those of another engine do: they go to the thread."""
    monkeypatch.setattr(commits.database, "commits_at_once", False)


@pytest.fixture(params=["in the loop", "in the thread"])
def where(request, commits, monkeypatch):
    if request.param == "in the thread":
        elsewhere(commits, monkeypatch)
    return request.param


def test_what_is_submitted_in_one_turn_is_one_transaction(commits, where):
    ids = [f"{number:03d}" for number in range(100)]
    changes = [commits.add(key_id) for key_id in ids]

    async def main():
        return await outcomes(commits, commits.counted(), *changes)

    assert asyncio.run(main()) == [None, *ids]
    assert commits.kept() == ids
    assert commits.transactions == 1
    assert all(("group-commit" in name) == (where == "in the thread") for name in commits.threads)


def one_a_turn(commits: Commits, count: int) -> list[int]:
    """Submit two at once and then one in each turn of the loop; return the sizes of the groups."""
    sizes: list[int] = []

    async def at(turn: int) -> None:
        for _ in range(turn):
            await asyncio.sleep(0)
        await commits.group.submit(commits.add(f"{turn:03d}"))

    async def main() -> None:
        await outcomes(commits, commits.add("a"), commits.add("b"))
        changes, groups = commits.group.changes, commits.group.groups
        for each in [asyncio.create_task(at(turn)) for turn in range(count)]:
            await each
            if commits.group.groups > groups:
                sizes.append(commits.group.changes - changes)
                changes, groups = commits.group.changes, commits.group.groups

    asyncio.run(main())
    assert commits.kept() == ["a", "b", *(f"{turn:03d}" for turn in range(count))]
    return sizes


def test_a_group_waits_as_long_as_each_turn_brings_another_change(commits):
    assert one_a_turn(commits, 10) == [10]


def test_a_group_that_is_large_enough_waits_for_no_more(commits, monkeypatch):
    monkeypatch.setattr(group_commit, "ENOUGH", 4)
    assert one_a_turn(commits, 10)[0] == 4


def test_a_client_that_was_alone_is_not_kept_waiting(commits):
    async def main() -> list[bool]:
        done = []
        for _ in range(2):
            submitted = commits.group.submit(dict)
            await asyncio.sleep(0)
            done.append(submitted.done())
            await submitted
        await outcomes(commits, dict, dict)
        submitted = commits.group.submit(dict)
        await asyncio.sleep(0)
        done.append(submitted.done())
        await submitted
        return done

    assert asyncio.run(main()) == [True, True, False]


def test_a_result_comes_after_its_commit(commits, where):
    async def main():
        await commits.group.submit(commits.add("first"))
        return commits.kept()

    assert asyncio.run(main()) == ["first"]


def test_one_that_is_refused_takes_nobody_with_it(commits, where):
    async def main():
        return await outcomes(
            commits, commits.add("a"), commits.refuse("bad"), commits.add("b"), commits.refuse("worse"), dict
        )

    a, bad, b, worse, nothing = asyncio.run(main())
    assert (a, b, nothing) == ("a", "b", {})
    assert [str(bad), str(worse)] == ["bad is refused", "worse is refused"]
    assert commits.kept() == ["a", "b"]


def test_one_alone_that_is_refused_leaves_nothing_and_is_made_once(commits, where):
    async def main():
        return await outcomes(commits, commits.refuse("bad"))

    (error,) = asyncio.run(main())
    assert isinstance(error, InvalidParameter)
    assert len(commits.threads) == 1
    assert commits.kept() == []


@pytest.mark.parametrize("neighbours", [0, 2])
def test_a_fault_of_one_change_is_its_own(commits, where, neighbours):
    ids = [f"kept-{number}" for number in range(neighbours)]

    async def main():
        return await outcomes(
            commits, commits.add("twice"), commits.add("twice"), *(commits.add(key_id) for key_id in ids)
        )

    first, second, *others = asyncio.run(main())
    assert first == "twice"
    assert "UNIQUE" in str(second)
    assert others == ids
    assert commits.kept() == ["twice", *ids]


def test_a_full_disk_fails_all_of_the_group_and_each_is_made_once(commits, where):
    with commits.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def fill() -> None:
        with commits.database.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

    def give_room() -> None:
        with commits.database.writing() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    async def main():
        await commits.group.submit(fill)
        failed = await outcomes(commits, commits.add("small"), commits.add("large", "x" * 100_000))
        await commits.group.submit(give_room)
        return failed, await commits.group.submit(commits.add("later"))

    failed, later = asyncio.run(main())
    assert [type(error) for error in failed] == [StorageFull, StorageFull]
    assert later == "later"
    assert commits.kept() == ["later"]
    assert len(commits.threads) == 3


def test_a_commit_that_fails_fails_all_of_the_group(commits, where, monkeypatch):
    def fail(_writer, _connection):
        raise sqlite3.OperationalError("disk I/O error")

    async def main():
        monkeypatch.setattr("runyard.stores.sqlite_writer.SqliteWriter.commit", fail)
        failed = await outcomes(commits, commits.add("a"), commits.add("b"))
        monkeypatch.undo()
        return failed

    assert [type(error) for error in asyncio.run(main())] == [Unavailable, Unavailable]
    assert commits.kept() == []


def test_changes_are_made_in_the_order_of_their_submission(commits, where, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_GROUP", 3)
    ids = [f"{number:03d}" for number in range(20)]

    async def main():
        return await outcomes(commits, *map(commits.add, ids))

    assert asyncio.run(main()) == ids
    assert commits.kept() == ids


def test_the_loop_is_given_back_when_its_time_is_over(commits, monkeypatch):
    monkeypatch.setattr(group_commit, "LOOP_BUDGET_S", 0.0)
    seen: list[list[str]] = []

    async def look():
        for _ in range(10):
            seen.append(commits.kept())
            await asyncio.sleep(0)

    async def main():
        written = outcomes(commits, *map(commits.add, "abcd"))
        return (await asyncio.gather(written, look()))[0]

    assert asyncio.run(main()) == list("abcd")
    assert commits.kept() == list("abcd")
    assert any(0 < len(kept) < 4 for kept in seen)


def test_while_another_thread_writes_the_loop_goes_on_and_then_all_are_written(commits):
    began, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with commits.database.writing():
            began.set()
            assert may_end.wait(60)

    async def main():
        held = asyncio.get_running_loop().run_in_executor(None, hold)
        await asyncio.to_thread(began.wait, 10)
        waiting = [commits.group.submit(commits.add(key_id)) for key_id in "ab"]
        for _ in range(20):
            await asyncio.sleep(0)
        waiting.append(commits.group.submit(commits.add("c")))
        assert not any(future.done() for future in waiting)
        may_end.set()
        await held
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == list("abc")
    assert commits.kept() == list("abc")
    assert "group-commit" in commits.threads[0]


def test_while_another_process_writes_the_loop_goes_on(commits):
    async def main():
        with closing(sqlite3.connect(commits.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = commits.group.submit(commits.add("a"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not waiting.done()
            other.execute("ROLLBACK")
        return await waiting

    assert asyncio.run(main()) == "a"


def test_who_goes_away_does_not_take_the_change_back(commits, where):
    async def main():
        gone, stays = commits.group.submit(commits.add("gone")), commits.group.submit(commits.add("stays"))
        gone.cancel()
        return await stays

    assert asyncio.run(main()) == "stays"
    assert commits.kept() == ["gone", "stays"]


def test_closing_writes_what_was_accepted_and_takes_no_more(commits, where):
    async def main():
        for key_id in "abc":
            commits.group.submit(commits.add(key_id)).add_done_callback(lambda done: None)

    asyncio.run(main())
    commits.group.close()
    assert sorted(commits.kept()) == list("abc")

    async def late():
        commits.group.submit(commits.add("late"))

    with pytest.raises(Unavailable):
        asyncio.run(late())


def test_more_than_can_wait_are_told_to_come_back(commits, monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)

    async def main():
        waiting = [commits.group.submit(commits.add(key_id)) for key_id in "abc"]
        with pytest.raises(Unavailable, match="Try again"):
            commits.group.submit(commits.add("d"))
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == list("abc")
    assert commits.kept() == list("abc")


def test_it_serves_one_loop_after_another(commits, where):
    for key_id in "ab":

        async def main(key_id=key_id):
            return await commits.group.submit(commits.add(key_id))

        assert asyncio.run(main()) == key_id
    with commits.database.reading() as connection:
        assert len(connection.execute(select(signing_keys)).all()) == 2
