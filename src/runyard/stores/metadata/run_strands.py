"""Follows indexes that have runs in the order of a search, until a page is full.

An order is followed in *stretches*: runs with a value for the first key, those with NaN, those without one.
A stretch has a *strand* for each range of an index in which its runs lie; the rows of strands are merged.
Series that are still written to are strands of their own: they are few and outside of the index of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from runyard.protocol.filter_tree import Entity, Statistic
from runyard.protocol.ordering import Order
from runyard.stores.metadata.run_ordering import MISSING, NAN, VALUED
from runyard.stores.metadata.run_question import Having, Question
from runyard.stores.metadata.sql_pieces import ALWAYS, Row, Sql, all_of

MAX_STRANDS = 16

Ranks: TypeAlias = tuple[int, ...]

_BY_START = ((VALUED,), (MISSING,))
_BY_METRIC = ((VALUED,), (NAN,), (MISSING, VALUED), (MISSING, MISSING))


@dataclass(frozen=True, slots=True)
class _Strand:
    """One range of an index.

    Args:
        ranks: Which ranks its runs have for the first keys of the order.
        index: The table whose index it is, and its alias.
        joins: What a row of the answer needs besides.
        owner: The column with the run's number.
        range: Where in the index it lies.
        also: What must hold besides.
        lead: The value by which the index is sorted, and how; None if there is none.
        direction: The SQL behind ``lead``.
    """

    ranks: Ranks
    index: str
    joins: Sql
    owner: str
    range: Sql
    also: Sql = ALWAYS
    lead: str | None = None
    direction: str = ""


def follow_order(question: Question, far: int | None, among: Sequence[Having] = ()) -> list[Row] | None:
    """Return the rows of a page, by following its order.

    Args:
        question: What is searched for.
        far: How many entries of an index to look at before giving up; None for all of them.
        among: Looks closer at nothing but the runs of all of these, and gives up at once if there are more
            entries than ``far``.

    Returns:
        The rows, or None: no index has the order, or the page was not full within ``far`` entries of one.
    """
    return _Follower(question, far, among).rows()


class _Follower:
    def __init__(self, question: Question, far: int | None, among: Sequence[Having]) -> None:
        self._question = question
        self._among = among
        self._engine = question.engine
        self._far = far
        self._keys = question.ordering.keys

    def rows(self) -> list[Row] | None:
        found: list[Row] = []
        for ranks in self._stretches():
            strands = self._strands(ranks)
            if strands is None:
                return None
            parts: list[list[Row]] = []
            for strand in strands:
                part = self._follow(strand)
                if part is None:
                    return None
                parts += [part] if part else []
            found += parts[0] if len(parts) == 1 else self._question.ordering.merged(parts)
            if len(found) >= self._question.limit:
                break
        return found[: self._question.limit]

    def _stretches(self) -> list[Ranks]:
        """Return the stretches that the page may have a part in, by the ranks of the first keys."""
        is_by_start = _is_start(self._keys[0].order)
        stretches: tuple[Ranks, ...] = _BY_START if is_by_start else _BY_METRIC
        position = self._question.position
        return [
            ranks for ranks in stretches if position is None or ranks >= tuple(position[: 2 * len(ranks) : 2])
        ]

    def _strands(self, ranks: Ranks) -> list[_Strand] | None:
        """Return the strands of a stretch; None if no index has its order, or if they are too many."""
        first = self._keys[0].order
        if not _is_start(first) and not self._is_indexed(first):
            return None
        experiment_ids, stages = self._question.experiment_ids, self._question.stages
        if _is_start(first) or ranks[0] == MISSING:
            if (
                not _is_start(self._keys[len(ranks) - 1].order)
                or len(experiment_ids) * len(stages) > MAX_STRANDS
            ):
                return None
            return [self._by_start(ranks, *owner) for owner in product(experiment_ids, stages)]
        key_id = self._question.key_ids.get(first.key)
        if key_id is None:
            return []
        if 2 * len(experiment_ids) > MAX_STRANDS:
            return None
        return [self._by_value(ranks, key_id, *owner) for owner in product(experiment_ids, (False, True))]

    def _is_indexed(self, order: Order) -> bool:
        is_own_name = order.own_key is not None and order.own_key in self._question.key_ids
        return order.entity is Entity.METRIC and order.statistic is Statistic.LAST and not is_own_name

    def _by_start(self, ranks: Ranks, experiment_id: int, stage: str) -> _Strand:
        is_started = ranks[-1] == VALUED
        is_null = "IS NOT NULL" if is_started else "IS NULL"
        where = f"r.experiment_id = ? AND r.lifecycle_stage = ? AND r.started_ms {is_null}"
        return _Strand(
            ranks=ranks,
            index="runs r",
            joins=self._question.ordering.joins(),
            owner="r.run_number",
            range=Sql(where, (experiment_id, stage)),
            also=Sql("k0.run_number IS NULL") if len(ranks) > 1 else ALWAYS,
            lead="r.started_ms" if is_started else None,
            direction=self._keys[len(ranks) - 1].direction,
        )

    def _by_value(self, ranks: Ranks, key_id: int, experiment_id: int, is_live: bool) -> _Strand:
        is_number = ranks[0] == VALUED
        flags = (self._engine.flag("k0.is_live", is_live), self._engine.flag("k0.last_is_nan", not is_number))
        where = f"k0.experiment_id = ? AND k0.key_id = ? AND {' AND '.join(flags)}"
        return _Strand(
            ranks=ranks,
            index="metric_series k0",
            joins=self._question.runs_of("k0.run_number") + self._question.ordering.joins(1),
            owner="k0.run_number",
            range=Sql(where, (experiment_id, key_id)),
            also=self._question.is_of_stages(),
            lead="k0.last_value" if is_number and not is_live else None,
            direction=self._keys[0].direction,
        )

    def _follow(self, strand: _Strand) -> list[Row] | None:
        within = all_of([strand.range, self._from_position(strand)])
        end = self._end(strand, within)
        order = [self._question.ordering.clause(len(strand.ranks))]
        if strand.lead is not None:
            order.insert(0, f"{strand.lead} {strand.direction}")
        elif strand.ranks[-1] == VALUED:
            order.insert(0, f"{self._keys[0].value} {self._keys[0].direction}")
        # Strands without a value in front are short: what is live, or no number.
        among = self._among if strand.lead is not None else ()
        if among and end is not None:
            return None
        where = [
            within,
            end or ALWAYS,
            *(Sql(f"{strand.owner} IN ({some.numbers.text})", some.numbers.values) for some in among),
            strand.also,
            self._question.holds(strand.owner, among),
        ]
        rows = self._question.select(Sql(strand.index) + strand.joins, where, ", ".join(order))
        return None if end is not None and len(rows) < self._question.limit else rows

    def _from_position(self, strand: _Strand) -> Sql:
        """Return from which value on the page's runs lie, in words for which there is an index."""
        position, depth = self._question.position, len(strand.ranks)
        if position is None or strand.lead is None or strand.ranks != tuple(position[: 2 * depth : 2]):
            return ALWAYS
        sign = ">=" if strand.direction == "ASC" else "<="
        return Sql(f"{strand.lead} {sign} ?", (position[2 * depth - 1],))

    def _end(self, strand: _Strand, within: Sql) -> Sql | None:
        """Return whether a row lies before the entry at which to give up, if there are as many."""
        if self._far is None or strand.lead is None:
            return None
        query = Sql(f"SELECT {strand.lead} FROM {strand.index} WHERE") + within
        last = self._engine.rows(
            query + f"ORDER BY {strand.lead} {strand.direction} LIMIT 1 OFFSET {self._far}"
        )
        if not last:
            return None
        sign = "<" if strand.direction == "ASC" else ">"
        return Sql(f"{strand.lead} {sign} ?", (last[0][0],))


def _is_start(order: Order) -> bool:
    return order.entity is Entity.ATTRIBUTE and order.key == "started_ms"
