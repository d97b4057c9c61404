"""The traces of an export: each with its spans as JSON in a line of one file, written and read one by one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from runyard.entities.trace import ARTIFACTS_TAG, SPANS_HERE, SPANS_TAG, Trace
from runyard.errors import NotFound
from runyard.protocol.messages.traces import wire_trace_info
from runyard.sdk.transfer.destination import IMPORT_TAG
from runyard.sdk.transfer.mlflow_traces import MAX_SPANS_BYTES, trace_of_today
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceTrace
from runyard.sdk.transfer.source import Source, Unreadable, encoded_span
from runyard.sdk.transfer.trace_contents import ATTACHMENTS, TraceContents

TRACES = "traces.jsonl"
MAX_LINE_BYTES = 2 * MAX_SPANS_BYTES
# What is of the server that keeps a trace, not of the trace.
_OF_THE_SERVER = (ARTIFACTS_TAG, SPANS_TAG)


def write_traces(folder: Path, source: Source, experiment: SourceExperiment) -> Iterator[Counts]:
    """Write all traces of an experiment, and yield what each has; the same traces are the same bytes.

    An attachment that the source can't give is noted there.
    """
    with (folder / TRACES).open("x", encoding="utf-8") as file:
        for trace in source.traces(experiment):
            spans = list(source.spans(trace))
            file.write(json.dumps(_line(trace, spans), ensure_ascii=False, sort_keys=True) + "\n")
            yield Counts(
                traces=1,
                spans=len(spans),
                assessments=len(trace.trace.assessments),
                attachments=_copy_attachments(folder, source, trace, spans),
            )


def _copy_attachments(folder: Path, source: Source, trace: SourceTrace, spans: list[dict[str, Any]]) -> int:
    trace_id, contents = trace.trace.trace_id, TraceContents()
    for span in spans:
        contents.look_into(trace_id, encoded_span(span))
    if contents.attachments and ("/" in trace_id or trace_id in ("", ".", "..")):
        raise Unreadable(f"{trace_id!r} is no name of a folder.")
    target = folder / attachments_folder(trace_id)
    return sum(_is_copied(source, trace, each, target) for each in contents.attachments)


def _is_copied(source: Source, trace: SourceTrace, attachment_id: str, target: Path) -> bool:
    try:
        with source.attachment(trace, attachment_id) as local:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(local, target / attachment_id)
    except (NotFound, Unreadable) as error:
        name = f"Trace {trace.trace.trace_id}: attachment {attachment_id}"
        source.problems.append(f"{name} is left out. {error}")
        return False
    return True


def attachments_folder(trace_id: str) -> str:
    """Return where in an export lies what is attached to a trace."""
    return f"artifacts/traces/{trace_id}/{ATTACHMENTS}"


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
