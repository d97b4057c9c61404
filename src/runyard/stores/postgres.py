"""PostgreSQL: many writers at once, in as many servers as there are."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError

from runyard.errors import InvalidParameter, InvalidState, RunyardError, StorageFull, Unavailable
from runyard.stores.database import INSERTS, Database, TransactionUndone, bring_schema_up_to_date
from runyard.stores.prepared import driver_of
from runyard.stores.transaction import Transaction

OLDEST_VERSION = 13
CONNECT_WITHIN_S = 10
WAIT_FOR_A_CONNECTION_S = 10

# What makes a connection whose other end has vanished fail within a minute, in place of hours.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_SESSION = """
SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');
SET default_transaction_isolation = 'read committed';
SET lock_timeout = '300ms';
SET idle_in_transaction_session_timeout = '60s';
SET jit = off
"""
_DISK_FULL = frozenset({"53100"})
_TOO_LONG_FOR_AN_INDEX = "54000"
# Met another transaction; another one holds a row for too long; too many connections; what a new row hangs
# on was removed since it was looked at, which the next attempt will see.
_UNDONE = frozenset({"40001", "40P01", "55P03", "53300", "23503"})
# What a server says to one that it will not let in; the driver tells no code of it. In another language than
# English it is taken for a server that is not there yet.
_REFUSED = {
    re.compile(r"password authentication failed|no password supplied"): (
        "Put the right user and password into RUNYARD_DATABASE, or the password into PGPASSWORD."
    ),
    re.compile(r"database .* does not exist"): (
        "Make it with CREATE DATABASE, or name another one in RUNYARD_DATABASE."
    ),
    re.compile(r"role .* does not exist|role .* is not permitted to log in"): (
        "Name another user in RUNYARD_DATABASE, or make that one with CREATE ROLE … LOGIN."
    ),
    re.compile(r"no pg_hba\.conf entry|pg_hba\.conf rejects|permission denied for database"): (
        "Let this user and machine in: pg_hba.conf of the PostgreSQL server, or GRANT CONNECT."
    ),
}
# The database's own limit, a role's, or what is kept for administrators.
_TOO_MANY = re.compile(r"too many (?:connections|clients)|remaining connection slots")
# Classes: connection exception, operator intervention (shut down, crashed, starting up).
_GONE = ("08", "57P")


INSERTS["postgresql"] = insert


class PostgresDatabase(Database):
    """Lets transactions run beside each other; they lock the rows that they decide by.

    Writers see what others have committed (``READ COMMITTED``), readers one state (``REPEATABLE READ``).

    Args:
        engine: Its connections begin no transactions by themselves.
        keeps_one: Whether to keep a connection for statements that are whole transactions.
    """

    def __init__(self, engine: Engine, keeps_one: bool = False) -> None:
        super().__init__(engine)
        self._keeps_one = keeps_one
        self._kept: Connection | None = None
        self._kept_is_in_use = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._kept_is_in_use:
            self._let_go_of_kept()
        super().close()

    @property
    def holds_rows(self) -> bool:
        """Whether this thread is inside ``writing()``: other writers are beside it."""
        return self.is_writing

    def give_back_room(self, *, is_idle: bool) -> None:
        """Nothing: PostgreSQL's own vacuum does it."""

    def size_bytes(self) -> int:
        """Return what PostgreSQL says of the whole database."""
        with self.reading() as connection:
            return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)

    def take_turns(self, purpose: str) -> None:
        """Take PostgreSQL's own lock of that name, which ends with the transaction."""
        with self.writing() as connection:
            # Whoever waits for a migration waits for as long as that takes.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"runyard {purpose}"))))
            connection.exec_driver_sql("SET LOCAL lock_timeout = '300ms'")

    @contextlib.contextmanager
    def together(self, wait: bool = True) -> Iterator[object]:
        """Begin the transaction with what first needs one; what only gathers is one statement, without it.

        BEGIN and COMMIT are ways to the database and back of their own, which is most of what a log call
        takes.
        """
        if self._current.transaction is not None:
            with super().together(wait):
                yield None
            return
        with self._said_as_ours(), contextlib.ExitStack() as connected:
            transaction = Transaction(may_write=True)
            transaction.begin = lambda: connected.enter_context(self._begun_to_write(wait))
            self._current.transaction = transaction
            try:
                yield None
                if transaction.connection is None and len(transaction.gathered) == 1:
                    transaction.begin = lambda: connected.enter_context(self._connected_for_one())
                    transaction.write_gathered()
                else:
                    transaction.write_gathered()
                    if transaction.connection is not None:
                        self._commit(transaction.connection)
            finally:
                self._current.transaction = None
            transaction.call_back()

    @contextlib.contextmanager
    def reading_once(self) -> Iterator[Connection]:
        """Begin no transaction, unless there is one: a statement sees one state by itself."""
        if self._current.transaction is not None:
            with self.reading() as connection:
                yield connection
            return
        with self._said_as_ours(), self._connected_for_one() as connection:
            yield connection

    @contextlib.contextmanager
    def _begun_to_write(self, wait: bool) -> Iterator[Connection]:
        with self._begun("BEGIN ISOLATION LEVEL READ COMMITTED") as connection:
            yield connection

    @contextlib.contextmanager
    def _begun_to_read(self) -> Iterator[Connection]:
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Iterator[Connection]:
        with self._connected() as connection:
            connection.exec_driver_sql(begin)
            yield connection

    @contextlib.contextmanager
    def _connected_for_one(self) -> Iterator[Connection]:
        """The same for one statement: to take a connection from the pool costs half of what that does."""
        if not self._keeps_one or not self._kept_is_in_use.acquire(blocking=False):
            with self._connected() as connection:
                yield connection
            return
        try:
            if self._kept is None:
                self._kept = self._from_pool()
            yield self._kept
        finally:
            if self._kept is not None and not _is_idle(self._kept):
                self._let_go_of_kept()
            self._kept_is_in_use.release()

    def _let_go_of_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            with kept:
                _end(kept)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection in no transaction: each statement is one."""
        with self._from_pool() as connection:
            try:
                yield connection
            finally:
                _end(connection)

    def _from_pool(self) -> Connection:
        try:
            return self.engine.connect()
        except TimeoutError:
            raise Unavailable("All connections to the database are in use. Try again.") from None

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable(
                    "The database went away while it committed: whether this was written is not known."
                ) from error
            raise

    def _explained(self, fault: BaseException) -> RunyardError | None:
        state = getattr(fault, "sqlstate", None)
        if state is None and "NUL" in str(fault):
            return InvalidParameter("A name in this request holds the character NUL, which no text may.")
        if state in _DISK_FULL:
            return StorageFull("The disk that holds the database is full; nothing was written.")
        if state == _TOO_LONG_FOR_AN_INDEX:
            return InvalidParameter("The names in this request are together too long to be found again.")
        if state in _UNDONE:
            return TransactionUndone("The database is busy with other changes; nothing was written.")
        assert self.engine.dialect.dbapi is not None
        if state is None and _advice(fault) is not None:
            return Unavailable("The database does not let this server in; nothing was written.")
        if state is None and _TOO_MANY.search(str(fault)):
            return TransactionUndone("The database takes no more connections; nothing was written.")
        is_operational = isinstance(fault, self.engine.dialect.dbapi.OperationalError)
        if (state is None and is_operational) or (state is not None and state.startswith(_GONE)):
            return TransactionUndone("The database does not answer; nothing was written.")
        return Unavailable("The database can't do this now; nothing was written.") if is_operational else None


def open_postgres(address: str, connections: int) -> PostgresDatabase:
    """Return the database at ``postgresql://…``, with its schema up to date."""
    database = connect_postgres(address, connections)
    bring_schema_up_to_date(database)
    return database


def connect_postgres(address: str, connections: int) -> PostgresDatabase:
    """Return the database at ``postgresql://…`` as it is, whatever schema it has.

    A commit survives the loss of power on the database's machine.

    Args:
        address: The URL; what it leaves out comes from PostgreSQL's own variables and files.
        connections: How many connections this server opens at most.

    Raises:
        InvalidParameter: The address can't be read.
        InvalidState: This PostgreSQL is too old, keeps text in another encoding than UTF-8, or refuses the
            user, the password or the name of the database.
        Unavailable: Nothing answers there.
    """
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        # The driver's own words may hold the password.
        raise InvalidParameter(
            "The database's address can't be read. Expected postgresql://user@host/name."
        ) from None
    engine = create_engine(
        url,
        connect_args={
            "autocommit": True,  # transactions are begun by name, each with its own isolation
            "client_encoding": "utf8",
            "connect_timeout": CONNECT_WITHIN_S,
            "application_name": "runyard",
            **_KEEPALIVE,
        },
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_FOR_A_CONNECTION_S,
        pool_use_lifo=True,
        use_native_hstore=False,
        hide_parameters=True,  # a fault is logged, and what was to be written is not for the log
    )
    event.listen(engine, "connect", _prepare)
    database = PostgresDatabase(engine, keeps_one=connections > 1)
    try:
        database.retrying(lambda: _check(database))
    except BaseException as error:
        database.close()
        if isinstance(error, Unavailable) and isinstance(error.__cause__, DBAPIError):
            # Whoever starts a server may know why; whoever asks it something later may not.
            advice = _advice(error.__cause__.orig)
            if advice is not None:
                raise InvalidState(f"The database refuses: {error.__cause__.orig}. {advice}") from None
            raise Unavailable(f"The database does not answer: {error.__cause__.orig}") from None
        raise
    return database


def _advice(fault: BaseException | None) -> str | None:
    """Return what to do about a refusal that asking again would not change."""
    said = str(fault)
    return next((advice for refusal, advice in _REFUSED.items() if refusal.search(said)), None)


def _check(database: PostgresDatabase) -> None:
    with database.reading() as connection:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if version < OLDEST_VERSION:
        raise InvalidState(f"Runyard needs PostgreSQL {OLDEST_VERSION} or newer; this one is {version}.")
    if encoding != "UTF8":
        raise InvalidState(
            f"This PostgreSQL database keeps text as {encoding}. Make one for Runyard with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute(_SESSION)


def _is_idle(connection: Connection) -> bool:
    """Whether it is there and waits for the next statement."""
    return bool(driver_of(connection).info.transaction_status.name == "IDLE")


def _end(connection: Connection) -> None:
    """Roll back what was not committed; a connection that is lost is thrown away."""
    if connection.invalidated:
        return
    driver = driver_of(connection)
    if driver.closed:
        connection.invalidate()
    else:
        connection.rollback()
