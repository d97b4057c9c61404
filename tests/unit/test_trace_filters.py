"""The search grammar of traces: what is read, and what is refused and why."""

from __future__ import annotations

import pytest

from runyard.errors import InvalidFilter
from runyard.protocol.filter_tree import And, Comparison, Entity, Or
from runyard.protocol.ordering import Order
from runyard.protocol.trace_filters import parse_trace_filter, parse_trace_order


def said(text: str) -> tuple[str, str, str, object]:
    parsed = parse_trace_filter(text)
    assert isinstance(parsed, Comparison)
    return parsed.entity.value, parsed.key, parsed.operator.value, parsed.value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("timestamp_ms > 5", ("attribute", "started_ms", ">", 5)),
        ("timestamp <= 5", ("attribute", "started_ms", "<=", 5)),
        ("attributes.execution_time_ms = 1", ("attribute", "execution_ms", "=", 1)),
        ("trace.end_time < 9", ("attribute", "ended_ms", "<", 9)),
        ("status = 'OK'", ("attribute", "state", "=", "OK")),
        ("trace.status IN ('OK', 'ERROR')", ("attribute", "state", "IN", ("OK", "ERROR"))),
        ("request_id = 'tr-1'", ("attribute", "trace_id", "=", "tr-1")),
        ("client_request_id LIKE 'a%'", ("attribute", "client_request_id", "LIKE", "a%")),
        ("name = 'predict'", ("tag", "mlflow.traceName", "=", "predict")),
        ("trace.name RLIKE '^p'", ("tag", "mlflow.traceName", "RLIKE", "^p")),
        ("run_id = 'r'", ("run", "mlflow.sourceRun", "=", "r")),
        ("run_id != 'r'", ("request_metadata", "mlflow.sourceRun", "!=", "r")),
        ("metadata.`mlflow.sourceRun` = 'r'", ("run", "mlflow.sourceRun", "=", "r")),
        ("request_metadata.user = 'u'", ("request_metadata", "user", "=", "u")),
        ("metadata.`a session` IS NULL", ("request_metadata", "a session", "IS NULL", None)),
        ("tags.a.b IS NOT NULL", ("tag", "a.b", "IS NOT NULL", None)),
        ("prompt = 'qa/4'", ("prompt", "mlflow.linkedPrompts", "=", "qa/4")),
        ("span.name = 'llm'", ("span", "name", "=", "llm")),
        ("span.type IN ('LLM')", ("span", "type", "IN", ("LLM",))),
        ("span.content ILIKE '%x%'", ("span", "content", "ILIKE", "%x%")),
        ("trace.text LIKE '%x%'", ("span", "content", "LIKE", "%x%")),
        ("span.attributes.llm.model = 'm'", ("span", "attributes.llm.model", "=", "m")),
        ("span.attributes.`llm.model` LIKE 'm%'", ("span", "attributes.llm.model", "LIKE", "m%")),
        ("feedback.correct = 'true'", ("feedback", "correct", "=", "true")),
        ("feedback.score >= 0.5", ("feedback", "score", ">=", 0.5)),
        ("feedback.`is it good` IS NOT NULL", ("feedback", "is it good", "IS NOT NULL", None)),
        ("expectation.answer ILIKE '%x%'", ("expectation", "answer", "ILIKE", "%x%")),
        ("issue.id = 'i-1'", ("issue", "id", "=", "i-1")),
    ],
)  # fmt: skip
def test_a_comparison(text: str, meant: tuple[str, str, str, object]):
    assert said(text) == meant


def test_no_filter_lets_everything_through():
    assert parse_trace_filter("") is None
    assert parse_trace_filter(None) is None


def test_comparisons_are_joined():
    parsed = parse_trace_filter("name = 'a' AND status = 'OK' AND span.name = 'x'")
    assert isinstance(parsed, And)
    assert [each.entity for each in parsed.terms if isinstance(each, Comparison)] == [
        Entity.TAG,
        Entity.ATTRIBUTE,
        Entity.SPAN,
    ]
    assert isinstance(parse_trace_filter("name = 'a' OR (status = 'OK' AND timestamp > 1)"), Or)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("metrics.loss > 1", "Invalid entity type 'metrics'"),
        ("attributes.artifact_uri = 'x'", "Invalid attribute key 'artifact_uri'"),
        ("timestamp_ms LIKE '1%'", "Invalid comparator 'LIKE'"),
        ("timestamp_ms > 'x'", "Expected numeric value"),
        ("status > 'OK'", "Invalid comparator '>'"),
        ("status = 1", "Expected a quoted string value"),
        (
            "prompt LIKE 'a%'",
            "Invalid comparator 'LIKE' for prompts filter. Only '=' is supported with format: "
            'prompt = "name/version"',
        ),
        ("prompt = 'a'", "Invalid prompts filter value 'a'"),
        ("span.content = 'x'", "span.content comparator '=' not one of '{'LIKE', 'ILIKE'}'"),
        ("trace.text RLIKE 'x'", "span.content comparator 'RLIKE' not one of '{'LIKE', 'ILIKE'}'"),
        ("span.attributes.n > 'x'", "span.attributes.n comparator '>' not one of '{'=', '!='"),
        ("span.duration = 'x'", "Invalid span attribute 'duration'"),
        ("span.attributes. = 'x'", "Span attribute name cannot be empty after 'attributes.'"),
        ("feedback.score > 'x'", "Expected a numeric value for feedback"),
        ("feedback.score = 1", "Expected a quoted string value for feedback"),
        ("feedback.score IN ('a')", "assessment.score comparator 'IN' not one of '{'=', '!='"),
        ("issue.name = 'x'", "Invalid issue attribute 'name'"),
        ("issue.id LIKE 'x'", "issue.id comparator 'LIKE' not one of '{'='}'"),
        ("name RLIKE '('", "Invalid regular expression"),
        ("name = 'a' nonsense", "Invalid clause"),
        ("name IS NOT 'x'", "Invalid clause"),
    ],
)
def test_what_is_refused(text: str, why: str):
    with pytest.raises(InvalidFilter, match=why.replace("(", r"\(")):
        parse_trace_filter(text)


def test_an_order():
    assert parse_trace_order(["timestamp_ms DESC", "name", "metadata.a", "experiment_id ASC"]) == (
        Order(Entity.ATTRIBUTE, "started_ms", ascending=False),
        Order(Entity.TAG, "mlflow.traceName"),
        Order(Entity.METADATA, "a"),
        Order(Entity.ATTRIBUTE, "experiment_id"),
    )


@pytest.mark.parametrize(
    "order_by",
    [["span.name"], ["prompt"], ["nothing"], ["name", "tags.`mlflow.traceName`"], ["name UPWARDS"]],
)
def test_an_order_that_is_refused(order_by: list[str]):
    with pytest.raises(InvalidFilter):
        parse_trace_order(order_by)
