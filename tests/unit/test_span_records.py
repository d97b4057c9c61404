"""Spans that are read back: whatever stands there is a span or is refused."""

import base64
import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.protocol.span_content import span_message
from runyard.protocol.span_records import read_span

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_GOOD = {
    "trace_id": base64.b64encode(b"t" * 16).decode(),
    "span_id": "0b" * 8,
    "name": "s",
    "start_time_unix_nano": 1,
    "status": {"code": "OK"},
    "attributes": {"a": "1"},
    "events": [{"name": "e", "time_unix_nano": 1, "attributes": {}}],
    "links": [],
}
_OLD = {
    "context": {"trace_id": "0x1", "span_id": "0x2"},
    "parent_id": "0x3",
    "name": "s",
    "start_time": 1,
    "end_time": 2,
    "status_code": "OK",
    "attributes": {},
    "events": [{"name": "e", "timestamp": 1, "attributes": {}}],
}


@given(good=st.sampled_from([_GOOD, _OLD]), changed=st.dictionaries(st.sampled_from([*_GOOD, *_OLD]), _JSON))
def test_what_is_read_can_be_answered_and_read_again(good, changed):
    with suppress(InvalidParameter):
        span, content = read_span({**good, **changed}, "tr-1")
        assert span_message(content)["span_id"] == base64.b64encode(bytes.fromhex(span.span_id)).decode()
        assert read_span(json.loads(content), "tr-1") == (span, content)


@given(attributes=st.dictionaries(st.text(max_size=10), _JSON.map(json.dumps) | st.text(max_size=20)))
def test_attributes_are_what_they_were(attributes):
    with suppress(InvalidParameter):
        span, content = read_span({**_GOOD, "attributes": attributes}, "tr-1")
        assert span.attributes["mlflow.traceRequestId"] == "tr-1"
        again, _ = read_span(json.loads(content), "tr-1")
        assert again.attributes == span.attributes
