"""MLflow's search grammar over registered models and their versions, and what both are sorted by.

Its operators, aliases and messages are MLflow's; ``OR``, ``NOT``, brackets and ``IS NULL`` of tags are more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import Clause, Kind, Token, is_quoted, shortened
from runyard.protocol.filter_tree import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMERIC_OPERATORS,
    TEXT_OPERATORS,
    Comparison,
    Entity,
    Filter,
    Operator,
    Value,
)
from runyard.protocol.filters import ExperimentGrammar
from runyard.protocol.ordering import Order, parse_order

_WORDS = ("true", "false", "null")
"""What SQL has a meaning for, so that it is no value to compare with."""
_UPDATED = {"timestamp": "updated_ms", "last_updated_timestamp": "updated_ms"}


class RegisteredModelGrammar(ExperimentGrammar):
    """What a filter over registered models may say."""

    attributes: ClassVar[Mapping[str, str]] = {"name": "name"}
    numeric: ClassVar[Collection[str]] = ()
    listed: ClassVar[Collection[str]] = ("name",)
    """The attributes that may be compared with lists."""

    def comparison(self, clause: Clause) -> Filter:
        """Return what one clause says."""
        if clause.left.kind is not Kind.NAME or clause.right is None:
            return super().comparison(clause)
        if clause.right.text.lower() in _WORDS:
            shown = f"{clause.left.text} {clause.operator} {clause.right.text}"
            raise InvalidFilter(f"Invalid clause(s) in filter string: {shortened(shown)}")
        entity, written = self.identifier(clause.left.text)
        key = self.attributes[written] if entity is Entity.ATTRIBUTE else written
        value = self.value(entity, written, clause.right)
        operator = next((each for each in self.operators(entity, key) if each.value == clause.operator), None)
        is_list = isinstance(value, tuple)
        if operator is None or is_list != (operator in LIST_OPERATORS):
            numeric = f" {written}" if key in self.numeric else ""
            raise InvalidFilter(f"Invalid comparator for {entity.value}{numeric}: {clause.operator}")
        return Comparison(entity, key, operator, value)

    def operators(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        """Return the operators that an entity takes."""
        if entity is Entity.TAG:
            return (*TEXT_OPERATORS, *NULL_OPERATORS)
        if key in self.numeric:
            return NUMERIC_OPERATORS
        return (*TEXT_OPERATORS, *LIST_OPERATORS)

    def value(self, entity: Entity, written: str, token: Token) -> Value:
        """Return the value that a comparison with this entity and key is with."""
        if entity is Entity.TAG:
            if token.kind in (Kind.STRING, Kind.NAME):
                return super().value(entity, written, token)
            raise InvalidFilter(
                f"Expected a quoted string value for tag (e.g. 'my-value'). Got value {shortened(token.text)}"
            )
        if token.kind is Kind.LIST and written not in self.listed:
            raise InvalidFilter(
                f"Only {sorted(self.listed)} attributes support comparison with a list of quoted "
                "string values."
            )
        if self.attributes[written] in self.numeric:
            return self.number(written, token)
        if token.kind in (Kind.STRING, Kind.NAME, Kind.LIST):
            return super().value(entity, written, token)
        if token.kind is Kind.NUMBER and self.numeric:
            numbers = [name for name, key in self.attributes.items() if key in self.numeric]
            raise InvalidFilter(f"Only the {numbers} attributes support comparison with numeric values.")
        raise InvalidFilter(
            "Expected a quoted string value or a list of quoted string values for attributes. "
            f"Got value {shortened(token.text)}"
        )


class ModelVersionGrammar(RegisteredModelGrammar):
    """What a filter over versions may say."""

    attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "version_number": "version",
        "run_id": "run_id",
        "source_path": "source",
    }
    numeric: ClassVar[Collection[str]] = ("version",)
    listed: ClassVar[Collection[str]] = ("name", "run_id")

    def number(self, written: str, token: Token) -> int | float:
        """Return the whole number that is meant, in quotes or not."""
        text = token.text[1:-1] if is_quoted(token.text) else token.text
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidFilter(f"Invalid value for numeric attribute '{written}': {shortened(token.text)}")
        return int(text)


class _ModelOrder(ExperimentGrammar):
    attributes: ClassVar[Mapping[str, str]] = {"name": "name", **_UPDATED}

    def identifier(self, text: str) -> tuple[Entity, str]:
        """Return the attribute of this name, which MLflow wants bare here."""
        if text not in self.attributes:
            raise _no_key(text, self.attributes)
        return Entity.ATTRIBUTE, text


class _VersionOrder(ExperimentGrammar):
    attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "version_number": "version",
        "creation_timestamp": "created_ms",
        "last_updated_timestamp": "updated_ms",
    }


def parse_registered_model_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over registered models, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return RegisteredModelGrammar().parse(text)


def parse_model_version_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over versions of models, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return ModelVersionGrammar().parse(text)


def parse_registered_model_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what registered models are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of a model's, is there twice or can't be read.
    """
    return _parsed(order_by, _ModelOrder())


def parse_model_version_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what versions of models are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of a version's, is there twice or can't be read.
    """
    return _parsed(order_by, _VersionOrder())


def _parsed(order_by: Sequence[str], grammar: ExperimentGrammar) -> tuple[Order, ...]:
    orders = parse_order(order_by, grammar)
    for order in orders:
        if order.entity is not Entity.ATTRIBUTE:
            raise _no_key(order.key, grammar.attributes)
    if len({order.key for order in orders}) < len(orders):
        raise InvalidFilter(f"`order_by` contains duplicate fields: {list(order_by)}")
    return orders


def _no_key(key: str, attributes: Mapping[str, str]) -> InvalidFilter:
    return InvalidFilter(
        f"Invalid order by key '{shortened(key)}' specified. Valid keys are {list(attributes)}"
    )
