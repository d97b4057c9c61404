"""What can be done with traces as a whole: start, find, tag, link, delete."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runyard.auth.permissions import Permission, not_allowed
from runyard.entities.experiment import Experiment
from runyard.entities.trace import (
    ARCHIVAL_FAILURE_TAG,
    ARCHIVE_TAG,
    ARTIFACTS_TAG,
    FINAL_KEY,
    SPANS_TAG,
    Trace,
    TraceState,
)
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.timestamps import MAX_DURATION_MS, MAX_MS
from runyard.protocol.trace_filters import parse_trace_filter, parse_trace_order
from runyard.protocol.wire import invalid
from runyard.services.assessments import keep_assessments
from runyard.services.call import Call
from runyard.services.experiments import (
    get_active_experiment,
    get_experiment,
    readable,
    resolve_experiment_id,
)
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_traces import Doomed

DEFAULT_TRACES_PAGE = 100
MAX_TRACES_PAGE = 500
MAX_LINKS = 100
MAX_PAIRS = 1_000
MAX_IDS = 10_000
MAX_PREVIEW_LENGTH = 65_535
MAX_PROMPT_LENGTH = 500
DELETED_AT_ONCE = 500

_TRACE_ID = re.compile(r"[A-Za-z0-9][\w\-.:]{0,199}", re.ASCII)
_KEPT_TAGS = (SPANS_TAG, ARCHIVE_TAG, ARCHIVAL_FAILURE_TAG)


def start_trace(call: Call, told: Trace) -> Trace:
    """Keep what a client tells of a trace as a whole, which it does at the trace's end, and return the trace.

    Its spans may have come before: what they said of the trace is then written over.

    Raises:
        Forbidden: The trace is in another experiment, where the caller may not write.
        InvalidParameter: The experiment is deleted, or a field can't be.
        NotFound: There is no such experiment.
    """
    check_trace(told)
    with call.stores.atomic():
        experiment = get_active_experiment(call, told.experiment_id)
        told = replace(
            told,
            experiment_id=experiment.experiment_id,
            tags={**told.tags, ARTIFACTS_TAG: artifacts_of(experiment, told.trace_id)},
            metadata={**told.metadata, FINAL_KEY: "true"},
        )
        before = add_or_get(call, told)
        if before is not None:
            call.stores.metadata.traces.update_trace(_over(before, told))
        keep_assessments(call, told.trace_id, told.assessments)
        return get_trace(call, told.trace_id)


def begin_trace(call: Call, told: Trace) -> Trace:
    """Return a new trace that goes on, under an id of the server's, as clients of MLflow 2 ask for it."""
    told = replace(told, trace_id=uuid.uuid4().hex, state=TraceState.IN_PROGRESS)
    check_trace(told)
    with call.stores.atomic():
        experiment = get_active_experiment(call, told.experiment_id)
        tags = {**told.tags, ARTIFACTS_TAG: artifacts_of(experiment, told.trace_id)}
        made = replace(told, experiment_id=experiment.experiment_id, tags=tags)
        call.stores.metadata.traces.add_trace(made)
        return made


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trace ended, and what its client has to say of it besides."""

    ended_ms: int
    state: TraceState
    metadata: Mapping[str, str]
    tags: Mapping[str, str]


def end_trace(call: Call, trace_id: str, ended: Ending) -> Trace:
    """Note how a trace ended, and return it."""
    with call.stores.atomic():
        before = get_trace(call, trace_id)
        told = replace(
            before,
            execution_ms=ended.ended_ms - before.started_ms,
            state=ended.state,
            metadata=ended.metadata,
            tags={key: value for key, value in ended.tags.items() if key != ARTIFACTS_TAG},
        )
        check_trace(told)
        call.stores.metadata.traces.update_trace(told)
        return get_trace(call, trace_id)


def _over(before: Trace, told: Trace) -> Trace:
    """Return what is to be written of a trace that was there before."""
    return replace(
        told,
        request_preview=before.request_preview if told.request_preview is None else told.request_preview,
        response_preview=before.response_preview if told.response_preview is None else told.response_preview,
    )


def add_or_get(call: Call, trace: Trace) -> Trace | None:
    """Add a trace that is not there, or return the one that is, held until the end of the transaction.

    Raises:
        Forbidden: The caller may not write to the experiment that it is in.
    """
    store = call.stores.metadata.traces
    try:
        before = store.get_trace(call.workspace.name, trace.trace_id)
    except NotFound:
        try:
            store.add_trace(trace)
        except AlreadyExists:  # another server was faster
            before = store.get_trace(call.workspace.name, trace.trace_id)
        else:
            return None
    check_may_change(call, before)
    return before


def check_may_change(call: Call, trace: Trace) -> None:
    """Return if the caller may write to the experiment that a trace is in, whatever experiment was named.

    Raises:
        Forbidden: They may not.
    """
    name = call.workspace.name
    if call.caller is None or call.caller.may(Permission.CONTRIBUTE, name):
        return
    if trace.experiment_id not in call.caller.experiments_with(Permission.CONTRIBUTE, name):
        raise not_allowed(Permission.CONTRIBUTE, name)


def artifacts_of(experiment: Experiment, trace_id: str) -> str:
    """Return where the files of a trace are: its tag says it to clients, and is not asked here."""
    return f"{experiment.artifact_location.rstrip('/')}/traces/{trace_id}/artifacts"


def artifact_uri_of(call: Call, trace: Trace) -> str:
    """Return where the files of a trace are."""
    return artifacts_of(get_experiment(call, trace.experiment_id), trace.trace_id)


def get_trace(call: Call, trace_id: str) -> Trace:
    """Return a trace without its spans."""
    return call.stores.metadata.traces.get_trace(call.workspace.name, trace_id)


def find_traces(
    call: Call, trace_ids: Sequence[str], experiment_ids: Sequence[str] | None = None
) -> list[Trace]:
    """Return those of the traces that are there and that the caller may see, in the same order.

    Args:
        call: Who asks.
        trace_ids: Which traces.
        experiment_ids: Only those of these experiments; ``None`` for all.
    """
    if len(trace_ids) > MAX_IDS:
        raise InvalidParameter(f"'trace_ids' has {len(trace_ids)} entries; at most {MAX_IDS} are allowed.")
    within = call.experiments_to_read()
    if experiment_ids is not None:
        asked = frozenset(resolve_experiment_id(call.workspace, each) for each in experiment_ids)
        within = asked if within is None else asked & within
    found = call.stores.metadata.traces.find_traces(call.workspace.name, trace_ids)
    return [trace for trace in found if within is None or trace.experiment_id in within]


@dataclass(frozen=True, slots=True)
class TracesAsked:
    """A search for traces as a client asks for it."""

    experiment_ids: Sequence[str]
    filter: str | None = None
    order_by: Sequence[str] = ()
    max_results: int = DEFAULT_TRACES_PAGE
    page_token: str | None = None


def search_traces(call: Call, asked: TracesAsked) -> Page[Trace]:
    """Return a page of traces, the latest first unless an order is asked for."""
    limits.check_page_size(asked.max_results, MAX_TRACES_PAGE)
    offset = parse_page_token(asked.page_token)
    within = readable(call, asked.experiment_ids)
    search = Search(
        workspace=call.workspace.name,
        experiment_ids=within,
        filter=parse_trace_filter(asked.filter),
        order=parse_trace_order(asked.order_by),
        limit=asked.max_results + 1,
        offset=offset,
    )
    found = call.stores.metadata.traces.search_traces(search) if within else []
    return page_of(found, asked.max_results, offset)


def set_trace_tag(call: Call, trace_id: str, key: str, value: str) -> None:
    """Set one tag, over an older value."""
    _check_tag(key, "set")
    limits.check_key(key, "key")
    limits.check_length(key, limits.MAX_KEY_LENGTH, "key")
    limits.check_length(value, limits.MAX_VALUE_LENGTH, "value")
    call.stores.metadata.traces.set_trace_tags(call.workspace.name, trace_id, {key: value})


def delete_trace_tag(call: Call, trace_id: str, key: str) -> None:
    """Delete one tag."""
    if key != ARCHIVAL_FAILURE_TAG:
        _check_tag(key, "deleted")
    if not call.stores.metadata.traces.delete_trace_tag(call.workspace.name, trace_id, key):
        raise NotFound(f"No trace tag with key '{key}' for trace with ID '{trace_id}'")


def _check_tag(key: str, operation: str) -> None:
    if key in _KEPT_TAGS:
        raise InvalidParameter(f"Tag '{key}' is immutable and cannot be {operation} on a trace.")


def delete_traces(
    call: Call,
    experiment_id: str,
    trace_ids: Sequence[str],
    until_ms: int | None,
    max_traces: int | None,
) -> int:
    """Delete traces of an experiment for good, the oldest first, and return how many there were.

    Either those that are named, or those that began until some moment. So many take several transactions: one
    that was cut short has deleted some, and is asked for again.
    """
    _check_deletion(trace_ids, until_ms, max_traces)
    doomed = Doomed(resolve_experiment_id(call.workspace, experiment_id), trace_ids or None, until_ms)
    deleted = 0
    while max_traces is None or deleted < max_traces:
        limit = DELETED_AT_ONCE if max_traces is None else min(DELETED_AT_ONCE, max_traces - deleted)
        gone = call.stores.metadata.traces.delete_traces(call.workspace.name, doomed, limit, call.now_ms())
        deleted += gone
        if gone < limit:
            break
    return deleted


def _check_deletion(trace_ids: Sequence[str], until_ms: int | None, max_traces: int | None) -> None:
    if until_ms is None and not trace_ids:
        raise InvalidParameter("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if until_ms is not None and trace_ids:
        raise InvalidParameter("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if trace_ids and max_traces is not None:
        raise InvalidParameter("`max_traces` can't be specified if `trace_ids` is specified.")
    if max_traces is not None and max_traces <= 0:
        raise InvalidParameter(f"`max_traces` must be a positive integer, received {max_traces}.")
    if len(trace_ids) > MAX_IDS:
        raise InvalidParameter(f"'request_ids' has {len(trace_ids)} entries; at most {MAX_IDS} are allowed.")


def link_traces_to_run(call: Call, trace_ids: Sequence[str], run_id: str) -> None:
    """Note that traces belong to a run; of those that are not there nothing is noted."""
    if len(trace_ids) > MAX_LINKS:
        raise InvalidParameter(
            f"Cannot link more than {MAX_LINKS} traces to a run in a single request. "
            f"Provided {len(trace_ids)} traces."
        )
    with call.stores.atomic():
        call.stores.metadata.runs.get_run(call.workspace.name, run_id)
        seen = [trace.trace_id for trace in find_traces(call, trace_ids)]
        call.stores.metadata.traces.link_run(call.workspace.name, seen, run_id)


def link_prompts(call: Call, trace_id: str, prompts: Sequence[str]) -> None:
    """Note that a trace used versions of prompts, each as ``name/version``."""
    check_prompts(prompts)
    with call.stores.atomic():
        get_trace(call, trace_id)
        call.stores.metadata.traces.link_prompts(call.workspace.name, trace_id, prompts)


def check_prompts(prompts: Sequence[str]) -> None:
    """Refuse versions of prompts that are too many or too long."""
    if len(prompts) > MAX_LINKS:
        raise InvalidParameter(
            f"'prompt_versions' has {len(prompts)} entries; at most {MAX_LINKS} are allowed."
        )
    for prompt in prompts:
        limits.check_length(prompt, MAX_PROMPT_LENGTH, "prompt_versions")


def check_trace(trace: Trace) -> None:
    """Refuse a trace with a field that can't be kept."""
    if _TRACE_ID.fullmatch(trace.trace_id) is None:
        raise InvalidParameter(
            f"Invalid value for parameter 'trace_id' supplied: {trace.trace_id[:300]!r}. "
            "At most 200 letters, digits, underscores, dashes, periods and colons are expected."
        )
    if not 0 <= trace.started_ms <= MAX_MS:
        raise invalid("request_time", trace.started_ms, "A time between the years 1970 and 9999 is expected.")
    if abs(trace.execution_ms or 0) > MAX_DURATION_MS:
        raise invalid("execution_duration", trace.execution_ms, f"At most {MAX_DURATION_MS} ms are expected.")
    for field, pairs in (("trace_metadata", trace.metadata), ("tags", trace.tags)):
        check_pairs(pairs, field)
    limits.check_length(trace.client_request_id or "", limits.MAX_KEY_LENGTH, "client_request_id")
    limits.check_length(trace.request_preview or "", MAX_PREVIEW_LENGTH, "request_preview")
    limits.check_length(trace.response_preview or "", MAX_PREVIEW_LENGTH, "response_preview")


def check_pairs(pairs: Mapping[str, str], field: str) -> None:
    """Refuse tags or metadata of a trace that are too many or too long."""
    if len(pairs) > MAX_PAIRS:
        raise InvalidParameter(f"'{field}' has {len(pairs)} entries; at most {MAX_PAIRS} are allowed.")
    for key, value in pairs.items():
        if not key:
            raise InvalidParameter(f"A key in '{field}' must not be empty.")
        limits.check_length(key, limits.MAX_KEY_LENGTH, f"{field}.key")
        limits.check_length(value, limits.MAX_VALUE_LENGTH, f"{field}.value")
