"""How runs are sorted, as SQL, and where in that order a page ends.

Each sort key is a pair of a rank and a value: rank 0 has a value, 1 is NaN, 2 has nothing. Ranks go up
whichever way the values go. The start, the latest first, and the run's id come last, so that no two runs are
alike and the pairs of a page's last run say where the next page begins, whatever was added or deleted since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

from runyard.errors import InvalidParameter
from runyard.protocol.filter_tree import Entity, Statistic
from runyard.protocol.ordering import Order
from runyard.stores.metadata.run_conditions import STATISTIC_COLUMNS
from runyard.stores.metadata.schema import runs
from runyard.stores.metadata.sql_pieces import ALWAYS, NEVER, Engine, Row, Sql, all_of, any_of

VALUED, NAN, MISSING = range(3)

_START = Order(Entity.ATTRIBUTE, "started_ms", ascending=False)
_RUN_ID = Order(Entity.ATTRIBUTE, "run_id")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order.

    Args:
        order: What was asked for.
        rank: What its rank is in SQL; None if every run has a value.
        value: What its value is in SQL.
        kind: Of which type its values are.
        join: The joins that rank and value need; None if the run's row has them.
    """

    order: Order
    rank: str | None
    value: str
    kind: type
    join: Sql | None = None

    @property
    def direction(self) -> str:
        """The SQL behind the value."""
        return "ASC" if self.order.ascending else "DESC"

    def follows(self, rank: int, value: Any) -> Sql:
        """Return whether a run comes after one with this rank and value."""
        later_rank = NEVER if self.rank is None else Sql(f"{self.rank} > ?", (rank,))
        if rank != VALUED:
            return later_rank
        sign = ">" if self.order.ascending else "<"
        return any_of([later_rank, all_of([self._is_rank(rank), Sql(f"{self.value} {sign} ?", (value,))])])

    def equals(self, rank: int, value: Any) -> Sql:
        """Return whether a run has this rank and value."""
        if rank != VALUED:
            return self._is_rank(rank)
        return all_of([self._is_rank(rank), Sql(f"{self.value} = ?", (value,))])

    def _is_rank(self, rank: int) -> Sql:
        return ALWAYS if self.rank is None else Sql(f"{self.rank} = ?", (rank,))


class RunOrdering:
    """The sort keys of a search.

    Args:
        engine: Whose words they are in.
        orders: What was asked for.
        key_ids: The ids of the metrics that are named.
    """

    def __init__(self, engine: Engine, orders: Sequence[Order], key_ids: Mapping[str, int]) -> None:
        self._engine = engine
        self._key_ids = key_ids
        asked = list(orders)
        for last in (_START, _RUN_ID):
            if not any(each.entity is last.entity and each.key == last.key for each in asked):
                asked.append(last)
        self.keys = [self._sort_key(order, f"k{position}") for position, order in enumerate(asked)]

    @property
    def columns(self) -> list[tuple[str, type]]:
        """What a query selects for each run: rank and value of each key, then its number and revision."""
        pairs = [[(key.rank or str(VALUED), int), (key.value, key.kind)] for key in self.keys]
        return [*chain(*pairs), ("r.run_number", int), ("r.revision", int)]

    def joins(self, first: int = 0) -> Sql:
        """Return the joins that the keys from the ``first`` on need."""
        needed = Sql("")
        for key in self.keys[first:]:
            if key.join is not None:
                needed += key.join
        return needed

    def clause(self, first: int = 0) -> str:
        """Return what stands behind ``ORDER BY`` for the keys from the ``first`` on."""
        keys = self.keys[first:]
        ranked = ((f"{key.rank}, " if key.rank else "") + f"{key.value} {key.direction}" for key in keys)
        return ", ".join(ranked)

    def after(self, position: Sequence[Any]) -> Sql:
        """Return whether a run comes after the one at ``position``.

        Raises:
            InvalidParameter: It is no position in this order.
        """
        pairs = list(zip(position[::2], position[1::2], strict=False))
        if len(position) != 2 * len(self.keys) or not all(map(_fits, self.keys, pairs)):
            raise InvalidParameter("Invalid page token: it does not fit the order of this search.")
        follows = [key.follows(*pair) for key, pair in zip(self.keys, pairs, strict=True)]
        equals = [key.equals(*pair) for key, pair in zip(self.keys, pairs, strict=True)]
        # Side by side and not one within the other: SQLite's parser has no room for the depth of 40 keys.
        return any_of(all_of([*equals[:rank], later]) for rank, later in enumerate(follows))

    def position(self, row: Row) -> tuple[Any, ...]:
        """Return where a row of a query with these ``columns`` stands in the order."""
        found = list(row[: 2 * len(self.keys)])
        for at in range(0, len(found), 2):
            if found[at] != VALUED:
                found[at + 1] = None
        return tuple(found)

    def merged(self, parts: Iterable[Sequence[Row]]) -> list[Row]:
        """Return the rows of several queries, each with these ``columns``, in order."""
        rows = [row for part in parts for row in part]
        for at in range(2 * len(self.keys) - 2, -1, -2):
            is_descending = not self.keys[at // 2].order.ascending
            rows.sort(key=partial(_ranked, at), reverse=is_descending)
            rows.sort(key=itemgetter(at))
        return rows

    def _sort_key(self, order: Order, alias: str) -> SortKey:
        if order.entity is Entity.ATTRIBUTE:
            return self._attribute(order)
        if order.entity is Entity.METRIC:
            return self._metric(order, alias)
        table = "params" if order.entity is Entity.PARAM else "tags"
        on = Sql(f"{alias}.run_number = r.run_number AND {alias}.key = ?", (order.key,))
        join = self._engine.joined(table, alias, on, may_lack=True)
        rank = f"CASE WHEN {alias}.value IS NULL THEN {MISSING} ELSE {VALUED} END"
        return SortKey(order, rank, f"{alias}.value", str, join)

    def _attribute(self, order: Order) -> SortKey:
        column = runs.c[order.key]
        rank = (
            f"CASE WHEN r.{order.key} IS NULL THEN {MISSING} ELSE {VALUED} END" if column.nullable else None
        )
        return SortKey(order, rank, f"r.{order.key}", column.type.python_type)

    def _metric(self, order: Order, alias: str) -> SortKey:
        key_id, own_id = self._key_ids.get(order.key, 0), self._key_ids.get(order.own_key or "")
        rank, value, join = self._series(key_id, alias, STATISTIC_COLUMNS[order.statistic])
        if own_id is not None:
            own_rank, own_value, own_join = self._series(
                own_id, f"{alias}o", STATISTIC_COLUMNS[Statistic.LAST]
            )
            has_none = f"{alias}o.run_number IS NULL"
            rank = f"CASE WHEN {has_none} THEN {rank} ELSE {own_rank} END"
            value = f"CASE WHEN {has_none} THEN {value} ELSE {own_value} END"
            join += own_join
        return SortKey(order, rank, value, float, join)

    def _series(self, key_id: int, alias: str, column: str) -> tuple[str, str, Sql]:
        on = Sql(f"{alias}.run_number = r.run_number AND {alias}.key_id = ?", (key_id,))
        is_last = column == STATISTIC_COLUMNS[Statistic.LAST]
        is_nan = self._engine.flag(f"{alias}.last_is_nan", True) if is_last else f"{alias}.{column} IS NULL"
        rank = (
            f"CASE WHEN {alias}.run_number IS NULL THEN {MISSING} WHEN {is_nan} THEN {NAN} ELSE {VALUED} END"
        )
        return rank, f"{alias}.{column}", self._engine.joined("metric_series", alias, on, may_lack=True)


def _ranked(at: int, row: Row) -> tuple[bool, Any]:
    """What a row is sorted by among those of its rank: what has no value is all alike."""
    is_valued = row[at] == VALUED
    return is_valued, row[at + 1] if is_valued else None


def _fits(key: SortKey, pair: tuple[Any, Any]) -> bool:
    rank, value = pair
    if type(rank) is not int or not VALUED <= rank <= (VALUED if key.rank is None else MISSING):
        return False
    if rank != VALUED:
        return value is None
    if key.kind is int:
        return type(value) is int and abs(value) < 2**63
    return type(value) in (int, float) if key.kind is float else type(value) is key.kind
