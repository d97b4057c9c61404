"""What a filter says of a run, as SQL: each comparison a look-up by the run's number.

Conditions are never null, so that ``NOT`` turns each into its opposite.
"""

from __future__ import annotations

from collections.abc import Mapping

from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Not, Operator, Statistic, Value
from runyard.stores.metadata.schema import DATASET_CONTEXT_TAG, runs
from runyard.stores.metadata.sql_pieces import ALWAYS, NEVER, Engine, Sql, all_of, any_of, opposite

STATISTIC_COLUMNS = {
    Statistic.LAST: "last_value",
    Statistic.MINIMUM: "minimum",
    Statistic.MAXIMUM: "maximum",
}


class RunConditions:
    """Writes conditions for one engine.

    Args:
        engine: Whose words they are in.
        key_ids: The ids of the metrics that filter and order name; a metric that is not in it has no values.
    """

    def __init__(self, engine: Engine, key_ids: Mapping[str, int]) -> None:
        self._engine = engine
        self._key_ids = key_ids

    def holds(self, filter: Filter, owner: str, is_negated: bool = False) -> Sql:
        """Return whether a filter holds.

        Args:
            filter: What is to hold.
            owner: The column with the run's number; the run's row is there as ``r``.
            is_negated: Return whether it does not. ``NOT`` is carried down to the comparisons, as each level
                of brackets in SQL costs much of what SQLite's parser has room for.
        """
        if isinstance(filter, Not):
            return self.holds(filter.term, owner, not is_negated)
        if isinstance(filter, Comparison):
            condition = self._compared(filter, owner)
            return opposite(condition) if is_negated else condition
        terms = [self.holds(term, owner, is_negated) for term in filter.terms]
        return all_of(terms) if isinstance(filter, And) != is_negated else any_of(terms)

    def number(self, comparison: Comparison, series: str) -> Sql:
        """Return the condition of a comparison with a metric on its row of ``metric_series``.

        NaN is unlike every number. The least value of a series of nothing but NaN is null in the table.
        """
        if comparison.operator is Operator.IS_NOT_NULL:
            return ALWAYS
        column = f"{series}.{STATISTIC_COLUMNS[comparison.statistic]}"
        if comparison.statistic is Statistic.LAST:
            is_nan, is_number = (
                self._engine.flag(f"{series}.last_is_nan", is_set) for is_set in (True, False)
            )
        else:
            is_nan, is_number = f"{column} IS NULL", f"{column} IS NOT NULL"
        if comparison.operator is Operator.NOT_EQUAL:
            return Sql(f"({is_nan} OR {column} <> ?)", (comparison.value,))
        return Sql(f"{is_number} AND {column} {comparison.operator.value} ?", (comparison.value,))

    def text(self, column: str, by: Operator, value: Value) -> Sql:
        """Return the condition that an operator makes of a column and a value.

        In a pattern of ``LIKE`` only ``%`` and ``_`` are special, on every database.
        """
        if isinstance(value, tuple):
            return Sql(f"{column} {by.value} ({', '.join('?' * len(value))})", value)
        if by not in (Operator.LIKE, Operator.ILIKE):
            return Sql(f"{column} {by.value} ?", (value,))
        pattern, escape = str(value), ""
        if "\\" in pattern:
            pattern, escape = pattern.replace("|", "||"), " ESCAPE '|'"
        if by is Operator.ILIKE:
            column, mark = self._engine.lowered(column), self._engine.lowered("CAST(? AS TEXT)")
            return Sql(f"{column} LIKE {mark}{escape}", (pattern,))
        return Sql(f"{column} LIKE ?{escape}", (pattern,))

    def _compared(self, comparison: Comparison, owner: str) -> Sql:
        if comparison.entity is Entity.ATTRIBUTE:
            return self._attribute(comparison)
        if comparison.entity is Entity.METRIC:
            return self._metric(comparison, owner)
        if comparison.entity is Entity.DATASET:
            return self._dataset(comparison, owner)
        return self._pair(comparison, owner)

    def _attribute(self, comparison: Comparison) -> Sql:
        condition = self.text(f"r.{comparison.key}", comparison.operator, comparison.value)
        if runs.c[comparison.key].nullable:
            return Sql(f"r.{comparison.key} IS NOT NULL AND {condition.text}", condition.values)
        return condition

    def _metric(self, comparison: Comparison, owner: str) -> Sql:
        is_missing = comparison.operator is Operator.IS_NULL
        key_id = self._key_ids.get(comparison.key)
        if key_id is None:
            return ALWAYS if is_missing else NEVER
        where = [Sql(f"m.run_number = {owner} AND m.key_id = ?", (key_id,))]
        if is_missing:
            return self._not_one("metric_series m", where[0])
        return self._one("metric_series m", all_of([*where, self.number(comparison, "m")]))

    def _pair(self, comparison: Comparison, owner: str) -> Sql:
        table = f"{'params' if comparison.entity is Entity.PARAM else 'tags'} p"
        where = Sql(f"p.run_number = {owner} AND p.key = ?", (comparison.key,))
        if comparison.operator is Operator.IS_NULL:
            return self._not_one(table, where)
        if comparison.operator is Operator.IS_NOT_NULL:
            return self._one(table, where)
        return self._one(table, all_of([where, self.text("p.value", comparison.operator, comparison.value)]))

    def _dataset(self, comparison: Comparison, owner: str) -> Sql:
        if comparison.key == "context":
            where = Sql(f"t.run_number = {owner} AND t.key = ?", (DATASET_CONTEXT_TAG,))
            said = self.text("t.value", comparison.operator, comparison.value)
            return self._one("dataset_input_tags t", all_of([where, said]))
        tables = "dataset_inputs i JOIN datasets d ON d.dataset_id = i.dataset_id"
        said = self.text(f"d.{comparison.key}", comparison.operator, comparison.value)
        return self._one(tables, all_of([Sql(f"i.run_number = {owner}"), said]))

    def _one(self, tables: str, where: Sql) -> Sql:
        return Sql(
            f"EXISTS (SELECT 1 FROM {tables} WHERE {where.text}{self._engine.one_by_one})", where.values
        )

    def _not_one(self, tables: str, where: Sql) -> Sql:
        return opposite(self._one(tables, where))
