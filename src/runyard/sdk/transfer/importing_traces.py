"""Taking over the traces of a source: each whole or again, and both sides counted as they come."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgspec

from runyard.entities.trace import TraceState
from runyard.protocol.messages.imported_traces import ImportedTrace
from runyard.protocol.messages.imports import CountImported
from runyard.protocol.messages.traces import wire_trace_info
from runyard.protocol.span_content import without_odd_numbers
from runyard.sdk.transfer.destination import Destination, SentSpans
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceTrace
from runyard.sdk.transfer.source import Unreadable, sound
from runyard.sdk.transfer.spreading import REFUSED, groups, spread
from runyard.sdk.transfer.takeover import Takeover

TRACES_AT_ONCE = 25
SPANS_AT_ONCE = 2000
SPAN_BYTES_AT_ONCE = 4 * 1024 * 1024


class TraceImport:
    """Takes traces over, with their spans, assessments and links."""

    def __init__(self, takeover: Takeover) -> None:
        self._source = takeover.source
        self._destination = takeover.destination
        self._is_dry_run = takeover.is_dry_run
        self._note = takeover.note
        self._told = takeover.told
        self._lock = threading.Lock()
        self.read = Counts()
        self.kept = Counts()
        self.open_traces = 0
        self.remote_owners = 0

    def take(self, pool: ThreadPoolExecutor, experiment: SourceExperiment, experiment_id: str) -> None:
        """Take over the traces of one experiment, once its runs are here."""
        found = sound(self._source.traces(experiment), self._source.name)
        spread(pool, groups(found, TRACES_AT_ONCE), lambda group: self._take(experiment_id, group))

    def _take(self, experiment_id: str, traces: Sequence[SourceTrace]) -> None:
        try:
            counted = self._brought(experiment_id, traces)
        except REFUSED as error:
            if len(traces) > 1:
                for trace in traces:
                    self._take(experiment_id, [trace])
                return
            self._note(f"Trace {traces[0].trace.trace_id}: {error}")
            counted = {traces[0].trace.trace_id: _counts_of(traces[0])}
        kept = Counts() if self._is_dry_run else self._compared(counted)
        with self._lock:
            for counts in counted.values():
                self.read.add(counts)
            self.kept.add(kept)
            self._told("Traces", self.read.traces, 0)

    def _brought(self, experiment_id: str, traces: Sequence[SourceTrace]) -> dict[str, Counts]:
        """Return what the source has of some traces, once all of it has come."""
        described = [self._described(experiment_id, each) for each in traces]
        complete = {each.trace.trace_id for each in traces}
        if not self._is_dry_run:
            begun = self._destination.begin_traces(described)
            complete = {each.trace_id for each in begun if each.is_complete}
        counted, outgoing = {}, _Outgoing(self._destination)
        for each in traces:
            counts = counted[each.trace.trace_id] = _counts_of(each)
            if each.trace.trace_id in complete:
                counts.spans = self._source.count_spans(each)
            else:
                counts.spans = self._sent(outgoing, each)
        outgoing.flush()
        self._count_special(traces, described, counted, complete)
        return counted

    def _sent(self, outgoing: _Outgoing, trace: SourceTrace) -> int:
        count = 0
        for span in sound(self._source.spans(trace), self._source.name):
            outgoing.add(trace.trace.trace_id, _encoded(span))
            count += 1
        outgoing.end(trace.trace.trace_id, trace.trace.state is TraceState.IN_PROGRESS)
        return count

    def _count_special(
        self,
        traces: Sequence[SourceTrace],
        described: Sequence[ImportedTrace],
        counted: Mapping[str, Counts],
        complete: set[str],
    ) -> None:
        going_on = [
            each
            for each in traces
            if each.trace.state is TraceState.IN_PROGRESS and each.trace.trace_id not in complete
        ]
        elsewhere = [
            each for each in described if each.artifact_uri and not counted[each.trace_info.trace_id].spans
        ]
        with self._lock:
            self.open_traces += len(going_on)
            self.remote_owners += len(elsewhere)

    def _described(self, experiment_id: str, trace: SourceTrace) -> ImportedTrace:
        return ImportedTrace(
            trace_info=wire_trace_info(replace(trace.trace, experiment_id=experiment_id)),
            artifact_uri=self._source.remote_location(trace.artifact_uri),
            run_ids=list(trace.run_ids),
            prompts=list(trace.prompts),
        )

    def _compared(self, counted: Mapping[str, Counts]) -> Counts:
        kept, wanted = self._kept(list(counted)), Counts()
        for counts in counted.values():
            wanted.add(counts)
        if kept != wanted:
            for trace_id, counts in counted.items():
                self._name_difference(trace_id, counts)
        return kept

    def _kept(self, trace_ids: Sequence[str]) -> Counts:
        found = self._destination.count(CountImported(trace_ids=list(trace_ids)))
        return Counts(traces=found.traces, spans=found.spans, assessments=found.assessments)

    def _name_difference(self, trace_id: str, wanted: Counts) -> None:
        different = differences(self._kept([trace_id]), wanted)
        if different:
            self._note(
                f"Trace {trace_id} differs from the source, or has changed or was deleted since: {different}."
            )


class _Outgoing:
    """Spans on their way: as many in a call as it takes, those of a large trace in several."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._waiting: dict[str, SentSpans] = {}
        self._size_bytes = 0
        self._count = 0

    def add(self, trace_id: str, encoded: bytes) -> None:
        """Send a span, now or later."""
        if self._size_bytes + len(encoded) > SPAN_BYTES_AT_ONCE or self._count == SPANS_AT_ONCE:
            self.flush()
        self._of(trace_id).spans.append(msgspec.Raw(encoded))
        self._size_bytes += len(encoded)
        self._count += 1

    def end(self, trace_id: str, is_open: bool) -> None:
        """Say that these were all spans of a trace."""
        ended = self._of(trace_id)
        ended.is_last, ended.is_open = True, is_open

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._destination.send_spans(list(self._waiting.values()))
        self._waiting, self._size_bytes, self._count = {}, 0, 0

    def _of(self, trace_id: str) -> SentSpans:
        return self._waiting.setdefault(trace_id, SentSpans(trace_id=trace_id))


def differences(kept: Counts, wanted: Counts) -> str:
    """Return in words where two counts differ; empty if they don't."""
    return ", ".join(
        f"{getattr(kept, name)} {name} of {getattr(wanted, name)}"
        for name in Counts.__slots__
        if getattr(kept, name) != getattr(wanted, name)
    )


def _counts_of(trace: SourceTrace) -> Counts:
    return Counts(traces=1, assessments=len(trace.trace.assessments))


def _encoded(span: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(without_odd_numbers(span), ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise Unreadable(f"A span can't be written as JSON: {error}") from error
