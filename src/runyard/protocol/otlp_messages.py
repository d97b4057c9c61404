"""The messages that OpenTelemetry publishes for its wire, read from bytes.

Protobuf takes a good part of a server's start to load, so this is loaded with the first spans that come.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runyard.errors import InvalidParameter

_HEX_FIELDS = ("traceId", "spanId", "parentSpanId")


def parsed(body: bytes, *, is_json: bool) -> Any:
    """Return the export request that a body is.

    Raises:
        InvalidParameter: It is none.
    """
    request = ExportTraceServiceRequest()
    try:
        if is_json:
            ParseDict(_with_base64(json.loads(body)), request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidParameter("Invalid OpenTelemetry format") from None
    return request


def _with_base64(raw: Any) -> Any:
    """Return a JSON request with its ids as protobuf's JSON has bytes; OTLP's has hexadecimal digits."""
    for group in raw.get("resourceSpans", []):
        for scope in group.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for holder in (span, *span.get("links", [])):
                    _encode_ids(holder)
    return raw


def _encode_ids(holder: dict[str, Any]) -> None:
    for field in _HEX_FIELDS:
        if holder.get(field):
            holder[field] = base64.b64encode(bytes.fromhex(holder[field])).decode()
