"""MLflow's search grammar for traces: their fields, tags, metadata and spans, and what is thought of them.

As for runs, more is read than MLflow reads: ``OR``, ``NOT`` and brackets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from runyard.entities.trace import NAME_TAG, PROMPTS_TAG, RUN_KEY
from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import Clause, Kind, Token, shortened, strings_in
from runyard.protocol.filter_tree import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMERIC_OPERATORS,
    PATTERN_OPERATORS,
    SPAN_ATTRIBUTE,
    SPAN_CONTENT,
    TEXT_OPERATORS,
    Comparison,
    Entity,
    Filter,
    Operator,
    Value,
)
from runyard.protocol.filters import RunGrammar, as_set, check_fit, one_of, trimmed, unquoted
from runyard.protocol.ordering import Order, parse_order
from runyard.protocol.patterns import pattern_of

_SPELLINGS = {
    "tag": Entity.TAG,
    "tags": Entity.TAG,
    "request_metadata": Entity.METADATA,
    "metadata": Entity.METADATA,
    "attribute": Entity.ATTRIBUTE,
    "attributes": Entity.ATTRIBUTE,
    "trace": Entity.ATTRIBUTE,
    "span": Entity.SPAN,
    "feedback": Entity.FEEDBACK,
    "expectation": Entity.EXPECTATION,
    "issue": Entity.ISSUE,
}
_SPAN_FIELDS = ("name", "status", "type")
_SPAN_KEYS = (*_SPAN_FIELDS, SPAN_CONTENT)
_TEXT = (*TEXT_OPERATORS, Operator.RLIKE)
_ASSESSMENTS = (Entity.FEEDBACK, Entity.EXPECTATION)
_ORDERED = NUMERIC_OPERATORS[:4]
# What MLflow calls them where it refuses an operator.
_NOUNS = {
    Entity.SPAN: "span",
    Entity.FEEDBACK: "assessment",
    Entity.EXPECTATION: "assessment",
    Entity.ISSUE: "issue",
}
# An attribute that lies elsewhere.
_ELSEWHERE = {
    "name": (Entity.TAG, NAME_TAG),
    "run_id": (Entity.METADATA, RUN_KEY),
    "prompt": (Entity.TAG, PROMPTS_TAG),
    "text": (Entity.SPAN, SPAN_CONTENT),
}


class TraceGrammar(RunGrammar):
    """What a filter over traces may say."""

    attributes: ClassVar[Mapping[str, str]] = {
        "request_id": "trace_id", "trace_id": "trace_id",
        "timestamp": "started_ms", "timestamp_ms": "started_ms",
        "execution_time": "execution_ms", "execution_time_ms": "execution_ms",
        "end_time": "ended_ms", "end_time_ms": "ended_ms",
        "status": "state", "state": "state",
        "client_request_id": "client_request_id",
        "name": "name", "run_id": "run_id", "prompt": "prompt", "text": "text",
    }  # fmt: skip
    numeric: ClassVar[Collection[str]] = ("started_ms", "execution_ms", "ended_ms")

    def comparison(self, clause: Clause) -> Filter:
        """Return what one clause says."""
        if clause.left.kind is not Kind.NAME:
            raise InvalidFilter(
                f"Invalid comparison clause. Expected 'Identifier' found '{shortened(clause.left.text)}'"
            )
        entity, written = self.identifier(clause.left.text)
        is_number = entity is Entity.ATTRIBUTE and self.attributes[written] in self.numeric
        key = self.attributes[written] if entity is Entity.ATTRIBUTE else written
        if entity is Entity.ATTRIBUTE and written in _ELSEWHERE:
            entity, key = _ELSEWHERE[written]
        allowed = NUMERIC_OPERATORS if is_number else self.operators(entity, key)
        operator = _operator(entity, key, allowed, clause.operator)
        value = None if clause.right is None else self._value(entity, written, operator, clause.right)
        check_fit(operator, value)
        if operator is Operator.RLIKE:
            pattern_of(str(value))
        return _linked(Comparison(entity, key, operator, value))

    def identifier(self, text: str) -> tuple[Entity, str]:
        """Return the entity and the key of ``entity.key``; a key alone is an attribute's."""
        entity, key = super().identifier(text)
        if entity is Entity.SPAN and key.startswith(SPAN_ATTRIBUTE):
            key = SPAN_ATTRIBUTE + trimmed(key[len(SPAN_ATTRIBUTE) :], "`")
        if entity is Entity.SPAN and key == SPAN_ATTRIBUTE:
            raise InvalidFilter("Span attribute name cannot be empty after 'attributes.'")
        if entity is Entity.SPAN and key not in _SPAN_KEYS and not key.startswith(SPAN_ATTRIBUTE):
            raise InvalidFilter(
                f"Invalid span attribute '{shortened(key)}'. Supported attributes: "
                f"{', '.join(_SPAN_FIELDS)}, attributes.<attribute_name>."
            )
        if entity is Entity.ISSUE and key != "id":
            raise InvalidFilter(f"Invalid issue attribute '{shortened(key)}'. Supported attributes: id")
        if entity in _ASSESSMENTS and not key:
            raise InvalidFilter("Assessment field name cannot be empty")
        return entity, key

    def entity(self, spelling: str) -> Entity:
        """Return the entity that a word before the dot names."""
        if spelling not in _SPELLINGS:
            raise InvalidFilter(
                f"Invalid entity type '{shortened(spelling)}'. Valid values are {list(_SPELLINGS)}"
            )
        return _SPELLINGS[spelling]

    def operators(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        """Return the operators that an entity takes."""
        if entity is Entity.ISSUE:
            return (Operator.EQUAL,)
        if entity is Entity.SPAN:
            return PATTERN_OPERATORS if key == SPAN_CONTENT else (*_TEXT, *LIST_OPERATORS)
        if entity in _ASSESSMENTS:
            return (*_TEXT, *_ORDERED, *NULL_OPERATORS)
        if entity is Entity.ATTRIBUTE:
            return (*_TEXT, *LIST_OPERATORS)
        if (entity, key) == _ELSEWHERE["prompt"]:
            return (Operator.EQUAL,)
        return (*_TEXT, *NULL_OPERATORS, *LIST_OPERATORS)

    def _value(self, entity: Entity, written: str, operator: Operator, token: Token) -> Value:
        if entity is Entity.ATTRIBUTE and self.attributes[written] in self.numeric:
            return self.number(written, token)
        if entity in _ASSESSMENTS and operator in _ORDERED:
            if token.kind is not Kind.NUMBER:
                raise InvalidFilter(
                    f"Expected a numeric value for {entity.value} when using comparator '{operator.value}'. "
                    f"Got value {shortened(token.text)}"
                )
            return float(token.text)
        if token.kind in (Kind.STRING, Kind.NAME):
            return unquoted(token)
        if token.kind is Kind.LIST:
            return strings_in(token)
        raise InvalidFilter(
            f"Expected a quoted string value for {entity.value} (e.g. 'my-value'). "
            f"Got value {shortened(token.text)}"
        )


def _operator(entity: Entity, key: str, allowed: tuple[Operator, ...], written: str) -> Operator:
    """Return the operator that was written, if it is allowed; refused in MLflow's words."""
    if written not in [each.value for each in allowed]:
        if (entity, key) == _ELSEWHERE["prompt"]:
            raise InvalidFilter(
                f"Invalid comparator '{written}' for prompts filter. "
                "Only '=' is supported with format: prompt = \"name/version\""
            )
        if entity in _NOUNS:
            raise InvalidFilter(
                f"{_NOUNS[entity]}.{shortened(key)} comparator '{written}' not one of "
                f"'{as_set(each.value for each in allowed)}'"
            )
    return one_of(allowed, written)


def _linked(said: Comparison) -> Comparison:
    """Return a comparison with what a trace is linked to as one of its own kind."""
    if said.entity is Entity.METADATA and said.key == RUN_KEY and said.operator is Operator.EQUAL:
        return Comparison(Entity.RUN_LINK, said.key, said.operator, said.value)
    if (said.entity, said.key) != _ELSEWHERE["prompt"]:
        return said
    if str(said.value).count("/") != 1:
        raise InvalidFilter(
            f"Invalid prompts filter value '{shortened(str(said.value))}'. "
            'Expected format: prompt = "name/version"'
        )
    return Comparison(Entity.PROMPT_LINK, said.key, said.operator, said.value)


class _TraceOrder(TraceGrammar):
    """What traces are sorted by."""

    attributes: ClassVar[Mapping[str, str]] = {
        "experiment_id": "experiment_id",
        **{key: name for key, name in TraceGrammar.attributes.items() if key not in ("prompt", "text")},
    }


_TRACES = TraceGrammar()
_ORDER = _TraceOrder()


def parse_trace_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over traces, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar.
    """
    return _TRACES.parse(text)


def parse_trace_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what traces are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of a trace's, is there twice or can't be read.
    """
    orders = tuple(_elsewhere(order) for order in parse_order(order_by, _ORDER))
    for order in orders:
        if order.entity not in (Entity.ATTRIBUTE, Entity.TAG, Entity.METADATA):
            raise InvalidFilter(f"Invalid identifier type '{order.entity.value}'")
    if len({(order.entity, order.key) for order in orders}) < len(orders):
        raise InvalidFilter(f"`order_by` contains duplicate fields: {list(order_by)}")
    return orders


def _elsewhere(order: Order) -> Order:
    if order.entity is not Entity.ATTRIBUTE or order.key not in _ELSEWHERE:
        return order
    entity, key = _ELSEWHERE[order.key]
    return Order(entity, key, order.ascending)
