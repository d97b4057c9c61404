"""MLflow's search grammar: what is read, and the words for what is not."""

import pytest

from runyard.entities.logged_model import LoggedModelStatus
from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import MAX_COMPARISONS, MAX_FILTER_LENGTH
from runyard.protocol.filter_tree import And, Comparison, Entity, Operator
from runyard.protocol.filters import (
    MAX_LISTED_VALUES,
    MAX_PATTERN_LENGTH,
    parse_experiment_filter,
    parse_run_filter,
)
from runyard.protocol.logged_model_filters import parse_logged_model_filter

METRIC, PARAM, TAG = Entity.METRIC, Entity.PARAM, Entity.TAG
ATTRIBUTE, DATASET = Entity.ATTRIBUTE, Entity.DATASET


def key_of(text):
    said = parse_run_filter(text)
    assert isinstance(said, Comparison)
    return said.entity, said.key


def value_of(text):
    said = parse_run_filter(text)
    assert isinstance(said, Comparison)
    return said.value


@pytest.mark.parametrize("nothing", [None, "", "AND", "and  AND"])
@pytest.mark.parametrize("parse", [parse_run_filter, parse_experiment_filter, parse_logged_model_filter])
def test_a_filter_that_says_nothing_lets_everything_through(parse, nothing):
    assert parse(nothing) is None


def test_a_comparison_alone_is_the_whole_tree():
    assert parse_run_filter("params.lr = '0.1'") == Comparison(PARAM, "lr", Operator.EQUAL, "0.1")


def test_comparisons_are_joined_by_and_in_any_case():
    said = parse_run_filter("params.a = 'x' and metrics.b > 1 AND tags.c IS NULL")
    assert said == And(
        (
            Comparison(PARAM, "a", Operator.EQUAL, "x"),
            Comparison(METRIC, "b", Operator.GREATER, 1.0),
            Comparison(TAG, "c", Operator.IS_NULL, None),
        )
    )


@pytest.mark.parametrize("text", ["metrics.a>1 metrics.b<2", "AND metrics.a>1 AND AND metrics.b<2 and"])
def test_a_missing_or_a_spare_and_is_forgiven_as_mlflow_does(text):
    said = parse_run_filter(text)
    assert said == And(
        (Comparison(METRIC, "a", Operator.GREATER, 1.0), Comparison(METRIC, "b", Operator.LESS, 2.0))
    )


@pytest.mark.parametrize(
    ("spelling", "entity"),
    [
        *((word, METRIC) for word in ("metric", "metrics", "`metrics`")),
        *((word, PARAM) for word in ("param", "params", "parameter", "parameters", "`params`")),
        *((word, TAG) for word in ("tag", "tags")),
    ],
)
def test_every_spelling_of_an_entity_is_known(spelling, entity):
    value = "1" if entity is METRIC else "'1'"
    assert key_of(f"{spelling}.k = {value}") == (entity, "k")


@pytest.mark.parametrize("prefix", ["", "attribute.", "attributes.", "attr.", "run.", "`attr`."])
def test_an_attribute_may_stand_without_its_entity(prefix):
    assert key_of(f"{prefix}status = 'FINISHED'") == (ATTRIBUTE, "status")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("run_id = 'r'", "run_id"),
        ("run_name = 'n'", "name"),
        ("`run name` = 'n'", "name"),
        ("\"Run Name\" = 'n'", "name"),
        ("attributes.`Run name` = 'n'", "name"),
        ("artifact_uri = 'u'", "artifact_uri"),
        ("user_id = 'u'", "user_id"),
        ("start_time > 1", "started_ms"),
        ("created > 1", "started_ms"),
        ("attr.Created > 1", "started_ms"),
        ("end_time > 1", "ended_ms"),
    ],
)
def test_mlflows_names_of_attributes_become_ours(written, field):
    assert key_of(written) == (ATTRIBUTE, field)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a", "a"),
        ("a_1", "a_1"),
        ("_a", "_a"),
        ("1a", "1a"),
        ("mlflow.source.name", "mlflow.source.name"),
        ("a..b", "a..b"),
        ("`a b`", "a b"),
        ('"a b"', "a b"),
        ("'a b'", "a b"),
        ("'a.b'", "a.b"),
        ("`a/b-c:d`", "a/b-c:d"),
        ('"it\'s"', "it's"),
        ("`a.b`.c", "`a.b`.c"),
        ("é", "é"),
        ("日本", "日本"),
        ("`日 本`", "日 本"),
        ("order", "order"),
        ("select", "select"),
        ("and", "and"),
        ("in", "in"),
        ("like", "like"),
        ("`AND`", "AND"),
    ],
)
def test_a_key_is_plain_or_in_quotes(written, key):
    assert key_of(f"params.{written} = 'x'") == (PARAM, key)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'x'", "x"),
        ('"x"', "x"),
        ("''", ""),
        ("'it''s'", "it''s"),
        ('"it\'s"', "it's"),
        (r"'C:\dir\'", "C:\\dir\\"),
        (r"'a\'b'", "a\\'b"),
        ("' x AND y '", " x AND y "),
        ("'日本'", "日本"),
        ("'a\nb'", "a\nb"),
        ("'(x)'", "(x)"),
        ("';'", ";"),
    ],
)
def test_a_quoted_value_is_taken_as_it_stands(written, value):
    assert value_of(f"params.a = {written}") == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1.0),
        ("-1", -1.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e5", 1e5),
        ("1E-5", 1e-5),
        ("1e+20", 1e20),
        ("1e400", float("inf")),
    ],
)
def test_a_metric_is_compared_with_any_way_to_write_a_number(written, value):
    assert value_of(f"metrics.a > {written}") == value
    assert value_of(f"metrics.a>{written}") == value


@pytest.mark.parametrize(
    ("written", "value"), [("1700000000000", 1_700_000_000_000), ("1.5", 1.5), ("9" * 30, 1e30), ("-1", -1)]
)
def test_a_time_is_whole_where_it_fits_the_database(written, value):
    found = value_of(f"start_time > {written}")
    assert found == value
    assert isinstance(found, int) == (abs(value) < 2**63 and "." not in written)


def test_a_number_of_ten_thousand_digits_is_just_large():
    assert value_of("start_time < " + "9" * 10_000) == float("inf")


@pytest.mark.parametrize(
    ("written", "operator"),
    [
        ("params.a LIKE 'x'", Operator.LIKE),
        ("params.a like 'x'", Operator.LIKE),
        ("params.a iLike 'x'", Operator.ILIKE),
        ("params.a!='x'", Operator.NOT_EQUAL),
        ("params.a is null", Operator.IS_NULL),
        ("params.a IS  NOT\nNULL", Operator.IS_NOT_NULL),
        ("run_id in ('a')", Operator.IN),
        ("run_id NOT  in('a')", Operator.NOT_IN),
        ("dataset.name IN ('a')", Operator.IN),
    ],
)
def test_operators_are_read_in_any_case(written, operator):
    said = parse_run_filter(written)
    assert isinstance(said, Comparison)
    assert said.operator is operator


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("('a','b')", ("a", "b")),
        ("( 'a' , \"b\" )", ("a", "b")),
        ("('a',)", ("a",)),
        ("('a, b')", ("a, b",)),
        ("('a)b')", ("a)b",)),
    ],
)
def test_a_list_holds_quoted_texts(written, values):
    assert value_of(f"run_id IN {written}") == values


REFUSED = [
    ("metrics.a b > 1", "Invalid clause(s) in filter string: 'metrics.a'"),
    ("params.a =", "Invalid clause(s) in filter string: 'params.a', '='"),
    ("params.a", "Invalid clause(s) in filter string: 'params.a'"),
    ("params.a = 'x", "Invalid clause(s) in filter string: 'params.a', '=', ''', 'x'"),
    ("params.a = 'x' 'y'", "Invalid clause(s) in filter string: ''y''"),
    ("params.a = 'x';", "Invalid clause(s) in filter string: ';'"),
    ("metrics.a BETWEEN 1 AND 2", "Invalid clause(s) in filter string: 'metrics.a'"),
    ("run_id IN 'a'", "Invalid clause(s) in filter string: 'run_id', 'IN', ''a''"),
    ("run_id IN ('a'", "Invalid clause(s) in filter string: 'run_id', 'IN', '('"),
    ("metrics.a > 1 > 2", "Invalid clause(s) in filter string: '>', '2'"),
    ("params.a IS", "Invalid clause(s) in filter string: 'params.a', 'IS'"),
    ("params.a = 'x'; params.b = 'y'", "Search filter contained multiple expression \"params.a = 'x'; "),
    ("   ", "Invalid filter '   '. Could not be parsed."),
    ("metrics.a/b > 1", "Invalid comparison clause. Expected 'Identifier' found 'metrics.a/b'"),
    ("metrics.a-b > 1", "Invalid comparison clause. Expected 'Identifier' found 'metrics.a-b'"),
    ("1 < metrics.a", "Invalid comparison clause. Expected 'Identifier' found '1'"),
    ("'x' = params.a", "Invalid comparison clause. Expected 'Identifier' found ''x''"),
    ("1=1", "Invalid comparison clause. Expected 'Identifier' found '1'"),
    (
        "foo.a = 'x'",
        "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    ),
    ('"metrics.a" > 1', "Invalid entity type '\"metrics'."),
    ("Metrics.a > 1", "Invalid entity type 'Metrics'."),
    ("params .a = 'x'", "Invalid clause(s) in filter string: 'params', '.'"),
    ("acc > 1", "Invalid attribute key 'acc' specified. Valid keys are '{"),
    ("experiment_id = '1'", "Invalid attribute key 'experiment_id' specified."),
    ("lifecycle_stage = 'active'", "Invalid attribute key 'lifecycle_stage' specified."),
    (
        "dataset.foo = 'x'",
        "Invalid dataset key 'foo' specified. Valid keys are '{'name', 'digest', 'context'}'",
    ),
    ("metrics.a = 'x'", "Expected numeric value type for metric. Found 'x'"),
    ("metrics.a = NaN", "Expected numeric value type for metric. Found NaN"),
    ("metrics.a > 1 + 1", "Expected numeric value type for metric. Found 1 + 1"),
    ("metrics.a > 1AND", "Expected numeric value type for metric. Found 1AND"),
    ("metrics.a = NULL", "Expected numeric value type for metric. Found NULL"),
    ("start_time > '1'", "Expected numeric value type for numeric attribute: start_time. Found '1'"),
    ("created IN (1)", "Expected numeric value type for numeric attribute: created. Found (1)"),
    ("params.a = 1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"),
    ("tags.a = NULL", "Expected a quoted string value for tag (e.g. 'my-value'). Got value NULL"),
    ("status = 1", "Expected a quoted string value for attributes. Got value 1"),
    ("dataset.name = 1", "Expected a quoted string value for dataset attributes. Got value 1"),
    (
        "params.a = x",
        "Parameter value is either not quoted or unidentified quote types used for string value x.",
    ),
    (
        "params.a = `x`",
        "Parameter value is either not quoted or unidentified quote types used for string value `x`",
    ),
    ("params.a = params.b", "Parameter value is either not quoted or unidentified quote types"),
    ("params.a > 'x'", "Invalid comparator '>' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IS NULL', "),
    ("metrics.a LIKE 1", "Invalid comparator 'LIKE' not one of '{'<', '<=', '>', '>=', '=', '!='}'"),
    ("metrics.a == 1", "Invalid comparator '==' not one of"),
    ("metrics.a <> 1", "Invalid comparator '<>' not one of"),
    ("tags.a ~ 'x'", "Invalid comparator '~' not one of"),
    ("params.a RLIKE 'x'", "Invalid comparator 'RLIKE' not one of"),
    ("params.a NOT  LIKE 'x'", "Invalid comparator 'NOT LIKE' not one of"),
    ("dataset.name > 'a'", "Invalid comparator '>' not one of"),
    ("start_time LIKE 1", "Invalid comparator 'LIKE' not one of"),
    ("run_id = ('a')", "Invalid comparator '=' not one of '{'IN', 'NOT IN'}'"),
    ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
    ("run_id IN ('a' 'b')", "expected a non-empty list of string values, but got ill-formed list."),
    ("run_id IN (('a'))", "but got ill-formed list."),
    (
        "run_id IN (1)",
        "expected string value, punctuation, or whitespace, but got different type in list: (1)",
    ),
    ("run_id IN (a)", "but got different type in list: (a)"),
    ("status IS NOT NULL", "is only supported for tags, params and metrics, not for 'attribute' 'status'"),
    ("dataset.name IS NULL", "is only supported for tags, params and metrics, not for 'dataset' 'name'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_no_filter_is_refused_in_mlflows_words(text, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_run_filter(text)
    assert message in refused.value.message
    assert refused.value.http_status == 400


def test_a_filter_has_a_longest_length():
    longest = "params.a = '" + "x" * (MAX_FILTER_LENGTH - 13) + "'"
    assert len(longest) == MAX_FILTER_LENGTH
    assert len(str(value_of(longest))) == MAX_FILTER_LENGTH - 13
    for parse in (parse_run_filter, parse_experiment_filter, parse_logged_model_filter):
        with pytest.raises(InvalidFilter, match="100001 characters long; at most 100000 are allowed"):
            parse(longest + " ")


def test_a_filter_has_a_most_of_comparisons():
    most = " AND ".join(f"metrics.m{number} > 0" for number in range(MAX_COMPARISONS))
    said = parse_run_filter(most)
    assert isinstance(said, And)
    assert len(said.terms) == MAX_COMPARISONS
    with pytest.raises(InvalidFilter, match="501 comparisons; at most 500"):
        parse_run_filter(most + " AND metrics.last > 0")


def test_a_pattern_has_a_longest_length():
    assert len(str(value_of(f"tags.a LIKE '{'x' * MAX_PATTERN_LENGTH}'"))) == MAX_PATTERN_LENGTH
    with pytest.raises(InvalidFilter, match="10001 characters long; at most 10000"):
        parse_run_filter(f"tags.a ILIKE '{'x' * (MAX_PATTERN_LENGTH + 1)}'")
    assert len(str(value_of(f"tags.a = '{'x' * (MAX_PATTERN_LENGTH + 1)}'"))) == MAX_PATTERN_LENGTH + 1


@pytest.mark.parametrize(
    "filling", ["(", "()", "'", '"', "`", "``", "\\'", "a.", "a ", "(a=", "/", "1e", "-", "=", "a' ", "a=1 "]
)
@pytest.mark.parametrize("around", ["{}", "run_id IN ({})", "params.`{}` LIKE 'x'"])
def test_the_longest_nonsense_is_refused_without_an_echo_of_it(around, filling):
    room = MAX_FILTER_LENGTH - len(around)
    text = around.format(filling * (room // len(filling)))
    message = ""
    try:
        parse_run_filter(text)
    except InvalidFilter as refused:
        message = refused.message
    assert len(message) < 2000


def test_lists_hold_a_most_of_values_together():
    listed = ",".join(["'x'"] * (MAX_LISTED_VALUES // 2))
    text = f"run_id IN ({listed}) AND dataset.name NOT IN ({listed})"
    said = parse_run_filter(text)
    assert isinstance(said, And)
    assert len(said.terms) == 2
    with pytest.raises(InvalidFilter, match="lists 10001 values; at most 10000"):
        parse_run_filter(text + " AND dataset.digest IN ('x')")


def test_a_nul_character_is_refused_before_a_database_sees_it():
    with pytest.raises(InvalidFilter, match="NUL"):
        parse_run_filter("params.a = 'x\0'")


# --- experiments


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 'x'", Comparison(ATTRIBUTE, "name", Operator.EQUAL, "x")),
        ("attribute.name ILIKE 'x%'", Comparison(ATTRIBUTE, "name", Operator.ILIKE, "x%")),
        ("name like 'x%'", Comparison(ATTRIBUTE, "name", Operator.LIKE, "x%")),
        ("creation_time >= 5", Comparison(ATTRIBUTE, "created_ms", Operator.GREATER_OR_EQUAL, 5)),
        ("last_update_time < 5", Comparison(ATTRIBUTE, "updated_ms", Operator.LESS, 5)),
        ("experiment_id = '12'", Comparison(ATTRIBUTE, "experiment_id", Operator.EQUAL, "12")),
        ("experiment_id IN ('1', '2')", Comparison(ATTRIBUTE, "experiment_id", Operator.IN, ("1", "2"))),
        ("tags.`a b` != 'x'", Comparison(TAG, "a b", Operator.NOT_EQUAL, "x")),
        ("tag.a IS NOT NULL", Comparison(TAG, "a", Operator.IS_NOT_NULL, None)),
    ],
)
def test_a_filter_over_experiments_reads(text, said):
    assert parse_experiment_filter(text) == said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metrics.a > 1",
            "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')",
        ),
        ("attributes.name = 'x'", "Invalid entity type 'attributes'."),
        ("run_id = 'x'", "Invalid attribute key 'run_id' specified."),
        ("name = 'x' OR", "Invalid clause(s) in filter string: OR"),
        ("name > 'x'", "Invalid comparator '>'"),
        ("name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'"),
        (
            "creation_time = 'x'",
            "Expected numeric value type for numeric attribute: creation_time. Found 'x'",
        ),
        ("creation_time > 1.5", "Invalid value for numeric attribute 'creation_time': '1.5'"),
        ("creation_time > 1e3", "Invalid value for numeric attribute 'creation_time': '1000.0'"),
        ("experiment_id = 'x'", "Invalid experiment ID 'x'. Experiment ID must be a valid integer."),
        ("experiment_id IN ('1', '')", "Invalid experiment ID ''. Experiment ID must be a valid integer."),
        ("experiment_id LIKE '1'", "Invalid comparator for experiment_id: LIKE"),
    ],
)
def test_a_filter_over_experiments_is_refused_in_mlflows_words(text, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_experiment_filter(text)
    assert message in refused.value.message


# --- logged models


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics.loss > 0.1", Comparison(METRIC, "loss", Operator.GREATER, 0.1)),
        ("metrics.a/b > 0.1", Comparison(METRIC, "a/b", Operator.GREATER, 0.1)),
        ("metrics.`a b` > -1", Comparison(METRIC, "a b", Operator.GREATER, -1.0)),
        ("params.lr = 0.01", Comparison(PARAM, "lr", Operator.EQUAL, "0.01")),
        ("params.lr = '0.01'", Comparison(PARAM, "lr", Operator.EQUAL, "0.01")),
        ('params.lr = "0.01"', Comparison(PARAM, "lr", Operator.EQUAL, "0.01")),
        ("params.opt = adam", Comparison(PARAM, "opt", Operator.EQUAL, "adam")),
        ("params.opt in ('adam', 'sgd')", Comparison(PARAM, "opt", Operator.IN, ("adam", "sgd"))),
        ("tags.a ilike 'X%'", Comparison(TAG, "a", Operator.ILIKE, "X%")),
        ("name = 'm'", Comparison(ATTRIBUTE, "name", Operator.EQUAL, "m")),
        ("attributes.name = 'm'", Comparison(ATTRIBUTE, "name", Operator.EQUAL, "m")),
        ("model_id NOT IN ('a')", Comparison(ATTRIBUTE, "model_id", Operator.NOT_IN, ("a",))),
        ("creation_time > 5", Comparison(ATTRIBUTE, "created_ms", Operator.GREATER, 5.0)),
        ("creation_timestamp_ms > 5", Comparison(ATTRIBUTE, "created_ms", Operator.GREATER, 5.0)),
        ("last_updated_timestamp > 5", Comparison(ATTRIBUTE, "updated_ms", Operator.GREATER, 5.0)),
        ("source_run_id = 'r'", Comparison(ATTRIBUTE, "source_run_id", Operator.EQUAL, "r")),
        ("artifact_location LIKE 's3:%'", Comparison(ATTRIBUTE, "artifact_uri", Operator.LIKE, "s3:%")),
    ],
)
def test_a_filter_over_logged_models_reads(text, said):
    assert parse_logged_model_filter(text) == said


@pytest.mark.parametrize("word", ["READY", "LOGGED_MODEL_READY"])
def test_the_status_of_a_model_has_a_short_and_a_long_word(word):
    ready = LoggedModelStatus.READY.value
    assert parse_logged_model_filter(f"status = '{word}'") == Comparison(
        ATTRIBUTE, "status", Operator.EQUAL, ready
    )
    assert parse_logged_model_filter(f"status IN ('{word}', 'FAILED')") == Comparison(
        ATTRIBUTE, "status", Operator.IN, (ready, LoggedModelStatus.UPLOAD_FAILED.value)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ", "Invalid filter string: ' '. Expected a single SQL expression."),
        ("name = 'a'; name = 'b'", "Expected a single SQL expression."),
        ("name = 'a' OR", "Expected a list of comparisons separated by 'AND' (e.g. "),
        ("(name = 'a'", "Expected a list of comparisons separated by 'AND'"),
        (
            "foo.a = 'x'",
            "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
        ),
        ("param.a = 'x'", "Invalid entity type: 'param'."),
        ("foo = 'x'", "Invalid attribute key 'foo' specified."),
        (
            "params.a > 'x'",
            "Invalid comparison operator for params.a: '>'. Expected one of ('=', '!=', 'LIKE', ",
        ),
        (
            "metrics.a LIKE 1",
            "Invalid comparison operator for metrics.a: 'LIKE'. Expected one of ('<', '<=', ",
        ),
        ("name < 'a'", "Invalid comparison operator for attributes.name: '<'."),
        ("params.a IS NULL", "Expected a comparison with 3 tokens."),
        ("metrics.a = 'x'", "Expected numeric value type. Found 'x'"),
        ("metrics.a = NaN", "Expected numeric value type. Found NaN"),
        ("metrics.a = 1 + 1", "Expected numeric value type. Found 1 + 1"),
        ("name = ('a')", "Invalid comparator '=' not one of '{'IN', 'NOT IN'}'"),
        ("name IN ()", "got empty list"),
    ],
)
def test_a_filter_over_logged_models_is_refused_in_mlflows_words(text, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_logged_model_filter(text)
    assert message in refused.value.message
