"""A search for runs, with the names in it looked up: what each way of answering it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Operator, comparisons_in
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.run_conditions import RunConditions
from runyard.stores.metadata.run_ordering import RunOrdering
from runyard.stores.metadata.search import experiment_numbers
from runyard.stores.metadata.sql_pieces import ALWAYS, Engine, Row, Sql, all_of, whole_numbers

EQUALITIES = (Operator.EQUAL, Operator.IN)


class Having(NamedTuple):
    """A comparison without which the filter does not hold, and the numbers of all runs for which it does."""

    term: Comparison
    numbers: Sql


class Question:
    """What is searched for, and in which words.

    Args:
        connection: Of a transaction that lasts as long as the question is used.
        search: What was asked.

    Raises:
        InvalidParameter: ``after`` does not fit the order, or there are too many experiments.
    """

    def __init__(self, connection: Connection, search: Search) -> None:
        self.engine = Engine(connection)
        self.limit = search.limit + 1
        self.terms = _terms(search.filter)
        self.position = search.after
        self.stages = [stage.value for stage in search.view.stages]
        self.experiment_ids = _known_experiments(self.engine, search)
        self.key_ids = _key_ids(self.engine, search)
        self.conditions = RunConditions(self.engine, self.key_ids)
        self.ordering = RunOrdering(self.engine, search.order, self.key_ids)
        self._is_after = ALWAYS if search.after is None else self.ordering.after(search.after)

    def holds(self, owner: str, known: Sequence[Having] = ()) -> Sql:
        """Return whether the filter holds for a run that is among those of all that are ``known``.

        See :meth:`RunConditions.holds` for ``owner``.
        """
        given = [id(having.term) for having in known]
        needed = [term for term in self.terms if id(term) not in given]
        return all_of(self.conditions.holds(term, owner) for term in needed)

    def is_of_stages(self) -> Sql:
        """Return whether a run is in one of the stages that are looked at."""
        return Sql(f"r.lifecycle_stage IN ({', '.join('?' * len(self.stages))})", tuple(self.stages))

    def in_experiments(self, table: str) -> Sql:
        """Return whether a row is one of the experiments'."""
        return Sql(f"{table}.experiment_id IN {whole_numbers(self.experiment_ids)}")

    def runs_of(self, owner: str) -> Sql:
        """Return the join of the run's row for each number that stands before it."""
        return self.engine.joined("runs", "r", Sql(f"r.run_number = {owner}"))

    def select(self, tables: Sql, where: Sequence[Sql], order: str) -> list[Row]:
        """Return the page's rows, with the columns of the ordering, from where the last page ended."""
        conditions = all_of([*where, self._is_after])
        source = tables + "WHERE" + conditions + f"ORDER BY {order} LIMIT {self.limit}"
        return self.engine.rows_at_once(self.ordering.columns, source)


def _terms(filter: Filter | None) -> list[Filter]:
    """Return what must hold, what is equal first: it costs the same to look up, and fewer runs pass."""
    terms = filter.terms if isinstance(filter, And) else () if filter is None else (filter,)
    return sorted(terms, key=lambda term: not (isinstance(term, Comparison) and term.operator in EQUALITIES))


def _known_experiments(engine: Engine, search: Search) -> list[int]:
    numbers = whole_numbers(experiment_numbers(search.experiment_ids))
    known = Sql(
        f"SELECT experiment_id FROM experiments WHERE workspace = ? AND experiment_id IN {numbers}",
        (search.workspace,),
    )
    return [row[0] for row in engine.rows(known)] if search.experiment_ids else []


def _key_ids(engine: Engine, search: Search) -> dict[str, int]:
    """Return the numbers of the metrics that are named; one that nobody ever logged has none."""
    names = {order.key for order in search.order if order.entity is Entity.METRIC}
    names |= {order.own_key for order in search.order if order.own_key is not None}
    if search.filter is not None:
        compared = comparisons_in(search.filter)
        names |= {comparison.key for comparison in compared if comparison.entity is Entity.METRIC}
    if not names:
        return {}
    marks = ", ".join("?" * len(names))
    known = Sql(f"SELECT key, key_id FROM metric_keys WHERE key IN ({marks})", tuple(names))
    return {row[0]: row[1] for row in engine.rows(known)}
