"""Taking over traces of elsewhere, with their ids, times, spans, assessments and links.

A trace carries the metadata :data:`IMPORT_TAG` once all of it has come, and stays as it is from then on. One
that was deleted here does not come back for as long as the server remembers that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runyard.entities.experiment import Experiment
from runyard.entities.trace import (
    ARCHIVAL_FAILURE_TAG,
    ARCHIVE_TAG,
    ARTIFACTS_TAG,
    SPANS_HERE,
    SPANS_TAG,
    Span,
    Trace,
)
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol import limits
from runyard.protocol.otlp import MAX_SPANS
from runyard.services.assessments import keep_assessments
from runyard.services.call import Call
from runyard.services.imports import IMPORT_TAG, check_source, imported_experiment, remote_location
from runyard.services.traces import (
    MAX_LINKS,
    add_or_get,
    artifacts_of,
    check_prompts,
    check_trace,
    get_trace,
)
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path
from runyard.stores.metadata.base_traces import WrittenSpan

MAX_TRACES = 100
# The spans of an archived trace come with it, so they are archived no more.
_LEFT_OUT_TAGS = frozenset({ARTIFACTS_TAG, ARCHIVE_TAG, ARCHIVAL_FAILURE_TAG})
_IN_A_FILE = "ARTIFACT_REPO"


@dataclass(frozen=True, slots=True)
class ComingTrace:
    """A trace as it is described, without its spans, and what it is linked to."""

    trace: Trace
    artifact_uri: str | None = None
    run_ids: Sequence[str] = ()
    prompts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ComingSpans:
    """Some spans of a trace, each with its content.

    With ``is_last`` all of it has come; one that ``is_open`` went on where it comes from.
    """

    trace_id: str
    spans: Sequence[tuple[Span, str]]
    is_last: bool = False
    is_open: bool = False


def begin_traces(call: Call, source: str, coming: Sequence[ComingTrace]) -> list[str | None]:
    """Keep traces as they are described, but for their spans and files.

    Return where the files of each go; None if no more of it is wanted.

    Raises:
        AlreadyExists: A trace of an id is here that this import has not brought.
        InvalidParameter: Too many, or something in one of them can't be.
        NotFound: There is no such experiment.
    """
    check_source(source)
    _check_count(len(coming), "traces", MAX_TRACES)
    for each in coming:
        _check(each)
    places: dict[str, str | None] = {}
    traces = call.stores.metadata.traces
    with call.stores.atomic():
        wanted = {each.trace.experiment_id for each in coming}
        experiments = {each: imported_experiment(call, source, each) for each in sorted(wanted)}
        ids = [each.trace.trace_id for each in coming]
        here = {trace.trace_id for trace in traces.find_traces(call.workspace.name, ids)}
        for each in sorted(coming, key=lambda one: one.trace.trace_id):
            experiment, trace_id = experiments[each.trace.experiment_id], each.trace.trace_id
            gone = trace_id not in here and _was_deleted(call, experiment, trace_id)
            places[trace_id] = None if gone else _begin(call, experiment, each)
    return [places[trace_id] for trace_id in ids]


def _begin(call: Call, experiment: Experiment, coming: ComingTrace) -> str | None:
    """Keep one trace and return where its files go; None if all of it came before."""
    told = _kept_as(experiment, coming)
    before = add_or_get(call, told)
    if before is not None:
        if before.experiment_id != experiment.experiment_id:
            raise AlreadyExists(
                f"Trace with ID '{told.trace_id}' is there already, in experiment {before.experiment_id}, "
                "and was not imported into this one."
            )
        if IMPORT_TAG in before.metadata:
            return None
        call.stores.metadata.traces.update_trace(told)
    keep_assessments(call, told.trace_id, told.assessments)
    for run_id in sorted(set(coming.run_ids)):
        call.stores.metadata.traces.link_run(call.workspace.name, [told.trace_id], run_id)
    if coming.prompts:
        call.stores.metadata.traces.link_prompts(call.workspace.name, told.trace_id, coming.prompts)
    return told.tags[ARTIFACTS_TAG]


def _kept_as(experiment: Experiment, coming: ComingTrace) -> Trace:
    trace = coming.trace
    tags = {key: value for key, value in trace.tags.items() if key not in _LEFT_OUT_TAGS}
    if tags.get(SPANS_TAG) not in (SPANS_HERE, _IN_A_FILE):
        tags.pop(SPANS_TAG, None)
    remote = remote_location(coming.artifact_uri)
    return replace(
        trace,
        experiment_id=experiment.experiment_id,
        tags={**tags, ARTIFACTS_TAG: remote or artifacts_of(experiment, trace.trace_id)},
        metadata={key: value for key, value in trace.metadata.items() if key != IMPORT_TAG},
    )


def _was_deleted(call: Call, experiment: Experiment, trace_id: str) -> bool:
    """Whether a trace of this id was here: deleting it leaves a note of its folder."""
    try:
        place = proxied_path(artifacts_of(experiment, trace_id))
    except InvalidParameter:  # no path: nothing was ever written there
        return False
    if place is None:
        return False
    folder = (ArtifactPath((call.workspace.name,)) / place).parent
    return call.stores.metadata.trash.is_removed(call.workspace, folder)


def keep_spans(call: Call, source: str, coming: Sequence[ComingSpans]) -> None:
    """Keep spans of traces that have begun to come, and mark those as complete of which these are the last.

    Raises:
        InvalidParameter: Too many.
        NotFound: One of the traces is not here.
    """
    check_source(source)
    _check_count(len(coming), "traces", MAX_TRACES)
    _check_count(sum(len(each.spans) for each in coming), "spans", MAX_SPANS)
    with call.stores.atomic():
        for each in sorted(coming, key=lambda one: one.trace_id):
            trace = get_trace(call, each.trace_id)
            imported_experiment(call, source, trace.experiment_id)
            # Another import may have brought all of it meanwhile.
            if IMPORT_TAG not in trace.metadata:
                written = [WrittenSpan(span, content) for span, content in each.spans]
                call.stores.metadata.spans.keep_spans(call.workspace.name, written)
                is_whole = each.is_last and not each.is_open
                noted = replace(
                    trace,
                    tags={SPANS_TAG: SPANS_HERE} if each.spans else {},
                    metadata={IMPORT_TAG: source} if is_whole else {},
                )
                call.stores.metadata.traces.update_trace(noted)


def _check(coming: ComingTrace) -> None:
    check_trace(coming.trace)
    remote_location(coming.artifact_uri)
    _check_count(len(coming.run_ids), "run_ids", MAX_LINKS)
    for run_id in coming.run_ids:
        limits.check_run_id(run_id)
    check_prompts(coming.prompts)


def _check_count(count: int, field: str, limit: int) -> None:
    if count > limit:
        raise InvalidParameter(f"'{field}' has {count} entries; at most {limit} are allowed.")
