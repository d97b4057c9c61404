"""MLflow's ``order_by``: which field a search's results are sorted by, and which way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from runyard.errors import InvalidFilter, UnknownAttribute
from runyard.protocol.filter_tokens import Kind, shortened, tokens_of
from runyard.protocol.filter_tree import Entity, Statistic
from runyard.protocol.filters import ExperimentGrammar, RunGrammar
from runyard.protocol.logged_model_filters import LoggedModelGrammar
from runyard.protocol.metric_names import summary_named

MAX_ORDER_KEYS = 40
MAX_ORDER_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """One key that results are sorted by; what has no value for it comes last, either way.

    Args:
        entity: What the key belongs to.
        key: A metric's, param's or tag's key, or the field of our entity for an attribute.
        ascending: Smallest first.
        dataset_name: For a logged model's metric, only what was measured on datasets of this name.
        dataset_digest: As ``dataset_name``, only of this digest.
        statistic: Which of a metric's values counts.
        own_key: Where a run has a metric of this very name, that one's last value counts instead.
    """

    entity: Entity
    key: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None
    statistic: Statistic = Statistic.LAST
    own_key: str | None = None


class _RunOrder(RunGrammar):
    """The attributes that runs are sorted by: as in filters, but without the aliases of the run's name."""

    attributes: ClassVar[Mapping[str, str]] = {
        key: field for key, field in RunGrammar.attributes.items() if " " not in key
    }


class _JobOrder(ExperimentGrammar):
    attributes: ClassVar[Mapping[str, str]] = {
        key: key
        for key in (
            "run_name",
            "status",
            "compute",
            "priority",
            "submitted_by",
            "submitted_ms",
            "started_ms",
            "ended_ms",
            "duration_ms",
        )
    }


def parse_run_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what runs are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of a run's, is there twice or can't be read.
    """
    orders = parse_order(order_by, _RunOrder())
    for order in orders:
        if order.entity is Entity.DATASET:
            raise InvalidFilter(f"Invalid identifier type '{order.entity.value}'")
    if len({(order.entity, order.key, order.statistic) for order in orders}) < len(orders):
        raise InvalidFilter(f"`order_by` contains duplicate fields: {list(order_by)}")
    return orders


def parse_experiment_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what experiments are to be sorted by.

    Raises:
        InvalidFilter: A key is not one of an experiment's or can't be read.
    """
    return _by_attributes(order_by, ExperimentGrammar())


def parse_job_order(order_by: Sequence[str]) -> tuple[Order, ...]:
    """Return what jobs are to be sorted by; the keys are fields of a job as Runyard writes it.

    Raises:
        InvalidFilter: A key is not one of a job's, is there twice or can't be read.
    """
    orders = _by_attributes(order_by, _JobOrder())
    if len({order.key for order in orders}) < len(orders):
        raise InvalidFilter(f"`order_by` contains duplicate fields: {list(order_by)}")
    return orders


def _by_attributes(order_by: Sequence[str], grammar: RunGrammar) -> tuple[Order, ...]:
    orders = parse_order(order_by, grammar)
    for order in orders:
        if order.entity is not Entity.ATTRIBUTE:
            raise InvalidFilter(f"Invalid order_by entity: {order.entity.value}")
    return orders


def parse_order(order_by: Sequence[str], grammar: RunGrammar) -> tuple[Order, ...]:
    """Return the keys of an order, each of them one that the grammar has.

    Raises:
        InvalidFilter: One is not, or can't be read.
    """
    return tuple(_order(clause, grammar) for clause in _bounded(order_by))


@dataclass(frozen=True, slots=True)
class ModelOrderKey:
    """One entry of ``order_by`` of a search for logged models, as the client sends it."""

    field_name: str | None
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


def parse_logged_model_order(order_by: Sequence[ModelOrderKey]) -> tuple[Order, ...]:
    """Return what logged models are to be sorted by.

    Raises:
        InvalidFilter: A key is neither a metric nor an attribute of a logged model.
    """
    if len(order_by) > MAX_ORDER_KEYS:
        raise InvalidFilter(f"`order_by` has {len(order_by)} keys; at most {MAX_ORDER_KEYS} are allowed.")
    return tuple(_model_order(key, LoggedModelGrammar.attributes) for key in order_by)


def _model_order(key: ModelOrderKey, attributes: Mapping[str, str]) -> Order:
    field = key.field_name
    if field is None:
        raise InvalidFilter("`field_name` in the `order_by` clause must be specified.")
    ascending = key.ascending is not False
    entity, dot, metric = field.partition(".")
    if not dot:
        if field.strip() not in attributes:
            raise UnknownAttribute(f"Invalid order by field name: {shortened(field)}")
        return Order(Entity.ATTRIBUTE, attributes[field.strip()], ascending)
    if entity != "metrics":
        raise InvalidFilter(f"Invalid order by field name: {shortened(field)}. Only metrics are supported.")
    return Order(Entity.METRIC, metric, ascending, key.dataset_name or None, key.dataset_digest or None)


def _bounded(order_by: Sequence[str]) -> Sequence[str]:
    """Return the keys of an order if there are not too many or too long ones."""
    if len(order_by) > MAX_ORDER_KEYS:
        raise InvalidFilter(f"`order_by` has {len(order_by)} keys; at most {MAX_ORDER_KEYS} are allowed.")
    for clause in order_by:
        if len(clause) > MAX_ORDER_LENGTH:
            raise InvalidFilter(
                f"A key of `order_by` is {len(clause)} characters long; "
                f"at most {MAX_ORDER_LENGTH} are allowed."
            )
    return order_by


def _order(clause: str, grammar: RunGrammar) -> Order:
    """Return what one key of an order says."""
    tokens = tokens_of(clause)
    if not tokens or tokens[0].kind is not Kind.NAME or "\0" in clause:
        raise InvalidFilter(f"Invalid order_by clause '{clause}'. Could not be parsed.")
    direction = clause[tokens[0].end :].strip()
    if not re.fullmatch(r"\w*", direction):
        raise InvalidFilter(f"Invalid order_by clause '{clause}'. Could not be parsed.")
    if direction.lower() not in ("", "asc", "desc"):
        raise InvalidFilter(f"Invalid ordering key in order_by clause '{clause}'.")
    entity, written = grammar.identifier(tokens[0].text)
    key = grammar.attributes[written] if entity is Entity.ATTRIBUTE else written
    is_ascending = direction.lower() != "desc"
    summary = summary_named(tokens[0].text.partition(".")[2]) if entity is Entity.METRIC else None
    if summary is None:
        return Order(entity, key, is_ascending)
    statistic, own_key = summary.statistic(is_ascending), None if summary.is_certain else key
    return Order(entity, summary.of, is_ascending, statistic=statistic, own_key=own_key)
