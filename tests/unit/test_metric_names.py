"""``metrics.loss.min``: when it is a metric's own name, and when the least value of another."""

import pytest

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tree import And, Comparison, Entity, Operator, Or, Statistic
from runyard.protocol.filters import parse_run_filter
from runyard.protocol.logged_model_filters import parse_logged_model_filter
from runyard.protocol.ordering import Order, parse_run_order

MINIMUM, MAXIMUM = Statistic.MINIMUM, Statistic.MAXIMUM
LESS, GREATER, EQUAL = Operator.LESS, Operator.GREATER, Operator.EQUAL


def metric(key, operator=LESS, value=0.5, statistic=Statistic.LAST):
    return Comparison(Entity.METRIC, key, operator, value, statistic)


def missing(key):
    return metric(key, Operator.IS_NULL, None)


@pytest.mark.parametrize(
    ("written", "comparison"),
    [
        ('"loss".min', metric("loss", statistic=MINIMUM)),
        ("`loss`.min", metric("loss", statistic=MINIMUM)),
        ('"loss".max', metric("loss", statistic=MAXIMUM)),
        ('"val loss".min', metric("val loss", statistic=MINIMUM)),
        ('"loss.min".max', metric("loss.min", statistic=MAXIMUM)),
        ('"loss.min"', metric("loss.min")),
        ("`loss.min`", metric("loss.min")),
        ("loss", metric("loss")),
        ("min", metric("min")),
        ("loss.minimum", metric("loss.minimum")),
        ("loss.MIN", metric("loss.MIN")),
        ("loss.min.x", metric("loss.min.x")),
        ('"loss".last', metric('"loss".last')),
    ],
)
def test_quotes_say_which_part_is_the_name(written, comparison):
    assert parse_run_filter(f"metrics.{written} < 0.5") == comparison


def test_without_quotes_the_metric_of_that_very_name_comes_first():
    own = metric("val.loss.min")
    assert parse_run_filter("metrics.val.loss.min < 0.5") == Or(
        (own, And((missing("val.loss.min"), metric("val.loss", statistic=MINIMUM))))
    )


@pytest.mark.parametrize(
    ("operator", "statistic"), [("<", MINIMUM), ("<=", MINIMUM), (">", MAXIMUM), (">=", MAXIMUM)]
)
def test_the_best_is_the_side_that_is_asked_for(operator, statistic):
    assert parse_run_filter(f'metrics."m".best {operator} 0.5') == metric(
        "m", Operator(operator), statistic=statistic
    )


@pytest.mark.parametrize("operator", ["=", "!="])
def test_the_best_has_no_direction_with_an_equality(operator):
    with pytest.raises(InvalidFilter, match="'best' has no direction with"):
        parse_run_filter(f'metrics."m".best {operator} 1')
    assert parse_run_filter(f"metrics.m.best {operator} 1") == metric("m.best", Operator(operator), 1.0)


def test_neither_the_name_nor_the_value_is_there():
    assert parse_run_filter("metrics.a.min IS NULL") == And(
        (missing("a.min"), metric("a", Operator.IS_NULL, None, MINIMUM))
    )


@pytest.mark.parametrize(
    ("clause", "order"),
    [
        ('metrics."m".min', Order(Entity.METRIC, "m", True, statistic=MINIMUM)),
        ("metrics.`m`.max DESC", Order(Entity.METRIC, "m", False, statistic=MAXIMUM)),
        ('metrics."m".best', Order(Entity.METRIC, "m", True, statistic=MINIMUM)),
        ('metrics."m".best DESC', Order(Entity.METRIC, "m", False, statistic=MAXIMUM)),
        ("metrics.m.best DESC", Order(Entity.METRIC, "m", False, statistic=MAXIMUM, own_key="m.best")),
        ("metrics.`m.best` DESC", Order(Entity.METRIC, "m.best", False)),
        ("params.m.min", Order(Entity.PARAM, "m.min", True)),
    ],
)
def test_an_order_knows_the_same_names(clause, order):
    assert parse_run_order([clause]) == (order,)


def test_a_metric_may_be_sorted_by_its_last_and_by_its_least_value():
    assert len(parse_run_order(["metrics.m", 'metrics."m".min', 'metrics."m".max'])) == 3


def test_logged_models_know_metrics_by_their_names_only():
    assert parse_logged_model_filter("metrics.m.min < 0.5") == metric("m.min")
