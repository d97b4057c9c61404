"""What searches for evaluation datasets and issues may say: MLflow's fields and operators, in our grammar."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import Clause, Kind, Token, shortened
from runyard.protocol.filter_tree import (
    NULL_OPERATORS,
    NUMERIC_OPERATORS,
    TEXT_OPERATORS,
    Comparison,
    Entity,
    Filter,
    Operator,
    Value,
)
from runyard.protocol.filters import RunGrammar
from runyard.protocol.ordering import Order, parse_order
from runyard.protocol.patterns import pattern_of

_TEXT = (*TEXT_OPERATORS, Operator.RLIKE)


class EvaluationDatasetGrammar(RunGrammar):
    """What a filter over evaluation datasets may say."""

    attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "created_time": "created_ms",
        "last_update_time": "updated_ms",
        "created_by": "created_by",
        "last_updated_by": "updated_by",
    }
    numeric: ClassVar[Collection[str]] = ("created_ms", "updated_ms")
    quote: ClassVar[str] = ""

    def comparison(self, clause: Clause) -> Filter:
        """Return what one clause says; a regular expression must be one."""
        said = super().comparison(clause)
        if isinstance(said, Comparison) and said.operator is Operator.RLIKE:
            pattern_of(str(said.value))
        return said

    def entity(self, spelling: str) -> Entity:
        """Return the entity that a word before the dot names."""
        if spelling != "tags":
            raise InvalidFilter(f"Invalid identifier token '{shortened(spelling)}' specified")
        return Entity.TAG

    def check_nullness(self, entity: Entity, key: str) -> None:
        """Refuse ``IS NULL`` where it has no meaning."""
        if entity is not Entity.TAG:
            raise InvalidFilter(
                f"IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
            )

    def operators(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        """Return the operators that an entity takes; only names may be listed."""
        if entity is Entity.TAG:
            return (*_TEXT, *NULL_OPERATORS)
        if key in self.numeric:
            return NUMERIC_OPERATORS
        return (*_TEXT, Operator.IN) if key == "name" else _TEXT

    def value(self, entity: Entity, written: str, token: Token) -> Value:
        """Return the value that a comparison is with; lists are of names."""
        if token.kind is Kind.LIST and (entity, written) != (Entity.ATTRIBUTE, "name"):
            raise InvalidFilter(f"Only the attribute 'name' is compared with a list, not '{written}'.")
        return super().value(entity, written, token)

    def number(self, written: str, token: Token) -> int | float:
        """Return the number that a time is compared with: whole milliseconds."""
        number = super().number(written, token)
        if not isinstance(number, int):
            raise InvalidFilter(f"Invalid value for numeric attribute '{written}': '{number}'")
        return number


class _DatasetOrder(EvaluationDatasetGrammar):
    attributes: ClassVar[Mapping[str, str]] = {
        name: column
        for name, column in EvaluationDatasetGrammar.attributes.items()
        if not name.endswith("_by")
    }


class IssueGrammar(RunGrammar):
    """What a filter over issues may say."""

    attributes: ClassVar[Mapping[str, str]] = {"status": "status", "source_run_id": "source_run_id"}
    numeric: ClassVar[Collection[str]] = ()
    quote: ClassVar[str] = ""

    def identifier(self, text: str) -> tuple[Entity, str]:
        """Return the attribute that a filter names."""
        key = text.strip("`\"'").strip()
        if key not in self.attributes:
            raise InvalidFilter(
                f"Invalid filter field '{shortened(key)}'. Supported fields: {set(self.attributes)}"
            )
        return Entity.ATTRIBUTE, key

    def operators(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        """Return the operators that an issue's attributes take."""
        return (Operator.EQUAL, Operator.NOT_EQUAL)

    def operator(self, entity: Entity, key: str, written: str) -> Operator:
        """Return the operator that was written, if an issue's attributes take it."""
        for allowed in self.operators(entity, key):
            if allowed.value == written:
                return allowed
        raise InvalidFilter(f"Invalid comparator '{written}'. Supported comparators: {{'=', '!='}}")


def parse_evaluation_dataset_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over evaluation datasets, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return _DATASETS.parse(text)


def parse_issue_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over issues, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return _ISSUES.parse(text)


def parse_evaluation_dataset_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what evaluation datasets are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of a dataset's or can't be read.
    """
    orders = parse_order(order_by, _ORDER)
    for order in orders:
        if order.entity is not Entity.ATTRIBUTE:
            raise InvalidFilter(f"Invalid order_by entity: {order.entity.value}")
    return orders


_DATASETS = EvaluationDatasetGrammar()
_ISSUES = IssueGrammar()
_ORDER = _DatasetOrder()
