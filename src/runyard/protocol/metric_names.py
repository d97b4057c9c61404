"""What ``metrics.NAME`` means: a metric's last value, or its least, greatest or best one.

``metrics."loss".min`` is the least value of ``loss``: no metric of MLflow's has a quote in its name, so
this spelling was free. ``metrics.loss.min``, without quotes, has always been the metric of that very
name; so it is that metric for each run that has one, and the least value of ``loss`` for all other runs.
``metrics."loss.min"``, wholly in quotes, is the metric of that name and nothing else.

``best`` is the side that is asked for: the least value for ``<``, ``<=`` and an ascending order, the
greatest for ``>``, ``>=`` and a descending one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Operator, Or, Statistic, Value

_QUOTED = re.compile(r'(?:`(?P<tick>[^`]+)`|"(?P<quote>[^"]+)")\.(?P<word>min|max|best)')
_PLAIN = re.compile(r'(?P<of>[^`"]+)\.(?P<word>min|max|best)')

_SIDES = {
    Operator.LESS: Statistic.MINIMUM,
    Operator.LESS_OR_EQUAL: Statistic.MINIMUM,
    Operator.GREATER: Statistic.MAXIMUM,
    Operator.GREATER_OR_EQUAL: Statistic.MAXIMUM,
}


@dataclass(frozen=True, slots=True)
class Summary:
    """The least, greatest or best value of a metric.

    Args:
        of: The metric.
        word: ``min``, ``max`` or ``best``.
        is_certain: Whether it was written so that no metric's own name can be meant.
    """

    of: str
    word: str
    is_certain: bool

    def statistic(self, is_ascending: bool) -> Statistic:
        """Return what is looked at where the smallest or where the greatest counts as best."""
        if self.word == "best":
            return Statistic.MINIMUM if is_ascending else Statistic.MAXIMUM
        return Statistic(self.word)


def summary_named(written: str) -> Summary | None:
    """Return what is named by the text behind ``metrics.``, or None where that is just a metric."""
    quoted = _QUOTED.fullmatch(written)
    if quoted:
        return Summary(quoted["tick"] or quoted["quote"], quoted["word"], is_certain=True)
    plain = _PLAIN.fullmatch(written)
    return Summary(plain["of"], plain["word"], is_certain=False) if plain else None


def metric_comparison(key: str, summary: Summary | None, operator: Operator, value: Value) -> Filter:
    """Return a comparison with the metric ``key`` or with what ``summary`` says of another.

    Raises:
        InvalidFilter: The best value is asked for with an operator that has no direction.
    """
    by_name = Comparison(Entity.METRIC, key, operator, value)
    if summary is None:
        return by_name
    has_no_direction = summary.word == "best" and operator in (Operator.EQUAL, Operator.NOT_EQUAL)
    if has_no_direction and summary.is_certain:
        raise InvalidFilter(
            f"'best' has no direction with '{operator.value}': compare with <, <=, > or >=, "
            "or write 'min' or 'max'."
        )
    if has_no_direction:
        return by_name
    is_ascending = _SIDES.get(operator) is not Statistic.MAXIMUM
    by_summary = Comparison(Entity.METRIC, summary.of, operator, value, summary.statistic(is_ascending))
    if summary.is_certain:
        return by_summary
    if operator is Operator.IS_NULL:
        return And((by_name, by_summary))
    has_none = Comparison(Entity.METRIC, key, Operator.IS_NULL, None)
    return Or((by_name, And((has_none, by_summary))))
