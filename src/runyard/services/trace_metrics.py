"""What traces come to together: counts, times, tokens, costs, values; and how far two filters go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runyard.entities.measures import COSTS, TOKENS
from runyard.entities.trace import RUN_KEY
from runyard.entities.trace_metrics import Aggregate, Aggregation, MetricPoint, MetricView
from runyard.errors import InvalidFilter, InvalidParameter
from runyard.protocol import limits
from runyard.protocol.filter_tokens import Clause, Kind, read, shortened
from runyard.protocol.filter_tree import And, Comparison, Entity, Filter, Operator
from runyard.protocol.filters import bare, unquoted
from runyard.protocol.timestamps import MAX_MS
from runyard.protocol.trace_filters import parse_trace_filter
from runyard.services.call import Call
from runyard.services.experiments import readable
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.base_trace_metrics import TraceQuestion
from runyard.stores.metadata.base_traces import Overlap

MAX_POINTS = 1_000
MAX_FILTERS = 50
MAX_AGGREGATIONS = 20
_PRIOR = 0.5

_COUNTED = (Aggregate.COUNT,)
_TIMED = (Aggregate.AVERAGE, Aggregate.MINIMUM, Aggregate.MAXIMUM, Aggregate.PERCENTILE)
_SUMMED = (Aggregate.SUM, *_TIMED)
_MODELS = ("span_model_name", "span_model_provider")
# Of each metric how it may be made one, and by what it may be told apart.
_METRICS: dict[MetricView, dict[str, tuple[Sequence[Aggregate], Sequence[str]]]] = {
    MetricView.TRACES: {
        "trace_count": (_COUNTED, ("trace_name", "trace_status")),
        "session_count": (_COUNTED, ()),
        "latency": (_TIMED, ("trace_name",)),
        **dict.fromkeys(TOKENS[:5], (_SUMMED, ("trace_name",))),
    },
    MetricView.SPANS: {
        "span_count": (_COUNTED, ("span_name", "span_type", "span_status", *_MODELS)),
        "latency": (_TIMED, ("span_name", "span_status")),
        **dict.fromkeys(COSTS, (_SUMMED, _MODELS)),
    },
    MetricView.ASSESSMENTS: {
        "assessment_count": (_COUNTED, ("assessment_name", "assessment_value")),
        "assessment_value": (_TIMED, ("assessment_name",)),
    },
}
_FIELDS = {"span": ("name", "status", "type"), "assessment": ("name", "type")}
_OF_TRACES = ("status", "tag", "metadata")
_VIEW_OF = {"span": MetricView.SPANS, "assessment": MetricView.ASSESSMENTS}


@dataclass(frozen=True, slots=True)
class MetricsAsked:
    """A question about traces as a client asks it; the stores' :class:`TraceQuestion` says what is what."""

    experiment_ids: Sequence[str]
    view: MetricView
    metric: str
    aggregations: Sequence[Aggregation]
    dimensions: Sequence[str] = ()
    filters: Sequence[str] = ()
    bucket_ms: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    limit: int = MAX_POINTS


def measure_traces(call: Call, asked: MetricsAsked) -> list[MetricPoint]:
    """Return what the traces of some experiments come to.

    Raises:
        InvalidParameter: There is no such metric, or it can't be made one or told apart like that.
    """
    _check(asked)
    within = readable(call, asked.experiment_ids)
    if not within:
        return []
    read_filters = [_filter(text, asked.view) for text in asked.filters]
    conditions = tuple(each for each in read_filters if isinstance(each, Comparison))
    search = Search(
        workspace=call.workspace.name,
        experiment_ids=within,
        filter=And(conditions) if conditions else None,
        limit=asked.limit,
    )
    question = TraceQuestion(
        search=search,
        view=asked.view,
        metric=asked.metric,
        aggregations=asked.aggregations,
        dimensions=asked.dimensions,
        equal=[each for each in read_filters if isinstance(each, tuple)],
        bucket_ms=asked.bucket_ms or None,
        from_ms=asked.from_ms,
        until_ms=asked.until_ms,
    )
    return call.stores.metadata.trace_metrics.measure(question)


def _check(asked: MetricsAsked) -> None:
    limits.check_page_size(asked.limit, MAX_POINTS)
    known = _METRICS[asked.view]
    if asked.metric not in known:
        raise InvalidParameter(f"metric_name must be one of {list(known)}, got '{shortened(asked.metric)}'")
    hows, dimensions = known[asked.metric]
    wrong = sorted({each.how.value for each in asked.aggregations if each.how not in hows})
    if wrong:
        raise InvalidParameter(
            f"Found invalid aggregation_type(s): {wrong}. "
            f"Supported aggregation types: {sorted(each.value for each in hows)}"
        )
    unknown = sorted(set(asked.dimensions) - set(dimensions))
    if unknown:
        raise InvalidParameter(
            f"Found invalid dimension(s): {shortened(str(unknown))}. "
            f"Supported dimensions: {sorted(dimensions)}"
        )
    _check_counts(asked, len(dimensions))
    _check_times(asked)


def _check_counts(asked: MetricsAsked, dimensions: int) -> None:
    if not asked.aggregations:
        raise InvalidParameter("Missing value for required parameter 'aggregations'.")
    for field, count, most in (
        ("aggregations", len(asked.aggregations), MAX_AGGREGATIONS),
        ("dimensions", len(asked.dimensions), dimensions),
        ("filters", len(asked.filters), MAX_FILTERS),
    ):
        if count > most:
            raise InvalidParameter(f"'{field}' has {count} entries; at most {most} are allowed.")


def _check_times(asked: MetricsAsked) -> None:
    if asked.bucket_ms and (asked.from_ms is None or asked.until_ms is None):
        raise InvalidParameter("start_time_ms and end_time_ms are required if time_interval_seconds is set")
    times = {
        "time_interval_seconds": asked.bucket_ms,
        "start_time_ms": asked.from_ms,
        "end_time_ms": asked.until_ms,
    }
    for field, value in times.items():
        if value is not None and not 0 <= value <= MAX_MS:
            raise InvalidParameter(f"'{field}' must be a time between the years 1970 and 9999.")


def _filter(text: str, view: MetricView) -> Comparison | tuple[str, str]:
    """Return what a filter says: of traces a comparison, of what is counted a column and its value.

    It is ``trace.status``, ``trace.tag.<key>``, ``trace.metadata.<key>``, ``span.<field>`` or
    ``assessment.<field>`` and what it is equal to.
    """
    clause = read(text).root
    if not isinstance(clause, Clause) or clause.right is None or clause.left.kind is not Kind.NAME:
        raise InvalidFilter(f"Invalid clause(s) in filter string: {shortened(text)}")
    if clause.operator != "=":
        raise InvalidFilter(f"Invalid comparator: '{clause.operator}', only '=' operator is supported")
    if clause.right.kind not in (Kind.STRING, Kind.NAME):
        raise InvalidFilter(f"Expected a quoted string value. Got value {shortened(clause.right.text)}")
    value = unquoted(clause.right)
    head, _, rest = clause.left.text.partition(".")
    return _of_trace(rest, value) if head == "trace" else (_column(head, rest, view), value)


def _column(head: str, field: str, view: MetricView) -> str:
    """Return the column that a filter over spans or assessments names."""
    if head not in _VIEW_OF:
        raise InvalidFilter(
            f"Invalid identifier '{shortened(f'{head}.{field}' if field else head)}'. Columns should be "
            "specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'."
        )
    if field not in _FIELDS[head]:
        raise _no_entity(field, head, _FIELDS[head])
    wanted = _VIEW_OF[head]
    if wanted is not view:
        raise InvalidFilter(
            f"Filtering by {head} is only supported for {wanted.value} view type, got {view.value}"
        )
    return "kind" if (head, field) == ("assessment", "type") else field


def _of_trace(rest: str, value: str) -> Comparison:
    entity, _, key = rest.partition(".")
    if entity == "status" and not key:
        return Comparison(Entity.ATTRIBUTE, "state", Operator.EQUAL, value)
    if entity not in _OF_TRACES:
        raise _no_entity(entity, "trace", _OF_TRACES)
    if entity == "status":
        raise InvalidFilter("Filtering by status does not require a key, use 'trace.status' instead")
    if not key:
        raise InvalidFilter(f"Filtering by {entity} requires a key, e.g. 'trace.{entity}.<key> = <value>'")
    key = bare(key)
    kind = Entity.TAG if entity == "tag" else Entity.RUN_LINK if key == RUN_KEY else Entity.METADATA
    return Comparison(kind, key, Operator.EQUAL, value)


def _no_entity(entity: str, head: str, known: Sequence[str]) -> InvalidFilter:
    return InvalidFilter(
        f"Invalid entity '{shortened(entity)}' specified for view type '{head}'. "
        f"Valid entities are {list(known)}"
    )


@dataclass(frozen=True, slots=True)
class Correlation:
    """How far two filters go together: pointwise mutual information, normalised to -1 … 1, or NaN."""

    overlap: Overlap
    npmi: float
    npmi_smoothed: float


def correlate_filters(
    call: Call, experiment_ids: Sequence[str], first: str, second: str, base: str | None
) -> Correlation:
    """Return how far two filters go together, of the traces that a third one lets through."""
    within = readable(call, experiment_ids)
    wanted: list[Filter | None] = [parse_trace_filter(text) for text in (base, first, second)]
    search = Search(workspace=call.workspace.name, experiment_ids=within, filter=wanted[0])
    overlap = Overlap(0, 0, 0, 0)
    if within:
        overlap = call.stores.metadata.traces.overlap(search, wanted[1], wanted[2])
    if not overlap.first or not overlap.second:
        return Correlation(overlap, math.nan, math.nan)
    cells = [*_cells(overlap)]
    plain = _npmi(cells) if overlap.joint else -1.0
    return Correlation(overlap, plain, _npmi([cell + _PRIOR for cell in cells]))


def _cells(overlap: Overlap) -> Iterator[float]:
    """Yield how many traces both hold for, the first alone, the second alone, and neither."""
    yield overlap.joint
    yield overlap.first - overlap.joint
    yield overlap.second - overlap.joint
    yield overlap.total - overlap.first - overlap.second + overlap.joint


def _npmi(cells: Sequence[float]) -> float:
    both, first, second, neither = cells
    if not first and not second and not neither:
        return 1.0
    total = sum(cells)
    information = math.log(both) + math.log(total) - math.log(both + first) - math.log(both + second)
    return max(-1.0, min(1.0, information / (math.log(total) - math.log(both))))
