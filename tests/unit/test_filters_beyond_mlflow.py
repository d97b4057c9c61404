"""What filters may say that MLflow's may not: OR, NOT, brackets, and lists of every text."""

import pytest

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import MAX_COMPARISONS, MAX_FILTER_LENGTH, MAX_NESTING
from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Not, Operator, Or
from runyard.protocol.filters import parse_experiment_filter, parse_run_filter
from runyard.protocol.logged_model_filters import parse_logged_model_filter


def param(key: str, value: str = "x") -> Comparison:
    return Comparison(Entity.PARAM, key, Operator.EQUAL, value)


A, B, C, D = (param(key) for key in "abcd")
PARSERS = [parse_run_filter, parse_experiment_filter, parse_logged_model_filter]


def said(text: str) -> Filter | None:
    """A filter in which a letter stands for a comparison with the param of that name."""
    return parse_run_filter("".join(f"params.{sign} = 'x'" if sign in "abcd" else sign for sign in text))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a OR b", Or((A, B))),
        ("a or b Or c", Or((A, B, C))),
        ("a AND b OR c AND d", Or((And((A, B)), And((C, D))))),
        ("a OR b AND c", Or((A, And((B, C))))),
        ("(a OR b) AND c", And((Or((A, B)), C))),
        ("a AND (b OR (c AND d))", And((A, Or((B, And((C, D))))))),
        ("(a)", A),
        ("((a)) AND(b)", And((A, B))),
        ("(a AND b) AND (c AND d)", And((A, B, C, D))),
        ("(a OR b) OR c", Or((A, B, C))),
        ("NOT a", Not(A)),
        ("NOT NOT a", A),
        ("not (a OR b)", Not(Or((A, B)))),
        ("NOT a AND b", And((Not(A), B))),
        ("NOT (NOT a)", Not(Not(A))),
        ("a OR NOT b", Or((A, Not(B)))),
    ],
)
def test_not_binds_tighter_than_and_which_binds_tighter_than_or(text, tree):
    assert said(text) == tree


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a OR", "'OR'"),
        ("OR a", "'OR'"),
        ("a OR OR b", "'OR', 'OR'"),
        ("a OR AND", "'OR'"),
        ("a AND OR b", "'AND'"),
        ("NOT", "'NOT'"),
        ("a AND NOT", "'NOT'"),
        ("NOT AND a", "'NOT'"),
        ("()", "'()'"),
        ("a OR (AND)", "'OR', '(AND)'"),
        ("(a", "'('"),
        ("a)", "')'"),
        ("(a OR b", "'('"),
        ("(a))", "')'"),
        ("('x')", "''x''"),
        ("(a; b)", "';'"),
    ],
)
def test_what_is_joined_to_nothing_is_refused_by_name(text, wrong):
    with pytest.raises(InvalidFilter) as refused:
        said(text)
    assert refused.value.message == f"Invalid clause(s) in filter string: {wrong}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a OR b c", "'params.c'"),
        ("(a) b", "'params.b'"),
        ("a (b)", "'(params.b = 'x')'"),
        ("a NOT b", "'NOT'"),
        ("(a AND b AND) OR c", "'AND'"),
        ("AND a OR b", "'AND'"),
        ("a AND AND (b)", "'AND'"),
    ],
)
def test_a_missing_or_a_spare_and_is_not_guessed_at_beside_what_mlflow_does_not_know(text, wrong):
    with pytest.raises(InvalidFilter) as refused:
        said(text)
    assert refused.value.message == f"Invalid clause(s) in filter string: {wrong}"


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("params.a IN ('x', 'y')", Comparison(Entity.PARAM, "a", Operator.IN, ("x", "y"))),
        ("tags.a not in ('x')", Comparison(Entity.TAG, "a", Operator.NOT_IN, ("x",))),
        ("status IN ('FAILED')", Comparison(Entity.ATTRIBUTE, "status", Operator.IN, ("FAILED",))),
        ("run_name NOT IN ('x')", Comparison(Entity.ATTRIBUTE, "name", Operator.NOT_IN, ("x",))),
        ("metrics.a IS NULL", Comparison(Entity.METRIC, "a", Operator.IS_NULL, None)),
        ("metrics.`a b` IS NOT NULL", Comparison(Entity.METRIC, "a b", Operator.IS_NOT_NULL, None)),
    ],
)
def test_every_text_takes_a_list_and_metrics_may_be_missing(text, comparison):
    assert parse_run_filter(text) == comparison


def test_experiments_and_logged_models_take_the_same():
    named = [Comparison(Entity.ATTRIBUTE, "name", Operator.EQUAL, name) for name in "xy"]
    tagged = Comparison(Entity.TAG, "k", Operator.IN, ("v",))
    text = "(name = 'x' OR NOT name = 'y') AND tags.k IN ('v')"
    for parse in (parse_experiment_filter, parse_logged_model_filter):
        assert parse(text) == And((Or((named[0], Not(named[1]))), tagged))


@pytest.mark.parametrize("parse", PARSERS)
def test_brackets_have_a_deepest_level(parse):
    text = "(" * MAX_NESTING + "name = 'x'" + ")" * MAX_NESTING
    if parse is parse_run_filter:
        text = text.replace("name", "run_name")
    assert isinstance(parse(text), Comparison)
    with pytest.raises(InvalidFilter, match="nested deeper than 16 levels"):
        parse(f"({text})")


def test_comparisons_in_brackets_count():
    most = " OR ".join("(a AND b)" for _ in range(MAX_COMPARISONS // 2))
    assert isinstance(said(most), Or)
    with pytest.raises(InvalidFilter, match="501 comparisons; at most 500"):
        said(f"{most} OR c")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "params.a = 'x'" + ")" * 10_000,
        "NOT " * (MAX_FILTER_LENGTH // 4),
        "NOT(" * (MAX_FILTER_LENGTH // 4),
        "(" * MAX_FILTER_LENGTH,
        "()" * (MAX_FILTER_LENGTH // 2),
        " OR" * (MAX_FILTER_LENGTH // 3),
        "NOT " * 20_000 + "AND " * 5_000,
        "params.a = 'x' OR " * (MAX_FILTER_LENGTH // 18),
        "x" * 1_000_000,
    ],
    ids=lambda text: f"{text[:9]}…{len(text)}",
)
def test_what_is_too_deep_or_too_much_is_refused_without_an_echo_of_it(text):
    with pytest.raises(InvalidFilter) as refused:
        parse_run_filter(text)
    assert len(refused.value.message) < 2000
