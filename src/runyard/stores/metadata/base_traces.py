"""The contracts of the stores for traces, spans and assessments; what holds for all stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runyard.entities.assessment import Assessment
from runyard.entities.trace import Span, Trace
from runyard.protocol.filter_tree import Filter
from runyard.stores.metadata.base import Search


@dataclass(frozen=True, slots=True)
class Doomed:
    """Which traces of an experiment are to be deleted: the oldest first, of those that all of this holds for.

    Args:
        experiment_id: Their experiment.
        trace_ids: Only these; ``None`` for all.
        until_ms: Only those that began until then; ``None`` for whenever they began.
    """

    experiment_id: str
    trace_ids: Sequence[str] | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """How many of some traces are there, and how much of each kind they hold together."""

    traces: int
    spans: int
    assessments: int


@dataclass(frozen=True, slots=True)
class WrittenSpan:
    """A span to be kept, and its content: all of it as JSON, with its attributes as JSON within that."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many traces there are, and how many two conditions hold for: one by one, and together."""

    total: int
    first: int
    second: int
    joint: int


class TraceStore(ABC):
    """Remembers what is known of traces as a whole: fields, tags, metadata, links to runs and prompts.

    An id is unique in its workspace. A deleted trace is gone at once, with all that hangs on it; the folder
    of its files goes to the removed artifacts.
    """

    @abstractmethod
    def add_trace(self, trace: Trace) -> None:
        """Keep a new trace with its tags and metadata; assessments are added by their own store.

        Raises:
            AlreadyExists: The workspace has a trace of this id.
        """

    @abstractmethod
    def get_trace(self, workspace: str, trace_id: str) -> Trace:
        """Return a trace with its tags, metadata and assessments.

        Raises:
            NotFound: The workspace has no such trace.
        """

    @abstractmethod
    def find_traces(self, workspace: str, trace_ids: Sequence[str]) -> list[Trace]:
        """Return those of the traces that are there, in the same order and each once."""

    @abstractmethod
    def update_trace(self, trace: Trace) -> None:
        """Write the fields of a trace over, its experiment among them; its tags and metadata are added."""

    @abstractmethod
    def set_trace_tags(self, workspace: str, trace_id: str, tags: Mapping[str, str]) -> None:
        """Set tags, over older values."""

    @abstractmethod
    def delete_trace_tag(self, workspace: str, trace_id: str, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def search_traces(self, search: Search) -> list[Trace]:
        """Return a page of traces, the latest first unless an order is asked for; the view is not used."""

    @abstractmethod
    def delete_traces(self, workspace: str, doomed: Doomed, limit: int, now_ms: int) -> int:
        """Delete at most ``limit`` traces and return how many there were to delete."""

    @abstractmethod
    def link_run(self, workspace: str, trace_ids: Sequence[str], run_id: str) -> None:
        """Note that traces belong to a run; one that is not there, or is known to, is passed over."""

    @abstractmethod
    def link_prompts(self, workspace: str, trace_id: str, prompts: Sequence[str]) -> None:
        """Note that a trace used versions of prompts, each as ``name/version``."""

    @abstractmethod
    def count_held(self, workspace: str, trace_ids: Sequence[str]) -> Held:
        """Return how much those of the traces hold that are there."""

    @abstractmethod
    def overlap(self, search: Search, first: Filter | None, second: Filter | None) -> Overlap:
        """Return how many of the traces that a search finds, whatever its page, two more filters hold for."""


class SpanStore(ABC):
    """Remembers the spans of traces: a span that comes again is written over."""

    @abstractmethod
    def keep_spans(self, workspace: str, spans: Sequence[WrittenSpan]) -> None:
        """Keep spans of traces that are there.

        Raises:
            NotFound: One of the traces is not.
        """

    @abstractmethod
    def read_contents(self, workspace: str, trace_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the contents of each trace's spans, the whole first and then by their beginning.

        A trace without spans has no entry.
        """


class AssessmentStore(ABC):
    """Remembers what is thought of traces."""

    @abstractmethod
    def add_assessment(self, workspace: str, assessment: Assessment) -> None:
        """Keep a new assessment.

        Raises:
            AlreadyExists: The trace has an assessment of this id.
            NotFound: There is no such trace.
        """

    @abstractmethod
    def get_assessment(self, workspace: str, trace_id: str, assessment_id: str) -> Assessment:
        """Return one assessment.

        Raises:
            NotFound: There is no such trace, or it has no such assessment.
        """

    @abstractmethod
    def update_assessment(self, workspace: str, assessment: Assessment) -> None:
        """Write an assessment over."""

    @abstractmethod
    def set_validity(self, workspace: str, trace_id: str, assessment_id: str, is_valid: bool) -> bool:
        """Note whether an assessment counts, and return whether it was there."""

    @abstractmethod
    def delete_assessment(self, workspace: str, trace_id: str, assessment_id: str) -> bool:
        """Delete an assessment and return whether it was there."""
