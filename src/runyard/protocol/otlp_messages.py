"""The messages that OpenTelemetry publishes for its wire, read from bytes.

Protobuf takes a good part of a server's start to load, so this is loaded with the first spans that come.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runyard.errors import InvalidParameter, TooLarge

MAX_PARTS = 500_000
"""How many fields (in JSON: objects and lists) a request may have: 50 for each of the most spans."""
_SMALLEST_FIELD_BYTES = 2
_NOT_TAKEN = "Invalid OpenTelemetry format"
_MORE, _MAX_VARINT_BYTES = 0x80, 10
_MAX_DEPTH = 100
_VARINT, _OF_LENGTH = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}
_HEX_FIELDS = ("traceId", "spanId", "parentSpanId")


def parsed(body: bytes, *, is_json: bool) -> Any:
    """Return the export request that a body is.

    Raises:
        InvalidParameter: It is none.
        TooLarge: It has more than ``MAX_PARTS`` parts: each becomes an object many times its size, so that
            few bytes, compressed, could take all of the memory.
    """
    _check_parts(body, is_json=is_json)
    request = ExportTraceServiceRequest()
    try:
        if is_json:
            ParseDict(_with_base64(json.loads(body)), request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidParameter(_NOT_TAKEN) from None
    return request


def _check_parts(body: bytes, *, is_json: bool) -> None:
    if len(body) <= _SMALLEST_FIELD_BYTES * MAX_PARTS:
        return  # so many do not fit into it
    try:
        has_too_many = (
            body.count(b"{") + body.count(b"[") > MAX_PARTS if is_json else _has_too_many_fields(body)
        )
    except IndexError:
        raise InvalidParameter(_NOT_TAKEN) from None
    if has_too_many:
        raise TooLarge(f"The request has over {MAX_PARTS} parts; send fewer spans at once.")


def _has_too_many_fields(body: bytes) -> bool:
    """Tell whether a request has too many fields, those of messages in it included.

    Raises:
        IndexError: It breaks off or is too deep: the parser would refuse it, but only with the rest made.
    """
    at, end, kind, left = 0, len(body), ExportTraceServiceRequest.DESCRIPTOR, MAX_PARTS
    around: list[tuple[int, Any]] = []
    while True:
        if at == end:
            if not around:
                return False
            end, kind = around.pop()
            continue
        left -= 1
        if left < 0:
            return True
        tag, at = _varint(body, at)
        size_bytes, at = _size(body, at, tag & 7)
        if at + size_bytes > end:
            raise IndexError(at)
        message = _messages_in(kind).get(tag >> 3) if tag & 7 == _OF_LENGTH else None
        if message is None:
            at += size_bytes
            continue
        around.append((end, kind))
        if len(around) > _MAX_DEPTH:
            raise IndexError(at)
        end, kind = at + size_bytes, message


@cache
def _messages_in(kind: Any) -> dict[int, Any]:
    """Return the kinds of the messages that a kind of message holds, by the number of the field."""
    return {each.number: each.message_type for each in kind.fields if each.message_type is not None}


def _size(body: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return how long the content of a field is, and where it begins."""
    if wire_type == _OF_LENGTH:
        return _varint(body, at)
    if wire_type == _VARINT:
        return 0, _varint(body, at)[1]
    return _FIXED_BYTES.get(wire_type, 0), at


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins there, and where it ends."""
    number = body[at]
    if number < _MORE:
        return number, at + 1
    number -= _MORE
    for place in range(1, _MAX_VARINT_BYTES):
        following = body[at + place]
        number |= (following & ~_MORE) << 7 * place
        if following < _MORE:
            return number, at + place + 1
    raise IndexError(at)


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
