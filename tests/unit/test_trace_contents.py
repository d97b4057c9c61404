"""What hangs on a trace is found in its spans."""

import json

import pytest

from runyard.sdk.transfer.trace_contents import TraceContents

ID = "0b5e2a3c-7a51-4a6f-9d55-7f0c2f1d9e11"
TRACE = "tr-1"


def _named(query: str, attachment_id: str = ID) -> bytes:
    """A span as JSON: its attributes are JSON within it."""
    inputs = json.dumps({"q": '"', "image": f"mlflow-attachment://{attachment_id}?{query}"})
    return json.dumps({"attributes": {"mlflow.spanInputs": inputs}}).encode()


def _found(encoded: bytes) -> dict[str, int | None]:
    contents = TraceContents()
    contents.look_into(TRACE, encoded)
    return contents.attachments


def test_an_attachment_is_found_once_with_its_length():
    contents = TraceContents()
    for _ in range(2):
        contents.look_into(TRACE, _named("content_type=audio%2Fwav%3B+rate%3D8&trace_id=tr-1&size=7"))
    assert contents.attachments == {ID: 7}


@pytest.mark.parametrize(
    "query", ["content_type=a&trace_id=tr-1", "trace_id=tr-1&size=", "trace_id=tr-1&size=x"]
)
def test_a_length_that_is_not_told_is_none(query: str):
    assert _found(_named(query)) == {ID: None}


def test_a_trace_id_may_be_any_text():
    contents = TraceContents()
    contents.look_into("tr/ü", _named("trace_id=tr%2F%C3%BC&size=1"))
    assert contents.attachments == {ID: 1}


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        _named("trace_id=tr-2&size=7"),
        _named("size=7"),
        _named("trace_id=tr-1&trace_id=tr-2"),
        _named("trace_id=tr-1", "../../etc/passwd"),
        _named("trace_id=tr-1", ID.upper()),
        _named("trace_id=tr-1").replace(b"attachment", b"artifact"),
    ],
)
def test_what_is_another_traces_or_no_attachment_is_passed_over(encoded: bytes):
    assert _found(encoded) == {}
