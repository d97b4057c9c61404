"""MLflow's search grammar and more: a filter string becomes a small tree that the stores compile.

``params.lr = '0.1' AND metrics.loss < 0.5`` reads as two comparisons under one ``And``.
Inputs, aliases and messages are MLflow's; where it answers with a server error, this is a 400.
What MLflow refuses and this reads: ``OR``, ``NOT``, brackets, lists of every text, ``IS NULL`` of metrics,
and the least, greatest and best value of a metric (see ``metric_names.py``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import (
    Clause,
    Kind,
    Part,
    Token,
    is_quoted,
    read,
    shortened,
    strings_in,
)
from runyard.protocol.filter_tree import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMERIC_OPERATORS,
    PATTERN_OPERATORS,
    TEXT_OPERATORS,
    And,
    Comparison,
    Entity,
    Filter,
    Not,
    Operator,
    Or,
    Value,
    comparisons_in,
)
from runyard.protocol.metric_names import metric_comparison, summary_named

MAX_PATTERN_LENGTH = 10_000
MAX_LISTED_VALUES = 10_000

_SPELLINGS = {
    Entity.METRIC: ("metric", "metrics"),
    Entity.PARAM: ("parameter", "parameters", "param", "params"),
    Entity.TAG: ("tag", "tags"),
    Entity.ATTRIBUTE: ("attribute", "attributes", "attr", "run"),
    Entity.DATASET: ("dataset", "datasets"),
}
_ENTITIES = {spelling: entity for entity, spellings in _SPELLINGS.items() for spelling in spellings}

_DATASET_KEYS = ("name", "digest", "context")


def parse_run_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over runs, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return _RUNS.parse(text)


def parse_experiment_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over experiments, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return _EXPERIMENTS.parse(text)


class RunGrammar:
    """What a filter over runs may say."""

    attributes: ClassVar[Mapping[str, str]] = {
        "run_id": "run_id",
        "run_name": "name", "run name": "name", "Run name": "name", "Run Name": "name",
        "user_id": "user_id",
        "status": "status",
        "artifact_uri": "artifact_uri",
        "start_time": "started_ms", "created": "started_ms", "Created": "started_ms",
        "end_time": "ended_ms",
    }  # fmt: skip
    numeric: ClassVar[Collection[str]] = ("started_ms", "ended_ms")
    quote: ClassVar[str] = "'"

    def parse(self, text: str | None) -> Filter | None:
        """Return the tree of ``text``."""
        if not text:
            return None
        if not text.strip():
            raise InvalidFilter(f"Invalid filter '{shortened(text)}'. Could not be parsed.")
        reading = read(text)
        if not reading.is_single:
            raise InvalidFilter(
                f"Search filter contained multiple expression {shortened(text)!r}. "
                "Provide AND-ed expression list."
            )
        if reading.leftovers:
            clauses = ", ".join(f"{self.quote}{token.text}{self.quote}" for token in reading.leftovers)
            raise InvalidFilter(f"Invalid clause(s) in filter string: {shortened(clauses)}")
        return checked(self.tree(reading.root)) if reading.root else None

    def tree(self, part: Part) -> Filter:
        """Return what a part of a filter says."""
        if isinstance(part, Clause):
            return self.comparison(part)
        terms = tuple(self.tree(term) for term in part.terms)
        if part.word == "NOT":
            return Not(terms[0])
        return And(terms) if part.word == "AND" else Or(terms)

    def comparison(self, clause: Clause) -> Filter:
        """Return what one clause says."""
        if clause.left.kind is not Kind.NAME:
            raise InvalidFilter(
                f"Invalid comparison clause. Expected 'Identifier' found '{shortened(clause.left.text)}'"
            )
        entity, written = self.identifier(clause.left.text)
        key = self.attributes[written] if entity is Entity.ATTRIBUTE else written
        if clause.right is None:
            self.check_nullness(entity, written)
            operator, value = Operator(clause.operator), None
        else:
            value = self.value(entity, written, clause.right)
            operator = self.operator(entity, key, clause.operator)
            check_fit(operator, value)
        if entity is Entity.METRIC:
            summary = summary_named(clause.left.text.partition(".")[2])
            return metric_comparison(key, summary, operator, value)
        return Comparison(entity, key, operator, value)

    def identifier(self, text: str) -> tuple[Entity, str]:
        """Return the entity and the key of ``entity.key``; a key alone is an attribute's."""
        head, dot, rest = text.partition(".")
        entity = self.entity(trimmed(head, "`")) if dot else Entity.ATTRIBUTE
        key = bare(rest if dot else text)
        if entity is Entity.ATTRIBUTE and key not in self.attributes:
            raise InvalidFilter(
                f"Invalid attribute key '{shortened(key)}' specified. "
                f"Valid keys are '{as_set(self.attributes)}'"
            )
        if entity is Entity.DATASET and key not in _DATASET_KEYS:
            raise InvalidFilter(
                f"Invalid dataset key '{shortened(key)}' specified. Valid keys are '{as_set(_DATASET_KEYS)}'"
            )
        return entity, key

    def entity(self, spelling: str) -> Entity:
        """Return the entity that a word before the dot names."""
        if spelling not in _ENTITIES:
            raise InvalidFilter(
                f"Invalid entity type '{shortened(spelling)}'. "
                f"Valid values are {[each.value for each in _SPELLINGS]}"
            )
        return _ENTITIES[spelling]

    def operator(self, entity: Entity, key: str, written: str) -> Operator:
        """Return the operator that was written, if the entity takes it."""
        return one_of(self.operators(entity, key), written)

    def check_nullness(self, entity: Entity, key: str) -> None:
        """Refuse ``IS NULL`` where it has no meaning."""
        if entity not in (Entity.TAG, Entity.PARAM, Entity.METRIC):
            raise InvalidFilter(
                "IS NULL / IS NOT NULL is only supported for tags, params and metrics, "
                f"not for '{entity.value}' '{shortened(key)}'"
            )

    def operators(self, entity: Entity, key: str) -> tuple[Operator, ...]:
        """Return the operators that an entity takes."""
        if entity is Entity.METRIC or (entity is Entity.ATTRIBUTE and key in self.numeric):
            return NUMERIC_OPERATORS
        if entity in (Entity.ATTRIBUTE, Entity.DATASET):
            return (*TEXT_OPERATORS, *LIST_OPERATORS)
        return (*TEXT_OPERATORS, *NULL_OPERATORS, *LIST_OPERATORS)

    def value(self, entity: Entity, written: str, token: Token) -> Value:
        """Return the value that a comparison with this entity and key is with."""
        if entity is Entity.METRIC:
            if token.kind is not Kind.NUMBER:
                raise InvalidFilter(f"Expected numeric value type for metric. Found {shortened(token.text)}")
            return float(token.text)
        if entity is Entity.ATTRIBUTE and self.attributes[written] in self.numeric:
            return self.number(written, token)
        if token.kind in (Kind.STRING, Kind.NAME):
            return unquoted(token)
        if token.kind is Kind.LIST:
            return strings_in(token)
        wanted = {
            Entity.ATTRIBUTE: "attributes",
            Entity.DATASET: "dataset attributes",
        }.get(entity, f"{entity.value} (e.g. 'my-value')")
        raise InvalidFilter(f"Expected a quoted string value for {wanted}. Got value {shortened(token.text)}")

    def number(self, written: str, token: Token) -> int | float:
        """Return the number that a numeric attribute is compared with."""
        if token.kind is not Kind.NUMBER:
            raise InvalidFilter(
                f"Expected numeric value type for numeric attribute: {written}. Found {shortened(token.text)}"
            )
        return _number(token.text)


class ExperimentGrammar(RunGrammar):
    """What a filter over experiments may say."""

    attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "experiment_id": "experiment_id",
        "creation_time": "created_ms",
        "last_update_time": "updated_ms",
    }
    numeric: ClassVar[Collection[str]] = ("created_ms", "updated_ms")
    quote: ClassVar[str] = ""

    def entity(self, spelling: str) -> Entity:
        """Return the entity that a word before the dot names."""
        words = ("attribute", "tag", "tags")
        if spelling not in words:
            raise InvalidFilter(
                f"Invalid entity type '{shortened(spelling)}'. Valid entity types are {words}"
            )
        return _ENTITIES[spelling]

    def check_nullness(self, entity: Entity, key: str) -> None:
        """Refuse ``IS NULL`` where it has no meaning."""
        if entity is not Entity.TAG:
            raise InvalidFilter(
                f"IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
            )

    def comparison(self, clause: Clause) -> Filter:
        """Return what one clause says; experiment ids must be numbers."""
        said = super().comparison(clause)
        if isinstance(said, Comparison) and said.entity is Entity.ATTRIBUTE and said.key == "experiment_id":
            if said.operator in PATTERN_OPERATORS:
                raise InvalidFilter(f"Invalid comparator for experiment_id: {said.operator.value}")
            for experiment_id in said.value if isinstance(said.value, tuple) else (said.value,):
                if not re.fullmatch(r"\s*[-+]?[0-9]+\s*", str(experiment_id)):
                    raise InvalidFilter(
                        f"Invalid experiment ID '{shortened(str(experiment_id))}'. "
                        "Experiment ID must be a valid integer."
                    )
        return said

    def number(self, written: str, token: Token) -> int | float:
        """Return the number that a numeric attribute is compared with; times are whole milliseconds."""
        number = super().number(written, token)
        if not re.fullmatch(r"-?[0-9]+", token.text):
            raise InvalidFilter(f"Invalid value for numeric attribute '{written}': '{number}'")
        return number


def checked(filter: Filter) -> Filter:
    """Return a filter that lists no more values than it may."""
    values = (comparison.value for comparison in comparisons_in(filter))
    listed = sum(len(value) for value in values if isinstance(value, tuple))
    if listed > MAX_LISTED_VALUES:
        raise InvalidFilter(f"The filter lists {listed} values; at most {MAX_LISTED_VALUES} are allowed.")
    return filter


def one_of(allowed: tuple[Operator, ...], written: str) -> Operator:
    """Return the operator that was written, if it is allowed."""
    for operator in allowed:
        if operator.value == written:
            return operator
    raise InvalidFilter(
        f"Invalid comparator '{written}' not one of '{as_set(each.value for each in allowed)}'"
    )


def check_fit(operator: Operator, value: Value) -> None:
    """Refuse a list where none can be, and a pattern that is too long."""
    if isinstance(value, tuple) and operator not in LIST_OPERATORS:
        raise InvalidFilter(
            f"Invalid comparator '{operator.value}' not one of "
            f"'{as_set(each.value for each in LIST_OPERATORS)}'"
        )
    if operator in PATTERN_OPERATORS and len(str(value)) > MAX_PATTERN_LENGTH:
        raise InvalidFilter(
            f"The pattern of {operator.value} is {len(str(value))} characters long; "
            f"at most {MAX_PATTERN_LENGTH} are allowed."
        )


def unquoted(token: Token) -> str:
    """Return a text without its quotes, which it must have."""
    if not is_quoted(token.text):
        raise InvalidFilter(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{shortened(token.text)}. Use either single or double quotes."
        )
    return token.text[1:-1]


def _number(text: str) -> int | float:
    """Return a number that both databases can be given: whole where it fits 64 bits."""
    number = float(text)
    if re.fullmatch(r"-?[0-9]+", text) and abs(number) < 2**63:
        return int(text)
    return number


def bare(text: str) -> str:
    """Return a key without its quotes, if it has some."""
    return trimmed(text[1:-1] if is_quoted(text) else text, "`")


def trimmed(text: str, quote: str) -> str:
    """Return a text without the quotes around it, if they are there."""
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == quote else text


def as_set(words: Iterable[str]) -> str:
    return "{" + ", ".join(repr(word) for word in words) + "}"


_RUNS = RunGrammar()
_EXPERIMENTS = ExperimentGrammar()
