"""What both SQL engines behind the metadata and metric stores promise: connections and transactions."""

from __future__ import annotations

import contextlib
import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select, Table
from sqlalchemy.exc import DBAPIError

from runyard.errors import RunyardError, Unavailable
from runyard.stores.schema_version import bring_up_to_date, known_versions, version_of
from runyard.stores.transaction import CurrentTransaction, Transaction

PATIENCE_S = 10.0
"""For how long a change is tried again: longer than a database takes to restart."""
FIRST_WAIT_S = 0.002
LONGEST_WAIT_S = 0.5

Value = TypeVar("Value")

_log = logging.getLogger("runyard.stores")
INSERTS: dict[str, Callable[[Table], Any]] = {}
"""Each engine's own ``INSERT``, which knows ``ON CONFLICT``, by the name of its dialect."""


class TransactionUndone(Unavailable):
    """The database took a transaction back for no fault of its own; the same again may go through."""


class WriterBusy(Exception):
    """Somebody else writes, and the caller did not want to wait for them."""


class Database(ABC):
    """Hands out connections, each in a transaction that belongs to the thread that began it.

    ``writing()`` inside ``writing()`` joins the outer one, which is how a service makes several stores
    change together or not at all. What such a transaction has read by :meth:`locked` stays as it is
    until the transaction ends, so that it can decide by it.

    Args:
        engine: A SQLAlchemy engine whose connections begin no transactions by themselves.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._current = CurrentTransaction()

    def writing(self, wait: bool = True) -> AbstractContextManager[Connection]:
        """A connection in a write transaction, committed at the end or rolled back by any error.

        Blocks while another transaction holds what this one needs; where there is one writer alone, that
        can be had without waiting for it.

        Raises:
            StorageFull: The disk is full; nothing was written.
            TransactionUndone: It met another one, or the database went away; nothing was written.
            Unavailable: The database can't be reached, or went away while it committed.
            WriterBusy: There is one writer, somebody else writes, and ``wait`` is false.
        """
        outer = self._outer_to_write()
        return self._writing(wait) if outer is None else contextlib.nullcontext(outer.begun())

    def together(self, wait: bool = True) -> AbstractContextManager[object]:
        """Make all that this thread writes within the block one transaction, or none if the block raises.

        It is :meth:`writing` for who needs no connection: where it costs something to begin a transaction,
        what only gathers may do without one.
        """
        return self._writing(wait) if self._outer_to_write() is None else contextlib.nullcontext()

    def _outer_to_write(self) -> Transaction | None:
        outer = self._current.transaction
        if outer is not None and not outer.may_write:
            raise RuntimeError("A write was begun inside a transaction that only reads.")
        return outer

    @contextlib.contextmanager
    def _writing(self, wait: bool) -> Iterator[Connection]:
        with self._said_as_ours(), self._begun_to_write(wait) as connection:
            transaction = self._current.transaction = Transaction(True, connection)
            try:
                yield connection
                transaction.write_gathered()
                self._commit(connection)
            finally:
                self._current.transaction = None
            transaction.call_back()

    def gather(self, write: Callable[[Connection, list[Any]], None], item: Any) -> None:
        """Have ``write`` called once with all that this transaction gathers for it, just before the commit.

        What is written row by row costs several times what the same rows cost at once. Whoever reads by
        :meth:`reading` before the commit has it written first.

        Args:
            write: On an engine that may begin no transaction for it, see :meth:`together`, one statement
                that changes nothing the second time: it is run again if its answer was lost.
            item: What it gets in a list with the others.

        Raises:
            RuntimeError: This thread is in no write transaction.
        """
        transaction = self._current.transaction
        if transaction is None or not transaction.may_write:
            raise RuntimeError("There is no write transaction to write in.")
        transaction.gathered.setdefault(write, []).append(item)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the write transaction of this thread has been committed.

        It is dropped if the transaction is rolled back. It must be short and not write. Where there is one
        writer it is called before another thread writes; elsewhere others may have written before it.

        Raises:
            RuntimeError: This thread is in no write transaction.
        """
        transaction = self._current.transaction
        if transaction is None or not transaction.may_write:
            raise RuntimeError("There is no write transaction to wait for.")
        transaction.after_commit.append(callback)

    def reading(self, with_gathered: bool = True) -> AbstractContextManager[Connection]:
        """A connection that sees one state of the database; within ``writing()``, that transaction's own.

        Args:
            with_gathered: Whether what such a transaction has gathered must be seen.

        Raises:
            Unavailable: The database can't be reached.
        """
        outer = self._current.transaction
        if outer is None:
            return self._reading()
        if with_gathered and outer.gathered:
            outer.write_gathered()
        return contextlib.nullcontext(outer.begun())

    def reading_once(self) -> AbstractContextManager[Connection]:
        """A connection for one statement that reads; it costs less than :meth:`reading` where it can.

        Raises:
            Unavailable: The database can't be reached.
        """
        return self.reading()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._said_as_ours(), self._begun_to_read() as connection:
            yield connection

    @contextlib.contextmanager
    def reading_together(self) -> Iterator[None]:
        """Let all ``reading()`` of this thread within the block see one state of the database."""
        if self._current.transaction is not None:
            yield
            return
        with self.reading() as connection:
            self._current.transaction = Transaction(False, connection)
            try:
                yield
            finally:
                self._current.transaction = None

    def retrying(self, work: Callable[[], Value]) -> Value:
        """Return what ``work`` returns, run again while the database undoes what it does.

        Args:
            work: Called in no transaction; all that it changes is in the transactions that it begins.

        Raises:
            Unavailable: It did not go through for ``PATIENCE_S``.
        """
        if self._current.transaction is not None:
            return work()
        give_up_s, wait_s = time.monotonic() + PATIENCE_S, FIRST_WAIT_S
        while True:
            try:
                return work()
            except TransactionUndone as error:
                if time.monotonic() + wait_s > give_up_s:
                    _log.error("gave up after %.0f s: %s (%s)", PATIENCE_S, error, error.__cause__)
                    raise
            # Those who met once would meet again if they waited equally long.
            time.sleep(wait_s * random.uniform(0.5, 1.5))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    @property
    def holds_rows(self) -> bool:
        """Whether what this thread reads in order to change it must be locked against other writers."""
        return False

    commits_at_once = False
    """Whether a small transaction takes microseconds: no other machine and no disk is waited for."""

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside ``writing()``."""
        transaction = self._current.transaction
        return transaction is not None and transaction.may_write

    @property
    def is_reading(self) -> bool:
        """Whether this thread is inside ``reading_together()``."""
        transaction = self._current.transaction
        return transaction is not None and not transaction.may_write

    def locked(self, query: Select[Any], table: Table, shared: bool = False) -> Select[Any]:
        """Return ``query`` such that its rows of ``table`` stay as they are until this thread has written.

        Outside of ``writing()``, and where there is one writer, that is the query itself.

        Args:
            query: What is read.
            table: Whose rows to hold.
            shared: Whether others may hold them too; else they wait.
        """
        if not self.holds_rows:
            return query
        return query.with_for_update(of=table, read=shared, key_share=not shared)

    def migrate(self) -> None:
        """Bring the schema to the newest version; a database of a newer Runyard is refused.

        Raises:
            InvalidState: The schema is newer than this version of Runyard knows.
        """
        with self.writing() as connection:
            self.take_turns("schema")
            bring_up_to_date(connection)

    def has_current_schema(self) -> bool:
        """Whether the schema is of the newest version that this code knows.

        Raises:
            Unavailable: The database can't be reached.
        """
        with self.reading() as connection:
            return version_of(connection) == known_versions()[-1]

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @abstractmethod
    def give_back_room(self, *, is_idle: bool) -> None:
        """Do what keeps the database small and can wait, more of it when the server ``is_idle``."""

    @abstractmethod
    def size_bytes(self) -> int:
        """Return how much room the database takes.

        Raises:
            Unavailable: It can't be reached.
        """

    @abstractmethod
    def take_turns(self, purpose: str) -> None:
        """Let this thread's write transaction be the only one anywhere that was begun for ``purpose``.

        For what no row stands for: the first of a kind, or the absence of one. Blocks while there is another.
        """

    @abstractmethod
    def _begun_to_write(self, wait: bool) -> AbstractContextManager[Connection]:
        """A connection in a new write transaction; what the block has not committed is rolled back."""

    @abstractmethod
    def _begun_to_read(self) -> AbstractContextManager[Connection]:
        """A connection in a new transaction that sees one state; it is rolled back."""

    @abstractmethod
    def _explained(self, fault: BaseException) -> RunyardError | None:
        """Return what a fault of the driver's means to a caller; ``None`` if it is not the database's."""

    def _commit(self, connection: Connection) -> None:
        connection.commit()

    @contextlib.contextmanager
    def _said_as_ours(self) -> Iterator[None]:
        """Raise the driver's faults as errors that tell a client whether to try again."""
        assert self.engine.dialect.dbapi is not None
        try:
            yield
        except (DBAPIError, self.engine.dialect.dbapi.Error) as error:
            # What is run past SQLAlchemy raises the driver's own errors.
            fault = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            explained = self._explained(fault)
            if explained is None:
                raise
            raise explained from error


def bring_schema_up_to_date(database: Database) -> None:
    """Migrate a database that was just connected, or let go of it.

    Raises:
        InvalidState: The schema is newer than this version of Runyard knows.
    """
    try:
        database.retrying(database.migrate)
    except BaseException:
        database.close()
        raise


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    unique: Sequence[str] = (),
) -> None:
    """Insert ``rows``; where the ``unique`` columns (the primary key) are taken, write ``columns`` over."""
    statement = INSERTS[connection.dialect.name](table)
    changed = {name: statement.excluded[name] for name in columns}
    key = [table.c[name] for name in unique] or list(table.primary_key)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of ``rows`` that no unique key of the table holds yet."""
    if rows:
        statement = INSERTS[connection.dialect.name](table)
        connection.execute(statement.on_conflict_do_nothing(), list(rows))


def insert_if_free(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert ``row`` unless a unique key of the table is taken; return whether it was inserted.

    After a broken constraint PostgreSQL refuses whatever else a transaction does, so none is broken.
    """
    statement = INSERTS[connection.dialect.name](table).values(**row).inline().on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount > 0


def chunks(values: Sequence[Value], size: int = 10_000) -> Iterator[Sequence[Value]]:
    """Cut a list for an ``IN``: SQLite takes at most 32,766 bound values in one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))
