"""MLflow's database on PostgreSQL as a source: the same is read as from SQLite, by who may only read."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from runyard.errors import InvalidParameter, Unavailable
from runyard.sdk.transfer.mlflow_database import MlflowDatabase
from runyard.sdk.transfer.source import Source
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]


def _copied(store: Path, url: str) -> None:
    """Copy the tables that MLflow made in SQLite, row by row, into a database without tables."""
    there, here = create_engine(f"sqlite:///{store}"), create_engine(url)
    kept, made = MetaData(), MetaData()
    kept.reflect(there)
    with there.connect() as reading, here.begin() as writing:
        for table in kept.sorted_tables:
            copied = Table(table.name, made, *(Column(each.name, each.type) for each in table.columns))
            copied.create(writing)
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows:
                writing.execute(insert(copied), rows)
    there.dispose()
    here.dispose()


def _psycopg(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def address(filled: Filled, cluster: PostgresServer) -> Iterator[str]:
    """The URL of the newest store on PostgreSQL, for a user who may read and no more."""
    name = cluster.new_database()
    _copied(filled("3.17-database"), _psycopg(cluster.address(name)))
    cluster.execute("CREATE ROLE reader LOGIN", name)
    cluster.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", name)
    yield _psycopg(cluster.address(name, "reader"))
    cluster.execute("DROP OWNED BY reader", name)
    cluster.execute("DROP ROLE reader", name)


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


def test_postgres_gives_what_sqlite_gives(filled: Filled, address: str):
    store = filled("3.17-database")
    read = _all_of(MlflowDatabase(address, [store.parent]))
    wanted = _all_of(MlflowDatabase(f"sqlite:///{store}"))
    for name, found in wanted.items():
        assert read[name] == found, name
        assert found, name


def test_nothing_is_written_even_by_an_owner(filled: Filled, cluster: PostgresServer):
    name = cluster.new_database()
    url = _psycopg(cluster.address(name))
    _copied(filled("3.17-database"), url)
    source = MlflowDatabase(url)
    source.experiments()
    # Often enough to meet connections that were given back and taken again.
    for _ in range(3):
        with source._engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
            connection.execute(text("DELETE FROM runs"))
    source.close()


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


def test_a_user_who_may_not_read_is_told_so(address: str, cluster: PostgresServer):
    name = address.rpartition("/")[2].partition("?")[0]
    cluster.execute("REVOKE SELECT ON runs FROM reader", name)
    source = MlflowDatabase(address)
    with pytest.raises(Unavailable, match="permission denied"):
        list(source.runs(source.experiments()[0]))
