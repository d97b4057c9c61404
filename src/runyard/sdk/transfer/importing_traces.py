"""Taking over the traces of a source: each whole or again, and both sides counted as they come."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec

from runyard.entities.trace import TraceState
from runyard.errors import NotFound
from runyard.protocol.messages.imported_traces import ImportedTrace
from runyard.protocol.messages.imports import CountImported
from runyard.protocol.messages.traces import wire_trace_info
from runyard.sdk.transfer.destination import Destination, SentSpans
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceTrace
from runyard.sdk.transfer.source import Unreadable, encoded_span, sound
from runyard.sdk.transfer.spreading import REFUSED, groups, spread
from runyard.sdk.transfer.takeover import Takeover
from runyard.sdk.transfer.trace_contents import ATTACHMENTS, TraceContents

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
        wanted: dict[str, str] = {}
        if not self._is_dry_run:
            begun = self._destination.begin_traces(described)
            wanted = {each.trace_id: each.artifact_uri for each in begun if not each.is_complete}
        counted, outgoing = {}, _Outgoing(self._destination)
        for each in traces:
            counts = counted[each.trace.trace_id] = _counts_of(each)
            if each.trace.trace_id in wanted:
                contents = self._sent(outgoing, each, wanted[each.trace.trace_id])
            else:
                contents = self._source.contents(each)
            counts.spans = contents.spans
            if self._source.remote_location(each.artifact_uri) is None:
                counts.attachments = len(contents.attachments)
        outgoing.flush()
        self._count_special(traces, described, counted, wanted)
        return counted

    def _sent(self, outgoing: _Outgoing, trace: SourceTrace, uri: str) -> TraceContents:
        trace_id, contents = trace.trace.trace_id, TraceContents()
        for span in sound(self._source.spans(trace), self._source.name):
            encoded = encoded_span(span)
            outgoing.add(trace_id, encoded)
            contents.spans += 1
            contents.look_into(trace_id, encoded)
        if self._source.remote_location(trace.artifact_uri) is None:
            for attachment_id, size_bytes in contents.attachments.items():
                self._send_attachment(trace, uri, attachment_id, size_bytes)
        # The mark follows on the last span, so all that is attached has come by then.
        outgoing.end(trace_id, trace.trace.state is TraceState.IN_PROGRESS)
        return contents

    def _send_attachment(
        self, trace: SourceTrace, uri: str, attachment_id: str, size_bytes: int | None
    ) -> None:
        try:
            with self._source.attachment(trace, attachment_id) as local:
                _check_size(local, size_bytes)
                self._destination.put_file(uri, f"{ATTACHMENTS}/{attachment_id}", local)
        except (NotFound, Unreadable) as error:
            # A client whose upload fails only warns: its trace has all else, now as ever.
            self._note(f"Trace {trace.trace.trace_id}: attachment {attachment_id} is left out. {error}")

    def _count_special(
        self,
        traces: Sequence[SourceTrace],
        described: Sequence[ImportedTrace],
        counted: Mapping[str, Counts],
        wanted: Mapping[str, str],
    ) -> None:
        going_on = [
            each
            for each in traces
            if each.trace.state is TraceState.IN_PROGRESS and each.trace.trace_id in wanted
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
        kept, wanted = self._kept(counted), Counts()
        for counts in counted.values():
            wanted.add(counts)
        if kept != wanted:
            for trace_id, counts in counted.items():
                self._name_difference(trace_id, counts)
        return kept

    def _kept(self, counted: Mapping[str, Counts]) -> Counts:
        attached = [trace_id for trace_id, counts in counted.items() if counts.attachments]
        found = self._destination.count(CountImported(trace_ids=list(counted), attached_trace_ids=attached))
        return Counts(
            traces=found.traces,
            spans=found.spans,
            assessments=found.assessments,
            attachments=found.attachments,
        )

    def _name_difference(self, trace_id: str, wanted: Counts) -> None:
        different = differences(self._kept({trace_id: wanted}), wanted)
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


def _check_size(local: Path, size_bytes: int | None) -> None:
    found_bytes = local.stat().st_size
    if size_bytes not in (None, found_bytes):
        # As an older server of MLflow's, which sends the spans whatever it is asked for.
        raise Unreadable(f"It has {found_bytes} bytes, and its span says {size_bytes}.")


def _counts_of(trace: SourceTrace) -> Counts:
    return Counts(traces=1, assessments=len(trace.trace.assessments))
