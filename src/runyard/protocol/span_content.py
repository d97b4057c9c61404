"""The two forms in which MLflow writes a span: in a file of a trace, and in an answer of the API.

In a file, attributes are JSON within JSON, and ids are base64. It is that form that is stored and searched:
what is looked for in a span's ``content`` then reads as it does in MLflow.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from runyard.entities.trace import Span
from runyard.protocol.wire import wire_float

_INT64 = 2**63
_PREFIX = "STATUS_CODE_"


def content_of(span: Span) -> str:
    """Return a span as MLflow writes it into ``traces.json``."""
    return json.dumps(
        {
            "trace_id": _base64(_otel_id(span.trace_id)),
            "span_id": _base64(span.span_id),
            "parent_span_id": _base64(span.parent_id) if span.parent_id else None,
            "name": span.name,
            "start_time_unix_nano": span.started_ns,
            "end_time_unix_nano": span.ended_ns,
            "events": [
                {
                    "name": each.name,
                    "time_unix_nano": each.at_ns,
                    "attributes": without_odd_numbers(each.attributes),
                }
                for each in span.events
            ],
            "status": {"code": _PREFIX + span.status, "message": span.status_message},
            "attributes": {key: dumped(value) for key, value in span.attributes.items()},
            "links": [
                {
                    "trace_id": each.trace_id,
                    "span_id": each.span_id,
                    "attributes": without_odd_numbers(each.attributes) or None,
                }
                for each in span.links
            ],
        },
        ensure_ascii=False,
    )


def dumped(value: Any) -> str:
    """Return the value of an attribute as JSON."""
    return json.dumps(value, ensure_ascii=False)


def file_of(contents: list[str]) -> bytes:
    """Return the file ``traces.json`` of a trace with these spans."""
    return ('{"spans":[' + ",".join(contents) + "]}").encode()


def span_message(content: str) -> dict[str, Any]:
    """Return a stored span as protobuf's JSON writes OpenTelemetry's message."""
    raw = json.loads(content)
    message: dict[str, Any] = {"trace_id": raw["trace_id"], "span_id": raw["span_id"]}
    if raw["parent_span_id"]:
        message["parent_span_id"] = raw["parent_span_id"]
    message["name"] = raw["name"]
    message["start_time_unix_nano"] = raw["start_time_unix_nano"]
    if raw["end_time_unix_nano"]:
        message["end_time_unix_nano"] = raw["end_time_unix_nano"]
    message["attributes"] = _pairs(attributes_in(raw))
    message["events"] = [
        {
            "name": each["name"],
            "time_unix_nano": each["time_unix_nano"],
            "attributes": _pairs(each["attributes"]),
        }
        for each in raw["events"]
    ]
    message["links"] = [
        {
            "trace_id": _base64(_otel_id(each["trace_id"])),
            "span_id": _base64(each["span_id"]),
            "attributes": _pairs(each["attributes"] or {}),
        }
        for each in raw["links"]
    ]
    message["status"] = dict(raw["status"])
    return message


def attributes_in(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span that was read from its content."""
    return {key: json.loads(value) for key, value in raw["attributes"].items()}


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int):
        return {"int_value": value} if -_INT64 <= value < _INT64 else {"string_value": str(value)}
    if isinstance(value, float):
        return {"double_value": wire_float(value)}
    if isinstance(value, list):
        return {"array_value": {"values": [_any_value(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": _pairs(value)}}
    return {"string_value": value}


def without_odd_numbers(value: Any) -> Any:
    """Return a value without numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: without_odd_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_odd_numbers(each) for each in value]
    return wire_float(value) if isinstance(value, float) else value


def _otel_id(trace_id: str) -> str:
    return trace_id.removeprefix("tr-")


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
