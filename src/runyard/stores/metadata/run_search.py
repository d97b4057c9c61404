"""Finds a page of runs: what to look at first, so that a page costs what it holds, not what the store holds.

There are three ways, tried in this order:

1. *The filter first.* If at most :data:`FEW` runs have a param, tag, id or metric that the filter asks for,
   these are looked at and nothing else.
2. *The order first.* If the order begins with the start or with a metric's last value, an index has the runs
   in that order: it is followed until the page is full (see ``run_strands.py``). With a filter it is followed
   a short way only, as all that pass the filter may lie at the other end; and farther on SQLite, with an eye
   for nothing but the runs that the filter asks for, if these are many.
3. *Everything.* The runs that have what the filter asks for, or all, are filtered and sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from sqlalchemy import Connection

from runyard.protocol.filter_tree import NUMERIC_OPERATORS, Comparison, Entity, Operator, Statistic
from runyard.stores.metadata.base import RunsFound, Search
from runyard.stores.metadata.run_question import EQUALITIES, Having, Question
from runyard.stores.metadata.run_strands import follow_order
from runyard.stores.metadata.schema import INDEXED_LENGTH
from runyard.stores.metadata.sql_pieces import NEVER, Row, Sql, all_of

FEW = 1_000
FAR = 2_000
FAR_PER_ROW = 8
FAR_PER_SORTED = 10
"""How many entries of an index are looked at in the time that one run takes to be looked up and sorted."""

_RANGES = tuple(by for by in NUMERIC_OPERATORS if by is not Operator.NOT_EQUAL)


def find_runs(connection: Connection, search: Search) -> RunsFound:
    """Return the page of runs that a search asks for.

    Raises:
        InvalidParameter: ``after`` does not fit the order, or there are too many experiments.
    """
    question = Question(connection, search)
    rows = _rows(question)
    page = rows[: search.limit]
    has_more = len(rows) > len(page) and page
    return RunsFound(
        run_numbers=[row[-2] for row in page],
        revisions=[row[-1] for row in page],
        last=question.ordering.position(page[-1]) if has_more else None,
    )


def _rows(question: Question) -> list[Row]:
    if not question.experiment_ids or question.holds("r.run_number") is NEVER:
        return []
    if not question.terms:
        by_order = follow_order(question, far=None)
        return _sorted(question, None) if by_order is None else by_order
    having = [*_with_equal_text(question), *_with_metric(question)]
    up_to_few = _counts(question, [some.numbers + f"LIMIT {FEW + 1}" for some in having])
    for some, count in zip(having, up_to_few, strict=True):
        if count <= FEW:
            return _sorted(question, some)
    by_order = follow_order(question, FAR + FAR_PER_ROW * question.limit)
    if by_order is not None:
        return by_order
    if having:
        return _among_many(question, having)
    by_order = follow_order(question, far=None)
    return _sorted(question, None) if by_order is None else by_order


def _among_many(question: Question, having: Sequence[Having]) -> list[Row]:
    """Follow the order on if that costs less than to look up and sort those whom the filter asks for."""
    counts = _counts(question, [some.numbers for some in having])
    fewest = min(counts)
    by_order = None
    if question.engine.is_sqlite:  # PostgreSQL would read the numbers again for each entry of the index
        by_order = follow_order(question, FAR_PER_SORTED * fewest, having)
    return _sorted(question, having[counts.index(fewest)]) if by_order is None else by_order


def _sorted(question: Question, some: Having | None) -> list[Row]:
    """Filter and sort the runs of the experiments, or those of them that have what ``some`` says."""
    if some is None:
        tables, holds = Sql("runs r"), question.holds("r.run_number")
    else:
        numbers = Sql(f"({some.numbers.text}{question.engine.one_by_one}) few", some.numbers.values)
        tables, holds = (
            numbers + question.runs_of("few.run_number"),
            question.holds("few.run_number", [some]),
        )
    where = [question.in_experiments("r"), question.is_of_stages(), holds]
    return question.select(tables + question.ordering.joins(), where, question.ordering.clause())


def _with_equal_text(question: Question) -> Iterator[Having]:
    """Yield who has a param, a tag or an id that the filter needs."""
    for term in question.terms:
        if not isinstance(term, Comparison) or term.operator not in EQUALITIES:
            continue
        if term.entity in (Entity.PARAM, Entity.TAG):
            table = "params" if term.entity is Entity.PARAM else "tags"
            is_it = all_of([Sql("key = ?", (term.key,)), *_is_value(question, term)])
        elif term.entity is Entity.ATTRIBUTE and term.key == "run_id":
            table, is_it = "runs", question.conditions.text("run_id", term.operator, term.value)
        else:
            continue
        yield Having(term, Sql(f"SELECT run_number FROM {table} WHERE {is_it.text}", is_it.values))


def _is_value(question: Question, term: Comparison) -> Iterator[Sql]:
    """Yield the conditions of a text that is equal to another, in words for which there is an index."""
    yield question.conditions.text("value", term.operator, term.value)
    if not question.engine.is_sqlite:
        values = term.value if isinstance(term.value, tuple) else (str(term.value),)
        starts = tuple(value[:INDEXED_LENGTH] for value in values)
        start = f"left(value, {INDEXED_LENGTH})"
        yield question.conditions.text(start, Operator.IN, starts)


def _with_metric(question: Question) -> Iterator[Having]:
    """Yield whose last value of a metric is as the filter needs it."""
    for term in question.terms:
        if not isinstance(term, Comparison) or term.entity is not Entity.METRIC:
            continue
        if term.statistic is not Statistic.LAST or term.operator not in _RANGES:
            continue
        key_id = question.key_ids[term.key]
        parts = []
        for is_live in (False, True):
            is_its = Sql(f"s.key_id = ? AND {question.engine.flag('s.is_live', is_live)}", (key_id,))
            where = all_of([question.in_experiments("s"), is_its, question.conditions.number(term, "s")])
            parts.append(Sql(f"SELECT s.run_number FROM metric_series s WHERE {where.text}", where.values))
        yield Having(term, parts[0] + "UNION ALL" + parts[1])


def _counts(question: Question, queries: Sequence[Sql]) -> Row:
    """Return how many rows each of the queries has, asked for on one way to the database and back."""
    if not queries:
        return ()
    counts = [Sql("(SELECT count(*) FROM (") + numbers + ") c)" for numbers in queries]
    text = ", ".join(count.text for count in counts)
    return question.engine.rows(Sql(f"SELECT {text}", tuple(chain(*(count.values for count in counts)))))[0]
