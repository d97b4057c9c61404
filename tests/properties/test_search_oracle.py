"""Any filter and order over any runs finds what the oracle finds, in the oracle's order."""

import contextlib
import dataclasses
import json
import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from runyard.entities.experiment import View
from runyard.protocol.filter_tree import (
    LIST_OPERATORS,
    NULL_OPERATORS,
    NUMERIC_OPERATORS,
    TEXT_OPERATORS,
    And,
    Comparison,
    Entity,
    Not,
    Operator,
    Or,
    Statistic,
)
from runyard.protocol.filters import parse_run_filter
from runyard.protocol.ordering import parse_run_order
from runyard.stores.database import Database
from runyard.stores.metadata import run_search, run_strands, schema
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.run_search import find_runs
from tests.engines import PostgresEngine, SqliteEngine
from tests.properties.search_oracle import OracleRun, expected

KEYS = ("a", "b.c", "é /1", "a.min")
METRIC_KEYS = {f"{quote}{key}{quote}": key for key in KEYS for quote in '`"'}
STATISTICS = {"min": Statistic.MINIMUM, "max": Statistic.MAXIMUM}
EXPERIMENTS = (1, 1, 2, 3)
# (FEW, FAR, FAR_PER_ROW, FAR_PER_SORTED, MAX_STRANDS): which of its ways a search takes.
WAYS = {
    "the filter first": (2_000, 2_000, 8, 10, 16),
    "the order first": (-1, 2_000, 8, 10, 16),
    "the order, not far": (-1, 1, 0, 0, 16),
    "the order, among those of the filter": (-1, 0, 0, 1_000, 16),
    "everything": (-1, 0, 0, 0, 0),
}
TEXTS = (
    "",
    "x",
    "X",
    "xy",
    "x%",
    "_",
    "É",
    "é",
    "a\\b",
    "a|b",
    "1",
    "10",
    "9",
    "it's",
    "line\nbreak",
    "日本",
)
PATTERNS = (*TEXTS, "%", "x%", "%y", "_", "x_", "%\\%", "a|%", "É%", "%B", "__")
NUMBERS = (-1.5, 0.0, 1.0, 2.5, 1e300)
TIMES = (0, 1, 5, 1_700_000_000_000)
ATTRIBUTES = {
    "run_id": "run_id",
    "run_name": "name",
    "user_id": "user_id",
    "status": "status",
    "artifact_uri": "artifact_uri",
    "start_time": "started_ms",
    "end_time": "ended_ms",
}
SPELLINGS = {
    Entity.METRIC: ("metric", "metrics"),
    Entity.PARAM: ("param", "params", "parameter", "parameters"),
    Entity.TAG: ("tag", "tags"),
    Entity.ATTRIBUTE: ("attribute", "attributes", "attr", "run"),
    Entity.DATASET: ("dataset", "datasets"),
}

texts = st.sampled_from(TEXTS)
few_texts = st.sampled_from(("x", "X", "É", "é", "a\\b"))
pairs = st.dictionaries(st.sampled_from(KEYS), texts | few_texts, max_size=3)
numbers = st.sampled_from((*NUMBERS, math.inf, -math.inf)) | st.sampled_from((0.0, math.nan))
metrics = st.dictionaries(st.sampled_from(KEYS), st.lists(numbers, min_size=1, max_size=3), max_size=3)
ways = st.sampled_from(list(WAYS))
datasets = st.lists(
    st.tuples(texts, few_texts, st.none() | few_texts), max_size=2, unique_by=lambda dataset: dataset[:2]
)


@st.composite
def lists_of_runs(draw):
    count = draw(st.integers(0, 8))
    return [
        OracleRun(
            run_id=f"r{number}",
            name=draw(texts),
            user_id=draw(texts),
            status=draw(st.sampled_from(("RUNNING", "FINISHED", "FAILED"))),
            artifact_uri=draw(texts),
            started_ms=draw(st.none() | st.sampled_from(TIMES)),
            ended_ms=draw(st.none() | st.sampled_from(TIMES)),
            params=draw(pairs),
            tags=draw(pairs),
            metrics=draw(metrics),
            datasets=draw(datasets),
            is_live=draw(st.booleans()),
            experiment_id=draw(st.sampled_from(EXPERIMENTS)),
            lifecycle_stage=draw(st.sampled_from(("active", "active", "deleted"))),
        )
        for number in range(count)
    ]


def in_quotes(draw, text):
    marks = [mark for mark in ("'", '"') if mark not in text and not text.endswith("\\")]
    mark = draw(st.sampled_from(marks))
    return f"{mark}{text}{mark}"


def spelled_key(draw, key):
    plain = [key] if key.replace(".", "").isascii() and key.replace(".", "").isalpha() else []
    return draw(st.sampled_from([f"`{key}`", f'"{key}"', *plain]))


def spelled_operator(draw, by):
    return draw(st.sampled_from([by.value, by.value.lower()]))


@st.composite
def comparisons(draw):
    """A comparison, and one of the ways to write it."""
    entity = draw(st.sampled_from(list(SPELLINGS)))
    head = draw(st.sampled_from(SPELLINGS[entity]))
    if entity is Entity.METRIC:
        return draw(metric_comparisons(head))
    if entity is Entity.ATTRIBUTE:
        return draw(attribute_comparisons(head))
    operators = (*TEXT_OPERATORS, *LIST_OPERATORS, *(() if entity is Entity.DATASET else NULL_OPERATORS))
    by = draw(st.sampled_from(operators))
    key = draw(st.sampled_from(("name", "digest", "context") if entity is Entity.DATASET else KEYS))
    left = f"{head}.{spelled_key(draw, key)} {spelled_operator(draw, by)}"
    if by in NULL_OPERATORS:
        return Comparison(entity, key, by, None), left
    value, written = draw(values(by))
    return Comparison(entity, key, by, value), f"{left} {written}"


@st.composite
def metric_comparisons(draw, head):
    written_key, by = draw(st.sampled_from(list(METRIC_KEYS))), draw(st.sampled_from(NUMERIC_OPERATORS))
    key, number = METRIC_KEYS[written_key], draw(st.sampled_from(NUMBERS))
    if draw(st.booleans()):
        by = draw(st.sampled_from((*NUMERIC_OPERATORS, *NULL_OPERATORS)))
        word = draw(st.sampled_from(list(STATISTICS)))
        value, after = (None, "") if by in NULL_OPERATORS else (number, f" {number!r}")
        comparison = Comparison(Entity.METRIC, key, by, value, STATISTICS[word])
        return comparison, f"{head}.{written_key}.{word} {by.value}{after}"
    return Comparison(Entity.METRIC, key, by, number), f"{head}.{written_key} {by.value} {number!r}"


@st.composite
def attribute_comparisons(draw, head):
    written_key = draw(st.sampled_from(list(ATTRIBUTES)))
    key = ATTRIBUTES[written_key]
    left = draw(st.sampled_from([f"{head}.{written_key}", written_key, f"`{written_key}`"]))
    if key.endswith("_ms"):
        by, number = draw(st.sampled_from(NUMERIC_OPERATORS)), draw(st.sampled_from((*TIMES, 0.5, 2.0**70)))
        return Comparison(Entity.ATTRIBUTE, key, by, number), f"{left} {by.value} {number}"
    by = draw(st.sampled_from((*TEXT_OPERATORS, *LIST_OPERATORS)))
    value, written = draw(values(by, ("r0", "r1", "r9") if key == "run_id" else TEXTS))
    return Comparison(Entity.ATTRIBUTE, key, by, value), f"{left} {spelled_operator(draw, by)} {written}"


@st.composite
def values(draw, by, choices=TEXTS):
    if by in LIST_OPERATORS:
        usable = [text for text in choices if not text.endswith("\\")]
        listed = tuple(draw(st.lists(st.sampled_from(usable), min_size=1, max_size=3)))
        return listed, "(" + ", ".join(in_quotes(draw, text) for text in listed) + ")"
    value = draw(st.sampled_from(PATTERNS if by in (Operator.LIKE, Operator.ILIKE) else choices))
    return value, in_quotes(draw, value)


@st.composite
def joined(draw, word, parts):
    """Terms that a word joins, and one of the ways to write it; terms of the same word lie flat."""
    said = draw(st.lists(parts, min_size=2, max_size=3))
    kind = And if word == "AND" else Or
    terms = [term for tree, _ in said for term in (tree.terms if isinstance(tree, kind) else (tree,))]
    between = draw(st.sampled_from([f" {word} ", f" {word.lower()} ", f"\n {word}\t"]))
    return kind(tuple(terms)), "(" + between.join(text for _, text in said) + ")"


@st.composite
def negated(draw, parts):
    tree, text = draw(parts)
    return Not(tree), f"({draw(st.sampled_from(['NOT', 'not']))} {text})"


def filters():
    """A tree, and one of the ways to write it."""
    return st.recursive(
        comparisons(),
        lambda parts: joined("AND", parts) | joined("OR", parts) | negated(parts),
        max_leaves=5,
    )


@st.composite
def orders(draw):
    columns = [f"metrics.{key}" for key in METRIC_KEYS if key[0] == "`"]
    columns += ["metrics.a.min", "metrics.`a`.max", "metrics.b.c.best", "metrics.`nobody's`"]
    columns += [f"params.`{key}`" for key in KEYS]
    columns += [f"tags.`{key}`" for key in KEYS] + [f"attributes.{key}" for key in ATTRIBUTES]
    chosen = draw(st.lists(st.sampled_from(columns), max_size=3, unique=True))
    return [column + draw(st.sampled_from(["", " ASC", " desc", " DESC"])) for column in chosen]


@st.composite
def searches(draw):
    """Which runs are looked at, and how many make a page."""
    experiment_ids = draw(st.sampled_from((["1"], ["1", "2"], ["3", "1", "2"])))
    view = draw(st.sampled_from((View.ACTIVE_ONLY, View.ACTIVE_ONLY, View.ALL, View.DELETED_ONLY)))
    return Search("w", view, limit=draw(st.integers(1, 9)), experiment_ids=experiment_ids)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request, tmp_path_factory):
    engine = (
        SqliteEngine() if request.param == "sqlite" else PostgresEngine(request.getfixturevalue("cluster"))
    )
    database = engine.open(tmp_path_factory.mktemp("search"))
    experiment = {"workspace": "w", "artifact_location": "", "lifecycle_stage": "active"}
    with database.writing() as connection:
        connection.execute(
            insert(schema.workspaces), {"name": "w", "default_experiment_id": 1, "created_ms": 0}
        )
        for number in sorted(set(EXPERIMENTS)):
            row = {
                **experiment,
                "experiment_id": number,
                "name": str(number),
                "created_ms": 0,
                "updated_ms": 0,
            }
            connection.execute(insert(schema.experiments), row)
    yield database
    database.close()
    engine.close()


@contextlib.contextmanager
def inserted(database: Database, runs):
    """A connection to a database with just these runs."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        keys = [{"key_id": number, "key": key} for number, key in enumerate(KEYS, 1)]
        connection.execute(insert(schema.metric_keys), keys)
        rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for run_number, run in enumerate(runs, 1):
            for table, row in rows_of(run_number, run):
                if row not in rows[table]:  # runs may have read the same dataset
                    rows[table].append(row)
        for table in (table for table in schema.tables.sorted_tables if table in rows):
            connection.execute(insert(table), rows[table])
        yield connection
        connection.rollback()


@contextlib.contextmanager
def going(way: str):
    """Let searches take one of their ways only."""
    with pytest.MonkeyPatch.context() as patched:
        few, far, far_per_row, far_per_sorted, most_strands = WAYS[way]
        patched.setattr(run_search, "FEW", few)
        patched.setattr(run_search, "FAR", far)
        patched.setattr(run_search, "FAR_PER_ROW", far_per_row)
        patched.setattr(run_search, "FAR_PER_SORTED", far_per_sorted)
        patched.setattr(run_strands, "MAX_STRANDS", most_strands)
        yield


def pages_of(connection, runs, search: Search):
    """Yield the ids of the runs of each page of a search; each token goes over the wire as JSON."""
    while True:
        page = find_runs(connection, search)
        yield [runs[number - 1].run_id for number in page.run_numbers]
        if page.last is None:
            return
        search = dataclasses.replace(search, after=json.loads(json.dumps(page.last)))


def found(database: Database, runs, search: Search, way="the filter first") -> list[str]:
    """Return what the SQL finds among just these runs, page by page."""
    with inserted(database, runs) as connection, going(way):
        return [run_id for page in pages_of(connection, runs, search) for run_id in page]


def rows_of(run_number: int, run: OracleRun):
    """Yield table and row of all that a run is kept as."""
    fields = ("run_id", "name", "user_id", "status", "artifact_uri", "started_ms", "ended_ms")
    row = {name: getattr(run, name) for name in fields}
    owner = {"run_number": run_number}
    stage = {"experiment_id": run.experiment_id, "lifecycle_stage": run.lifecycle_stage}
    yield schema.runs, {**row, **owner, **stage, "revision": 0}
    for table, texts_of in ((schema.params, run.params), (schema.tags, run.tags)):
        for key, value in texts_of.items():
            yield table, {**owner, "key": key, "value": value}
    for key, values in run.metrics.items():
        yield schema.metric_series, {**owner, **series_row(run, key, values)}
    for position, (name, digest, context) in enumerate(run.datasets):
        dataset_id = f"{run.experiment_id}|{name}|{digest}"
        dataset = {"experiment_id": run.experiment_id, "name": name, "digest": f"{digest}", "source_type": ""}
        yield schema.datasets, {**dataset, "dataset_id": dataset_id, "source": ""}
        use = {**owner, "dataset_id": dataset_id}
        yield schema.dataset_inputs, {**use, "position": position}
        if context is not None:
            yield schema.dataset_input_tags, {**use, "key": "mlflow.data.context", "value": context}


def series_row(run: OracleRun, key: str, values):
    numbers = [value for value in values if not math.isnan(value)]
    return {
        "key_id": KEYS.index(key) + 1,
        "experiment_id": run.experiment_id,
        "last_step": len(values),
        "last_timestamp_ms": 0,
        "last_value": 0.0 if math.isnan(values[-1]) else values[-1],
        "last_is_nan": math.isnan(values[-1]),
        "minimum": min(numbers, default=None),
        "maximum": max(numbers, default=None),
        "is_live": run.is_live,
    }


@given(filters())
def test_a_filter_reads_as_it_was_meant(said):
    tree, written = said
    assert parse_run_filter(written) == tree


@given(filters())
def test_a_filter_reads_the_same_with_white_space_around_it(said):
    tree, written = said
    assert parse_run_filter(f" \n{written}\t ") == tree


@given(lists_of_runs(), comparisons())
@settings(deadline=None, max_examples=150)
def test_a_comparison_finds_what_the_oracle_finds(database, runs, said):
    search = Search("w", filter=said[0], experiment_ids=["1"])
    assert found(database, runs, search) == expected(runs, search)


@given(lists_of_runs(), orders(), searches(), ways)
@settings(deadline=None, max_examples=100)
def test_runs_come_in_the_order_of_the_oracle(database, runs, order_by, search, way):
    search = dataclasses.replace(search, order=parse_run_order(order_by))
    assert found(database, runs, search, way) == expected(runs, search)


@given(lists_of_runs(), filters(), orders(), searches(), ways)
@settings(deadline=None, max_examples=100)
def test_a_search_finds_what_the_oracle_finds(database, runs, said, order_by, search, way):
    tree, order = parse_run_filter(said[1]), parse_run_order(order_by)
    search = dataclasses.replace(search, filter=tree, order=order)
    assert found(database, runs, search, way) == expected(runs, search)
