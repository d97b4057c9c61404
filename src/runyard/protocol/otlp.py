"""OpenTelemetry's wire for spans (OTLP over HTTP), as protobuf and as JSON: bytes to our spans.

The messages are OpenTelemetry's own published ones. What a client says with them that MLflow has no place for
(kind, trace state, scopes, counts of what was dropped) is left out, as in MLflow.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from runyard.entities.trace import TRACE_ID_ATTRIBUTE, Span, SpanEvent, SpanLink
from runyard.errors import InvalidParameter, TooLarge, Unprocessable

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
DONE = b""
"""What is answered once all spans are kept: the message of an export with no partial success."""

MAX_SPANS = 10_000
MAX_SPAN_NAME_LENGTH = 10_000
MAX_NS = 2**63 - 1
MAX_MEMBERS = 64
"""How many pieces, each compressed by itself, a body may be made of; exporters send one."""
_STATUSES = {1: "OK", 2: "ERROR"}
_TRACE_BYTES, _SPAN_BYTES = 16, 8


@dataclass(frozen=True, slots=True)
class Received:
    """A span as it came, and what its sender says of itself."""

    span: Span
    resource: Mapping[str, Any]


def decompressed(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return what a compressed body holds.

    Raises:
        InvalidParameter: It is not compressed in the way that it is said to be, or piece by piece.
        TooLarge: It holds more than ``max_bytes``; no more than that is made of it.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise InvalidParameter(f"Unsupported Content-Encoding: {encoding[:40]}")
    # "deflate" is with a head by the letter of the law, and without one by some clients.
    forms = (zlib.MAX_WBITS | 16,) if encoding == "gzip" else (zlib.MAX_WBITS, -zlib.MAX_WBITS)
    plain = next(
        (each for each in (_inflated(body, form, max_bytes) for form in forms) if each is not None), None
    )
    if plain is None:
        raise InvalidParameter(f"Failed to decompress {encoding} payload")
    return plain


def _inflated(body: bytes, form: int, max_bytes: int) -> bytes | None:
    """Return what a body in one form holds; ``None`` if it is not in that form."""
    try:
        return b"".join(_members(body, form, max_bytes))
    except zlib.error:
        return None


def _members(body: bytes, form: int, max_bytes: int) -> Iterator[bytes]:
    size_bytes = 0
    # What is left is copied for each member, so of many small ones each would cost what the whole body does.
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(form)
        part = member.decompress(body, max_bytes - size_bytes + 1)
        size_bytes += len(part)
        if size_bytes > max_bytes:
            raise TooLarge(f"The request's body holds over {max_bytes} bytes (setting max_body_bytes).")
        if not member.eof:
            raise zlib.error("it ends in the middle")
        yield part
        body = member.unused_data
        if not body:
            return
    raise InvalidParameter(f"The compressed body has over {MAX_MEMBERS} members; send it as one.")


def spans_in(body: bytes, content_type: str) -> list[Received]:
    """Return the spans of an export request.

    Raises:
        InvalidParameter: The body is no such request, or holds nothing.
        TooLarge: It holds more spans than are taken at once, or more parts than so many spans have.
        Unprocessable: A span is not whole, or has a value that can't be kept.
    """
    # Not at the top, for the sake of the server's start.
    messages = import_module("runyard.protocol.otlp_messages")
    request = messages.parsed(body, is_json=content_type == JSON)
    if not request.resource_spans:
        raise InvalidParameter("Invalid OpenTelemetry format - no spans found")
    received: list[Received] = []
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            received += (Received(_span(each), resource) for each in scope.spans)
    if len(received) > MAX_SPANS:
        raise TooLarge(f"The request holds {len(received)} spans; at most {MAX_SPANS} are taken at once.")
    return received


def _span(sent: Any) -> Span:
    trace_id = _trace_id(sent.trace_id, "trace_id")
    span_id = _span_id(sent.span_id, "span_id")
    attributes = _attributes(sent.attributes)
    # The id follows from the trace's own: a client can't put a span into another one by an attribute.
    attributes[TRACE_ID_ATTRIBUTE] = trace_id
    _check_text(sent.name, "name")
    _check_text(sent.status.message, "status.message")
    if len(sent.name) > MAX_SPAN_NAME_LENGTH:
        raise Unprocessable(f"The name of span {span_id} is over {MAX_SPAN_NAME_LENGTH} characters long.")
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_span_id(sent.parent_span_id, "parent_span_id") if sent.parent_span_id else None,
        name=sent.name,
        started_ns=_nanoseconds(sent.start_time_unix_nano, "start_time_unix_nano"),
        ended_ns=_nanoseconds(sent.end_time_unix_nano, "end_time_unix_nano") or None,
        status=_STATUSES.get(sent.status.code, "UNSET"),
        status_message=sent.status.message,
        attributes=attributes,
        events=[
            SpanEvent(
                each.name, _nanoseconds(each.time_unix_nano, "time_unix_nano"), _attributes(each.attributes)
            )
            for each in sent.events
        ],
        links=list(_links(sent.links)),
    )


def _links(links: Iterable[Any]) -> Iterator[SpanLink]:
    for each in links:
        yield SpanLink(
            _trace_id(each.trace_id, "links.trace_id"),
            _span_id(each.span_id, "links.span_id"),
            _attributes(each.attributes),
        )


def _trace_id(sent: bytes, field: str) -> str:
    return f"tr-{_id(sent, _TRACE_BYTES, field)}"


def _span_id(sent: bytes, field: str) -> str:
    return _id(sent, _SPAN_BYTES, field)


def _id(sent: bytes, size: int, field: str) -> str:
    if not sent or len(sent) > size:
        raise Unprocessable(
            f"Cannot convert OpenTelemetry span to MLflow span: {field} has {len(sent)} bytes."
        )
    return sent.rjust(size, b"\0").hex()


def _nanoseconds(sent: int, field: str) -> int:
    if sent > MAX_NS:
        raise Unprocessable(f"{field} is {sent}; at most {MAX_NS} can be kept.")
    return sent


def _check_text(text: str, field: str) -> None:
    if "\0" in text:
        raise Unprocessable(f"'{field}' holds the character NUL, which no text may.")


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(sent: Any) -> Any:
    kind = sent.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(each) for each in sent.array_value.values]
    if kind == "kvlist_value":
        return _attributes(sent.kvlist_value.values)
    value = getattr(sent, kind)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
