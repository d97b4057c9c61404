"""Runyard's own messages about taking over traces with their ids and times."""

from __future__ import annotations

from typing import Any

from runyard.protocol.messages.common import Wire
from runyard.protocol.messages.traces import WireTraceInfo


class ImportedTrace(Wire):
    """A trace without its spans; ``artifact_uri`` is told where a remote store has them.

    ``run_ids`` are the runs that it is linked to, ``prompts`` the versions of prompts, as ``name/version``.
    """

    trace_info: WireTraceInfo
    artifact_uri: str | None = None
    run_ids: list[str] = []
    prompts: list[str] = []


class ImportTraces(Wire):
    """Body of ``POST /api/v1/import/traces``."""

    source: str
    traces: list[ImportedTrace]


class BegunTrace(Wire, omit_defaults=False):
    """A trace, and whether no more of it is wanted: it came before, or was deleted here since.

    If more is, ``artifact_uri`` says where its files go.
    """

    trace_id: str
    is_complete: bool
    artifact_uri: str = ""


class ImportTracesAnswer(Wire, omit_defaults=False):
    """The traces of the request, in its order."""

    traces: list[BegunTrace]


class ImportedSpans(Wire):
    """Some spans of a trace, as MLflow writes them into ``traces.json``.

    With ``is_last`` all of the trace has come. One that ``is_open`` went on where it comes from: the next
    import takes it again.
    """

    trace_id: str
    spans: list[dict[str, Any]] = []
    is_last: bool = False
    is_open: bool = False


class ImportSpans(Wire):
    """Body of ``POST /api/v1/import/traces/spans``."""

    source: str
    traces: list[ImportedSpans]
