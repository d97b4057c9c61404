"""What a search filter says, free of how it was written: the tree that the stores compile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Entity(str, Enum):
    """What a comparison looks at, by MLflow's words."""

    METRIC = "metric"
    PARAM = "parameter"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    DATASET = "dataset"
    # Of traces alone:
    METADATA = "request_metadata"
    SPAN = "span"
    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"
    RUN_LINK = "run"
    PROMPT_LINK = "prompt"


class Operator(str, Enum):
    """How a comparison compares."""

    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EQUAL = "="
    NOT_EQUAL = "!="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Statistic(str, Enum):
    """Which of a metric's values a comparison or an order looks at."""

    LAST = "last"
    MINIMUM = "min"
    MAXIMUM = "max"


SPAN_CONTENT = "content"
"""The key of a span's whole content in a comparison."""
SPAN_ATTRIBUTE = "attributes."
"""What the key of a span's attribute begins with in a comparison."""

Value: TypeAlias = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; what it looks at must be there, but for ``IS NULL``.

    Args:
        entity: What the key belongs to.
        key: The key; for an attribute the field of our entity, whatever MLflow calls it.
        operator: How it compares.
        value: What it compares with.
        statistic: Which of a metric's values; NaN counts as its least and greatest only if it has no other.
    """

    entity: Entity
    key: str
    operator: Operator
    value: Value
    statistic: Statistic = Statistic.LAST


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms hold."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the terms holds."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold: of what is not there, no comparison holds, so this does."""

    term: Filter


Filter: TypeAlias = Comparison | And | Or | Not

NUMERIC_OPERATORS = (
    Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL,
    Operator.EQUAL, Operator.NOT_EQUAL,
)  # fmt: skip
PATTERN_OPERATORS = (Operator.LIKE, Operator.ILIKE)
LIST_OPERATORS = (Operator.IN, Operator.NOT_IN)
TEXT_OPERATORS = (Operator.EQUAL, Operator.NOT_EQUAL, *PATTERN_OPERATORS)
NULL_OPERATORS = (Operator.IS_NULL, Operator.IS_NOT_NULL)


def comparisons_in(filter: Filter) -> Iterator[Comparison]:
    """Yield the comparisons of a filter."""
    if isinstance(filter, Comparison):
        yield filter
        return
    for term in (filter.term,) if isinstance(filter, Not) else filter.terms:
        yield from comparisons_in(term)
