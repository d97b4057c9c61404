"""Makes runs for MLflow in its own tables: over its API, 10,000 of them take it a quarter of an hour."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

TABLES = ("runs", "metrics", "latest_metrics", "params", "tags")
ID = "run_uuid"
PREFIX = 24


def copy_runs(database: Path, experiment_id: str, wanted: int) -> None:
    """Copy an experiment's runs, with all that hangs on them, until there are so many more.

    A copy keeps the first 24 digits of the id of its original and has the number of its round behind them.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        asked = f"SELECT {ID} FROM runs WHERE experiment_id = ?"
        originals = [row[0] for row in connection.execute(asked, (int(experiment_id),))]
        connection.execute(f"CREATE TEMP TABLE originals ({ID} TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO originals VALUES (?)", [(run_id,) for run_id in originals])
        for number, done in enumerate(range(0, wanted, len(originals)), 1):
            for table in TABLES:
                _copy_rows(connection, table, number, min(len(originals), wanted - done))


def _copy_rows(connection: sqlite3.Connection, table: str, number: int, limit: int) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    taken = [
        f"substr({ID}, 1, {PREFIX}) || printf('%08d', ?)" if name == ID else f'"{name}"' for name in columns
    ]
    into = ", ".join(f'"{name}"' for name in columns)
    chosen = f"SELECT {ID} FROM originals ORDER BY {ID} LIMIT ?"
    source = f"SELECT {', '.join(taken)} FROM {table} WHERE {ID} IN ({chosen})"
    connection.execute(f"INSERT INTO {table} ({into}) {source}", (number, limit))
