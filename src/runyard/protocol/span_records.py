"""Spans as MLflow's versions have written them into files and databases, read back.

There are three forms: that of today, which is also the one that is kept here; that of 3.5.0, whose ids are
hexadecimal digits; and that of 2.14 to 2.22, with other names.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec import field

from runyard.entities.trace import (
    MODEL_ATTRIBUTE,
    PROVIDER_ATTRIBUTE,
    TRACE_ID_ATTRIBUTE,
    TYPE_ATTRIBUTE,
    Span,
    SpanEvent,
    SpanLink,
)
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.otlp import MAX_NS, MAX_SPAN_NAME_LENGTH
from runyard.protocol.span_content import content_of
from runyard.protocol.wire import MAX_DEPTH, convert, invalid

_HEX = re.compile(r"[0-9a-fA-F]+")
_TRACE_BYTES, _SPAN_BYTES = 16, 8
_STATUSES = ("OK", "ERROR", "UNSET")
# What is kept in a column of its own, as text.
_COLUMNS = (TYPE_ATTRIBUTE, MODEL_ATTRIBUTE, PROVIDER_ATTRIBUTE)


class _Status(Wire):
    code: str = "UNSET"
    message: str = ""


class _Event(Wire):
    name: str = ""
    time_unix_nano: Int64 = 0
    attributes: dict[str, Any] = field(default_factory=dict)


class _Link(Wire):
    trace_id: str
    span_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


class _Record(Wire):
    trace_id: str
    span_id: str
    start_time_unix_nano: Int64
    parent_span_id: str = ""
    name: str = ""
    end_time_unix_nano: Int64 | None = None
    status: _Status = field(default_factory=_Status)
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[_Event] = field(default_factory=list)
    links: list[_Link] = field(default_factory=list)


def read_span(raw: Mapping[str, Any], trace_id: str) -> tuple[Span, str]:
    """Return a span of a trace, and its content in the form in which it is kept.

    In the content it has the trace's id among OpenTelemetry's, which need not be MLflow's.

    Raises:
        InvalidParameter: It is no span, or something in it can't be kept.
    """
    record = convert(_Record, _of_today(raw))
    attributes = {key: _attribute(value) for key, value in record.attributes.items()}
    # The id follows from the trace: nobody can put a span into another one by an attribute.
    attributes[TRACE_ID_ATTRIBUTE] = trace_id
    span = Span(
        trace_id=trace_id,
        span_id=_id(record.span_id, _SPAN_BYTES, "span_id"),
        parent_id=_id(record.parent_span_id, _SPAN_BYTES, "parent_span_id")
        if record.parent_span_id
        else None,
        name=record.name,
        started_ns=_nanoseconds(record.start_time_unix_nano, "start_time_unix_nano"),
        ended_ns=_nanoseconds(record.end_time_unix_nano or 0, "end_time_unix_nano") or None,
        status=_status(record.status.code),
        status_message=record.status.message,
        attributes=attributes,
        events=[
            SpanEvent(each.name, _nanoseconds(each.time_unix_nano, "time_unix_nano"), each.attributes)
            for each in record.events
        ],
        links=[_link(each) for each in record.links],
    )
    _check(span)
    content = content_of(replace(span, trace_id=_id(record.trace_id, _TRACE_BYTES, "trace_id")))
    _check_characters(content)
    return span, content


def _of_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    context = raw.get("context")
    if not isinstance(context, Mapping):
        return dict(raw)
    events = raw.get("events") or []
    return {
        **{key: raw[key] for key in ("name", "attributes", "links") if key in raw},
        "trace_id": context.get("trace_id"),
        "span_id": context.get("span_id"),
        "parent_span_id": raw.get("parent_id"),
        "start_time_unix_nano": raw.get("start_time"),
        "end_time_unix_nano": raw.get("end_time"),
        "status": {"code": raw.get("status_code"), "message": raw.get("status_message")},
        "events": [
            {**each, "time_unix_nano": each.get("timestamp")} if isinstance(each, Mapping) else each
            for each in (events if isinstance(events, list) else [events])
        ],
    }


def _attribute(value: Any) -> Any:
    """Return the value of an attribute: JSON within JSON, or a text or number that somebody else set."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except RecursionError:
            raise _too_deep() from None
        except ValueError:
            return value
    _check_depth(value)
    return value


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(inner, depth + 1)


def _too_deep() -> InvalidParameter:
    return InvalidParameter(f"An attribute of a span is nested deeper than {MAX_DEPTH} levels.")


def _link(sent: _Link) -> SpanLink:
    return SpanLink(
        f"tr-{_id(sent.trace_id, _TRACE_BYTES, 'links.trace_id')}",
        _id(sent.span_id, _SPAN_BYTES, "links.span_id"),
        sent.attributes,
    )


def _id(text: str, size: int, field: str) -> str:
    """Return an id of so many bytes, written as base64 or as hexadecimal digits, as such digits."""
    digits = text.removeprefix("tr-").removeprefix("0x")
    if _HEX.fullmatch(digits) is None:
        try:
            digits = base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            digits = ""
    if not digits or len(digits) > 2 * size:
        raise invalid(field, text, f"At most {size} bytes as base64 or as hexadecimal digits are expected.")
    return digits.lower().rjust(2 * size, "0")


def _nanoseconds(sent: int, field: str) -> int:
    if not 0 <= sent <= MAX_NS:
        raise invalid(field, sent, "Nanoseconds since the epoch are expected.")
    return sent


def _status(code: str) -> str:
    word = code.removeprefix("STATUS_CODE_").upper()
    if word not in _STATUSES:
        raise invalid("status.code", code, f"Expected one of {', '.join(_STATUSES)}.")
    return word


def _check(span: Span) -> None:
    if len(span.name) > MAX_SPAN_NAME_LENGTH:
        raise InvalidParameter(
            f"The name of span {span.span_id} is over {MAX_SPAN_NAME_LENGTH} characters long."
        )
    for key in _COLUMNS:
        if "\0" in str(span.attributes.get(key)):
            raise InvalidParameter(f"'{key}' holds the character NUL, which no text may.")


def _check_characters(content: str) -> None:
    try:
        content.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(
            "An attribute of a span holds half of a surrogate pair, which is no character."
        ) from None
