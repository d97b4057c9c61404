"""Bytes to messages: MLflow's leniency, MLflow's words, and no fault whatever is sent."""

from __future__ import annotations

import contextlib
import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.protocol import wire
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.messages.experiments import CreateExperiment, SearchExperiments
from runyard.protocol.messages.logged_models import CreateLoggedModel
from runyard.protocol.messages.logging import LogBatch, LogMetric, LogParam, SetTag
from runyard.protocol.messages.metrics import GetMetricHistory, GetMetricHistoryBulkInterval, ReadSeries
from runyard.protocol.messages.runs import CreateRun, LogInputs, LogOutputs, RunId, SearchRuns, UpdateRun
from runyard.protocol.messages.workspaces import CreateWorkspace
from runyard.testing import strategies

SEE_DOCS = "See the API docs for more information about request parameters."
MESSAGES = [
    CreateExperiment,
    CreateWorkspace,
    GetMetricHistory,
    GetMetricHistoryBulkInterval,
    LogBatch,
    LogInputs,
    LogMetric,
    LogOutputs,
    LogParam,
    ReadSeries,
    RunId,
    SearchExperiments,
    SearchRuns,
    UpdateRun,
]
POINT = {"key": "a", "value": 1, "timestamp": 1}
METRIC = {"run_id": "r", "key": "k", "value": 1, "timestamp": 2}


def refusal(message, body):
    with pytest.raises(InvalidParameter) as refused:
        wire.decode(message, body if isinstance(body, bytes) else json.dumps(body).encode())
    return str(refused.value)


def metric(**fields):
    return wire.decode(LogMetric, json.dumps({**METRIC, **fields}).encode())


def batch_of(*points):
    return wire.decode(LogBatch, json.dumps({"run_id": "r", "metrics": points}).encode()).metrics


def decoded_or_refused(decode):
    """The message, or None if it was refused with a short text; anything else is a fault."""
    try:
        return decode()
    except InvalidParameter as error:
        refused = str(error)
    assert 0 < len(refused) < 1200
    return None


class Sample(Wire):
    """All kinds of fields that messages have."""

    name: str
    count: Int64 | None = None
    ratio: float = 0.0
    words: list[str] = msgspec.field(default_factory=list)


@pytest.mark.parametrize("sent", [{"name": ""}, {"name": None}, {}, {"unknown": 1}])
def test_a_required_text_that_is_absent_null_or_empty_is_missing(sent):
    assert refusal(CreateExperiment, sent) == f"Missing value for required parameter 'name'. {SEE_DOCS}"


@pytest.mark.parametrize("body", [b"", b"null", b"{", b"not json", b"\xff\xfe", b'"text"', b'{"name": "a"'])
def test_a_body_that_is_no_json_counts_as_empty(body):
    assert refusal(CreateExperiment, body) == f"Missing value for required parameter 'name'. {SEE_DOCS}"


@pytest.mark.parametrize("body", [b"[]", b"[1]", b"5", b"true", b'"[1]"', b'"5"'])
def test_a_body_that_is_json_and_no_object_is_refused(body):
    assert refusal(CreateExperiment, body) == "The request's body must be a JSON object."


def test_json_in_a_json_string_is_read_as_old_clients_send_it():
    assert wire.decode(CreateExperiment, json.dumps(json.dumps({"name": "a"})).encode()).name == "a"


def test_fields_that_nobody_knows_are_ignored():
    assert wire.decode(CreateExperiment, b'{"name": "a", "from_the_future": {"x": [1]}}').name == "a"


def test_null_means_absent_at_any_depth():
    sent = {"run_id": "r", "metrics": None, "params": [{"key": "a", "value": None}], "tags": None}
    decoded = wire.decode(LogBatch, json.dumps(sent).encode())
    assert (decoded.metrics, decoded.params[0].value, decoded.tags) == ([], "", [])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": "1.5", "timestamp": "2", "step": "-3"}, (1.5, 2, -3)),
        ({"value": "1e5", "timestamp": 2.0, "step": 0.0}, (1e5, 2, 0)),
        ({"value": 7}, (7.0, 2, 0)),
        ({"value": 2**70}, (2.0**70, 2, 0)),
        ({"step": None}, (1.0, 2, 0)),
        ({"step": -(2**63), "timestamp": 2**63 - 1}, (1.0, 2**63 - 1, -(2**63))),
    ],
)
def test_numbers_may_come_as_text(fields, expected):
    decoded = metric(**fields)
    assert (decoded.value, decoded.timestamp, decoded.step) == expected
    assert isinstance(decoded.value, float)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timestamp": 1700000000000.7}, (1.0, 1700000000000, 0)),
        ({"timestamp": 1.5, "step": -2.9}, (1.0, 1, -2)),
        ({"value": True, "step": 3.5}, (1.0, 2, 3)),
        ({"value": False}, (0.0, 2, 0)),
    ],
)
def test_a_time_loses_its_fraction_and_a_truth_is_a_number(fields, expected):
    batch = batch_of({**POINT, "timestamp": 2}, {**POINT, "timestamp": 2, **fields})
    for decoded in (metric(**fields), batch[1]):
        assert (decoded.value, decoded.timestamp, decoded.step) == expected


def test_all_points_of_a_batch_may_say_their_numbers_another_way():
    said = [{**POINT, "value": bool(n % 2), "timestamp": n + 0.5, "step": n / 2} for n in range(1000)]
    read = batch_of(*said)
    assert [(each.value, each.timestamp, each.step) for each in read] == [
        (float(n % 2), n, n // 2) for n in range(1000)
    ]


class Reading(Wire):
    value: float | str = 0.0
    timestamp: Int64 = 0


class Log(Wire):
    first: Reading | None = None
    others: list[Reading] | None = None
    timestamp: str = ""


def test_numbers_are_read_another_way_wherever_a_message_holds_them_and_only_where_it_says_numbers():
    sent = {"first": {"timestamp": 1.5}, "others": [{"value": True}, {"value": "x", "timestamp": 2.9}, {}]}
    read = wire.convert(Log, sent)
    assert read.first == Reading(timestamp=1)
    assert read.others == [Reading(value=1.0), Reading("x", 2), Reading()]
    assert isinstance(read.others[0].value, float)
    assert "for parameter 'timestamp' supplied" in refusal(Log, {"timestamp": 1.5})


def test_the_times_of_a_run_may_have_a_fraction():
    assert wire.decode(CreateRun, b'{"experiment_id": "0", "start_time": 12.9}').start_time == 12
    assert wire.decode(UpdateRun, b'{"run_id": "r", "end_time": 1e3, "status": "KILLED"}').end_time == 1000


@pytest.mark.parametrize("text", ["NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"])
def test_words_for_what_is_no_number_are_values(text):
    assert repr(metric(value=text).value) == repr(float(text))


@pytest.mark.parametrize("bare", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_may_come_bare_as_python_writes_it(bare):
    body = f'{{"run_id": "r", "key": "k", "value": {bare}, "timestamp": 1}}'.encode()
    assert repr(wire.decode(LogMetric, body).value) == repr(float(bare))
    batch = f'{{"run_id": "r", "metrics": [{{"key": "k", "value": {bare}, "timestamp": 1}}]}}'.encode()
    assert repr(wire.decode(LogBatch, batch).metrics[0].value) == repr(float(bare))


@pytest.mark.parametrize(
    ("fields", "shown", "name", "kind"),
    [
        ({"key": 5}, "5", "key", "int"),
        ({"key": ["a"]}, '["a"]', "key", "list"),
        ({"key": {"a": 1}}, '{"a":1}', "key", "dict"),
        ({"key": True}, "true", "key", "bool"),
        ({"value": "abc"}, '"abc"', "value", "str"),
        ({"value": {}}, "{}", "value", "dict"),
        ({"timestamp": math.inf}, "Infinity", "timestamp", "float"),
        ({"timestamp": "1.5"}, '"1.5"', "timestamp", "str"),
        ({"timestamp": False}, "false", "timestamp", "bool"),
        ({"step": "x"}, '"x"', "step", "str"),
        ({"step": True}, "true", "step", "bool"),
        ({"step": 2**63}, "9223372036854775808", "step", "int"),
        ({"step": -(2**63) - 1}, "-9223372036854775809", "step", "int"),
        ({"timestamp": "9223372036854775808"}, '"9223372036854775808"', "timestamp", "str"),
    ],
)
def test_a_value_of_another_type_is_named_in_mlflows_words(fields, shown, name, kind):
    text = refusal(LogMetric, {**METRIC, **fields})
    start = f"Invalid value {shown} for parameter '{name}' supplied: "
    assert text.startswith(f"{start} Hint: Value was of type '{kind}'.")
    assert text.endswith(SEE_DOCS)


@pytest.mark.parametrize(
    ("message", "sent", "name"),
    [
        (LogBatch, {"run_id": "r", "metrics": [POINT, 5]}, "metrics[1]"),
        (LogBatch, {"run_id": "r", "metrics": [{**POINT, "value": "x"}]}, "metrics[0].value"),
        (LogBatch, {"run_id": "r", "metrics": [{**POINT, "step": 1.5}, {"step": "x"}]}, "metrics[1].step"),
        (LogBatch, {"run_id": "r", "metrics": [{**POINT, "step": math.nan}]}, "metrics[0].step"),
        (LogBatch, {"run_id": "r", "params": [{"key": "a", "value": True}]}, "params[0].value"),
        (SearchRuns, {"max_results": 5.5}, "max_results"),
        (LogBatch, {"run_id": "r", "metrics": [{**POINT, "step": True}]}, "metrics[0].step"),
        (LogBatch, {"run_id": "r", "params": [{"key": "a", "value": 5}]}, "params[0].value"),
        (LogBatch, {"run_id": "r", "tags": {}}, "tags"),
        (LogBatch, {"run_id": "r", "tags": "abc"}, "tags"),
        (SearchRuns, {"experiment_ids": [5]}, "experiment_ids[0]"),
        (SearchRuns, {"experiment_ids": "5"}, "experiment_ids"),
        (SearchRuns, {"max_results": True}, "max_results"),
        (LogInputs, {"run_id": "r", "datasets": [{"dataset": {"name": [], "digest": "d"}}]},
         "datasets[0].dataset.name"),
        (CreateWorkspace, {"name": "a", "tags": {"a": 5}}, "tags[...]"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_its_path(message, sent, name):
    assert f"for parameter '{name}' supplied" in refusal(message, sent)


@pytest.mark.parametrize(
    ("message", "sent", "name"),
    [
        (LogBatch, {"run_id": "r", "metrics": [{"key": "a", "timestamp": 1}]}, "metrics[0].value"),
        (LogBatch, {"run_id": "r", "metrics": [{"value": 1, "timestamp": 1}]}, "metrics[0].key"),
        (
            LogBatch,
            {"run_id": "r", "metrics": [{"key": "a", "value": None, "timestamp": 1}]},
            "metrics[0].value",
        ),
        (LogBatch, {"run_id": "r", "tags": [{}]}, "tags[0].key"),
        (LogInputs, {"run_id": "r", "datasets": [{}]}, "datasets[0].dataset"),
        (LogOutputs, {"run_id": "r"}, "models"),
    ],
)
def test_a_missing_value_is_named_by_its_path(message, sent, name):
    assert refusal(message, sent) == f"Missing value for required parameter '{name}'. {SEE_DOCS}"


def test_a_long_value_is_cut_in_the_text():
    assert len(refusal(SearchRuns, {"experiment_ids": "x" * 100_000})) < 1000


@pytest.mark.parametrize("key", ["run_id", "run_uuid"])
def test_runs_may_be_named_by_their_old_word(key):
    assert wire.decode(RunId, json.dumps({key: "r"}).encode()).run_id == "r"
    assert wire.decode_query(RunId, [(key, "r")]).run_id == "r"
    assert wire.decode(RunId, b'{"run_id": "new", "run_uuid": "old"}').run_id == "new"


def test_repeated_keys_of_a_query_make_lists():
    asked = GetMetricHistoryBulkInterval
    decoded = wire.decode_query(
        asked,
        [("run_ids", "a"), ("metric_key", "m"), ("run_ids", "b"), ("max_results", "5"), ("start_step", "-1")],
    )
    assert (decoded.run_ids, decoded.max_results, decoded.start_step) == (["a", "b"], 5, -1)
    assert wire.decode_query(
        GetMetricHistoryBulkInterval, [("run_ids", "a"), ("metric_key", "m")]
    ).run_ids == ["a"]


def test_of_a_repeated_plain_key_the_last_counts():
    assert wire.decode_query(RunId, [("run_id", "a"), ("run_id", "b")]).run_id == "b"


def test_a_get_without_a_query_may_carry_a_body():
    assert wire.decode_query(RunId, [], b'{"run_id": "r"}').run_id == "r"
    assert wire.decode_query(RunId, [("run_id", "q")], b'{"run_id": "r"}').run_id == "q"
    with pytest.raises(InvalidParameter, match="Missing value for required parameter 'run_id'"):
        wire.decode_query(RunId, [], b"[")


def test_a_query_is_refused_in_the_same_words():
    with pytest.raises(InvalidParameter, match="Invalid value \"x\" for parameter 'max_results' supplied"):
        wire.decode_query(GetMetricHistory, [("run_id", "r"), ("metric_key", "k"), ("max_results", "x")])


@pytest.mark.parametrize("depth", [100, 600, 5_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("message", [CreateExperiment, LogBatch])
def test_deep_nesting_is_no_fault(message, opening, closing, depth):
    nested = opening * depth + "1" + closing * depth
    for body in (nested, f'{{"name": {nested}}}', f'{{"name": "a", "tags": [{nested}]}}', json.dumps(nested)):
        with contextlib.suppress(InvalidParameter):
            wire.decode(message, body.encode())


def test_what_is_too_deep_is_said_to_be_too_deep():
    for depth in (70, 700, 200_000):
        text = refusal(LogBatch, b'{"run_id": "r", "tags": ' + b"[" * depth + b"]" * depth + b"}")
        assert text == "The request's body is nested deeper than 64 levels."


@pytest.mark.parametrize("digits", [400, 5_000, 100_000])
@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_numbers_of_many_digits_are_refused_and_no_fault(digits, form):
    number = form.format("9" * digits)
    for field in ("value", "timestamp", "step"):
        others = {name: value for name, value in METRIC.items() if name != field}
        body = json.dumps(others)[:-1] + f', "{field}": {number}}}'
        decoded = decoded_or_refused(lambda body=body: wire.decode(LogMetric, body.encode()))
        assert decoded is None or math.isinf(decoded.value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_character_is_refused(text):
    assert "surrogate pair" in refusal(LogParam, {"run_id": "r", "key": "k", "value": text})
    assert "surrogate pair" in refusal(LogBatch, {"run_id": "r", "tags": [{"key": text}]})
    assert "surrogate pair" in refusal(CreateWorkspace, {"name": "a", "tags": {text: "b"}})


@pytest.mark.parametrize("half", [b"\xed\xa0\x80", b"\xed\xb0\x80"])
def test_half_a_character_that_is_sent_as_bytes_is_refused_as_one_that_is_written_out(half):
    for body in (b'{"name": "%b"}', b'{"name": "a", "artifact_location": "%b"}'):
        assert "surrogate pair" in refusal(CreateExperiment, body % half)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xae", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80"])
def test_bytes_that_are_no_utf_8_are_no_json_and_no_fault(bad):
    for body in (b'{"name": "%b"}', b'{"name": "a", "%b": 1}', b'"%b"'):
        with contextlib.suppress(InvalidParameter):
            wire.decode(CreateExperiment, body % bad)
    assert refusal(CreateExperiment, b'{"name": "%b"}' % bad) == refusal(CreateExperiment, b"{}")


@pytest.mark.parametrize(
    ("message", "sent", "field"),
    [
        (LogParam, {"run_id": "r", "key": "k", "value": "a\0b"}, "'value'"),
        (LogParam, {"run_id": "r\0", "key": "k", "value": 1}, "'run_id'"),
        (LogBatch, {"run_id": "r", "tags": [{"key": "a", "value": ""}, {"key": "\0"}]}, "'tags[1].key'"),
        (CreateWorkspace, {"name": "a", "tags": {"\0": "b"}}, "'tags (a key)'"),
    ],
)
def test_the_character_nul_is_refused_by_the_name_of_its_field(message, sent, field):
    assert f"{field} holds the character NUL" in refusal(message, sent)


def test_the_character_nul_is_refused_in_a_query_and_its_spelling_is_not():
    with pytest.raises(InvalidParameter, match="'run_id' holds the character NUL"):
        wire.decode_query(RunId, [("run_id", "a\0")])
    assert wire.decode(LogParam, b'{"run_id": "r", "key": "k", "value": "\\\\u0000"}').value == "\\u0000"


def test_whole_characters_beyond_the_first_plane_are_kept():
    body = b'{"run_id": "r", "key": "k", "value": "\\ud83d\\ude00"}'
    assert wire.decode(LogParam, body).value == "\U0001f600"
    assert wire.decode(LogParam, json.dumps(body.decode()).encode()).value == "\U0001f600"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def bodies(message):
    """JSON objects whose fields are those of a message or any others, with any values."""
    names = [field.encode_name for field in msgspec.structs.fields(message)]
    pairs = st.dictionaries(st.sampled_from([*names, "run_uuid", "other"]), json_values)
    return st.tuples(st.just(message), pairs | json_values)


@given(st.sampled_from(MESSAGES).flatmap(bodies))
def test_any_json_is_a_message_or_refused(sent):
    message, value = sent
    decoded = decoded_or_refused(lambda: wire.decode(message, json.dumps(value).encode()))
    assert decoded is None or isinstance(decoded, message)


@given(st.sampled_from(MESSAGES), st.binary(max_size=40))
def test_any_bytes_are_a_message_or_refused(message, body):
    decoded = decoded_or_refused(lambda: wire.decode(message, body))
    assert decoded is None or isinstance(decoded, message)


@given(st.sampled_from(MESSAGES), st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8))), st.data())
def test_any_query_is_a_message_or_refused(message, others, data):
    names = [field.encode_name for field in msgspec.structs.fields(message)]
    own = data.draw(st.lists(st.tuples(st.sampled_from(names), st.text(max_size=8))))
    decoded = decoded_or_refused(lambda: wire.decode_query(message, own + others))
    assert decoded is None or isinstance(decoded, message)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.5, 1.5), (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.0, 0.0)],
)
def test_numbers_are_written_as_protobuf_writes_them(value, written):
    assert wire.wire_float(value) == written
    assert wire.wire_floats([value, 2.0]) == [written, 2.0]


def test_encoding_leaves_out_what_is_unset_and_keeps_64_bits():
    encoded = wire.encode(Sample(name="é", count=2**63 - 1))
    assert json.loads(encoded) == {"name": "é", "count": 2**63 - 1}


@given(
    st.builds(
        Sample,
        name=strategies.texts().filter(bool),
        count=st.integers(-(2**63), 2**63 - 1) | st.none(),
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        words=st.lists(strategies.texts()),
    )
)
def test_a_message_that_is_written_reads_the_same(sample):
    assert wire.decode(Sample, wire.encode(sample)) == sample


@pytest.mark.parametrize("size_bytes", [0, 20_000])
def test_fields_are_taken_in_camel_case_as_protobuf_takes_them(size_bytes):
    """https://protobuf.dev/programming-guides/json/: parsers accept both the camel and the original name."""
    sent = {"runId": "r", "metrics": [{"key": "k", "value": 1, "timestamp": 1, "step": 2, "modelId": "m-1"}]}
    body = json.dumps(sent).encode() + b" " * size_bytes
    batch = wire.decode(LogBatch, body)
    assert (batch.run_id, batch.metrics[0].model_id) == ("r", "m-1")


def test_of_two_names_the_field_s_own_goes_first():
    assert wire.decode(RunId, b'{"runId": "other", "run_id": "r"}').run_id == "r"


def test_a_value_that_reads_like_a_name_stays_a_value():
    tag = wire.decode(SetTag, b'{"run_id": "r", "key": "runId", "value": "runId"}')
    assert (tag.run_id, tag.key, tag.value) == ("r", "runId", "runId")


def test_a_query_may_name_fields_in_camel_case_too():
    assert wire.decode_query(RunId, [("runId", "r")]).run_id == "r"
    asked = [("experimentIds", "1"), ("experimentIds", "2"), ("maxResults", "5")]
    found = wire.decode_query(SearchRuns, asked)
    assert (found.experiment_ids, found.max_results) == (["1", "2"], 5)


def test_no_map_of_a_users_has_its_keys_renamed():
    found = wire.decode(
        CreateLoggedModel, b'{"experimentId": "1", "params": [{"key": "runId", "value": "v"}]}'
    )
    assert (found.experiment_id, found.params[0].key) == ("1", "runId")
