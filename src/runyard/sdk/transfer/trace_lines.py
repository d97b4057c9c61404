"""The traces of an export: each with its spans as JSON in a line of one file, written and read one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from runyard.entities.trace import ARTIFACTS_TAG, SPANS_HERE, SPANS_TAG, Trace
from runyard.protocol.messages.traces import wire_trace_info
from runyard.sdk.transfer.destination import IMPORT_TAG
from runyard.sdk.transfer.mlflow_traces import MAX_SPANS_BYTES, trace_of_today
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceTrace
from runyard.sdk.transfer.source import Source, Unreadable

TRACES = "traces.jsonl"
MAX_LINE_BYTES = 2 * MAX_SPANS_BYTES
# What is of the server that keeps a trace, not of the trace.
_OF_THE_SERVER = (ARTIFACTS_TAG, SPANS_TAG)


def write_traces(path: Path, source: Source, experiment: SourceExperiment) -> Iterator[Counts]:
    """Write all traces of an experiment, and yield what each has; the same traces are the same bytes."""
    with path.open("x", encoding="utf-8") as file:
        for trace in source.traces(experiment):
            spans = list(source.spans(trace))
            file.write(json.dumps(_line(trace, spans), ensure_ascii=False, sort_keys=True) + "\n")
            yield Counts(traces=1, spans=len(spans), assessments=len(trace.trace.assessments))


def _line(trace: SourceTrace, spans: list[dict[str, Any]]) -> dict[str, Any]:
    told = trace.trace
    kept = replace(
        told,
        experiment_id="",
        tags={key: value for key, value in told.tags.items() if key not in _OF_THE_SERVER},
        metadata={key: value for key, value in told.metadata.items() if key != IMPORT_TAG},
    )
    info = msgspec.to_builtins(wire_trace_info(kept))
    del info["trace_location"]
    return {
        "trace_info": info,
        "run_ids": list(trace.run_ids),
        "prompts": list(trace.prompts),
        "spans": spans,
    }


class TraceLines:
    """Reads the file of an export; one that has none has no traces.

    Args:
        path: The file.
        problems: Where it is noted what was left out.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path = path
        self._problems = problems

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """Yield the traces; a line that is broken is noted and left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            while True:
                place = file.tell()
                line = file.readline(MAX_LINE_BYTES)
                if not line:
                    return
                try:
                    yield self._trace(experiment, line, place)
                except Unreadable as error:
                    self._problems.append(str(error))

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """Yield the spans of a trace."""
        with self._path.open("rb") as file:
            file.seek(int(trace.place))
            yield from self._parsed(file.readline(MAX_LINE_BYTES), int(trace.place))["spans"]

    def _trace(self, experiment: SourceExperiment, line: bytes, place: int) -> SourceTrace:
        parsed = self._parsed(line, place)
        try:
            trace = trace_of_today(parsed["trace_info"])
        except (ValueError, TypeError, AttributeError) as error:
            raise self._unreadable(place, error) from error
        return SourceTrace(
            trace=_placed(trace, experiment, bool(parsed["spans"])),
            run_ids=parsed["run_ids"],
            prompts=parsed["prompts"],
            place=str(place),
        )

    def _parsed(self, line: bytes, place: int) -> dict[str, Any]:
        try:
            parsed = json.loads(line)
            lists = [parsed[name] for name in ("run_ids", "prompts", "spans")]
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise self._unreadable(place, error) from error
        if not all(isinstance(each, list) for each in lists):
            raise self._unreadable(place, TypeError("no list"))
        return dict(parsed)

    def _unreadable(self, place: int, error: Exception) -> Unreadable:
        return Unreadable(f"{self._path} has a line that is no trace, from byte {place} on: {error!r}")


def _placed(trace: Trace, experiment: SourceExperiment, has_spans: bool) -> Trace:
    tags = {**trace.tags, SPANS_TAG: SPANS_HERE} if has_spans else trace.tags
    return replace(trace, experiment_id=experiment.source_id, tags=tags)
