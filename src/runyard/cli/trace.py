"""`runyard trace`: what applications did step by step, and what is thought of it."""

from __future__ import annotations

import itertools
import json as json_text
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.log import changed_tags
from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import count_text, print_json, print_pairs, print_parts, print_table, say, time_text
from runyard.cli.trash import experiment_id_of
from runyard.entities.trace import NAME_TAG
from runyard.protocol.messages.assessments import WireAssessment

app = App(name="trace", help="List, show, tag, assess and delete traces of applications.")

TraceId = Annotated[str, Parameter(help="The trace's id, as tr-….")]
OfExperiment = Annotated[
    str | None, Parameter(name=["--experiment", "-e"], help="Name or id of the experiment; by default all.")
]


@app.command(name="list")
def list_traces(
    *,
    experiment: OfExperiment = None,
    filter: Annotated[
        str | None, Parameter(help="Conditions, as \"status = 'ERROR' AND tags.stage = 'test'\".")
    ] = None,
    order_by: Annotated[
        tuple[str, ...], Parameter(help="Order, as 'execution_time_ms DESC'; may be repeated.")
    ] = (),
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List traces, the last begun first."""
    workspace = place.open()
    if experiment is None:
        ids = [each.id for each in workspace.experiments.values()]
    else:
        ids = [experiment_id_of(workspace, experiment)]
    found = list(itertools.islice(workspace.traces.search(ids, filter, order_by), max)) if ids else []
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("TRACE ID", "NAME", "STATE", "BEGUN", "TOOK", "ASSESSED", "REQUEST"),
        (
            (
                each.trace_id,
                (each.tags or {}).get(NAME_TAG, "-"),
                str(each.state or "-"),
                each.request_time or "-",
                each.execution_duration or "-",
                " ".join(_said(one) for one in each.assessments or ()) or "-",
                (each.request_preview or "-")[:60],
            )
            for each in found
        ),
    )


@app.command
def show(trace_id: TraceId, *, place: Place = HERE, json: Json = False) -> None:
    """Show a trace: what went in and out, its tags, what is thought of it, and its spans."""
    traces = place.open().traces
    found = traces.get(trace_id)
    spans = traces.get_spans(trace_id)
    if json:
        print_json({"trace": msgspec.to_builtins(found), "spans": spans})
        return
    print_pairs(
        {
            "Trace": found.trace_id,
            "State": str(found.state or "-"),
            "Begun": found.request_time or "-",
            "Took": found.execution_duration or "-",
            "Request": found.request_preview or "-",
            "Response": found.response_preview or "-",
        }
    )
    said = {str(one.assessment_id): _said(one) for one in found.assessments or ()}
    print_parts({"Tags": found.tags or {}, "Metadata": found.trace_metadata or {}, "Assessments": said})
    say("\nSpans")
    for span in spans:
        say(f"  {span.get('span_id', '-')}  {span.get('name', '-')}")


@app.command
def tag(
    trace_id: TraceId,
    *pair: Annotated[str, Parameter(help="A tag and its value, as stage=test.")],
    remove: Annotated[tuple[str, ...], Parameter(help="A tag to take away; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Set tags of a trace, and take others away."""
    tags, traces = changed_tags(pair, remove), place.open().traces
    for key, value in tags.items():
        traces.set_tag(trace_id, key, value)
    for key in remove:
        traces.remove_tag(trace_id, key)
    found = traces.get(trace_id).tags or {}
    if json:
        print_json(found)
    else:
        print_pairs(dict(sorted(found.items())))


@app.command
def assess(
    trace_id: TraceId,
    name: Annotated[str, Parameter(help="What is said, as helpful.")],
    value: Annotated[str, Parameter(help="JSON, as true, 0.5 or [1, 2]; anything else is a text.")],
    *,
    kind: Annotated[
        Literal["feedback", "expectation"], Parameter(help="Feedback, or what should have come out.")
    ] = "feedback",
    rationale: Annotated[str | None, Parameter(help="Why.")] = None,
    span: Annotated[str | None, Parameter(help="The id of the one span that it is about.")] = None,
    overrides: Annotated[
        str | None, Parameter(help="The id of an assessment that counts no more by this one.")
    ] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Say what you think of a trace, or what should have come out, and print the id of that."""
    made = place.open().traces.assess(
        trace_id, name, _value(value), kind=kind, rationale=rationale, span_id=span, overrides=overrides
    )
    if json:
        print_json(msgspec.to_builtins(made))
    else:
        say(str(made.assessment_id))


@app.command
def unassess(
    trace_id: TraceId,
    *assessment_id: Annotated[str, Parameter(help="The assessment's id.")],
    place: Place = HERE,
) -> None:
    """Take back what was said of a trace; what it overrode counts again."""
    traces = place.open().traces
    for each in assessment_id:
        traces.delete_assessment(trace_id, each)
    say(f"{count_text(len(assessment_id), 'assessment')} taken back")


@app.command
def delete(
    trace_id: TraceId,
    *more: TraceId,
    experiment: Annotated[
        str, Parameter(name=["--experiment", "-e"], help="Name or id of the traces' experiment.")
    ],
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete traces of an experiment. There is no way back."""
    workspace = place.open()
    deleted = workspace.traces.delete(experiment_id_of(workspace, experiment), [trace_id, *more])
    if json:
        print_json({"deleted": deleted})
    else:
        say(f"{count_text(deleted, 'trace')} deleted")


@app.command
def sessions(
    experiment: Annotated[str, Parameter(help="Name or id of the experiment.")],
    *,
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the sessions of an experiment's traces, the one with the last trace first."""
    workspace = place.open()
    listed = workspace.traces.list_sessions(experiment_id_of(workspace, experiment))
    found = list(itertools.islice(listed, max))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("SESSION", "TRACES", "ERRORS", "TOKENS", "BEGUN", "LAST TRACE"),
        (
            (
                each.session_id,
                str(each.trace_count),
                str(each.error_count),
                "-" if each.total_tokens is None else str(each.total_tokens),
                time_text(each.first_ms),
                time_text(each.last_ms),
            )
            for each in found
        ),
    )


def _value(text: str) -> Any:
    try:
        return json_text.loads(text)
    except ValueError:
        return text


def _said(one: WireAssessment) -> str:
    if one.feedback:
        value = "failed" if one.feedback.error else one.feedback.value
    elif one.expectation and one.expectation.serialized_value:
        value = one.expectation.serialized_value.value
    else:
        value = one.expectation.value if one.expectation else "an issue"
    return f"{one.assessment_name}={value}"
