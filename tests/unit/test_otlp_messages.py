"""Requests of OpenTelemetry's exporters: how many objects a few bytes may become."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runyard.errors import InvalidParameter, TooLarge
from runyard.protocol import otlp_messages
from runyard.protocol.otlp_messages import MAX_PARTS, parsed

SCANNED_BYTES = 2 * MAX_PARTS + 1
"""The shortest body that is looked through."""


def varint(number: int) -> bytes:
    """Return a number as protobuf writes it."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def inside(content: bytes, *fields: int) -> bytes:
    """Return what lies in messages in messages, the innermost named last."""
    for field in reversed(fields):
        content = varint(field << 3 | 2) + varint(len(content)) + content
    return content


def empty(field: int, count: int) -> bytes:
    """Return so many empty messages of a field."""
    return inside(b"", field) * count


# Wherever a request holds messages or lists of them: resource, scope, span, attribute, event, link.
PLACES = {
    "resources": ((), 1),
    "entities of a resource": ((1, 1), 3),
    "scopes": ((1,), 2),
    "attributes of a scope": ((1, 2, 1), 3),
    "spans": ((1, 2), 2),
    "attributes": ((1, 2, 2), 9),
    "events": ((1, 2, 2), 11),
    "attributes of an event": ((1, 2, 2, 11), 3),
    "links": ((1, 2, 2), 13),
    "values of a list": ((1, 2, 2, 9, 2, 5), 1),
    "values of a map": ((1, 2, 2, 9, 2, 6), 1),
}


class Unparsed:
    """The message of an export that must not be read."""

    DESCRIPTOR = ExportTraceServiceRequest.DESCRIPTOR

    def ParseFromString(self, body: bytes) -> None:
        """Tell that it was."""
        raise AssertionError(len(body))


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a test fail if the parser sees the body: it makes all messages before anybody can count them."""
    monkeypatch.setattr(otlp_messages, "ExportTraceServiceRequest", Unparsed)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("unparsed")
def test_s27_a_request_of_tiny_messages_is_refused_before_they_are_made(place):
    within, field = PLACES[place]
    with pytest.raises(TooLarge, match="over 500000 parts"):
        parsed(inside(empty(field, MAX_PARTS + 1), *within), is_json=False)


@pytest.mark.parametrize("tail", [b"\x0a", b"\x0a\xff", b"\x0a\x05abc", b"\x80" * 11, b"\x0a" + b"\xff" * 10])
@pytest.mark.usefixtures("unparsed")
def test_s27_one_that_breaks_off_is_no_way_past_the_count(tail):
    """The parser would refuse it, but at its end, with all the messages made."""
    body = inside(empty(2, MAX_PARTS // 2 + 1), 1) + inside(b"a text", 1, 3) + tail
    body = inside(b"-" * SCANNED_BYTES, 900) + body
    with pytest.raises(InvalidParameter, match="Invalid OpenTelemetry format"):
        parsed(body, is_json=False)


@pytest.mark.usefixtures("unparsed")
def test_s27_neither_is_one_of_messages_in_messages_without_end():
    """Deeper than the parser goes; what the count has to remember of it is bounded as well."""
    deep = inside(b"", 1, 2, 2, 9, 2, *(5, 1) * 200)
    with pytest.raises(InvalidParameter, match="Invalid OpenTelemetry format"):
        parsed(inside(b"-" * SCANNED_BYTES, 900) + deep, is_json=False)


@pytest.mark.usefixtures("unparsed")
def test_s27_a_number_that_never_ends_costs_nothing():
    with pytest.raises(InvalidParameter, match="Invalid OpenTelemetry format"):
        parsed(b"\x80" * SCANNED_BYTES, is_json=False)


@pytest.mark.parametrize("part", [b"{}", b"[]", b'{"a":[]}'])
def test_s27_json_of_as_many_parts_is_refused_too(part):
    body = b'{"resourceSpans":[' + b",".join([part] * (MAX_PARTS + 1)) + b"]}"
    with pytest.raises(TooLarge, match="over 500000 parts"):
        parsed(body, is_json=True)


def long_request() -> ExportTraceServiceRequest:
    """Return spans with all that one can have, and long texts, which are what makes real requests large."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(20):
        span = scope.spans.add(name=f"span {number}", trace_id=b"t" * 16, span_id=b"s" * 8)
        span.start_time_unix_nano = 2**62 + number
        span.flags = 1
        span.status.message = "fine"
        span.attributes.add(key="prompt").value.string_value = "\0{[\x0a\x12" * (SCANNED_BYTES // 80)
        span.attributes.add(key="list").value.array_value.values.add().double_value = 0.5
        span.events.add(name="event", time_unix_nano=5).attributes.add(key="k").value.bool_value = True
        span.links.add(trace_id=b"u" * 16, span_id=b"v" * 8)
    return request


def test_a_large_request_of_long_texts_comes_in_whole():
    sent = long_request()
    assert parsed(sent.SerializeToString(), is_json=False) == sent


def test_a_field_that_nobody_knows_yet_is_passed_over():
    sent = long_request()
    later = b"".join(
        [varint(900 << 3) + b"\x05", varint(901 << 3 | 1) + b"8bytes!!", varint(902 << 3 | 5) + b"4444"]
    )
    found = parsed(sent.SerializeToString() + later + inside(b"what", 903), is_json=False)
    assert found.resource_spans == sent.resource_spans


def test_a_large_request_in_json_comes_in_whole():
    text = "a text, of a prompt; " * (SCANNED_BYTES // 20)
    span = {"traceId": "0a" * 16, "spanId": "01" * 8, "name": text}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    assert len(body) > SCANNED_BYTES
    (found,) = parsed(body, is_json=True).resource_spans[0].scope_spans[0].spans
    assert (found.name, found.trace_id) == (text, b"\x0a" * 16)
