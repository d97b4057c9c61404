"""Opening a database of another program's to read it, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from runyard.errors import InvalidParameter, NotFound, Unavailable

# What has a session of each kind of database refuse to write, whatever its user may do.
_READ_ONLY = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}


def parsed_url(url: str) -> URL:
    """Return the parts of a URL of SQLAlchemy's.

    Raises:
        InvalidParameter: It is none.
    """
    try:
        return make_url(url)
    except ArgumentError as error:
        raise InvalidParameter(f"{url!r} is no database's URL: {error}") from error


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of SQLite's."""
    return url.get_backend_name() == "sqlite"


def shown_name(url: URL) -> str:
    """Return what a database is called: its URL without what nobody should see."""
    if is_sqlite(url) and url.database:
        url = url.set(database=str(Path(url.database).absolute()))
    return url.set(username=None, password=None, query={}).render_as_string()


def open_engine(url: URL, file: Path | None) -> Engine:
    """Return what reads a database, and refuses to write to it.

    Raises:
        InvalidParameter: It is of a kind that is not read, or what reads it is not installed.
        NotFound: There is no such file.
    """
    if file is not None:
        if not file.is_file():
            raise NotFound(f"There is no file {file}.")
        # Read-only for SQLite itself; also beside a server that writes.
        url = url.set(database=f"file:{_quoted(file)}", query={"mode": "ro", "uri": "true"})
    try:
        engine = create_engine(url, pool_size=8) if file is None else create_engine(url)
    except NoSuchModuleError as error:
        raise InvalidParameter(f"A database of this kind is not known: {error}") from error
    except ModuleNotFoundError as error:
        raise InvalidParameter(_without_driver(url, str(error.name))) from error
    if file is None:
        statement = _READ_ONLY.get(engine.dialect.name)
        if statement is None:
            raise InvalidParameter(
                f"{engine.dialect.name} is not read: MLflow's databases of SQLite, PostgreSQL and "
                "MySQL are. Import from the running server."
            )
        event.listen(engine, "connect", partial(_begin_read_only, statement))
    return engine


def _without_driver(url: URL, module: str) -> str:
    """Say what is to be installed for a kind of database, and how its URL then begins."""
    backend = url.get_backend_name()
    driver = _DRIVERS.get(backend)
    said = f"The Python module {module!r}, by which {url.drivername} is read, is not installed."
    if driver is None:
        return said
    return f"{said} `pip install {driver}`, and let the URL begin with `{backend}+{driver}://`."


def _quoted(file: Path) -> str:
    return file.as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _begin_read_only(statement: str, connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()
    # What psycopg has begun with it ends here, as it would with a pool's rollback, and the setting stays.
    connection.commit()


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn what SQLAlchemy raises into a word for a person."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise Unavailable(f"The database {name} can't be read: {str(cause).strip()}") from error
