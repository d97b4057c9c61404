"""A database as the first schema had it, filled by plain SQL: what an upgrade finds at its users'."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runyard.stores import migrating
from runyard.stores.sqlite import connect_sqlite

KEYS = ("loss", "val/loss", "accuracy", "rare")
RUNS = 20
Point = tuple[int, int, float]


@dataclass
class FirstSchema:
    """What was put into the database."""

    points: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    params: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)


def make_first_schema(path: Path, points: int) -> FirstSchema:
    """Make the database with about so many points, in runs of all states, NaN and infinities among them."""
    database = connect_sqlite(path)
    made, draw = FirstSchema(), random.Random(points)
    with database.writing() as connection:
        migrating.upgrade(connection, "0001")
        run = connection.exec_driver_sql
        run("INSERT INTO workspaces VALUES ('default', 0, 1, '')")
        run("INSERT INTO experiments VALUES (0, 'default', 'Default', 'mlflow-artifacts:/0', 'active', 1, 1)")
        for number in range(RUNS):
            run_id = draw.randbytes(16).hex()
            status = ("RUNNING", "FINISHED", "FAILED", "KILLED")[number % 4]
            stage = "deleted" if number == 7 else "active"
            row = (run_id, f"run-{number}", status, stage, f"mlflow-artifacts:/0/{run_id}/artifacts", number)
            run("INSERT INTO runs VALUES (?, 0, ?, 'me', ?, ?, ?, ?, NULL, NULL)", row)
            made.params[run_id] = {f"param-{index}": f"{number}-{index}" for index in range(5)}
            made.tags[run_id] = {"mlflow.runName": f"run-{number}", "é": "\N{SNOWMAN}"}
            for table, values in (("params", made.params), ("tags", made.tags)):
                pairs = [(run_id, key, value) for key, value in values[run_id].items()]
                run(f"INSERT INTO {table} VALUES (?, ?, ?)", pairs)
            for index, key in enumerate(KEYS):
                series_id = number * len(KEYS) + index + 1
                count = 3 if key == "rare" else max(points // RUNS // (len(KEYS) - 1), 1)
                series = sorted(set(_series(draw, count)), key=_order)
                made.points[run_id, key] = series
                last = max(series, key=lambda point: (point[1], point[0], _plain(point[2])))
                values_of_last = (last[1], last[0], _plain(last[2]), math.isnan(last[2]))
                run(
                    "INSERT INTO metric_series VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (series_id, run_id, key, *values_of_last),
                )
                rows = [
                    (series_id, time, step, _plain(value), value != value) for time, step, value in series
                ]
                run("INSERT INTO metric_points VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    return made


def _series(draw: random.Random, count: int) -> Iterator[Point]:
    for step in range(count):
        value = draw.choice((math.nan, math.inf, -math.inf)) if step % 97 == 5 else draw.gauss(0, 1)
        yield 1_600_000_000_000 + step * 10 + draw.randrange(25), step // 2, value


def _plain(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _order(point: Point) -> tuple[int, int, float, bool]:
    return point[0], point[1], _plain(point[2]), math.isnan(point[2])
