"""MLflow's ``order_by``: what is read, and the words for what is not."""

import pytest

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tree import Entity
from runyard.protocol.ordering import (
    MAX_ORDER_KEYS,
    MAX_ORDER_LENGTH,
    ModelOrderKey,
    Order,
    parse_experiment_order,
    parse_job_order,
    parse_logged_model_order,
    parse_run_order,
)


@pytest.mark.parametrize(
    ("clause", "order"),
    [
        ("metrics.acc", Order(Entity.METRIC, "acc", True)),
        ("metrics.acc ASC", Order(Entity.METRIC, "acc", True)),
        ("metrics.acc DESC", Order(Entity.METRIC, "acc", False)),
        ("metric.acc   dEsC", Order(Entity.METRIC, "acc", False)),
        (" metrics.acc\tdesc ", Order(Entity.METRIC, "acc", False)),
        ("metrics.`val loss/1` DESC", Order(Entity.METRIC, "val loss/1", False)),
        ('metrics."val loss"', Order(Entity.METRIC, "val loss", True)),
        ("`metrics`.`it's`", Order(Entity.METRIC, "it's", True)),
        ("metrics.a.b desc", Order(Entity.METRIC, "a.b", False)),
        ("metrics.desc desc", Order(Entity.METRIC, "desc", False)),
        ("metrics.日本", Order(Entity.METRIC, "日本", True)),
        ("params.lr", Order(Entity.PARAM, "lr", True)),
        ("tags.`mlflow.user` DESC", Order(Entity.TAG, "mlflow.user", False)),
        ("start_time", Order(Entity.ATTRIBUTE, "started_ms", True)),
        ("attributes.start_time DESC", Order(Entity.ATTRIBUTE, "started_ms", False)),
        ("Created", Order(Entity.ATTRIBUTE, "started_ms", True)),
        ("end_time DESC", Order(Entity.ATTRIBUTE, "ended_ms", False)),
        ("run_name", Order(Entity.ATTRIBUTE, "name", True)),
        ("`run_id`", Order(Entity.ATTRIBUTE, "run_id", True)),
        ("attr.status", Order(Entity.ATTRIBUTE, "status", True)),
    ],
)
def test_an_order_of_runs_reads(clause, order):
    assert parse_run_order([clause]) == (order,)


def test_keys_keep_their_rank():
    assert [order.key for order in parse_run_order(["params.b", "params.a", "end_time"])] == [
        "b",
        "a",
        "ended_ms",
    ]
    assert parse_run_order([]) == ()


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("", "Invalid order_by clause ''. Could not be parsed."),
        ("  ", "Could not be parsed."),
        ("'a'", "Could not be parsed."),
        ("1", "Could not be parsed."),
        ("desc desc desc", "Could not be parsed."),
        ("metrics.a ASC DESC", "Invalid order_by clause 'metrics.a ASC DESC'. Could not be parsed."),
        ("metrics.a, metrics.b", "Could not be parsed."),
        ("metrics.a;", "Could not be parsed."),
        ("metrics.a/b DESC", "Could not be parsed."),
        ("metrics.a DESC NULLS LAST", "Could not be parsed."),
        ("metrics.`a", "Could not be parsed."),
        ("metrics.a\0", "Could not be parsed."),
        ("metrics.a foo", "Invalid ordering key in order_by clause 'metrics.a foo'."),
        ("foo", "Invalid attribute key 'foo' specified. Valid keys are '{"),
        ("`run name`", "Invalid attribute key 'run name' specified."),
        ("experiment_id", "Invalid attribute key 'experiment_id' specified."),
        ("foo.bar", "Invalid entity type 'foo'."),
        ("dataset.name", "Invalid identifier type 'dataset'"),
    ],
)
def test_what_is_no_order_is_refused_in_mlflows_words(clause, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_run_order(["params.ok", clause])
    assert message in refused.value.message


@pytest.mark.parametrize(
    "twice", [["metrics.a", "metrics.`a` DESC"], ["created", "params.x", "attr.start_time"], ["end_time"] * 2]
)
def test_a_key_that_comes_twice_is_refused(twice):
    with pytest.raises(InvalidFilter, match="`order_by` contains duplicate fields: "):
        parse_run_order(twice)


def test_one_key_of_two_entities_is_no_duplicate():
    assert len(parse_run_order(["metrics.a", "params.a", "tags.a"])) == 3


def test_keys_are_bounded_in_number_and_length():
    most = [f"metrics.m{number}" for number in range(MAX_ORDER_KEYS)]
    assert len(parse_run_order(most)) == MAX_ORDER_KEYS
    longest = "metrics." + "x" * (MAX_ORDER_LENGTH - 8)
    assert parse_run_order([longest])[0].key == longest[8:]
    with pytest.raises(InvalidFilter, match="41 keys; at most 40"):
        parse_run_order([*most, "metrics.last"])
    with pytest.raises(InvalidFilter, match="2001 characters long; at most 2000"):
        parse_run_order([longest + "x"])
    with pytest.raises(InvalidFilter, match="41 keys; at most 40"):
        parse_logged_model_order([ModelOrderKey("name")] * (MAX_ORDER_KEYS + 1))


@pytest.mark.parametrize(
    ("clause", "order"),
    [
        ("name", Order(Entity.ATTRIBUTE, "name", True)),
        ("attribute.name DESC", Order(Entity.ATTRIBUTE, "name", False)),
        ("experiment_id asc", Order(Entity.ATTRIBUTE, "experiment_id", True)),
        ("creation_time DESC", Order(Entity.ATTRIBUTE, "created_ms", False)),
        ("last_update_time", Order(Entity.ATTRIBUTE, "updated_ms", True)),
    ],
)
def test_an_order_of_experiments_reads(clause, order):
    assert parse_experiment_order([clause]) == (order,)


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("tags.a", "Invalid order_by entity: tag"),
        ("metrics.a", "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')"),
        ("start_time", "Invalid attribute key 'start_time' specified."),
        ("name foo", "Invalid ordering key in order_by clause 'name foo'."),
    ],
)
def test_what_is_no_order_of_experiments_is_refused(clause, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_experiment_order([clause])
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("key", "order"),
    [
        (ModelOrderKey("name"), Order(Entity.ATTRIBUTE, "name", True)),
        (ModelOrderKey(" name ", ascending=False), Order(Entity.ATTRIBUTE, "name", False)),
        (ModelOrderKey("creation_time"), Order(Entity.ATTRIBUTE, "created_ms", True)),
        (ModelOrderKey("metrics.a.b", ascending=True), Order(Entity.METRIC, "a.b", True)),
        (ModelOrderKey("metrics.a", None, "d", "1"), Order(Entity.METRIC, "a", True, "d", "1")),
        (ModelOrderKey("metrics.a", None, "d", ""), Order(Entity.METRIC, "a", True, "d", None)),
        (ModelOrderKey("metrics.a", None, "", "1"), Order(Entity.METRIC, "a", True, None, "1")),
    ],
)
def test_an_order_of_logged_models_reads(key, order):
    assert parse_logged_model_order([key]) == (order,)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (ModelOrderKey(None), "`field_name` in the `order_by` clause must be specified."),
        (ModelOrderKey(""), "Invalid order by field name: "),
        (ModelOrderKey("foo"), "Invalid order by field name: foo"),
        (ModelOrderKey("params.a"), "Invalid order by field name: params.a. Only metrics are supported."),
    ],
)
def test_what_is_no_order_of_logged_models_is_refused(key, message):
    with pytest.raises(InvalidFilter) as refused:
        parse_logged_model_order([key])
    assert refused.value.message.startswith(message)


def test_an_order_of_jobs_names_their_fields():
    assert parse_job_order(["duration_ms DESC", "run_name"]) == (
        Order(Entity.ATTRIBUTE, "duration_ms", False),
        Order(Entity.ATTRIBUTE, "run_name", True),
    )
    for clause in ("spec", "tags.a", "metrics.a", "key_sha256"):
        with pytest.raises(InvalidFilter):
            parse_job_order([clause])
    with pytest.raises(InvalidFilter, match="duplicate"):
        parse_job_order(["status", "status DESC"])
