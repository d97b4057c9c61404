"""MLflow's database on PostgreSQL and MariaDB as a source: the same is read as from SQLite, and only read."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Double, Float, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from runyard.errors import InvalidParameter, Unavailable
from runyard.sdk.transfer.mlflow_database import MlflowDatabase
from runyard.sdk.transfer.mlflow_schema import known_tables
from runyard.sdk.transfer.source import Source
from tests.mariadb_server import OWNER, READER, MariadbServer, is_installed
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]


def _copied(store: Path, url: str) -> None:
    """Copy the tables that MLflow made in SQLite, row by row, into a database without tables."""
    there, here = create_engine(f"sqlite:///{store}"), create_engine(url)
    kept, made = MetaData(), MetaData()
    kept.reflect(there, only=list(known_tables(there)))
    with there.connect() as reading, here.begin() as writing:
        for table in kept.sorted_tables:
            copied = Table(table.name, made, *(Column(each.name, _type(each)) for each in table.columns))
            copied.create(writing)
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows:
                writing.execute(insert(copied), rows)
    there.dispose()
    here.dispose()


def _type(column: Column[Any]) -> Any:
    # As MLflow makes it: a FLOAT of MySQL's is half as long.
    return Double() if isinstance(column.type, Float) else column.type


@dataclass(frozen=True)
class Kept:
    """A copy of the newest store: its URL for who owns it, and for a user who may read and no more."""

    owner: str
    reader: str
    execute: Callable[[str], object]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    if not is_installed():
        pytest.skip("no MariaDB on this machine: `make test` installs it")
    running = MariadbServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def on_mariadb(filled: Filled, mariadb: MariadbServer) -> Kept:
    kept = Kept(mariadb.address(OWNER), mariadb.address(READER), mariadb.execute)
    _copied(filled("3.17-database"), kept.owner)
    return kept


@pytest.fixture(scope="session")
def on_postgres(filled: Filled, cluster: PostgresServer) -> Kept:
    name = cluster.new_database()
    owner, reader = (
        cluster.address(name, *user).replace("postgresql://", "postgresql+psycopg://")
        for user in ((), ("reader",))
    )
    _copied(filled("3.17-database"), owner)
    cluster.execute("CREATE ROLE reader LOGIN", name)
    cluster.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", name)
    return Kept(owner, reader, lambda sql: cluster.execute(sql, name))


@pytest.fixture(params=["postgres", "mariadb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """The newest store on each kind of server."""
    found: Kept = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
def opened() -> Iterator[Callable[..., MlflowDatabase]]:
    """Open databases, and let go of them afterwards."""
    sources: list[MlflowDatabase] = []

    def open_database(url: str, *roots: Path) -> MlflowDatabase:
        sources.append(MlflowDatabase(url, roots))
        return sources[-1]

    yield open_database
    for source in sources:
        source.close()


def _by_id(items: Any) -> list[Any]:
    return sorted(items, key=repr)


def _all_of(source: Source) -> dict[str, Any]:
    experiments = source.experiments()
    runs = [run for each in experiments for run in source.runs(each)]
    traces = [trace for each in experiments for trace in source.traces(each)]
    registered = list(source.registered_models())
    datasets = list(source.evaluation.datasets())
    return {
        "experiments": experiments,
        "runs": _by_id(runs),
        "points": {run.run_id: _by_id(itertools.chain(*source.points(run))) for run in runs},
        "counted": [source.count_points(run) for run in _by_id(runs)],
        "models": [_by_id(source.models(each)) for each in experiments],
        "registered": [(each, list(source.versions(each))) for each in registered],
        "traces": [(trace, _by_id(source.spans(trace))) for trace in _by_id(traces)],
        "judging": [repr(source.evaluation.judging(each)) for each in experiments],
        "datasets": [(each, list(source.evaluation.records(each))) for each in _by_id(datasets)],
    }


def test_a_server_gives_what_sqlite_gives(filled: Filled, kept: Kept, opened: Callable[..., MlflowDatabase]):
    store = filled("3.17-database")
    read = _all_of(opened(kept.reader, store.parent))
    wanted = _all_of(opened(f"sqlite:///{store}"))
    for name, found in wanted.items():
        assert read[name] == found, name
        assert found, name


def test_nothing_is_written_even_by_an_owner(kept: Kept, opened: Callable[..., MlflowDatabase]):
    source = opened(kept.owner)
    source.experiments()
    # Often enough to meet connections that were given back and taken again.
    for _ in range(3):
        with source._engine.connect() as connection, pytest.raises(DBAPIError, match=r"(?i)read.only"):
            connection.execute(text("DELETE FROM params"))


def test_a_user_who_may_not_read_is_told_so(kept: Kept, opened: Callable[..., MlflowDatabase]):
    if "pymysql" in kept.reader:
        kept.execute("CREATE USER sees_nothing@'127.0.0.1'")
        url = kept.reader.replace(READER, "sees_nothing", 1)
    else:
        kept.execute("CREATE ROLE sees_nothing LOGIN")
        url = kept.reader.replace("reader", "sees_nothing", 1)
    with pytest.raises(Unavailable, match=r"(?i)denied"):
        opened(url).experiments()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://mlflow@db.example/mlflow", r"mysql\+pymysql://"),
        ("mariadb+mariadbconnector://mlflow@db.example/mlflow", r"mariadb\+pymysql://"),
        ("postgresql+pg8000://mlflow@db.example/mlflow", r"postgresql\+psycopg://"),
    ],
)
def test_a_driver_that_is_missing_is_named(url: str, said: str):
    with pytest.raises(InvalidParameter, match=said):
        MlflowDatabase(url)
