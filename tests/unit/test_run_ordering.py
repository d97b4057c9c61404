"""Rows of several queries are put into one order, those without a value behind the others."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from runyard.protocol.filter_tree import Entity
from runyard.protocol.ordering import Order
from runyard.stores.metadata.run_ordering import MISSING, NAN, VALUED, RunOrdering
from runyard.stores.metadata.sql_pieces import Engine
from tests.migrated import open_migrated


@pytest.mark.parametrize("ascending", [True, False])
def test_what_has_no_value_is_all_alike_whatever_stands_in_its_place(ascending: bool, tmp_path: Path):
    """A value that is no number leaves one in its column, a value that is missing leaves none."""
    order = Order(Entity.METRIC, "a", ascending=ascending)
    with closing(open_migrated(tmp_path / "runyard.db")) as database, database.reading() as connection:
        ordering = RunOrdering(Engine(connection), [order], {"a": 1})

    def row(name: str, rank: int, value: float | None):
        return (rank, value, VALUED, 5, VALUED, name, 0, 0)

    parts = [
        [row("e", MISSING, None), row("c", NAN, 0.0)],
        [row("d", NAN, None), row("a", VALUED, 1.0), row("f", MISSING, 7.0), row("b", VALUED, 2.0)],
    ]
    found = [each[5] for each in ordering.merged(parts)]
    assert found == [*("ab" if ascending else "ba"), "c", "d", "e", "f"]
